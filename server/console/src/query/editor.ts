// The editor: CodeMirror with the few extensions that an input needs.
//
// CodeMirror writes its styles when it runs. The page's content security policy allows no style elements, so the editor
// is in a shadow root: there CodeMirror uses adopted style sheets, which are made by script and need no permission.

import {
  acceptCompletion,
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  startCompletion,
  type Completion as Option,
  type CompletionContext,
  type CompletionResult,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, codeFolding, foldGutter, foldKeymap, foldService, indentService } from "@codemirror/language";
import { type Diagnostic, forceLinting, lintGutter, lintKeymap, linter } from "@codemirror/lint";
import { Annotation, EditorState, type Extension, Prec, type Text } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  placeholder,
} from "@codemirror/view";
import { complete, type Candidate, type Completion, type Knowledge } from "../schema/complete";
import { parseDocument, type Document, type Node } from "../schema/document";
import { type Finding, lint } from "../schema/lint";
import { highlighting, type LanguageName, LANGUAGES } from "./language";
import { completeStatement } from "./statement";
import { theme } from "./theme";

/** What the editor is told, and whom it tells. */
export interface EditorOptions {
  readonly language: LanguageName;
  /** What a screen reader calls it. */
  readonly label: string;
  readonly placeholder?: string;
  readonly readOnly?: boolean;
  knowledge(): Knowledge;
  /** What the server found wrong in this text. */
  faults(document: Document): readonly Finding[];
  onChange?(text: string): void;
  onRun?(): void;
  /** Returns whether there was something to cancel. */
  onCancel?(): boolean;
  onFormat?(): void;
  onFindings?(findings: readonly Finding[]): void;
}

/** An editor in the page. */
export class Editor {
  private readonly view: EditorView;

  constructor(
    host: HTMLElement,
    text: string,
    private readonly options: EditorOptions,
  ) {
    const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
    this.view = new EditorView({
      state: EditorState.create({ doc: text, extensions: extensions(options) }),
      parent: root,
      root,
    });
  }

  get text(): string {
    return this.view.state.doc.toString();
  }

  /** Replaces the text, which does not count as a change by the user. */
  setText(text: string): void {
    if (text === this.text) return;
    const changes = { from: 0, to: this.view.state.doc.length, insert: text };
    this.view.dispatch({ changes, selection: { anchor: 0 }, annotations: FROM_OUTSIDE.of(true) });
  }

  /** Replaces the text by one that the user has asked for, so that it can be undone. */
  replace(text: string): void {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text }, userEvent: "input" });
  }

  /** Checks again, because the schema or the server's faults have changed. */
  refresh(): void {
    forceLinting(this.view);
    if (this.view.state.doc.length <= MOST_CHECKED) {
      const document = documentOf(this.view.state.doc);
      this.view.dispatch({ annotations: RECHECK.of(true) });
      this.options.onFindings?.(findingsIn(document, this.options));
    }
  }

  focus(): void {
    this.view.focus();
  }

  /** Goes to a place. */
  select(from: number, to: number): void {
    const end = this.view.state.doc.length;
    const selection = { anchor: Math.min(from, end), head: Math.min(to, end) };
    this.view.dispatch({ selection, effects: EditorView.scrollIntoView(selection.anchor, { y: "center" }) });
    this.view.focus();
  }

  destroy(): void {
    this.view.destroy();
  }
}

const FROM_OUTSIDE = Annotation.define<boolean>();
const RECHECK = Annotation.define<boolean>();

/** Longer texts are not checked while they are typed, since they are parsed as a whole. The plugin checks them. */
const MOST_CHECKED = 1_000_000;

function extensions(options: EditorOptions): Extension[] {
  const { language, readOnly } = options;
  const common: Extension[] = [
    theme,
    highlighting,
    LANGUAGES[language],
    // Characters that cannot be seen, or turn the direction of text, are shown by their names.
    highlightSpecialChars({ addSpecialChars: /[\u200b-\u200f\u061c\u2028-\u202e\u2060-\u2069]/g }),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({
      "aria-label": options.label,
      tabindex: "0",
      spellcheck: "false",
      autocapitalize: "off",
    }),
    keymap.of(defaultKeymap.filter(({ key }) => key !== "Mod-Enter")),
  ];
  if (readOnly) {
    return [...common, lineNumbers(), ...folding(), EditorState.readOnly.of(true), EditorView.editable.of(true)];
  }
  return [
    ...common,
    ...(language === "json"
      ? [lineNumbers(), highlightActiveLineGutter(), ...folding(), indentation, ...checking(options)]
      : []),
    ...(options.placeholder === undefined ? [] : [placeholder(options.placeholder)]),
    typing,
    history(),
    drawSelection(),
    highlightActiveLine(),
    bracketMatching(),
    closeBrackets(),
    autocompletion({ override: [(context) => completions(context, options)], icons: false, maxRenderedOptions: 80 }),
    EditorState.tabSize.of(2),
    EditorView.updateListener.of((update) => {
      const isOutside = update.transactions.some((one) => one.annotation(FROM_OUTSIDE));
      if (update.docChanged && !isOutside) options.onChange?.(update.state.doc.toString());
    }),
    Prec.highest(
      keymap.of([
        { key: "Mod-Enter", run: () => (options.onRun?.(), true), preventDefault: true },
        { key: "Shift-Alt-f", run: () => (options.onFormat?.(), true), preventDefault: true },
        // Tab leaves the editor, as it does everywhere on a page, unless a completion is being chosen.
        { key: "Tab", run: acceptCompletion },
      ]),
    ),
    keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...foldKeymap, ...lintKeymap]),
    Prec.lowest(keymap.of([{ key: "Escape", run: () => options.onCancel?.() ?? false }])),
  ];
}

/**
 * Text is put into the document here, and not by the browser. When Chromium replaces a selection itself, it keeps the look
 * of what was there with a style attribute, which the page's content security policy forbids.
 */
const typing = Prec.highest(
  EditorView.domEventHandlers({
    beforeinput(event, view) {
      const { data, inputType, isComposing, cancelable } = event;
      if (inputType !== "insertText" || !data || isComposing || view.composing || !cancelable) return false;
      const { from, to } = view.state.selection.main;
      const insert = () =>
        view.state.update(view.state.replaceSelection(data), { userEvent: "input.type", scrollIntoView: true });
      const handlers = view.state.facet(EditorView.inputHandler);
      if (!handlers.some((handle) => handle(view, from, to, data, insert))) view.dispatch(insert());
      return true;
    },
  }),
);

function checking(options: EditorOptions): Extension[] {
  return [
    lintGutter(),
    linter(
      (view): Diagnostic[] => {
        if (view.state.doc.length > MOST_CHECKED) return [];
        const findings = findingsIn(documentOf(view.state.doc), options);
        options.onFindings?.(findings);
        return findings.map(({ from, to, severity, message }) => ({ from, to, severity, message }));
      },
      { delay: 200, needsRefresh: (update) => update.transactions.some((one) => one.annotation(RECHECK)) },
    ),
  ];
}

/** What is wrong, and what the server has found. If both speak of the same place, the server knows better. */
function findingsIn(document: Document, options: EditorOptions): Finding[] {
  const { schema, format } = options.knowledge();
  const faults = options.faults(document);
  const places = new Set(faults.map(({ pointer }) => pointer));
  const own = lint(document, schema, format).filter(({ pointer }) => pointer === undefined || !places.has(pointer));
  return [...faults, ...own].sort((a, b) => a.from - b.from);
}

/** The parsed document. CodeMirror's texts do not change, so each is parsed once. */
export function documentOf(text: Text): Document {
  let document = documents.get(text);
  if (!document) {
    document = parseDocument(text.toString());
    documents.set(text, document);
  }
  return document;
}

const documents = new WeakMap<Text, Document>();

function completions(context: CompletionContext, options: EditorOptions): CompletionResult | null {
  const found = completionAt(context.state, context.pos, options);
  if (!found) return null;
  const begun = context.state.sliceDoc(found.from, context.pos);
  // While typing, only where something was begun: a quote, or a word.
  if (!context.explicit && begun === "") return null;
  const quoted = begun.startsWith('"') && options.language === "json";
  return {
    from: quoted ? found.from + 1 : found.from,
    options: found.candidates.map((candidate) => optionOf(candidate, options)),
  };
}

function completionAt(state: EditorState, position: number, options: EditorOptions): Completion | undefined {
  if (state.doc.length > MOST_CHECKED) return undefined;
  if (options.language === "partiql") return completeStatement(state.doc.toString(), position, options.knowledge());
  return complete(documentOf(state.doc), position, options.knowledge());
}

function optionOf(candidate: Candidate, options: EditorOptions): Option {
  const { label, detail, rank } = candidate;
  return {
    label,
    type: candidate.kind,
    boost: rank ?? 0,
    ...(detail === undefined ? {} : { detail }),
    apply(view) {
      // The text may have changed since the list was made.
      const position = view.state.selection.main.head;
      const now = completionAt(view.state, position, options);
      const { from, to } = now ?? { from: position, to: position };
      const cursor = from + (candidate.cursor ?? candidate.insert.length);
      view.dispatch({
        changes: { from, to, insert: candidate.insert },
        selection: { anchor: cursor },
        userEvent: "input.complete",
        scrollIntoView: true,
      });
      // A field is of no use without its value, so the next list opens at once.
      if (candidate.kind === "field" && candidate.cursor !== undefined) startCompletion(view);
    },
  };
}

function folding(): Extension[] {
  return [
    codeFolding(),
    foldGutter(),
    foldService.of((state, start, end) => blockFrom(documentOf(state.doc).root, start, end, state)),
  ];
}

/** The object or array that begins on a line and ends on a later one. */
function blockFrom(
  node: Node | undefined,
  start: number,
  end: number,
  state: EditorState,
): { from: number; to: number } | null {
  if (!node || node.from > end || node.to <= start) return null;
  if (node.kind !== "object" && node.kind !== "array") return null;
  if (node.from >= start && node.to > end && state.doc.lineAt(node.to).number > state.doc.lineAt(node.from).number) {
    return { from: node.from + 1, to: node.to - 1 };
  }
  const children = node.kind === "object" ? node.fields.map(({ value }) => value) : node.items;
  for (const child of children) {
    const block = blockFrom(child, start, end, state);
    if (block) return block;
  }
  return null;
}

/** Two spaces for each bracket that is open. */
const indentation = indentService.of(({ state }, position) => {
  let node = documentOf(state.doc).root;
  let depth = 0;
  while (node && (node.kind === "object" || node.kind === "array") && node.from < position && position <= node.to) {
    const isClosed = /[}\]]/.test(state.sliceDoc(node.to - 1, node.to));
    if (isClosed && position === node.to) break;
    depth++;
    const children: readonly Node[] = node.kind === "object" ? node.fields.map(({ value }) => value) : node.items;
    node = children.find(({ from, to }) => from < position && position <= to);
  }
  const next = state.sliceDoc(position, state.doc.lineAt(position).to).trimStart();
  // Between two brackets, Enter makes two lines, and the closing bracket gets the second one.
  const isBetween = /[{[]/.test(state.sliceDoc(position - 1, position));
  return Math.max(0, depth - (/^[}\]]/.test(next) && !isBetween ? 1 : 0)) * 2;
});

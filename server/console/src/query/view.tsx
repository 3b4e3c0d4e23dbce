// The query view of a datasource: actions, the editor, and results. What is shown is in the URL, so that it can be
// bookmarked. Values of placeholders are not: a link with them would hand them to everyone who gets it.

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { datasourceActions, describeAction, structure as readStructure } from "../api/calls";
import type { Fault } from "../api/problem";
import { session } from "../api/session";
import type { Action } from "../api/types";
import { useLoad } from "../app/load";
import { ProblemBox } from "../app/problem";
import { href, navigate, route, setParams } from "../app/route";
import { begin, proceed, type Run } from "../results/run";
import { Results, type ResultView } from "../results/view";
import type { Knowledge } from "../schema/complete";
import { field, parseDocument, placeholders, type Document } from "../schema/document";
import type { Finding } from "../schema/lint";
import { texts } from "../texts";
import { ActionList } from "./actions";
import { asCurl, asExecute } from "./copy";
import type { Editor } from "./editor";
import { EditorView } from "./editor-view";
import { placed, remaining, spanOf, type PlacedFault } from "./faults";
import { addToHistory, browserStorage, markFailed, optionsOf, readHistory, type HistoryEntry } from "./history";
import { HistoryMenu } from "./history-menu";
import { Menu } from "./menu";
import { OptionsMenu } from "./options";
import "./query.css";
import { reformat } from "./reformat";
import {
  type BoundValue,
  type BoundValues,
  DEFAULT_OPTIONS,
  type Request,
  type RequestOptions,
  valueMistake,
} from "./request";
import { Split } from "./split";
import { starter } from "./starter";
import { setField } from "./statement";
import { focusFault, StatementForm } from "./statement-form";
import { Values } from "./values";

/** A longer text is not put into the URL: browsers and chat programs cut long links. */
const MOST_IN_URL = 4000;
const STATEMENT = "ExecuteStatement";

/** The query view. Its state is in the parameters of the route. */
export function QueryView({ datasource }: { datasource: string }) {
  const t = texts.query;
  const { params } = route.value;
  const actions = useLoad((signal) => datasourceActions(datasource, signal), [datasource]);
  const structure = useLoad((signal) => readStructure(datasource, "", signal), [datasource]);

  const name = params.get("action") ?? undefined;
  const described = useLoad(async (signal) => (name === undefined ? undefined : describeAction(name, signal)), [name]);
  const action = described.value?.name === name ? described.value : undefined;
  const listed = actions.value?.actions.find((one) => one.name === name);

  const options = useMemo(() => optionsOf(Object.fromEntries(params)), [params]);
  const [deadline, setDeadline] = useState(options.deadline);
  const [text, setTextState] = useState(params.get("text") ?? "");
  const [values, setValues] = useState<BoundValues>(new Map());
  const [run, setRun] = useState<Run | undefined>();
  const [faults, setFaults] = useState<readonly PlacedFault[]>([]);
  const [findings, setFindings] = useState<readonly Finding[]>([]);
  const [message, setMessage] = useState("");
  const [isListOpen, setListOpen] = useState(false);
  const editor = useRef<Editor | undefined>(undefined);
  const abort = useRef<AbortController | undefined>(undefined);
  const urlTimer = useRef<number | undefined>(undefined);
  const view = viewOf(params.get("view"));
  // The table that people come from.
  const table = params.get("table") ?? undefined;
  const isForm = name === STATEMENT && params.get("as") !== "json";

  const document = useMemo(() => parseDocument(text), [text]);
  const names = useMemo(() => placeholders(document), [document]);
  const knowledge = useMemo<Knowledge>(
    () => ({ schema: action?.input, structure: structure.value, format: options.format }),
    [action, structure.value, options.format],
  );
  const request: Request = {
    datasource,
    action: name ?? "",
    text,
    values,
    options: { ...options, deadline: isDuration(deadline) ? deadline : "" },
  };

  const fromUrl = params.get("text");
  const known = useRef({ name, text: fromUrl });
  const setText = useCallback((next: string) => {
    setTextState(next);
    clearTimeout(urlTimer.current);
    urlTimer.current = window.setTimeout(() => {
      const inUrl = next !== "" && next.length <= MOST_IN_URL ? next : undefined;
      known.current = { ...known.current, text: inUrl ?? null };
      setParams({ text: inUrl });
    }, 300);
  }, []);
  useEffect(() => () => clearTimeout(urlTimer.current), []);
  useEffect(() => () => abort.current?.abort(), []);

  // The browser's back and forward buttons, and links, change the action and the text too.
  useEffect(() => {
    const before = known.current;
    known.current = { name, text: fromUrl };
    if (name === before.name && fromUrl === before.text) return;
    if (name !== before.name) {
      abort.current?.abort();
      setFaults([]);
      setFindings([]);
      setMessage("");
    }
    if (fromUrl !== null || name !== before.name) setTextState(fromUrl ?? "");
  }, [name, fromUrl]);

  // A datasource with many tables on a slow connection is not waited for: the example has other names then.
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 1500);
    return () => clearTimeout(timer);
  }, []);

  // An action that was chosen without a text begins with the latest query of it, or with an example.
  useEffect(() => {
    if (!action || text !== "" || params.get("text") !== null || (structure.loading && !isLate)) return;
    const earlier = readHistory(browserStorage()).find(
      (one) =>
        one.datasource === datasource &&
        one.action === action.name &&
        (table === undefined || tableOf(one.text) === table),
    );
    if (earlier) restore(earlier, true);
    else setText(starter(action, structure.value, tableOf(run?.request.text) ?? table, options.format));
  }, [action, structure.loading, isLate]);

  // A view without an action begins with the one that people begin with.
  useEffect(() => {
    if (name !== undefined || !actions.value) return;
    const first = ["Query", "Scan"].find((one) =>
      actions.value?.actions.some((known) => known.name === one && known.allowed),
    );
    const any = first ?? actions.value.actions.find((one) => one.allowed)?.name;
    if (any !== undefined) setParams({ action: any });
  }, [actions.value]);

  const choose = (next: string) => {
    setListOpen(false);
    if (next === name) return;
    clearTimeout(urlTimer.current);
    navigate(href(route.peek().path, { action: next, table, format: params.get("format") ?? undefined }));
  };
  const restore = (entry: HistoryEntry, replace = false) => {
    clearTimeout(urlTimer.current);
    const inUrl = entry.text.length <= MOST_IN_URL ? entry.text : null;
    setTextState(entry.text);
    setValues(entry.values);
    setDeadline(entry.options.deadline);
    setFaults([]);
    known.current = { name: entry.action, text: inUrl };
    const rest = optionParams(entry.options);
    navigate(href(["d", datasource, "query"], { action: entry.action, table: tableOf(entry.text), text: inUrl ?? undefined, ...rest }), replace);
  };
  const setOptions = (change: Partial<RequestOptions>) => {
    if (change.deadline !== undefined) setDeadline(change.deadline);
    setParams(optionParams({ ...options, deadline, ...change }));
  };

  const isRunning = run?.status === "running";
  // A statement reads or writes, whatever its action may do.
  const access = listed && name === STATEMENT && isSelect(document) ? "read" : listed?.access;
  const isDenied = listed !== undefined && !listed.allowed;
  const wrongValue = names.find((one) => valueMistake(values.get(one)) !== undefined);
  const continueRun = async (started: Run, entry?: HistoryEntry) => {
    abort.current?.abort();
    const controller = new AbortController();
    abort.current = controller;
    setRun(started);
    const ended = await proceed(started, controller.signal);
    if (entry && ended.status === "failed") markFailed(browserStorage(), entry);
    // Another run may have begun meanwhile.
    if (abort.current !== controller) return;
    setRun(ended);
    setFaults(placed(ended.error?.problem.faults ?? [], started.request.text));
    if (ended.status === "done" && listed?.access === "admin") structure.reload();
  };
  const start = () => {
    if (!action || isDenied || isRunning) return;
    if (wrongValue !== undefined) {
      window.document.getElementById(`value-${wrongValue}`)?.focus();
      return;
    }
    setMessage("");
    const used = new Map([...values].filter(([one]) => names.includes(one)));
    const sent = { ...request, values: used };
    const entry = { ...sent, at: Date.now() };
    addToHistory(browserStorage(), entry, session.peek().token);
    void continueRun(begin(sent, action), entry);
  };
  const cancel = () => {
    if (!isRunning) return false;
    abort.current?.abort();
    return true;
  };
  const nextPage = () => {
    if (run && !isRunning) void continueRun({ ...run, status: "running", error: undefined, since: performance.now() });
  };
  const goTo = ({ pointer, message: why }: Fault) => {
    const bound = /^\/values\/(.*)$/.exec(pointer)?.[1];
    if (bound !== undefined) {
      window.document.getElementById(`value-${bound.replace(/~1/g, "/").replace(/~0/g, "~")}`)?.focus();
      return;
    }
    if (isForm) {
      focusFault({ pointer, message: why });
      return;
    }
    const { from, to } = spanOf(document, { pointer, message: why });
    editor.current?.select(from, to);
  };
  const indent = () => {
    const next = reformat(text);
    if (next !== undefined) editor.current?.replace(next);
  };
  const copy = (what: string, command: string) => {
    const written = navigator.clipboard?.writeText(command) ?? Promise.reject(new Error());
    written.then(
      () => setMessage(t.toolbar.copied(what)),
      () => setMessage(t.toolbar.copyFailed),
    );
  };
  const faultsIn = useCallback((one: Document) => remaining(faults, one), [faults]);
  const hasCapacity = action?.input.properties?.["ReturnConsumedCapacity"] !== undefined;
  const capacity = hasCapacity
    ? field(document.root, "ReturnConsumedCapacity") !== undefined && !/"NONE"/.test(capacityText(document))
    : undefined;
  const keys = useMemo(() => {
    const table = tableOf(run?.request.text);
    return structure.value?.tables.find((one) => one.name === table)?.keys.map((key) => key.name) ?? [];
  }, [structure.value, run?.request.text]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.defaultPrevented) return;
    if (event.key === "Escape" && cancel()) event.preventDefault();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      start();
    }
  };

  if (actions.problem && !actions.value) {
    return (
      <main class="page">
        <ProblemBox problem={actions.problem} />
      </main>
    );
  }
  const origin = { origin: location.origin, hasToken: session.value.token !== undefined, tenant: session.value.tenant };
  return (
    <main class="query" onKeyDown={onKeyDown}>
      <h1 class="visually-hidden">{t.title}</h1>
      <aside class={isListOpen ? "actions-pane open" : "actions-pane"} aria-label={t.actions.label}>
        {actions.value ? (
          <ActionList actions={actions.value.actions} selected={name} choose={choose} />
        ) : (
          <div class="loading" aria-busy="true" />
        )}
      </aside>
      <Split label={t.split}>
        <section class="request" aria-label={name ?? t.title}>
          <div class="toolbar">
            <button
              type="button"
              class="button small list-toggle"
              aria-expanded={isListOpen}
              onClick={() => setListOpen(!isListOpen)}
            >
              {name ?? t.actions.choose} <span aria-hidden="true">▾</span>
            </button>
            <h2 class="action-name">{name}</h2>
            {access && <span class={`chip ${access}`}>{t.actions.groups[access]}</span>}
            {name === STATEMENT && <FormChoice isForm={isForm} />}
            <span class="toolbar-space" />
            <FormatChoice format={options.format} set={(format) => setOptions({ format })} />
            <OptionsMenu
              options={{ ...options, deadline }}
              hasPages={action?.paging != null}
              capacity={capacity}
              setCapacity={(on) => setText(setField(text, "ReturnConsumedCapacity", on ? '"TOTAL"' : '"NONE"'))}
              onChange={setOptions}
            />
            <HistoryMenu datasource={datasource} restore={restore} />
            <Menu label={t.toolbar.copy} name={t.toolbar.copy} end>
              {(close) => (
                <div class="menu-list">
                  <button
                    type="button"
                    class="menu-item"
                    onClick={() => (close(), copy(t.toolbar.copyCurl, asCurl(request, origin)))}
                  >
                    {t.toolbar.copyCurl}
                  </button>
                  <button
                    type="button"
                    class="menu-item"
                    onClick={() => (close(), copy(t.toolbar.copyExecute, asExecute(request, origin)))}
                  >
                    {t.toolbar.copyExecute}
                  </button>
                </div>
              )}
            </Menu>
            {isRunning ? (
              <button type="button" class="button small run" title={t.toolbar.cancelKeys} onClick={cancel}>
                {t.toolbar.cancel}
              </button>
            ) : (
              <button
                type="button"
                class="button small primary run"
                title={t.toolbar.runKeys}
                disabled={!action || isDenied}
                onClick={start}
              >
                {t.toolbar.run}
              </button>
            )}
          </div>
          {isDenied && (
            <p class="denied-note" role="status">
              <strong>{t.actions.denied}.</strong> {listed.reason}
            </p>
          )}
          {described.problem && (
            <ProblemBox problem={described.problem}>
              <button type="button" class="button small" onClick={described.reload}>
                {texts.app.retry}
              </button>
            </ProblemBox>
          )}
          <p class="toolbar-message" role="status">
            {message}
          </p>
          <div class="inputs">
            {isForm ? (
              <StatementForm text={text} faults={remaining(faults, document).map(({ pointer = "", message }) => ({ pointer, message }))} knowledge={knowledge} onChange={setText} onRun={start} onCancel={cancel} />
            ) : (
              <EditorView
                text={text}
                label={t.editor.label(name ?? "")}
                placeholder={t.editor.placeholder}
                class="input-editor"
                knowledge={knowledge}
                faults={faultsIn}
                onChange={setText}
                onRun={start}
                onCancel={cancel}
                onFormat={indent}
                onFindings={setFindings}
                handle={(one) => {
                  editor.current = one;
                }}
              />
            )}
            {names.length > 0 && (
              <Values
                names={names}
                values={values}
                faults={run?.error?.problem.faults ?? []}
                onChange={(one: string, value: BoundValue) => setValues(new Map(values).set(one, value))}
                onRun={start}
              />
            )}
          </div>
          {!isForm && (
            <EditorFoot
              text={text}
              findings={findings}
              goTo={({ from, to }) => editor.current?.select(from, to)}
              indent={indent}
              example={() =>
                action && editor.current?.replace(exampleOf(action, options.format, structure.value, tableOf(text)))
              }
            />
          )}
        </section>
        <Results
          run={run}
          action={name}
          keys={keys}
          view={view}
          setView={(one) => setParams({ view: one })}
          nextPage={nextPage}
          goTo={goTo}
        />
      </Split>
    </main>
  );

  function exampleOf(
    one: Action,
    format: "typed" | "plain",
    known: typeof structure.value,
    table: string | undefined,
  ): string {
    return starter(one, known, table, format);
  }
}

function EditorFoot({
  text,
  findings,
  goTo,
  indent,
  example,
}: {
  text: string;
  findings: readonly Finding[];
  goTo: (finding: Finding) => void;
  indent: () => void;
  example: () => void;
}) {
  const t = texts.query.editor;
  return (
    <div class="editor-foot">
      <ul class="findings" aria-label={t.problems(findings.length)}>
        {findings.slice(0, 20).map((one, index) => (
          <li key={index}>
            <button type="button" class={`finding ${one.severity}`} onClick={() => goTo(one)}>
              <span class="place">{placeText(text, one.from)}</span>
              <span>
                {one.pointer === undefined || one.pointer === "" ? "" : `${one.pointer}: `}
                {one.message}
              </span>
            </button>
          </li>
        ))}
      </ul>
      <div class="foot-line">
        <span role="status">{findings.length === 0 ? t.noProblems : t.problems(findings.length)}</span>
        <span class="muted foot-keys">{t.keys}</span>
        <button type="button" class="button quiet small" onClick={example}>
          {texts.query.toolbar.example}
        </button>
        <button type="button" class="button quiet small" onClick={indent}>
          {texts.query.toolbar.indent}
        </button>
      </div>
    </div>
  );
}

function FormatChoice({ format, set }: { format: "typed" | "plain"; set: (format: "typed" | "plain") => void }) {
  const t = texts.query.toolbar;
  const choices = [
    ["typed", t.typed, t.typedHelp],
    ["plain", t.plain, t.plainHelp],
  ] as const;
  return (
    <div class="segmented" role="radiogroup" aria-label={t.format}>
      {choices.map(([one, label, help]) => (
        <label key={one} class={one === format ? "chosen" : ""} title={help}>
          <input
            type="radio"
            name="format"
            class="visually-hidden"
            checked={one === format}
            onChange={() => set(one)}
          />
          {label}
        </label>
      ))}
    </div>
  );
}

function FormChoice({ isForm }: { isForm: boolean }) {
  const t = texts.query.statement;
  const choices = [
    ["form", t.form],
    ["json", t.json],
  ] as const;
  return (
    <div class="segmented" role="radiogroup" aria-label={t.viewAs}>
      {choices.map(([one, label]) => {
        const isChosen = (one === "form") === isForm;
        return (
          <label key={one} class={isChosen ? "chosen" : ""}>
            <input
              type="radio"
              name="statement-view"
              class="visually-hidden"
              checked={isChosen}
              onChange={() => setParams({ as: one === "json" ? "json" : undefined })}
            />
            {label}
          </label>
        );
      })}
    </div>
  );
}

/** The options that are not as usual, as parameters of the route. */
function optionParams(options: RequestOptions): Record<string, string | undefined> {
  const changed = <K extends keyof RequestOptions>(key: K) =>
    options[key] === DEFAULT_OPTIONS[key] ? undefined : String(options[key]);
  return {
    format: changed("format"),
    pages: changed("pages"),
    maxItems: changed("maxItems"),
    deadline: isDuration(options.deadline) ? changed("deadline") : undefined,
    resubmit: changed("resubmit"),
    strict: changed("strict"),
  };
}

function isDuration(text: string): boolean {
  return /^[1-9][0-9]{0,5}(ms|s|m|h)$/.test(text);
}

function viewOf(text: string | null): ResultView | undefined {
  return text === "table" || text === "tree" || text === "json" ? text : undefined;
}

/** The table that an input is about. */
function tableOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const { root } = parseDocument(text);
  const table = field(root, "TableName");
  if (table?.kind === "string") return table.value;
  const statement = field(root, "Statement");
  if (statement?.kind !== "string") return undefined;
  return /\b(?:FROM|INTO|UPDATE)\s+(?:"([^"]+)"|([\w.-]+))/i.exec(statement.value)?.slice(1).find(Boolean);
}

function isSelect({ root }: Document): boolean {
  const statement = field(root, "Statement");
  return statement?.kind === "string" && /^\s*SELECT\b/i.test(statement.value);
}

function capacityText({ root, text }: Document): string {
  const node = field(root, "ReturnConsumedCapacity");
  return node ? text.slice(node.from, node.to) : "";
}

/** A place as line and column. */
function placeText(text: string, offset: number): string {
  const before = text.slice(0, offset).split("\n");
  return texts.query.editor.place(before.length, (before.at(-1)?.length ?? 0) + 1);
}

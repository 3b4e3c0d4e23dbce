// A tolerant JSON parser with positions.
//
// It reads what people have typed so far, so it never fails: it returns the values that it could make
// out, and a list of mistakes with their places. As the plugin does, it accepts comments and trailing
// commas. Numbers stay text, because a JavaScript number has 16 digits and DynamoDB's have 38. Fields
// are a list and not a JavaScript object: an object would reorder names such as "1", and would take
// "__proto__" for its prototype.

import { texts } from "../texts";

/** Where a value, or a part of one, is in the text. `to` is behind its last character. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface ObjectNode extends Span {
  readonly kind: "object";
  readonly fields: readonly Field[];
}

export interface ArrayNode extends Span {
  readonly kind: "array";
  readonly items: readonly Node[];
}

export interface StringNode extends Span {
  readonly kind: "string";
  readonly value: string;
}

export interface NumberNode extends Span {
  readonly kind: "number";
  /** The number as it is written. */
  readonly text: string;
}

export interface BooleanNode extends Span {
  readonly kind: "boolean";
  readonly value: boolean;
}

export interface NullNode extends Span {
  readonly kind: "null";
}

/** `{{name}}`, which a value replaces before the request is sent. */
export interface PlaceholderNode extends Span {
  readonly kind: "placeholder";
  readonly name: string;
}

/** There should be a value here, but there is none, or something that is not JSON. */
export interface MissingNode extends Span {
  readonly kind: "missing";
}

export type Node =
  ObjectNode | ArrayNode | StringNode | NumberNode | BooleanNode | NullNode | PlaceholderNode | MissingNode;

export interface Field {
  readonly name: string;
  readonly nameSpan: Span;
  readonly value: Node;
}

export interface Mistake extends Span {
  readonly message: string;
}

export interface Document {
  readonly text: string;
  /** `undefined` if the text has only whitespace and comments. */
  readonly root: Node | undefined;
  readonly mistakes: readonly Mistake[];
  readonly comments: readonly Span[];
}

/** Parses a text. */
export function parseDocument(text: string): Document {
  return new Parser(text).document();
}

/** The first field of this name. */
export function field(node: Node | undefined, name: string): Node | undefined {
  if (node?.kind !== "object") return undefined;
  return node.fields.find((one) => one.name === name)?.value;
}

/** The names of the placeholders in their order, each once. */
export function placeholders(document: Document): string[] {
  const names = new Set<string>();
  visit(document.root, (node) => {
    if (node.kind === "placeholder") names.add(node.name);
  });
  return [...names];
}

/** Calls `action` for a value and for all values in it. */
export function visit(node: Node | undefined, action: (node: Node) => void): void {
  if (!node) return;
  action(node);
  if (node.kind === "object") for (const { value } of node.fields) visit(value, action);
  if (node.kind === "array") for (const item of node.items) visit(item, action);
}

/** How deep values may nest. 200: the policy's `limits.json-depth` is 128 unless it is raised, and the
 * recursion of the functions that walk a document stays shallow. */
export const MAX_DEPTH = 200;

/** The most mistakes that are reported. More do not help anybody. */
const MAX_MISTAKES = 50;

const t = texts.schema.mistakes;

const PLACEHOLDER = /\{\{ *([A-Za-z0-9_.-]+) *\}\}/y;
const WORD = /[A-Za-z_$][\w$.-]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const NUMBER_LIKE = /[-+.0-9][-+.\w]*/y;

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const SLASH = 47;
const BACKSLASH = 92;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;

/** A field that was read. Thousands of rows have hundreds of thousands, so the span of the name is not an object. */
class ReadField implements Field {
  constructor(
    readonly name: string,
    private readonly nameFrom: number,
    private readonly nameTo: number,
    readonly value: Node,
  ) {}

  get nameSpan(): Span {
    return { from: this.nameFrom, to: this.nameTo };
  }
}

/** The elements of lists within lists, of which the innermost is complete first. */
class Stack<T> {
  private readonly elements: T[] = [];
  length = 0;

  push(element: T): void {
    this.elements[this.length++] = element;
  }

  /** Removes what was pushed since the stack had this length. */
  popFrom(length: number): T[] {
    const popped = this.elements.slice(length, this.length);
    this.length = length;
    return popped;
  }
}

class Parser {
  private at = 0;
  /** What the open objects and arrays have so far. A list of its own for each would keep room for elements to come. */
  private readonly openFields = new Stack<Field>();
  private readonly openItems = new Stack<Node>();
  /** The names of fields, each once. */
  private readonly names = new Map<string, string>();
  private readonly mistakes: Mistake[] = [];
  private readonly comments: Span[] = [];

  constructor(private readonly text: string) {}

  document(): Document {
    this.skipTrivia();
    let root: Node | undefined;
    if (this.at < this.text.length) {
      root = this.value(0);
      this.skipTrivia();
      if (this.at < this.text.length) {
        this.mistake(this.at, this.text.length, t.moreAfterEnd);
      }
    }
    return { text: this.text, root, mistakes: this.mistakes, comments: this.comments };
  }

  private value(depth: number): Node {
    const from = this.at;
    switch (this.text.charCodeAt(from)) {
      case OPEN_BRACE:
        return this.placeholder() ?? (depth < MAX_DEPTH ? this.object(depth) : this.tooDeep());
      case OPEN_BRACKET:
        return depth < MAX_DEPTH ? this.array(depth) : this.tooDeep();
      case QUOTE:
        return this.string();
      default:
        return this.scalar();
    }
  }

  private object(depth: number): ObjectNode {
    const from = this.at++;
    const first = this.openFields.length;
    let needsComma = false;
    for (;;) {
      this.skipTrivia();
      const at = this.at;
      const next = this.text.charCodeAt(at);
      if (Number.isNaN(next)) {
        this.mistake(from, from + 1, t.openBrace);
        break;
      }
      if (next === CLOSE_BRACE) {
        this.at++;
        break;
      }
      if (next === CLOSE_BRACKET) {
        // It closes an array around this object, if there is one. Otherwise it would be read forever.
        this.mistake(at, at + 1, t.bracketInObject);
        if (depth === 0) this.at++;
        else break;
        continue;
      }
      if (next === COMMA) {
        this.at++;
        if (!needsComma) this.mistake(at, at + 1, t.nothingBeforeComma);
        needsComma = false;
        continue;
      }
      if (needsComma) this.mistake(at, at + 1, t.noComma);
      const name = this.name();
      if (!name) continue;
      const { from: nameFrom, to: nameTo } = name;
      const value = this.fieldValue(name, depth);
      this.openFields.push(new ReadField(name.name, nameFrom, nameTo, value));
      needsComma = true;
    }
    return { kind: "object", from, to: this.at, fields: this.openFields.popFrom(first) };
  }

  /** The name of a field. Without one, something is skipped. */
  private name(): (Span & { readonly name: string }) | undefined {
    const from = this.at;
    const next = this.text.charCodeAt(from);
    if (next === QUOTE) {
      const { value, to } = this.string();
      return { name: this.once(value), from, to };
    }
    const placeholder = this.match(PLACEHOLDER);
    if (placeholder) {
      this.mistake(from, this.at, t.placeholderAsName);
      return { name: placeholder, from, to: this.at };
    }
    if (this.text[from] === "'") {
      const name = this.singleQuoted();
      return { name, from, to: this.at };
    }
    const word = this.match(WORD);
    if (word) {
      this.mistake(from, this.at, t.unquotedName(word));
      return { name: word, from, to: this.at };
    }
    this.skipUnexpected(t.expectedName);
    return undefined;
  }

  /** An equal text, always the same one. */
  private once(name: string): string {
    const known = this.names.get(name);
    if (known === undefined) this.names.set(name, name);
    return known ?? name;
  }

  private fieldValue(name: Span, depth: number): Node {
    this.skipTrivia();
    if (this.text.charCodeAt(this.at) !== COLON) {
      this.mistake(name.from, name.to, t.noColon);
      return { kind: "missing", from: name.to, to: name.to };
    }
    const colon = this.at++;
    this.skipTrivia();
    const next = this.text.charCodeAt(this.at);
    if (Number.isNaN(next) || next === COMMA || next === CLOSE_BRACE || next === CLOSE_BRACKET) {
      this.mistake(colon, colon + 1, t.noValue);
      return { kind: "missing", from: colon + 1, to: this.at };
    }
    return this.value(depth + 1);
  }

  private array(depth: number): ArrayNode {
    const from = this.at++;
    const first = this.openItems.length;
    let needsComma = false;
    for (;;) {
      this.skipTrivia();
      const at = this.at;
      const next = this.text.charCodeAt(at);
      if (Number.isNaN(next)) {
        this.mistake(from, from + 1, t.openBracket);
        break;
      }
      if (next === CLOSE_BRACKET) {
        this.at++;
        break;
      }
      if (next === CLOSE_BRACE) {
        this.mistake(at, at + 1, t.braceInArray);
        if (depth === 0) this.at++;
        else break;
        continue;
      }
      if (next === COMMA) {
        this.at++;
        if (!needsComma) this.mistake(at, at + 1, t.nothingBeforeComma);
        needsComma = false;
        continue;
      }
      if (needsComma) this.mistake(at, at + 1, t.noComma);
      this.openItems.push(this.value(depth + 1));
      needsComma = true;
    }
    return { kind: "array", from, to: this.at, items: this.openItems.popFrom(first) };
  }

  private string(): StringNode {
    const { text } = this;
    const from = this.at;
    let at = from + 1;
    let start = at;
    let value = "";
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        this.at = at + 1;
        break;
      }
      if (code === BACKSLASH) {
        const escape = this.escape(at);
        value += text.slice(start, at) + escape.value;
        at += escape.length;
        start = at;
        continue;
      }
      // A line break ends a string that is being typed, so that the rest of the text is still read.
      if (Number.isNaN(code) || code === 10 || code === 13) {
        this.mistake(from, at, t.openString);
        this.at = at;
        break;
      }
      if (code < 32) {
        this.mistake(at, at + 1, t.control(`\\u${code.toString(16).padStart(4, "0")}`));
      }
      at++;
    }
    return { kind: "string", from, to: this.at, value: value + text.slice(start, at) };
  }

  private escape(at: number): { value: string; length: number } {
    const letter = this.text[at + 1] ?? "";
    const simple = ESCAPES[letter];
    if (simple !== undefined) return { value: simple, length: 2 };
    if (letter === "u") {
      const digits = this.text.slice(at + 2, at + 6);
      if (/^[0-9a-fA-F]{4}$/.test(digits)) {
        return { value: String.fromCharCode(Number.parseInt(digits, 16)), length: 6 };
      }
    }
    // At the end of the text or of the line, the string is not closed, which is the better message.
    if (letter === "" || letter === "\n" || letter === "\r") return { value: "", length: 1 };
    this.mistake(at, at + 2, t.notEscape(`\\${letter}`));
    return { value: letter, length: 2 };
  }

  private scalar(): Node {
    const from = this.at;
    const word = this.match(WORD);
    if (word) {
      const to = this.at;
      if (word === "true" || word === "false") return { kind: "boolean", from, to, value: word === "true" };
      if (word === "null") return { kind: "null", from, to };
      this.mistake(from, to, t.unquotedText(word));
      return { kind: "missing", from, to };
    }
    const like = this.match(NUMBER_LIKE);
    if (like) {
      const to = this.at;
      NUMBER.lastIndex = 0;
      if (NUMBER.exec(like)?.[0].length !== like.length) {
        this.mistake(from, to, t.notNumber(like));
      }
      return { kind: "number", from, to, text: like };
    }
    if (this.text[from] === "'") {
      this.singleQuoted();
      return { kind: "missing", from, to: this.at };
    }
    this.skipUnexpected(t.expectedValue);
    return { kind: "missing", from, to: this.at };
  }

  private singleQuoted(): string {
    const from = this.at;
    const rest = /[^'\n\r]*'?/y;
    rest.lastIndex = from + 1;
    const inner = rest.exec(this.text)?.[0] ?? "";
    this.at = from + 1 + inner.length;
    this.mistake(from, this.at, t.singleQuotes);
    return inner.replace(/'$/, "");
  }

  private placeholder(): PlaceholderNode | undefined {
    const from = this.at;
    const name = this.match(PLACEHOLDER);
    return name === undefined ? undefined : { kind: "placeholder", from, to: this.at, name };
  }

  private tooDeep(): MissingNode {
    const from = this.at;
    this.mistake(from, from + 1, t.tooDeep(MAX_DEPTH));
    this.at = this.text.length;
    return { kind: "missing", from, to: this.at };
  }

  /** Skips something that has no place here, at least one character. */
  private skipUnexpected(expected: string): void {
    const from = this.at;
    const rest = /[^\s,:{}[\]"]*/y;
    rest.lastIndex = from + 1;
    this.at = from + 1 + (rest.exec(this.text)?.[0].length ?? 0);
    const found = this.text.slice(from, Math.min(this.at, from + 30));
    const message = this.text[from] === "#" ? t.unexpectedHash : t.unexpected;
    this.mistake(from, this.at, message(found, expected));
  }

  /** The text at this place that matches, or its first group. */
  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (!found) return undefined;
    this.at += found[0].length;
    return found[1] ?? found[0];
  }

  private skipTrivia(): void {
    const { text } = this;
    for (;;) {
      const code = text.charCodeAt(this.at);
      if (code === 32 || code === 10 || code === 13 || code === 9) {
        this.at++;
      } else if (code === SLASH && text[this.at + 1] === "/") {
        const end = text.indexOf("\n", this.at);
        this.comment(end < 0 ? text.length : end);
      } else if (code === SLASH && text[this.at + 1] === "*") {
        const end = text.indexOf("*/", this.at + 2);
        if (end < 0) this.mistake(this.at, this.at + 2, t.openComment);
        this.comment(end < 0 ? text.length : end + 2);
      } else {
        return;
      }
    }
  }

  private comment(to: number): void {
    this.comments.push({ from: this.at, to });
    this.at = to;
  }

  private mistake(from: number, to: number, message: string): void {
    if (this.mistakes.length < MAX_MISTAKES) this.mistakes.push({ from, to, message });
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

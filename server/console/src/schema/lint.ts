// Checks an input against the schema of its action, as the plugin does before it sends anything: unknown and missing
// fields, wrong types, values that are not allowed. The messages are worded as the plugin's.
//
// It must never complain about what the plugin would accept, so what it does not know is left to the plugin.

import { texts } from "../texts";
import type { InputSchema as Schema } from "./input-schema";
import { attributeFaults, isAttributeValue, type Format } from "./attribute";
import type { Document, Field, Node, ObjectNode, Span } from "./document";
import { nearest } from "./nearest";
import { formatPointer, placeOf, type Path } from "./pointer";

/** Something in the input that is wrong, with its place. */
export interface Finding extends Span {
  readonly severity: "error" | "warning";
  readonly message: string;
  /** The JSON Pointer of the place, if it is in a value. */
  readonly pointer?: string;
}

/** Checks a document. A placeholder may stand for any value. */
export function lint(document: Document, schema: Schema | undefined, format: Format): Finding[] {
  const findings: Finding[] = document.mistakes.map((mistake) => ({ ...mistake, severity: "error" }));
  if (!schema) return findings;
  // Input that is empty or null counts as an object without fields.
  const isEmpty = document.root === undefined || document.root.kind === "null";
  const root: Node =
    !isEmpty && document.root ? document.root : { kind: "object", from: 0, to: document.text.length, fields: [] };
  new Linter(document, findings, format).value(root, schema, []);
  return findings.concat(quotedPlaceholders(document)).slice(0, MAX_FINDINGS);
}

/** The most findings. Nobody reads more, and each of them is drawn. */
const MAX_FINDINGS = 100;

const t = texts.schema.findings;

class Linter {
  constructor(
    private readonly document: Document,
    private readonly findings: Finding[],
    private readonly format: Format,
  ) {}

  value(node: Node, schema: Schema, path: Path): void {
    if (node.kind === "placeholder" || node.kind === "missing") return;
    // What is null counts as absent, but for attribute values.
    if (node.kind === "null" && !isAttributeValue(schema)) return;
    if (isAttributeValue(schema)) {
      for (const fault of attributeFaults(node, this.format, path)) this.findings.push({ ...fault, severity: "error" });
      return;
    }
    const expected = schema.type;
    if (typeof expected !== "string") return;
    switch (expected) {
      case "object":
        if (node.kind === "object") this.object(node, schema, path);
        else this.wrongType(node, t.expected.object, path);
        break;
      case "array":
        if (node.kind === "array") {
          this.count(node, node.items.length, t.elements, schema.minItems, schema.maxItems, path);
          if (schema.items)
            for (const [index, item] of node.items.entries()) this.item(item, schema.items, [...path, index]);
        } else {
          this.wrongType(node, t.expected.array, path);
        }
        break;
      case "string":
        if (node.kind === "string") this.text(node.value, node, schema, path);
        else this.wrongType(node, t.expected.string, path);
        break;
      case "boolean":
        if (node.kind !== "boolean") this.wrongType(node, t.expected.boolean, path);
        break;
      case "integer":
        if (node.kind === "number") this.integer(node.text, node, schema, path);
        else this.wrongType(node, t.expected.integer, path);
        break;
      case "number":
        if (node.kind !== "number") this.wrongType(node, t.expected.number, path);
        break;
    }
  }

  private item(node: Node, schema: Schema, path: Path): void {
    this.value(node, schema, path);
  }

  private object(node: ObjectNode, schema: Schema, path: Path): void {
    this.duplicates(node, path);
    this.count(node, node.fields.length, t.fields, schema.minProperties, schema.maxProperties, path);
    const known = schema.properties ?? {};
    for (const one of node.fields) {
      const inner = [...path, one.name];
      const property = Object.hasOwn(known, one.name) ? known[one.name] : undefined;
      if (property) {
        this.value(one.value, property, inner);
      } else if (schema.additionalProperties === false) {
        this.add(one.nameSpan, unknownField(one.name, Object.keys(known)), inner);
      } else if (typeof schema.additionalProperties === "object") {
        this.value(one.value, schema.additionalProperties, inner);
      }
    }
    for (const name of schema.required ?? []) this.required(node, name, path);
  }

  private required(node: ObjectNode, name: string, path: Path): void {
    const present = node.fields.find((one) => one.name === name);
    if (present && present.value.kind !== "null") return;
    const place = present?.value ?? openingOf(node);
    this.add(place, t.required(name), [...path, name]);
  }

  private duplicates(node: ObjectNode, path: Path): void {
    const seen = new Set<string>();
    for (const { name, nameSpan } of node.fields) {
      if (seen.has(name)) {
        this.add(nameSpan, t.duplicate, [...path, name]);
      }
      seen.add(name);
    }
  }

  private text(value: string, node: Node, schema: Schema, path: Path): void {
    const allowed = schema.enum?.filter((one): one is string => typeof one === "string");
    if (allowed && !allowed.includes(value)) {
      const close = nearest(value, allowed);
      const shown = JSON.stringify(value);
      const list = allowed.join(", ");
      this.add(node, close === undefined ? t.notOneOf(shown, list) : t.notOneOfClose(shown, list, close), path);
      return;
    }
    // The plugin counts characters, and JavaScript UTF-16 units.
    const needsCount =
      schema.minLength !== undefined || (schema.maxLength !== undefined && value.length > schema.maxLength);
    if (needsCount) this.count(node, [...value].length, t.characters, schema.minLength, schema.maxLength, path);
  }

  private integer(text: string, node: Node, schema: Schema, path: Path): void {
    const { minimum, maximum } = schema;
    const isOutside = () => {
      const number = BigInt(text);
      return (minimum !== undefined && number < whole(minimum)) || (maximum !== undefined && number > whole(maximum));
    };
    if (!/^-?[0-9]{1,40}$/.test(text) || isOutside()) {
      const hasRange = minimum !== undefined && maximum !== undefined;
      this.add(node, hasRange ? t.notWholeBetween(whole(minimum), whole(maximum), text) : t.notWhole(text), path);
    }
  }

  private count(
    node: Node,
    count: number,
    nouns: (count: number) => string,
    least: number | undefined,
    most: number | undefined,
    path: Path,
  ): void {
    const place = this.placeOf(node, path);
    if (least !== undefined && count < least) this.add(place, t.atLeast(nouns(least), count), path);
    if (most !== undefined && count > most) this.add(place, t.atMost(nouns(most), count), path);
  }

  private wrongType(node: Node, expected: string, path: Path): void {
    this.add(this.placeOf(node, path), t.wrongType(expected, t.found[node.kind]), path);
  }

  /** Where a fault of a value is shown: where the plugin's fault with the same pointer is shown too. */
  private placeOf(node: Node, path: Path): Span {
    const isBlock = node.kind === "object" || node.kind === "array";
    return isBlock && path.length > 0 ? placeOf(this.document, formatPointer(path)) : openingOf(node);
  }

  private add({ from, to }: Span, message: string, path: Path): void {
    this.findings.push({ from, to, severity: "error", message, pointer: formatPointer(path) });
  }
}

/** A whole number of a schema. Those beyond 2^53 were rounded when the schema was read, so they are not exact. */
function whole(number: number): bigint {
  return BigInt(Math.trunc(number));
}

function unknownField(name: string, known: string[]): string {
  const close = nearest(name, known);
  if (close !== undefined) return t.unknownClose(close);
  return known.length === 0 ? t.unknownOfNone : t.unknown(known.join(", "));
}

/** The bracket of an object or array: to underline ten lines would tell nothing. */
function openingOf(node: Node): Span {
  const isBlock = node.kind === "object" || node.kind === "array";
  return isBlock && node.to > node.from ? { from: node.from, to: node.from + 1 } : node;
}

/** Placeholders within quotes, which are text there. They were probably meant to be replaced. */
function quotedPlaceholders(document: Document): Finding[] {
  const findings: Finding[] = [];
  const check = (span: Span) => {
    const pattern = /\{\{ *([A-Za-z0-9_.-]+) *\}\}/g;
    for (const found of document.text.slice(span.from, span.to).matchAll(pattern)) {
      const from = span.from + found.index;
      findings.push({
        from,
        to: from + found[0].length,
        severity: "warning",
        message: t.quotedPlaceholder(found[0]),
      });
    }
  };
  const walk = (node: Node): void => {
    if (node.kind === "string") check(node);
    if (node.kind === "array") node.items.forEach(walk);
    if (node.kind === "object") {
      for (const one of node.fields satisfies readonly Field[]) {
        check(one.nameSpan);
        walk(one.value);
      }
    }
  };
  if (document.root) walk(document.root);
  return findings;
}

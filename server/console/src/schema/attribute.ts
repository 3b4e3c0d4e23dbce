// DynamoDB's attribute values within an input, typed (`{"S": "a"}`) and plain (`"a"`).

import type { Schema } from "../api/types";
import { texts } from "../texts";
import type { Node, Span } from "./document";
import { formatPointer, type Path } from "./pointer";

const t = texts.schema.attribute;

/** How attribute values are written. */
export type Format = "typed" | "plain";

/** Whether a schema is that of an attribute value. The plugin's schemas describe it in words: JSON Schema has no name
 * for "any of these, or ordinary JSON". */
export function isAttributeValue(schema: Schema): boolean {
  return schema.type === undefined && (schema.description ?? "").startsWith("an attribute value");
}

/** The names of the types, in the order in which people look for them. */
export const TYPES = ["S", "N", "BOOL", "NULL", "L", "M", "SS", "NS", "BS", "B"] as const;

/** The name of a type. */
export type TypeName = (typeof TYPES)[number];

/** What a type's value looks like, for completion. */
export const TYPE_SAMPLES: Readonly<Record<TypeName, string>> = {
  S: '""',
  N: '""',
  BOOL: "true",
  NULL: "true",
  L: "[]",
  M: "{}",
  SS: '[""]',
  NS: '[""]',
  BS: '[""]',
  B: '""',
};

/** A type in words. */
export const TYPE_WORDS: Readonly<Record<TypeName, string>> = t.types;

/** A wrong attribute value, with its place. */
export interface AttributeFault extends Span {
  readonly message: string;
  readonly pointer: string;
}

/** The wrong types in an attribute value. */
export function attributeFaults(node: Node, format: Format, path: Path): AttributeFault[] {
  const faults: AttributeFault[] = [];
  check(node, format, path, faults);
  return faults;
}

function check(node: Node, format: Format, path: Path, faults: AttributeFault[]): void {
  if (node.kind === "array") {
    for (const [index, item] of node.items.entries()) check(item, format, [...path, index], faults);
    return;
  }
  if (node.kind === "number") {
    const problem = numberProblem(node.text);
    if (problem !== undefined) faults.push({ ...spanOf(node), message: problem, pointer: formatPointer(path) });
  }
  if (node.kind !== "object") return;
  const [first] = node.fields;
  const type = first && typeOfTag(first.name, format);
  if (!type) {
    for (const one of node.fields) check(one.value, format, [...path, one.name], faults);
    return;
  }
  const inner = [...path, first.name];
  const add = ({ from, to }: Span, message: string, at: Path) => {
    faults.push({ from, to, message, pointer: formatPointer(at) });
  };
  const second = node.fields[1];
  if (second) {
    const map = format === "plain" ? "$M" : "M";
    add(second.nameSpan, t.twoTypes(first.name, second.name, map), [...path, second.name]);
  }
  const { value } = first;
  if (value.kind === "placeholder" || value.kind === "missing") return;
  const expected = mismatch(type, value);
  if (expected !== undefined) {
    add(value, expected, inner);
    return;
  }
  const problem = scalarProblem(type, value);
  if (problem !== undefined) {
    add(value, problem, inner);
  } else if (value.kind === "array" && type === "L") {
    for (const [index, item] of value.items.entries()) check(item, format, [...inner, index], faults);
  } else if (value.kind === "array" && value.items.length === 0) {
    add(value, t.emptySet, inner);
  } else if (value.kind === "object") {
    for (const one of value.fields) check(one.value, format, [...inner, one.name], faults);
  }
}

/** The message about what a type expects, if the value is something else. */
function mismatch(type: TypeName, value: Node): string | undefined {
  const is = (...kinds: Node["kind"][]) => kinds.includes(value.kind);
  switch (type) {
    case "S":
      return is("string") ? undefined : t.expected.S;
    case "N":
      return is("string", "number") ? undefined : t.expected.N;
    case "B":
      return is("string") ? undefined : t.expected.B;
    case "SS":
    case "NS":
    case "BS":
      return is("array") ? undefined : t.expected.set;
    case "L":
      return is("array") ? undefined : t.expected.L;
    case "M":
      return is("object") ? undefined : t.expected.M;
    case "BOOL":
      return is("boolean") ? undefined : t.expected.BOOL;
    case "NULL":
      return is("boolean") ? undefined : t.expected.NULL;
  }
}

function spanOf({ from, to }: Span): Span {
  return { from, to };
}

/** What is wrong with a number or with binary data. */
function scalarProblem(type: TypeName, value: Node): string | undefined {
  if (type === "N" && value.kind === "string") return numberProblem(value.value);
  if (type === "N" && value.kind === "number") return numberProblem(value.text);
  if (type === "B" && value.kind === "string" && !isBase64(value.value)) {
    return t.notBase64;
  }
  return undefined;
}

/** What is wrong with a number, as text. DynamoDB stores 38 digits. */
function numberProblem(text: string): string | undefined {
  const shown = JSON.stringify(text.slice(0, 50));
  const parts = /^[+-]?([0-9]*)(?:\.([0-9]*))?(?:[eE][+-]?[0-9]+)?$/.exec(text);
  const digits = (parts?.[1] ?? "") + (parts?.[2] ?? "");
  if (!parts || digits === "") return t.notNumber(shown);
  const significant = digits.replace(/^0+/, "").replace(/0+$/, "");
  if (significant.length <= 38) return undefined;
  return t.tooManyDigits(shown);
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}

/** The type that the name of a field stands for. */
export function typeOfTag(name: string, format: Format): TypeName | undefined {
  if (format === "typed") return TYPES.find((type) => type === name);
  const type = name.startsWith("$") ? name.slice(1) : "";
  return PLAIN_TYPES.find((one) => one === type);
}

/** The types that the format plain writes with a tag: JSON itself has no such values. */
const PLAIN_TYPES = ["B", "SS", "NS", "BS", "N", "M"] as const;

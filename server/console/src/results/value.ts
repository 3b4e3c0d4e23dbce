// What a value of a response is: its kind, its type in DynamoDB, and its text. Numbers stay text.

import type { Field, Node } from "../schema/document";
import { typeOfTag, type TypeName } from "../schema/attribute";

/** How a value is to be read: as an attribute value in one of its two formats, or as ordinary JSON. */
export type Reading = "typed" | "plain" | "json";

/** A value as it is shown. */
export type Value =
  | { readonly kind: "text"; readonly type: "S"; readonly text: string }
  | { readonly kind: "number"; readonly type: "N"; readonly text: string }
  | { readonly kind: "boolean"; readonly type: "BOOL"; readonly text: string }
  | { readonly kind: "null"; readonly type: "NULL"; readonly text: string }
  | { readonly kind: "binary"; readonly type: "B"; readonly base64: string }
  | { readonly kind: "set"; readonly type: "SS" | "NS" | "BS"; readonly items: readonly Node[] }
  | { readonly kind: "list"; readonly type: "L"; readonly items: readonly Node[]; readonly reading: Reading }
  | { readonly kind: "map"; readonly type: "M"; readonly fields: readonly Field[]; readonly reading: Reading };

/** Reads a value. What does not have the form of an attribute value is read as JSON, so that nothing is hidden. */
export function valueOf(node: Node, reading: Reading): Value {
  if (node.kind === "object" && reading !== "json" && node.fields.length === 1) {
    const [only] = node.fields as [Field];
    const type = typeOfTag(only.name, reading);
    const tagged = type && taggedValue(type, only.value, reading);
    if (tagged) return tagged;
  }
  return ordinary(node, reading);
}

function taggedValue(type: TypeName, value: Node, reading: Reading): Value | undefined {
  switch (type) {
    case "S":
      return value.kind === "string" ? { kind: "text", type, text: value.value } : undefined;
    case "N":
      return value.kind === "string"
        ? { kind: "number", type, text: value.value }
        : value.kind === "number"
          ? { kind: "number", type, text: value.text }
          : undefined;
    case "B":
      return value.kind === "string" ? { kind: "binary", type, base64: value.value } : undefined;
    case "BOOL":
      return value.kind === "boolean" ? { kind: "boolean", type, text: String(value.value) } : undefined;
    case "NULL":
      return value.kind === "boolean" ? { kind: "null", type, text: "null" } : undefined;
    case "SS":
    case "NS":
    case "BS":
      return value.kind === "array" ? { kind: "set", type, items: value.items } : undefined;
    case "L":
      return value.kind === "array" ? { kind: "list", type, items: value.items, reading } : undefined;
    case "M":
      return value.kind === "object" ? { kind: "map", type, fields: value.fields, reading } : undefined;
  }
}

function ordinary(node: Node, reading: Reading): Value {
  switch (node.kind) {
    case "object":
      return { kind: "map", type: "M", fields: node.fields, reading };
    case "array":
      return { kind: "list", type: "L", items: node.items, reading };
    case "string":
      return { kind: "text", type: "S", text: node.value };
    case "number":
      return { kind: "number", type: "N", text: node.text };
    case "boolean":
      return { kind: "boolean", type: "BOOL", text: String(node.value) };
    default:
      return { kind: "null", type: "NULL", text: "null" };
  }
}

/** The elements of a set, as values. */
export function setItems(value: Extract<Value, { kind: "set" }>): Value[] {
  return value.items.map((item) => setItem(value.type, item));
}

function setItem(type: "SS" | "NS" | "BS", item: Node): Value {
  const text = item.kind === "string" ? item.value : item.kind === "number" ? item.text : "";
  if (type === "BS") return { kind: "binary", type: "B", base64: text };
  return type === "NS" ? { kind: "number", type: "N", text } : { kind: "text", type: "S", text };
}

/** Binary data as hexadecimal, or `undefined` if it is not Base64. Of long data, the first `most` bytes. */
export function hex(base64: string, most: number): { text: string; bytes: number } | undefined {
  const isBase64 = base64.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(base64);
  if (!isBase64) return undefined;
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  const bytes = (base64.length / 4) * 3 - padding;
  const shown = base64.slice(0, Math.ceil(most / 3) * 4);
  const text = Array.from(atob(shown).slice(0, most), (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0"));
  return { text: text.join(" "), bytes };
}

/** A value on one line, cut after about `most` characters: what a cell shows. */
export function preview(value: Value, most = 200): string {
  switch (value.kind) {
    case "text":
      return cut(value.text, most);
    case "binary": {
      const bytes = hex(value.base64, Math.min(24, most));
      if (!bytes) return cut(value.base64, most);
      return bytes.bytes > 24 ? `${bytes.text} …` : bytes.text;
    }
    case "set":
      return within("{", "}", value.items, (item) => inner(setItem(value.type, item), most), most);
    case "list":
      return within("[", "]", value.items, (item) => inner(valueOf(item, value.reading), most), most);
    case "map": {
      // The service returns attributes in any order, so rows would differ where their values do not.
      const sorted = [...value.fields].sort((a, b) => (a.name < b.name ? -1 : 1));
      const written = (one: Field) => `${one.name}: ${inner(valueOf(one.value, value.reading), most)}`;
      return within("{", "}", sorted, written, most);
    }
    default:
      return value.text;
  }
}

function inner(value: Value, most: number): string {
  return value.kind === "text" ? JSON.stringify(cut(value.text, most)) : preview(value, most);
}

/** Elements between brackets. Those beyond the limit are not even written: a list may have thousands. */
function within<T>(open: string, close: string, parts: readonly T[], write: (part: T) => string, most: number): string {
  let text = open;
  let separator = "";
  for (const part of parts) {
    text += separator;
    if (text.length >= most) return `${text}…${close}`;
    text += write(part);
    separator = ", ";
  }
  return text + close;
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

/** How many values a nested value has. */
export function sizeOf(value: Value): number | undefined {
  if (value.kind === "map") return value.fields.length;
  return value.kind === "list" || value.kind === "set" ? value.items.length : undefined;
}

/** Whether a value has others in it. */
export function isNested(value: Value): boolean {
  return (sizeOf(value) ?? 0) > 0;
}

/** A text with its line breaks visible, since a cell is one line, and without characters that turn its direction. */
export function visible(text: string): string {
  return text
    .replace(/\r\n|\n|\r/g, "⏎ ")
    .replace(/\t/g, "⇥ ")
    .replace(/[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u061c\u2028-\u202e\u2066-\u2069\ufeff]/g, "\ufffd");
}

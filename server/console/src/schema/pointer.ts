// JSON Pointers (RFC 6901) and the places that they name in a document.

import type { Document, Node, Span } from "./document";

export type Path = readonly (string | number)[];

/** The parts of a pointer. */
export function parsePointer(pointer: string): string[] {
  if (pointer === "" || pointer === "/") return [];
  return pointer
    .replace(/^\//, "")
    .split("/")
    .map((part) => part.replace(/~1/g, "/").replace(/~0/g, "~"));
}

/** A pointer with these parts. */
export function formatPointer(path: Path): string {
  return path.map((part) => `/${String(part).replace(/~/g, "~0").replace(/\//g, "~1")}`).join("");
}

/** Where a pointer leads. */
export interface Place extends Span {
  /** Whether all of its parts exist. Otherwise the place is where the missing part belongs. */
  readonly exists: boolean;
}

/**
 * The place of a fault. A fault is shown at the value. That of a field that is missing, or of an object
 * as a whole, is shown at the bracket: to underline ten lines would tell nothing.
 */
export function placeOf(document: Document, pointer: string): Place {
  let node = document.root;
  if (!node) return { from: 0, to: document.text.length, exists: false };
  let last: Place = { ...marked(node), exists: true };
  for (const part of parsePointer(pointer)) {
    const next = child(node, part);
    if (!next) return { ...last, exists: false };
    node = next.value;
    // A field that has no value yet is marked by its name.
    const span: Span = node.kind === "missing" && next.name ? next.name : nameOr(node, next.name);
    last = { from: span.from, to: span.to, exists: true };
  }
  return last;
}

/** The place of the name of the field that a pointer leads to, such as one that must not be there. */
export function namePlaceOf(document: Document, pointer: string): Span | undefined {
  const parts = parsePointer(pointer);
  const last = parts.pop();
  if (last === undefined) return undefined;
  let node = document.root;
  for (const part of parts) node = child(node, part)?.value;
  return child(node, last)?.name;
}

function child(node: Node | undefined, part: string): { value: Node; name?: Span } | undefined {
  if (node?.kind === "object") {
    const found = node.fields.findLast((one) => one.name === part);
    return found && { value: found.value, name: found.nameSpan };
  }
  if (node?.kind === "array" && /^(0|[1-9][0-9]*)$/.test(part)) {
    const value = node.items[Number(part)];
    return value && { value };
  }
  return undefined;
}

function nameOr(node: Node, name: Span | undefined): Span {
  return node.kind === "object" || node.kind === "array" ? (name ?? marked(node)) : node;
}

function marked(node: Node): Span {
  return node.kind === "object" || node.kind === "array" ? { from: node.from, to: node.from + 1 } : node;
}

/** The offset of a line and column, both from 1. Columns count characters and not UTF-16 units. */
export function offsetOf(text: string, line: number, column: number): number {
  let start = 0;
  for (let current = 1; current < line; current++) {
    const end = text.indexOf("\n", start);
    if (end < 0) return text.length;
    start = end + 1;
  }
  const end = text.indexOf("\n", start);
  const characters = [...text.slice(start, end < 0 ? text.length : end)].slice(0, column - 1);
  return start + characters.join("").length;
}

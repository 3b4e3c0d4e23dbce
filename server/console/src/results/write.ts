// Writes values as JSON again: compact, indented, or with attribute values as ordinary JSON. Strings and numbers are
// copied from the response, so that each of them stays as the service wrote it.

import type { Node } from "../schema/document";
import { setItems, valueOf, type Reading, type Value } from "./value";

/** A value on one line. */
export function compact(node: Node, source: string): string {
  switch (node.kind) {
    case "object":
      return `{${node.fields.map((one) => `${source.slice(one.nameSpan.from, one.nameSpan.to)}:${compact(one.value, source)}`).join(",")}}`;
    case "array":
      return `[${node.items.map((item) => compact(item, source)).join(",")}]`;
    default:
      return source.slice(node.from, node.to);
  }
}

/** A value on several lines. What fits one line stays on it. */
export function indented(node: Node, source: string): string {
  const parts: string[] = [];
  write(node, "\n");
  return parts.join("");

  function write(one: Node, newline: string): void {
    const isBlock = one.kind === "object" || one.kind === "array";
    if (!isBlock || isShort(one)) {
      parts.push(isBlock ? spaced(one, source) : source.slice(one.from, one.to));
      return;
    }
    const inner = `${newline}  `;
    parts.push(one.kind === "object" ? "{" : "[");
    if (one.kind === "object") {
      for (const [index, { nameSpan, value }] of one.fields.entries()) {
        parts.push(index > 0 ? "," : "", inner, source.slice(nameSpan.from, nameSpan.to), ": ");
        write(value, inner);
      }
    } else {
      for (const [index, item] of one.items.entries()) {
        parts.push(index > 0 ? "," : "", inner);
        write(item, inner);
      }
    }
    parts.push(newline, one.kind === "object" ? "}" : "]");
  }
}

/** Whether a value is short enough for one line: an attribute value such as `{"S": "a"}`. */
function isShort(node: Node): boolean {
  if (node.to - node.from > SHORT) return false;
  if (node.kind === "object") return node.fields.length <= 1 && node.fields.every((one) => isScalar(one.value));
  return node.kind === "array" && node.items.every(isScalar);
}

/** 72 characters: together with its name and indentation it still fits an ordinary screen. */
const SHORT = 72;

function isScalar(node: Node): boolean {
  return node.kind !== "object" && node.kind !== "array";
}

function spaced(node: Node, source: string): string {
  if (node.kind === "object") {
    return `{${node.fields.map((one) => `${source.slice(one.nameSpan.from, one.nameSpan.to)}: ${spaced(one.value, source)}`).join(", ")}}`;
  }
  if (node.kind === "array") return `[${node.items.map((item) => spaced(item, source)).join(", ")}]`;
  return source.slice(node.from, node.to);
}

/** A value as ordinary JSON, as the format plain writes it. */
export function plainJson(node: Node, reading: Reading): string {
  return json(valueOf(node, reading));
}

function json(value: Value): string {
  switch (value.kind) {
    case "text":
      return JSON.stringify(value.text);
    case "number":
      return isJsonNumber(value.text) ? value.text : `{"$N":${JSON.stringify(value.text)}}`;
    case "binary":
      return `{"$B":${JSON.stringify(value.base64)}}`;
    case "set": {
      const items = setItems(value).map((item) => (item.kind === "binary" ? JSON.stringify(item.base64) : json(item)));
      return `{"$${value.type}":[${items.join(",")}]}`;
    }
    case "list":
      return `[${value.items.map((item) => plainJson(item, value.reading)).join(",")}]`;
    case "map": {
      const fields = value.fields.map((one) => `${JSON.stringify(one.name)}:${plainJson(one.value, value.reading)}`);
      const map = `{${fields.join(",")}}`;
      const isAmbiguous = value.reading === "typed" && value.fields.some((one) => ESCAPES.has(one.name));
      return isAmbiguous ? `{"$M":${map}}` : map;
    }
    default:
      return value.text;
  }
}

const ESCAPES = new Set(["$B", "$SS", "$NS", "$BS", "$N", "$M"]);

/** Whether JSON can write a number so. */
export function isJsonNumber(text: string): boolean {
  return /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.test(text);
}

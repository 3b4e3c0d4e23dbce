// Attribute values of DynamoDB as typed JSON: `{"S": "text"}`, `{"N": "1"}`.

import { isObject, type Json, type JsonObject, parse, stringify } from "../api/json";
import { texts } from "../texts";

/** The types of attribute values. */
export const TAGS = ["S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M"] as const;

/** The type of an attribute value. */
export type Tag = (typeof TAGS)[number];

/** The type and content of an attribute value, or nothing if it is none. */
export function untag(value: Json | undefined): { tag: Tag; content: Json } | undefined {
  if (!isObject(value)) return undefined;
  const [entry, ...others] = Object.entries(value);
  if (entry === undefined || others.length > 0) return undefined;
  const tag = TAGS.find((tag) => tag === entry[0]);
  return tag === undefined ? undefined : { tag, content: entry[1] };
}

/** A value as one line of text, as a cell shows it. Long ones are cut: nobody reads them in a cell. */
export function preview(value: Json | undefined, most = 160): string {
  const tagged = untag(value);
  if (!tagged) return value === undefined ? "" : stringify(value).slice(0, most);
  const { tag, content } = tagged;
  switch (tag) {
    case "S":
      return String(content).slice(0, most);
    case "N":
      return String(content);
    case "BOOL":
      return String(content);
    case "NULL":
      return "null";
    case "B":
      return hex(String(content), most);
    case "SS":
    case "NS":
    case "BS": {
      const members = Array.isArray(content) ? content : [];
      const shown = members.slice(0, 20).map((member) => (tag === "BS" ? hex(String(member), 40) : String(member)));
      return `{${shown.join(", ")}${members.length > 20 ? ", …" : ""}}`.slice(0, most);
    }
    case "L": {
      const members = Array.isArray(content) ? content : [];
      return cut(`[${members.slice(0, 20).map((member) => preview(member, 40)).join(", ")}${members.length > 20 ? ", …" : ""}]`, most);
    }
    case "M": {
      // The service returns attributes in any order, so rows would differ where their values do not.
      const members = Object.entries(isObject(content) ? content : {}).sort(([a], [b]) => (a < b ? -1 : 1));
      return cut(`{${members.slice(0, 20).map(([name, member]) => `${name}: ${preview(member, 40)}`).join(", ")}${members.length > 20 ? ", …" : ""}}`, most);
    }
  }
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** Binary data as hexadecimal digits. */
export function hex(base64: string, most = Number.POSITIVE_INFINITY): string {
  let bytes: string;
  try {
    bytes = atob(base64);
  } catch {
    return base64;
  }
  let digits = "0x";
  for (let index = 0; index < bytes.length && digits.length < most; index += 1) digits += bytes.charCodeAt(index).toString(16).padStart(2, "0");
  return digits.length < bytes.length * 2 + 2 ? `${digits}…` : digits;
}

/**
 * The text with which people edit a value. Nested values and sets are JSON. So is a text with a carriage return
 * (`isJson`), because the fields of forms change it: they have only line feeds.
 */
export function editText(value: Json): { tag: Tag; text: string; isJson?: boolean } | undefined {
  const tagged = untag(value);
  if (!tagged) return undefined;
  const { tag, content } = tagged;
  if (tag === "B") return { tag, text: hex(String(content)) };
  if (tag === "S" && String(content).includes("\r")) return { tag, text: JSON.stringify(content), isJson: true };
  if (tag === "S" || tag === "N" || tag === "BOOL") return { tag, text: String(content) };
  if (tag === "NULL") return { tag, text: "" };
  const line = stringify(content);
  return { tag, text: line.length <= 48 ? line : stringify(content, 2) };
}

/** A value, or why a text is none of this type. */
export type Read = { value: JsonObject; fault?: undefined } | { value?: undefined; fault: string };

/** Reads the text of a value. With `isJson`, that of a text is JSON too. */
export function readText(tag: Tag, text: string, isJson = false): Read {
  switch (tag) {
    case "S":
      return isJson ? readJsonText(text) : { value: { S: text } };
    case "N": {
      const number = text.trim();
      return isNumber(number) ? { value: { N: number } } : { fault: texts.tables.notNumber };
    }
    case "B": {
      const base64 = toBase64(text.trim());
      return base64 === undefined ? { fault: texts.tables.notBase64 } : { value: { B: base64 } };
    }
    case "BOOL": {
      const word = text.trim().toLowerCase();
      return word === "true" || word === "false" ? { value: { BOOL: word === "true" } } : { fault: texts.tables.notBoolean };
    }
    case "NULL":
      return { value: { NULL: true } };
    default:
      try {
        const content = parse(text);
        if (tag === "M" ? isObject(content) : Array.isArray(content)) return { value: { [tag]: content } };
        return { fault: tag === "M" ? texts.tables.needsObject : texts.tables.needsArray };
      } catch (error) {
        return { fault: error instanceof Error ? located(text, error.message) : String(error) };
      }
  }
}

function readJsonText(text: string): Read {
  try {
    const content = parse(text);
    return typeof content === "string" ? { value: { S: content } } : { fault: texts.tables.needsText };
  } catch (error) {
    return { fault: error instanceof Error ? located(text, error.message) : String(error) };
  }
}

/** Whether a text is a number for DynamoDB, which keeps 38 digits. */
export function isNumber(text: string): boolean {
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$/.test(text)) return false;
  const digits = text.replace(/[eE].*$/, "").replace(/[^\d]/g, "").replace(/^0+/, "").replace(/0+$/, "");
  return digits.length <= 38;
}

/** Binary data from hexadecimal digits after 0x, or from Base64. */
function toBase64(text: string): string | undefined {
  if (/^0x([0-9a-f]{2})*$/i.test(text)) {
    let bytes = "";
    for (let index = 2; index < text.length; index += 2) bytes += String.fromCharCode(Number.parseInt(text.slice(index, index + 2), 16));
    return btoa(bytes);
  }
  return /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text) ? text : undefined;
}

/** Replaces the position in a parser's message by line and column. */
export function located(text: string, message: string): string {
  return message.replace(/ at position (\d+)/, (_, position: string) => {
    const before = text.slice(0, Number(position)).split("\n");
    return ` (${texts.tables.lineColumn(before.length, (before.at(-1)?.length ?? 0) + 1)})`;
  });
}

// A request as the user has put it together, and as it is sent.

import { BOUND, type Call, url } from "../api/client";
import type { Options } from "../api/types";
import { parseDocument, placeholders, type Document } from "../schema/document";

/** A value for a placeholder: a text, or JSON. */
export interface BoundValue {
  readonly kind: "text" | "json";
  readonly text: string;
}

/** The values by the names of their placeholders. */
export type BoundValues = ReadonlyMap<string, BoundValue>;

/** What the options of a call may be. */
export interface RequestOptions {
  readonly format: "typed" | "plain";
  readonly pages: "one" | "all";
  readonly maxItems: string;
  readonly deadline: string;
  readonly resubmit: boolean;
  readonly strict: boolean;
}

/** The options of a call if nobody chooses others: those of the API. */
export const DEFAULT_OPTIONS: RequestOptions = {
  format: "typed",
  pages: "one",
  maxItems: "",
  deadline: "",
  resubmit: false,
  strict: true,
};

/** A request. */
export interface Request {
  readonly datasource: string;
  readonly action: string;
  /** The input, which may have comments, trailing commas and placeholders. */
  readonly text: string;
  readonly values: BoundValues;
  readonly options: RequestOptions;
}

/** The call that sends a request. A text with placeholders is sent as a template with its values. */
export function callOf(request: Request, signal?: AbortSignal): Call {
  const { body, contentType } = bodyOf(request);
  return {
    method: "POST",
    path: ["v1", "datasources", request.datasource, "actions", request.action],
    query: queryOf(request.options),
    body,
    contentType,
    signal,
  };
}

/** The path and query of a request. */
export function pathOf(request: Request): string {
  return url(callOf(request));
}

/** The body of a request, and its media type. */
export function bodyOf({ text, values }: Request): { body: string; contentType: string } {
  const names = placeholders(parseDocument(text));
  if (names.length === 0) return { body: text, contentType: "application/json" };
  const bound = names.map((name) => `${JSON.stringify(name)}: ${valueJson(values.get(name))}`);
  return { body: `{"template": ${JSON.stringify(text)}, "values": {${bound.join(", ")}}}`, contentType: BOUND };
}

/** A value as JSON. One that nobody has entered yet is an empty text. */
export function valueJson(value: BoundValue | undefined): string {
  if (!value) return '""';
  return value.kind === "text" ? JSON.stringify(value.text) : value.text.trim();
}

/** What is wrong with a value. */
export function valueMistake(value: BoundValue | undefined): "empty" | "not-json" | undefined {
  if (!value || value.kind === "text") return undefined;
  if (value.text.trim() === "") return "empty";
  const { root, mistakes, comments } = parseDocument(value.text);
  // It is copied into the body, so it must be strict JSON: no comments, trailing commas or placeholders.
  const isStrict =
    root && mistakes.length === 0 && comments.length === 0 && !/,\s*[}\]]/.test(withoutStrings(value.text));
  return isStrict && placeholders({ root } as Document).length === 0 ? undefined : "not-json";
}

function withoutStrings(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"/g, '""');
}

/** The query of a call. Options that are as the API has them without are left out. */
export function queryOf(options: RequestOptions): Options {
  const isAll = options.pages === "all";
  return {
    format: options.format === "typed" ? undefined : options.format,
    pages: isAll ? "all" : undefined,
    maxItems: isAll && options.maxItems !== "" ? options.maxItems : undefined,
    deadline: options.deadline === "" ? undefined : options.deadline,
    resubmit: options.resubmit ? "true" : undefined,
    strict: options.strict ? undefined : "false",
  };
}

/**
 * The request for the next page: the cursor is put into the field of the input that takes it. The rest of the text stays
 * as it is.
 */
export function withCursor(request: Request, fieldName: string, cursor: string): Request {
  const document = parseDocument(request.text);
  const { root, text } = document;
  // In a template, two braces within a text would be taken for a placeholder. Escaped, they are the same text.
  const isTemplate = placeholders(document).length > 0;
  const written = isTemplate ? cursor.replaceAll("{{", "\\u007b\\u007b") : cursor;
  const value = isTemplate && written !== cursor ? escapeOnlyInTexts(cursor) : cursor;
  if (root?.kind !== "object") return { ...request, text: `{${JSON.stringify(fieldName)}: ${value}}` };
  const present = root.fields.findLast((one) => one.name === fieldName);
  const next = present
    ? text.slice(0, present.value.from) + value + text.slice(present.value.to)
    : `${text.slice(0, root.from + 1)}${JSON.stringify(fieldName)}: ${value}, ${text.slice(root.from + 1)}`;
  return { ...request, text: next };
}

/** Escapes braces in the texts of a JSON value. Those of objects stay. */
function escapeOnlyInTexts(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"/g, (one) => one.replaceAll("{{", "\\u007b\\u007b"));
}

// Finds the rows of a response, the cursor to the next page, and what the response says about itself.

import type { Action, Paging } from "../api/types";
import { field, type Document, type Node } from "../schema/document";
import { formatPointer } from "../schema/pointer";
import type { Reading } from "./value";

/** A row of a table. */
export interface Row {
  readonly node: Node;
  readonly source: string;
  /** How the row's fields are to be read. */
  readonly reading: Reading;
  /** The table that the row comes from, if a response has rows of several. */
  readonly table?: string;
}

/** What was found in a response. */
export interface Found {
  readonly rows: readonly Row[];
  /** Whether the rows are a list, and not one object. */
  readonly isList: boolean;
  /** The name of the only column of rows that are not objects. */
  readonly single: string;
  /** The cursor to the next page, as JSON. */
  readonly cursor: string | undefined;
  /** `Count` and `ScannedCount`. */
  readonly count: string | undefined;
  readonly scanned: string | undefined;
  readonly capacity: readonly Capacity[];
  /** What the service did not do, in words. */
  readonly missing: readonly Missing[];
}

/** The capacity that a table's part of the call took. */
export interface Capacity {
  readonly table: string;
  /** A decimal number, as the service wrote it. */
  readonly units: string;
}

/** A part of a batch that was not done. */
export type Missing =
  | { readonly kind: "unprocessed"; readonly tables: readonly string[] }
  | { readonly kind: "statement"; readonly position: number; readonly code: string; readonly message: string };

/** Finds everything in a response. */
export function found(document: Document, action: Pick<Action, "paging">, format: "typed" | "plain"): Found {
  const { root, text } = document;
  const rows = rowsOf(document, action.paging, format);
  return {
    ...rows,
    cursor: cursorOf(root, action.paging, text),
    count: number(field(root, "Count")),
    scanned: number(field(root, "ScannedCount")),
    capacity: capacityOf(root),
    missing: missingOf(root),
  };
}

function rowsOf(
  { root, text: source }: Document,
  paging: Paging | null,
  format: "typed" | "plain",
): Pick<Found, "rows" | "isList" | "single"> {
  const row = (node: Node, reading: Reading, table?: string): Row => ({
    node,
    source,
    reading,
    ...(table === undefined ? {} : { table }),
  });
  const list = (nodes: readonly Node[], reading: Reading, single: string) => ({
    rows: nodes.map((node) => row(node, reading)),
    isList: true,
    single,
  });
  const results = paging && field(root, paging.results);
  if (results?.kind === "array") {
    return list(results.items, ATTRIBUTES.has(paging?.results ?? "") ? format : "json", paging?.results ?? "");
  }
  for (const name of ["Item", "Attributes"]) {
    const item = field(root, name);
    if (item?.kind === "object") return { rows: [row(item, format)], isList: false, single: name };
  }
  const responses = field(root, "Responses");
  if (responses?.kind === "object") {
    const rows = responses.fields.flatMap(({ name, value }) =>
      value.kind === "array" ? value.items.map((item) => row(item, format, name)) : [],
    );
    return { rows, isList: true, single: "Responses" };
  }
  if (responses?.kind === "array") {
    const items = responses.items.flatMap((item) => field(item, "Item") ?? []);
    return list(items, format, "Responses");
  }
  const items = field(root, "Items");
  if (items?.kind === "array") return list(items.items, format, "Items");
  if (root?.kind === "object" && root.fields.length > 0) {
    return { rows: [row(root, "json")], isList: false, single: "" };
  }
  return { rows: [], isList: paging !== null, single: "" };
}

/** The fields of a response whose objects have attribute values. */
const ATTRIBUTES = new Set(["Items", "Item", "Attributes", "Responses"]);

/** The pointer patterns of a response below which there are attribute values: for the tree. */
export function readingAt(path: readonly (string | number)[], format: "typed" | "plain"): Reading {
  const shape = formatPointer(path.map((part) => (typeof part === "number" ? "*" : part)));
  if (/^\/(Items\/\*|Item|Attributes|LastEvaluatedKey)\/[^/]+$/.test(shape)) return format;
  if (/^\/Responses\/(\*\/Item|[^/]+\/\*)\/[^/]+$/.test(shape)) return format;
  if (/^\/UnprocessedKeys\/[^/]+\/Keys\/\*\/[^/]+$/.test(shape)) return format;
  if (/^\/UnprocessedItems\/[^/]+\/\*\/(PutRequest\/Item|DeleteRequest\/Key)\/[^/]+$/.test(shape)) return format;
  return "json";
}

function cursorOf(root: Node | undefined, paging: Paging | null, text: string): string | undefined {
  const cursor = paging && field(root, paging.output);
  if (!cursor || cursor.kind === "null" || cursor.kind === "missing") return undefined;
  return text.slice(cursor.from, cursor.to);
}

function capacityOf(root: Node | undefined): Capacity[] {
  const capacity = field(root, "ConsumedCapacity");
  const parts = capacity?.kind === "array" ? capacity.items : capacity ? [capacity] : [];
  return parts.flatMap((part) => {
    const units = number(field(part, "CapacityUnits"));
    return units === undefined ? [] : [{ table: text(field(part, "TableName")), units }];
  });
}

function missingOf(root: Node | undefined): Missing[] {
  const missing: Missing[] = [];
  for (const name of ["UnprocessedKeys", "UnprocessedItems"]) {
    const left = field(root, name);
    if (left?.kind === "object" && left.fields.length > 0) {
      missing.push({ kind: "unprocessed", tables: left.fields.map((one) => one.name) });
    }
  }
  const responses = field(root, "Responses");
  for (const [index, one] of responses?.kind === "array" ? responses.items.entries() : []) {
    const error = field(one, "Error");
    if (error?.kind !== "object") continue;
    const [code, message] = [text(field(error, "Code")), text(field(error, "Message"))];
    missing.push({ kind: "statement", position: index + 1, code, message });
  }
  return missing;
}

function number(node: Node | undefined): string | undefined {
  return node?.kind === "number" ? node.text : undefined;
}

function text(node: Node | undefined): string {
  return node?.kind === "string" ? node.value : "";
}

// The items that were found, for an export.

import { type JsonObject, LosslessNumber, parse, stringify } from "../api/json";
import type { Table } from "../api/types";
import { DEFAULT_OPTIONS } from "../query/request";
import type { Exportable } from "../results/export";
import { found, type Row as FoundRow } from "../results/found";
import { field, parseDocument } from "../schema/document";
import type { Reading } from "./reading";
import { LIMITS } from "./search";

const PAGING = { input: "ExclusiveStartKey", output: "LastEvaluatedKey", results: "Items" };

/** The items that are shown, as a response that has them all, and the search that continues after them. */
export function exportable(datasource: string, table: Table, { rows, cursor, request }: Reading): Exportable {
  const action = { name: request?.action ?? "Scan", paging: PAGING };
  const items = rows.map((row) => row.item);
  const response: JsonObject = cursor === undefined ? { Items: items } : { Items: items, LastEvaluatedKey: cursor };
  // The pages are not looked at, so they may be large ones.
  const input: JsonObject = { ...request?.input, Limit: new LosslessNumber(String(LIMITS.at(-1))) };
  const known = new Set(rows.map((row) => row.id));
  return {
    request: { datasource, action: action.name, text: stringify(input), values: new Map(), options: DEFAULT_OPTIONS },
    action,
    pages: [{ found: found(parseDocument(stringify(response)), action, "typed") }],
    // An item that was inserted here may be read later.
    isKnown: (row) => known.has(idOf(table, row)),
  };
}

/** The primary key as text, as rows of this view have it. */
function idOf(table: Table, { node, source }: FoundRow): string {
  const entries = table.keys.flatMap(({ name }) => {
    const value = field(node, name);
    return value === undefined ? [] : [[name, parse(source.slice(value.from, value.to))]];
  });
  return stringify(Object.fromEntries(entries) as JsonObject);
}

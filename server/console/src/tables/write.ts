// The requests that change items, each on the condition that nobody else has changed the item since it was read.

import { type Json, type JsonObject, own, stringify } from "../api/json";
import type { Table } from "../api/types";
import { Parts } from "./request";

/** An action with its input. */
export interface Change {
  action: "PutItem" | "UpdateItem" | "DeleteItem" | "TransactWriteItems";
  input: JsonObject;
  /** Whether all attributes are compared. The service's limits on expressions do not allow that for very many. */
  comparesAll: boolean;
}

/** An expression has at most 4 KB and 300 operators; a comparison has some 15 bytes. */
const MOST_COMPARED = 200;

/** The primary key of an item, or nothing if an attribute of it is missing. */
export function keyOf(table: Table, item: JsonObject): JsonObject | undefined {
  const entries = table.keys.map(({ name }) => [name, own(item, name)] as const);
  if (entries.some(([, value]) => value === undefined)) return undefined;
  return Object.fromEntries(entries) as JsonObject;
}

/** Whether two values are written alike. */
export function same(a: Json | undefined, b: Json | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && stringify(a) === stringify(b));
}

/** Inserts an item that must not exist. */
export function insertion(table: Table, item: JsonObject): Change {
  return { action: "PutItem", input: { TableName: table.name, Item: item, ...absent(table) }, comparesAll: true };
}

/** Deletes an item as it was read. */
export function deletion(table: Table, item: JsonObject): Change {
  const { fields, comparesAll } = unchanged(item, Object.keys(item));
  return { action: "DeleteItem", input: { TableName: table.name, Key: keyOf(table, item) ?? {}, ...fields, ...returned }, comparesAll };
}

/**
 * Changes an item. Only what has changed is sent, so an attribute that somebody added meanwhile stays. Nothing if
 * nothing has changed.
 */
export function change(table: Table, before: JsonObject, after: JsonObject): Change | undefined {
  const set = Object.keys(after).filter((name) => !same(own(before, name), own(after, name)));
  const removed = Object.keys(before).filter((name) => own(after, name) === undefined);
  if (set.length === 0 && removed.length === 0) return undefined;
  if (table.keys.some(({ name }) => !same(own(before, name), own(after, name)))) return move(table, before, after);

  const parts = new Parts();
  const updates: string[] = [];
  if (set.length > 0) updates.push(`SET ${set.map((name) => `${parts.name(name)} = ${parts.typed(own(after, name) ?? null)}`).join(", ")}`);
  if (removed.length > 0) updates.push(`REMOVE ${removed.map((name) => parts.name(name)).join(", ")}`);
  const { condition, comparesAll } = comparison(parts, before, [...set, ...removed]);
  const input: JsonObject = {
    TableName: table.name,
    Key: keyOf(table, before) ?? {},
    UpdateExpression: updates.join(" "),
    ConditionExpression: condition,
    ...parts.fields(),
    ReturnValues: "ALL_NEW",
    ...returned,
  };
  return { action: "UpdateItem", input, comparesAll };
}

/** A key cannot be changed: the old item goes and the new one comes, both or neither. */
function move(table: Table, before: JsonObject, after: JsonObject): Change {
  const { fields, comparesAll } = unchanged(before, Object.keys(before));
  const input: JsonObject = {
    TransactItems: [
      { Delete: { TableName: table.name, Key: keyOf(table, before) ?? {}, ...fields } },
      { Put: { TableName: table.name, Item: after, ...absent(table) } },
    ],
  };
  return { action: "TransactWriteItems", input, comparesAll };
}

/** On failure the response has the item as it is now. */
const returned: JsonObject = { ReturnValuesOnConditionCheckFailure: "ALL_OLD" };

function absent(table: Table): JsonObject {
  const parts = new Parts();
  const condition = `attribute_not_exists(${parts.name(table.keys[0]?.name ?? "")})`;
  return { ConditionExpression: condition, ...parts.fields() };
}

function unchanged(before: JsonObject, important: string[]): { fields: JsonObject; comparesAll: boolean } {
  const parts = new Parts();
  const { condition, comparesAll } = comparison(parts, before, important);
  return { fields: { ConditionExpression: condition, ...parts.fields() }, comparesAll };
}

/** Compares all attributes, or, if they are too many, as many of the important ones as fit. */
function comparison(parts: Parts, before: JsonObject, important: string[]): { condition: string; comparesAll: boolean } {
  const all = [...new Set([...important, ...Object.keys(before)])];
  const compared = all.slice(0, MOST_COMPARED);
  const condition = compared
    .map((name) => {
      const value = own(before, name);
      return value === undefined ? `attribute_not_exists(${parts.name(name)})` : `${parts.name(name)} = ${parts.typed(value)}`;
    })
    .join(" AND ");
  return { condition, comparesAll: compared.length === all.length };
}

/** The service's limit of one batch. */
const BATCH = 25;

/** Batches that delete items by their keys, without a condition: a batch can have none. */
export function deletionBatches(table: Table, keys: JsonObject[]): { input: JsonObject; keys: JsonObject[] }[] {
  const batches = [];
  for (let start = 0; start < keys.length; start += BATCH) {
    const some = keys.slice(start, start + BATCH);
    batches.push({ input: { RequestItems: { [table.name]: some.map((Key) => ({ DeleteRequest: { Key } })) } }, keys: some });
  }
  return batches;
}

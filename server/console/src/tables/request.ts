// The request of a search: a Query if the partition key is given, otherwise a Scan.

import { type JsonObject, LosslessNumber } from "../api/json";
import type { Key, Table } from "../api/types";
import { texts } from "../texts";
import { readText, type Tag } from "./attribute";
import { type Filter, isEmpty, type Search, splitValues, valuesOf } from "./search";

/** A request, and what is wrong with the search: messages by `partition`, `sort` and `filter.N`. */
export interface Built {
  action: "Query" | "Scan";
  input: JsonObject;
  faults: Record<string, string>;
}

/** The key attributes of what a search reads from. */
export function keysOf(table: Table, index: string): { partition: Key | undefined; sort: Key | undefined } {
  const keys = table.indexes.find((one) => one.name === index)?.keys ?? table.keys;
  return { partition: keys.find((key) => key.role === "partition"), sort: keys.find((key) => key.role === "sort") };
}

/** Builds the request. */
export function build(table: Table, search: Search): Built {
  const { partition, sort } = keysOf(table, search.index);
  const parts = new Parts();
  const faults: Record<string, string> = {};
  const conditions: string[] = [];
  const isQuery = search.partition !== "" && partition !== undefined;
  if (isQuery) {
    attempt(faults, "partition", () => conditions.push(`${parts.name(partition.name)} = ${parts.value(partition.type as Tag, search.partition)}`));
    if (sort && !isEmpty(search.sort)) {
      attempt(faults, "sort", () => conditions.push(condition(parts, { attribute: sort.name, type: sort.type as Tag, operator: search.sort.operator, values: search.sort.values })));
    }
  }
  const filters: string[] = [];
  search.filters.forEach((filter, index) => {
    attempt(faults, `filter.${index}`, () => {
      if (isQuery && (filter.attribute === partition.name || filter.attribute === sort?.name)) throw new Fault(texts.tables.keyInFilter);
      filters.push(condition(parts, filter));
    });
  });
  const input: JsonObject = { TableName: table.name };
  if (search.index !== "") input["IndexName"] = search.index;
  if (isQuery) input["KeyConditionExpression"] = conditions.join(" AND ");
  if (filters.length > 0) input["FilterExpression"] = filters.join(" AND ");
  Object.assign(input, parts.fields());
  if (isQuery && search.descending) input["ScanIndexForward"] = false;
  input["Limit"] = new LosslessNumber(String(search.limit));
  input["ReturnConsumedCapacity"] = "TOTAL";
  return { action: isQuery ? "Query" : "Scan", input, faults };
}

/** Something that people have to change. */
class Fault extends Error {}

function attempt(faults: Record<string, string>, place: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    faults[place] = error.message;
  }
}

function condition(parts: Parts, { attribute, operator, type, values }: Filter): string {
  if (attribute === "") throw new Fault(texts.tables.noAttribute);
  const given = values.slice(0, valuesOf(operator));
  // The empty text is a text like others, but more often a field that people forgot.
  if (given.some((text) => text === "") && type !== "NULL") throw new Fault(texts.tables.noValue);
  const name = parts.name(attribute);
  const value = (text: string, as: Tag = type) => parts.value(as, text);
  const [first, second] = values;
  switch (operator) {
    case "between":
      return `${name} BETWEEN ${value(first)} AND ${value(second)}`;
    case "begins_with":
    case "contains":
      return `${operator}(${name}, ${value(first)})`;
    case "not_contains":
      return `NOT contains(${name}, ${value(first)})`;
    case "in": {
      const list = splitValues(first);
      if (list.length === 0) throw new Fault(texts.tables.noValue);
      if (list.length > 100) throw new Fault(texts.tables.tooManyValues);
      return `${name} IN (${list.map((text) => value(text)).join(", ")})`;
    }
    case "exists":
      return `attribute_exists(${name})`;
    case "not_exists":
      return `attribute_not_exists(${name})`;
    case "type":
      return `attribute_type(${name}, ${value(first, "S")})`;
    case "size=":
    case "size<":
    case "size>":
      return `size(${name}) ${operator.slice(4)} ${value(first, "N")}`;
    default:
      return `${name} ${operator} ${value(first)}`;
  }
}

/** The names and values of an expression. Placeholders stand for all of them, since a name may be a reserved word. */
export class Parts {
  private readonly names = new Map<string, string>();
  private readonly values: JsonObject = {};
  private count = 0;

  /** The placeholder of a name. */
  name(attribute: string): string {
    const known = this.names.get(attribute);
    if (known !== undefined) return known;
    const placeholder = `#n${this.names.size}`;
    this.names.set(attribute, placeholder);
    return placeholder;
  }

  /** The placeholder of a value that people typed. */
  value(tag: Tag, text: string): string {
    const { value, fault } = readText(tag, text);
    if (value === undefined) throw new Fault(fault);
    return this.typed(value);
  }

  /** The placeholder of an attribute value. */
  typed(value: JsonObject[string]): string {
    const placeholder = `:v${this.count}`;
    this.count += 1;
    this.values[placeholder] = value;
    return placeholder;
  }

  /** The fields of the request. */
  fields(): JsonObject {
    const fields: JsonObject = {};
    if (this.names.size > 0) fields["ExpressionAttributeNames"] = Object.fromEntries([...this.names].map(([attribute, placeholder]) => [placeholder, attribute]));
    if (this.count > 0) fields["ExpressionAttributeValues"] = this.values;
    return fields;
  }
}

// What people look for in a table, and its form in the URL.

import { isNumber, type Tag, TAGS } from "./attribute";

/** The operators of a sort key. */
export const SORT_OPERATORS = ["=", "<", "<=", ">", ">=", "between", "begins_with"] as const;

/** The operators of filters. */
export const FILTER_OPERATORS = [
  "=", "<>", "<", "<=", ">", ">=", "between", "begins_with", "contains", "not_contains", "in", "exists", "not_exists", "type", "size=", "size<", "size>",
] as const;

/** An operator of a filter. */
export type Operator = (typeof FILTER_OPERATORS)[number];

/** One condition on an attribute. */
export interface Filter {
  attribute: string;
  operator: Operator;
  type: Tag;
  /** As many texts as the operator has values; for `in` one text with commas. */
  values: [string, string];
}

/** A search. Empty texts are conditions that are not set. */
export interface Search {
  /** The index to read from, or the table itself. */
  index: string;
  partition: string;
  sort: { operator: (typeof SORT_OPERATORS)[number]; values: [string, string] };
  filters: Filter[];
  descending: boolean;
  limit: number;
}

/** Reads everything. */
export const EVERYTHING: Search = { index: "", partition: "", sort: { operator: "=", values: ["", ""] }, filters: [], descending: false, limit: 100 };

/** The pages that people can choose. */
export const LIMITS = [25, 100, 500, 1000];

/** A filter that is not filled in yet. */
export const EMPTY_FILTER: Filter = { attribute: "", operator: "=", type: "S", values: ["", ""] };

/** The number of values of an operator. */
export function valuesOf(operator: string): 0 | 1 | 2 {
  if (operator === "exists" || operator === "not_exists") return 0;
  return operator === "between" ? 2 : 1;
}

/** Whether a condition on the sort key has no value. */
export function isEmpty({ operator, values }: Search["sort"]): boolean {
  return values.slice(0, valuesOf(operator)).every((text) => text === "");
}

/** The parameters of the URL for a search. Those of `EVERYTHING` are absent. */
export function toParams(search: Search): Record<string, string | undefined> {
  const { sort, filters } = search;
  return {
    index: search.index || undefined,
    pk: search.partition || undefined,
    sk: isEmpty(sort) ? undefined : JSON.stringify([sort.operator, ...sort.values.slice(0, valuesOf(sort.operator))]),
    filter: filters.length === 0 ? undefined : JSON.stringify(filters.map(({ attribute, operator, type, values }) => [attribute, operator, type, ...values.slice(0, valuesOf(operator))])),
    order: search.descending ? "descending" : undefined,
    limit: search.limit === EVERYTHING.limit ? undefined : String(search.limit),
  };
}

/** The search of a URL. What it does not understand is left out: people edit URLs, and old ones are opened again. */
export function fromParams(params: URLSearchParams): Search {
  const sort = strings(params.get("sk"));
  const filters = list(params.get("filter")).flatMap((entry): Filter[] => {
    if (!Array.isArray(entry) || !entry.every((text) => typeof text === "string")) return [];
    const [attribute = "", operator, type, first = "", second = ""] = entry as string[];
    const known = FILTER_OPERATORS.find((known) => known === operator);
    return known === undefined ? [] : [{ attribute, operator: known, type: TAGS.find((known) => known === type) ?? "S", values: [first, second] }];
  });
  const limit = Number(params.get("limit"));
  return {
    index: params.get("index") ?? "",
    partition: params.get("pk") ?? "",
    sort: { operator: SORT_OPERATORS.find((known) => known === sort[0]) ?? "=", values: [sort[1] ?? "", sort[2] ?? ""] },
    filters,
    descending: params.get("order") === "descending",
    limit: Number.isInteger(limit) && limit > 0 && limit <= 10_000 ? limit : EVERYTHING.limit,
  };
}

function list(text: string | null): unknown[] {
  try {
    const value: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function strings(text: string | null): string[] {
  return list(text).filter((value): value is string => typeof value === "string");
}

/** The values of a text with commas. Quotes keep a comma or a space: `a, "b, c"`. */
export function splitValues(text: string): string[] {
  const values = text.match(/\s*"(?:[^"\\]|\\.)*"\s*(?=,|$)|[^,]+/g) ?? [];
  return values.flatMap((value) => {
    const trimmed = value.trim();
    if (/^".*"$/s.test(trimmed)) {
      try {
        return [JSON.parse(trimmed) as string];
      } catch {
        return [trimmed];
      }
    }
    return trimmed === "" ? [] : [trimmed];
  });
}

/** The type of the values that an attribute of this type is compared with: those in a set, for a set. A list or a map says nothing about them. */
export function comparedType(tag: Tag | undefined): Tag | undefined {
  if (tag === "SS" || tag === "NS" || tag === "BS") return tag.slice(0, 1) as Tag;
  return tag === "L" || tag === "M" ? undefined : tag;
}

/** The type that what people have typed for an operator looks like. A part of a text may be digits and is still text. */
export function guessFor(operator: Operator, text: string): Tag {
  if (operator === "begins_with" || operator === "contains" || operator === "not_contains") return "S";
  const [first = "S", ...others] = new Set((operator === "in" ? splitValues(text) : [text]).map(guessType));
  return others.length === 0 ? first : "S";
}

/** The type that a text looks like, for an attribute of which nothing is known. */
export function guessType(text: string): Tag {
  if (text === "true" || text === "false") return "BOOL";
  return text !== "" && isNumber(text) ? "N" : "S";
}

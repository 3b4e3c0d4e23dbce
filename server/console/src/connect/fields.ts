// The fields of a form, from the JSON Schema of settings or credentials.

import type { Schema } from "../api/types";
import { texts } from "../texts";

/** A value that a list offers. */
export interface Choice {
  value: string;
  title?: string;
}

/** A text that is not in the list. */
export interface FreeText {
  /** What it must match. Without it any text may be given. */
  pattern?: string;
  /** What it begins with, if `pattern` says just that. */
  prefix?: string;
}

/** One field of a form. */
export interface Field {
  name: string;
  title: string;
  description: string | undefined;
  required: boolean;
  kind: "text" | "choice" | "number" | "boolean";
  choices: Choice[];
  /** For a choice: which other texts are allowed. */
  free: FreeText[];
  minimum: number | undefined;
  maximum: number | undefined;
  whole: boolean;
  secret: boolean;
  example: string | undefined;
}

/** What people entered: texts, by the names of fields. The empty text is a field that is not set. */
export type Entered = Record<string, string>;

/** A message for each field that has one. */
export type Faults = Record<string, string>;

/** The fields of an object's schema: required ones first, then in the order of the schema. */
export function fieldsOf(schema: Schema): Field[] {
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties ?? {}).map(([name, property]) => field(name, property, required.has(name)));
  return [...fields.filter((field) => field.required), ...fields.filter((field) => !field.required)];
}

function field(name: string, schema: Schema, required: boolean): Field {
  const options = schema.anyOf ?? (schema.enum ?? []).map((value): Schema => ({ const: value }));
  const choices: Choice[] = [];
  const free: FreeText[] = [];
  for (const option of options) {
    if (typeof option.const === "string") choices.push(option.title === undefined ? { value: option.const } : { value: option.const, title: option.title });
    else free.push(freeText(option.pattern));
  }
  const example = schema.examples?.[0];
  const fieldKind = kind(schema, choices);
  return {
    name,
    title: schema.title ?? name,
    description: fieldKind === "choice" ? withoutExamples(schema.description) : schema.description,
    required,
    kind: fieldKind,
    choices,
    free,
    minimum: schema.minimum,
    maximum: schema.maximum,
    whole: schema.type === "integer",
    secret: schema.writeOnly === true,
    example: typeof example === "string" ? example : undefined,
  };
}

function kind(schema: Schema, choices: Choice[]): Field["kind"] {
  if (choices.length > 0) return "choice";
  if (schema.type === "boolean") return "boolean";
  return schema.type === "integer" || schema.type === "number" ? "number" : "text";
}

/** The plugin's examples may be values that the template does not allow. The list has those that it does. */
function withoutExamples(description: string | undefined): string | undefined {
  return description?.replace(/, such as .*?(?=\.(\s|$))/, "");
}

function freeText(pattern: string | undefined): FreeText {
  if (pattern === undefined) return {};
  const inner = /^\^((?:\\.|[^\\$.|?*+()[\]{}^])*)\.\+\$$/.exec(pattern)?.[1];
  return inner === undefined ? { pattern } : { pattern, prefix: inner.replace(/\\(.)/g, "$1") };
}

/** The value of a field for the API, or what is wrong with the text. */
export function checked(field: Field, text: string): { value?: string | number | boolean; fault?: string } {
  if (text === "") return field.required ? { fault: texts.connect.required } : {};
  if (field.kind === "boolean") return { value: text === "true" };
  if (field.kind === "number") return checkedNumber(field, text);
  if (field.kind === "choice" && !field.choices.some((choice) => choice.value === text)) {
    if (!field.free.some(({ pattern }) => matches(pattern, text))) return { fault: expected(field) };
  }
  return { value: text };
}

/** Whether a text matches. A pattern that browsers do not understand is left to the server. */
function matches(pattern: string | undefined, text: string): boolean {
  try {
    return pattern === undefined || new RegExp(pattern, "u").test(text);
  } catch {
    return true;
  }
}

function expected({ choices, free }: Field): string {
  const prefixes = free.flatMap(({ prefix }) => (prefix === undefined ? [] : [prefix]));
  if (prefixes.length > 0) return texts.connect.mustBegin(prefixes.join(", "));
  return texts.connect.oneOf(choices.map((choice) => choice.value).join(", "));
}

function checkedNumber(field: Field, text: string): { value?: number; fault?: string } {
  const { minimum = -Infinity, maximum = Infinity } = field;
  const number = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (number >= minimum && number <= maximum && (!field.whole || Number.isInteger(number))) return { value: number };
  const range = [String(field.minimum ?? "−∞"), String(field.maximum ?? "∞")] as const;
  return { fault: field.whole ? texts.connect.wholeNumberBetween(...range) : texts.connect.numberBetween(...range) };
}

/** The values of all fields that are set, and what is wrong with the others. */
export function read(fields: Field[], entered: Entered): { values: Record<string, string | number | boolean>; faults: Faults } {
  const values: Record<string, string | number | boolean> = {};
  const faults: Faults = {};
  for (const field of fields) {
    const { value, fault } = checked(field, (entered[field.name] ?? "").trim());
    if (fault !== undefined) faults[field.name] = fault;
    else if (value !== undefined) values[field.name] = value;
  }
  return { values, faults };
}

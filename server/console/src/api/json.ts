// JSON without loss: a number stays the text that it arrived as. DynamoDB's numbers have up to 38 digits, and a
// JavaScript number keeps 15 to 17 of them.

import { isLosslessNumber, LosslessNumber, parse as parseLossless, stringify as stringifyLossless } from "lossless-json";

/** A JSON value whose numbers keep every digit. */
export type Json = null | boolean | string | LosslessNumber | Json[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  [name: string]: Json;
}

export { isLosslessNumber, LosslessNumber };

/** Parses strict JSON. Throws a `SyntaxError` for anything else. */
export function parse(text: string): Json {
  return parseLossless(text) as Json;
}

/** Writes a value as JSON: on one line, or indented. */
export function stringify(value: Json, indent?: number): string {
  return stringifyLossless(value, undefined, indent) ?? "null";
}

/** Whether a value is an object, and not an array or a number. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isLosslessNumber(value);
}

/** A field of an object. Reading it directly would find what all JavaScript objects have, such as `constructor`. */
export function own(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

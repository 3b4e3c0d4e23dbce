import { expect, test } from "vitest";
import { isObject, parse, stringify } from "./json";

test("numbers of 38 digits and odd forms of numbers are written as they were read", () => {
  const text = '{"N":12345678901234567890123456789012345678,"e":1E-130,"z":-0,"t":1.10}';
  expect(stringify(parse(text))).toBe(text);
});

test("a field named __proto__ is a field like others", () => {
  const value = parse('{"__proto__":{"admin":true},"constructor":1}');
  expect(isObject(value)).toBe(true);
  expect(({} as Record<string, unknown>)["admin"]).toBeUndefined();
  expect(stringify(value)).toBe('{"__proto__":{"admin":true},"constructor":1}');
});

import { describe, expect, it } from "vitest";
import type { Schema } from "../api/types";
import { parseDocument } from "./document";
import { lint } from "./lint";
import { nearest } from "./nearest";

const VALUE: Schema = { description: 'an attribute value: {"S": "text"}, {"N": "1"} …, or ordinary JSON' };
const SCHEMA: Schema = {
  type: "object",
  additionalProperties: false,
  required: ["TableName"],
  properties: {
    TableName: { type: "string", minLength: 1, maxLength: 5 },
    Limit: { type: "integer", minimum: 1, maximum: 2147483647 },
    Rate: { type: "number" },
    Consistent: { type: "boolean" },
    Select: { type: "string", enum: ["COUNT", "ALL"] },
    Names: { type: "array", minItems: 1, maxItems: 2, items: { type: "string" } },
    Key: { type: "object", additionalProperties: VALUE },
    Inner: { type: "object", additionalProperties: false, properties: {} },
  },
};

function found(text: string, format: "typed" | "plain" = "typed"): string[] {
  return lint(parseDocument(text), SCHEMA, format).map(
    ({ from, to, message, pointer }) => `${text.slice(from, to)} ${pointer ?? ""}: ${message}`,
  );
}

/** One digit more than DynamoDB stores. */
const ONES = "1".repeat(39);
const inTable = (rest: string) => `{"TableName":"t",${rest}}`;

describe("an input", () => {
  it.each([
    ['{"TableName":"t"}'],
    [inTable('"Limit":2147483647,"Rate":1.5e3,"Consistent":true,"Select":"ALL","Names":["a","b"]')],
    [inTable('"Limit":null,"Names":[null],"Key":{"a":{"S":"x"},"b":5,"c":[null],"d":{"x":{"y":1}}}')],
    ['// comment\n{"TableName": {{t}}, "Limit": {{l}}, "Key": {"a": {"N": {{n}} } },}'],
    ['{"TableName":"é😀a"}'],
    [inTable('"Key":{"a":{"N":12345678901234567890123456789012345678},"m":{"M":{"S":{"S":"x"}}}}')],
  ])("without faults has none: %s", (text) => {
    expect(found(text)).toEqual([]);
  });

  it.each([
    ["", " /TableName: the field TableName is required, but it is missing"],
    ["{}", "{ /TableName: the field TableName is required, but it is missing"],
    ['{"TableName":null}', "null /TableName: the field TableName is required, but it is missing"],
    ["[]", "[ : expected an object, found an array"],
    ['{"TableName":5}', "5 /TableName: expected a string, found a number"],
    ['{"TableName":""}', '"" /TableName: expected at least 1 character, found 0'],
    ['{"TableName":"123456"}', '"123456" /TableName: expected at most 5 characters, found 6'],
    [inTable('"limit":1'), '"limit" /limit: unknown field; did you mean Limit?'],
    [inTable('"Inner":{"x":1}'), '"x" /Inner/x: unknown field; there are none here'],
    [inTable('"Limit":1,"Limit":2'), '"Limit" /Limit: this field appears twice in its object; remove one of the two'],
    [inTable('"Limit":"1"'), '"1" /Limit: expected a whole number, found a string'],
    [inTable('"Limit":1.0'), "1.0 /Limit: expected a whole number from 1 to 2147483647, found 1.0"],
    [
      inTable('"Limit":2147483648'),
      "2147483648 /Limit: expected a whole number from 1 to 2147483647, found 2147483648",
    ],
    [inTable('"Consistent":"true"'), '"true" /Consistent: expected true or false, found a string'],
    [inTable('"Select":"count"'), '"count" /Select: "count" is not one of COUNT, ALL; did you mean COUNT?'],
    [inTable('"Names":[]'), '"Names" /Names: expected at least 1 element, found 0'],
    [inTable('"Names":["a",1]'), "1 /Names/1: expected a string, found a number"],
    [inTable('"Key":[]'), '"Key" /Key: expected an object, found an array'],
    [inTable('"Key":{"a":{"N":true}}'), "true /Key/a/N: expected a number, or a number in a string, after N"],
    [
      inTable('"Key":{"a":{"SS":[]}}'),
      "[] /Key/a/SS: a set needs at least one element; omit the attribute or store an empty list",
    ],
    [inTable('"Key":{"a":{"L":[{"S":1}]}}'), "1 /Key/a/L/0/S: expected a string after S"],
    [inTable('"Key":{"a":{"N":"x"}}'), '"x" /Key/a/N: "x" is not a number'],
    [
      inTable('"Key":{"a":{"B":"x"}}'),
      '"x" /Key/a/B: expected Base64 with padding (RFC 4648, section 4), such as "AP8="',
    ],
    [
      inTable(`"Key":{"a":{"N":"${ONES}"}}`),
      `"${ONES}" /Key/a/N: "${ONES}" has more than 38 significant digits, the maximum that DynamoDB stores; store it as a string instead`,
    ],
    [
      '{"TableName":"t","Names":["{{n}}"]}',
      "{{n}} : {{n}} is within quotes, where it is text; remove the quotes around it, since the value has its own",
    ],
  ])("with a fault has it at its place: %s", (text, expected) => {
    expect(found(text)).toEqual([expected]);
  });

  it("in the format plain has fields with the names of types", () => {
    expect(found(inTable('"Key":{"a":{"S":5,"N":true}}'), "plain")).toEqual([]);
    expect(found(inTable('"Key":{"a":{"$B":5}}'), "plain")).toEqual(["5 /Key/a/$B: expected a Base64 string after B"]);
  });

  it("has at most as many findings as can be drawn", () => {
    const text = `{"TableName":"t",${Array.from({ length: 5000 }, (_, index) => `"x${index}":1`).join(",")}}`;
    expect(found(text)).toHaveLength(100);
  });
});

it("a misspelt name has the one that was meant", () => {
  expect(nearest("TabelName", ["TableName", "Limit"])).toBe("TableName");
  expect(nearest("limit", ["Limit"])).toBe("Limit");
  expect(nearest("something", ["TableName"])).toBeUndefined();
});

import { describe, expect, it } from "vitest";
import type { Schema, Structure } from "../api/types";
import { complete, type Candidate } from "./complete";
import { parseDocument } from "./document";

const VALUE: Schema = { description: 'an attribute value: {"S": "text"}, {"N": "1"} …, or ordinary JSON' };
const SCHEMA: Schema = {
  type: "object",
  additionalProperties: false,
  required: ["TableName"],
  properties: {
    TableName: { type: "string" },
    IndexName: { type: "string" },
    ConsistentRead: { type: "boolean" },
    Select: { type: "string", enum: ["COUNT", "ALL_ATTRIBUTES"] },
    Key: { type: "object", additionalProperties: VALUE },
    KeyConditionExpression: { type: "string" },
    ExpressionAttributeValues: { type: "object", additionalProperties: VALUE },
    RequestItems: {
      type: "object",
      additionalProperties: {
        type: "object",
        properties: { Keys: { type: "array", items: { type: "object", additionalProperties: VALUE } } },
      },
    },
  },
};
const STRUCTURE: Structure = {
  more: false,
  tables: [
    {
      name: "orders",
      keys: [
        { name: "customer", role: "partition", type: "S" },
        { name: "id", role: "sort", type: "N" },
      ],
      indexes: [{ name: "by-status", keys: [{ name: "status", role: "partition", type: "S" }], projection: "ALL" }],
    },
    { name: 'odd"table', keys: [{ name: "p", role: "partition", type: "B" }], indexes: [] },
  ],
};

/** Completes at the `|` of a text. */
function at(marked: string, format: "typed" | "plain" = "typed") {
  const position = marked.indexOf("|");
  const text = marked.replace("|", "");
  const completion = complete(parseDocument(text), position, { schema: SCHEMA, structure: STRUCTURE, format });
  const candidates = completion?.candidates ?? [];
  const applied = (label: string) => {
    const one = candidates.find((candidate) => candidate.label === label) as Candidate;
    const { from, to } = completion as { from: number; to: number };
    const cursor = from + (one.cursor ?? one.insert.length);
    const result = text.slice(0, from) + one.insert + text.slice(to);
    return `${result.slice(0, cursor)}|${result.slice(cursor)}`;
  };
  return { labels: candidates.map(({ label }) => label), applied };
}

describe("completion", () => {
  it("proposes the fields that are not there yet, and puts the cursor into the value", () => {
    const { labels, applied } = at('{"Select": "COUNT", |}');
    expect(labels).toContain("TableName");
    expect(labels).not.toContain("Select");
    expect(applied("TableName")).toBe('{"Select": "COUNT", "TableName": "|"}');
    expect(applied("Key")).toBe('{"Select": "COUNT", "Key": {|}}');
    expect(applied("ConsistentRead")).toBe('{"Select": "COUNT", "ConsistentRead": |}');
  });

  it("replaces a name that has been begun", () => {
    expect(at('{"Tab|"}').applied("TableName")).toBe('{"TableName": "|"}');
    expect(at("{Tab|}").applied("TableName")).toBe('{"TableName": "|"}');
    expect(at('{"Tab|": 1}').applied("TableName")).toBe('{"TableName"|: 1}');
  });

  it("works in a text that is not closed", () => {
    expect(at('{"TableName": "orders", "|').labels).toContain("Key");
    expect(at('{"TableName": |').labels).toContain("orders");
    expect(at("|").labels).toEqual(["{}"]);
  });

  it("proposes tables, indexes and keys of the datasource", () => {
    expect(at('{"TableName": "|"}').labels).toEqual(["orders", 'odd"table']);
    expect(at('{"TableName": "|"}').applied('odd"table')).toBe('{"TableName": "odd\\"table"|}');
    expect(at('{"TableName": "orders", "IndexName": |}').labels).toEqual(["by-status"]);
    expect(at('{"TableName": "orders", "Key": {|}}').labels).toEqual(["customer", "id"]);
    expect(at('{"TableName": "orders", "Key": {"customer": {"S": "a"}, |}}').labels).toEqual(["id"]);
    expect(at('{"TableName": "orders", "Key": {|}}').applied("id")).toBe(
      '{"TableName": "orders", "Key": {"id": {"N": "|"}}}',
    );
    expect(at('{"TableName": "orders", "Key": {|}}', "plain").applied("customer")).toBe(
      '{"TableName": "orders", "Key": {"customer": "|"}}',
    );
    expect(at('{"RequestItems": {|}}').labels).toEqual(["orders", 'odd"table']);
    expect(at('{"RequestItems": {"orders": {"Keys": [{|}]}}}').labels).toEqual(["customer", "id"]);
  });

  it("proposes values: of enumerations, booleans and attributes", () => {
    expect(at('{"Select": |}').labels).toEqual(["COUNT", "ALL_ATTRIBUTES"]);
    expect(at('{"ConsistentRead": |}').labels).toEqual(["true", "false"]);
    expect(at('{"TableName": "orders", "Key": {"id": |}}').applied('{"N": ""}')).toBe(
      '{"TableName": "orders", "Key": {"id": {"N": "|"}}}',
    );
    expect(at('{"Key": {"a": {|}}}').labels).toContain("SS");
    expect(at('{"Key": {"a": {|}}}').applied("SS")).toBe('{"Key": {"a": {"SS": ["|"]}}}');
  });

  it("proposes names in expressions, and the values that expressions name", () => {
    const { labels, applied } = at('{"TableName": "orders", "KeyConditionExpression": "cust|"}');
    expect(labels).toEqual(expect.arrayContaining(["customer", "status", "begins_with("]));
    expect(applied("customer")).toBe('{"TableName": "orders", "KeyConditionExpression": "customer|"}');
    expect(
      at('{"KeyConditionExpression": "a = :x AND b > :y", "ExpressionAttributeValues": {":x": 1, |}}').labels,
    ).toEqual([":y"]);
    // A digit may come first, and the value has the type of the key that it is compared with.
    const compared = at(
      '{"TableName": "orders", "KeyConditionExpression": "customer = :1 AND #id >= :id", "ExpressionAttributeNames": {"#id": "id"}, "ExpressionAttributeValues": {|}}',
    );
    expect(compared.labels).toEqual([":1", ":id"]);
    expect(compared.applied(":1")).toContain('"ExpressionAttributeValues": {":1": {"S": "|"}}');
    expect(compared.applied(":id")).toContain('"ExpressionAttributeValues": {":id": {"N": "|"}}');
    const several = at(
      '{"TableName": "orders", "KeyConditionExpression": "id BETWEEN :a AND :b AND customer = :c", "ExpressionAttributeValues": {|}}',
    );
    expect([":a", ":b", ":c"].map((label) => /\{"([SN])": "\|"\}\}/.exec(several.applied(label))?.[1])).toEqual(["N", "N", "S"]);
    expect(at('{"KeyConditionExpression": "a = :|", "ExpressionAttributeValues": {":x": 1}}').labels).toContain(":x");
  });

  it("proposes nothing in comments and behind the end", () => {
    expect(at("{ // Tab|\n}").labels).toEqual([]);
    expect(at('{"TableName": "a"} |').labels).toEqual([]);
  });
});

import { expect, test } from "vitest";
import { type JsonObject, parse, stringify } from "../api/json";
import type { Table } from "../api/types";
import { texts } from "../texts";
import { editText, hex, isNumber, preview, readText } from "./attribute";
import { itemOf, rowsOf } from "./form-rows";
import { build } from "./request";
import { comparedType, EVERYTHING, fromParams, guessFor, type Search, splitValues, toParams } from "./search";
import { change, deletion, deletionBatches, insertion } from "./write";

const orders: Table = {
  name: "orders",
  keys: [
    { name: "customer", role: "partition", type: "S" },
    { name: "order", role: "sort", type: "N" },
  ],
  indexes: [{ name: "by-status", projection: "KEYS_ONLY", keys: [{ name: "status", role: "partition", type: "S" }] }],
};

const item = (text: string) => parse(text) as JsonObject;

test("a search survives its own URL", () => {
  const search: Search = {
    index: "by-status",
    partition: "a&b=c#d",
    sort: { operator: "between", values: ["1", "2"] },
    filters: [
      { attribute: "x[0].y", operator: "in", type: "N", values: ["1, 2", ""] },
      { attribute: "gone", operator: "not_exists", type: "S", values: ["", ""] },
    ],
    descending: true,
    limit: 25,
  };
  const params = new URLSearchParams(Object.entries(toParams(search)).filter((entry): entry is [string, string] => entry[1] !== undefined));
  expect(fromParams(params)).toEqual(search);
  expect(fromParams(new URLSearchParams("filter={&sk=[1]&limit=-3"))).toEqual(EVERYTHING);
});

test("without a partition key it is a scan, with one a query", () => {
  expect(stringify(build(orders, EVERYTHING).input)).toBe('{"TableName":"orders","Limit":100,"ReturnConsumedCapacity":"TOTAL"}');
  expect(build(orders, EVERYTHING).action).toBe("Scan");
  const { action, input, faults } = build(orders, {
    ...EVERYTHING,
    partition: "42",
    sort: { operator: ">=", values: ["12345678901234567890123456789012345678", ""] },
    filters: [{ attribute: "total", operator: ">", type: "N", values: ["100", ""] }],
    descending: true,
  });
  expect(action).toBe("Query");
  expect(faults).toEqual({});
  expect(input["KeyConditionExpression"]).toBe("#n0 = :v0 AND #n1 >= :v1");
  expect(input["FilterExpression"]).toBe("#n2 > :v2");
  expect(stringify(input["ExpressionAttributeValues"] ?? null)).toBe('{":v0":{"S":"42"},":v1":{"N":"12345678901234567890123456789012345678"},":v2":{"N":"100"}}');
  expect(input["ScanIndexForward"]).toBe(false);
});

test("every operator gives its expression", () => {
  const expression = (operator: string, first = "1", second = "2") =>
    build(orders, { ...EVERYTHING, filters: [{ attribute: "a", operator, type: "N", values: [first, second] } as Search["filters"][number]] }).input["FilterExpression"];
  expect(expression("=")).toBe("#n0 = :v0");
  expect(expression("<>")).toBe("#n0 <> :v0");
  expect(expression("between")).toBe("#n0 BETWEEN :v0 AND :v1");
  expect(expression("begins_with")).toBe("begins_with(#n0, :v0)");
  expect(expression("contains")).toBe("contains(#n0, :v0)");
  expect(expression("not_contains")).toBe("NOT contains(#n0, :v0)");
  expect(expression("in", "1, 2,3")).toBe("#n0 IN (:v0, :v1, :v2)");
  expect(expression("exists")).toBe("attribute_exists(#n0)");
  expect(expression("not_exists")).toBe("attribute_not_exists(#n0)");
  expect(expression("type", "S")).toBe("attribute_type(#n0, :v0)");
  expect(expression("size>", "10")).toBe("size(#n0) > :v0");
});

test("what is wrong with a search is reported at its place", () => {
  const { faults } = build(orders, {
    ...EVERYTHING,
    partition: "42",
    sort: { operator: "=", values: ["x", ""] },
    filters: [
      { attribute: "total", operator: ">", type: "N", values: ["", ""] },
      { attribute: "customer", operator: "=", type: "S", values: ["42", ""] },
      { attribute: "", operator: "exists", type: "S", values: ["", ""] },
    ],
  });
  expect(Object.keys(faults)).toEqual(["sort", "filter.0", "filter.1", "filter.2"]);
});

test("a sort key between nothing and a value is reported, and stays in the URL", () => {
  const search: Search = { ...EVERYTHING, partition: "a", sort: { operator: "between", values: ["", "9"] } };
  expect(Object.keys(build(orders, search).faults)).toEqual(["sort"]);
  expect(fromParams(new URLSearchParams(toParams(search) as Record<string, string>)).sort).toEqual(search.sort);
});

test("a filter compares with the type of the attribute, or of the elements of its set", () => {
  const types = (["S", "N", "BOOL", "NULL", "SS", "NS", "BS", "L", "M", undefined] as const).map(comparedType);
  expect(types).toEqual(["S", "N", "BOOL", "NULL", "S", "N", "B", undefined, undefined, undefined]);
  expect(["1, 2", "true", "1, a", ""].map((text) => guessFor("in", text))).toEqual(["N", "BOOL", "S", "S"]);
  expect((["=", "contains", "begins_with"] as const).map((operator) => guessFor(operator, "4930"))).toEqual(["N", "S", "S"]);
});

test("values of a list are separated by commas, and quotes keep a comma", () => {
  expect(splitValues('a, "b, c" ,d,, "e\\"f"')).toEqual(["a", "b, c", "d", 'e"f']);
});

test("values are shown and read without loss", () => {
  expect(preview(item('{"N":"12345678901234567890123456789012345678"}'))).toBe("12345678901234567890123456789012345678");
  expect(hex("AP8Q")).toBe("0x00ff10");
  for (const text of ['{"S":""}', '{"N":"-1.50"}', '{"B":"AP8Q"}', '{"BOOL":false}', '{"NULL":true}', '{"SS":["a"]}', '{"L":[{"N":"1"},{"M":{}}]}', '{"M":{"a":{"S":"b"}}}']) {
    const value = item(text);
    const edited = editText(value);
    expect(edited).toBeDefined();
    if (edited) expect(stringify(readText(edited.tag, edited.text).value ?? null)).toBe(text);
  }
});

test("a text with a carriage return is edited as JSON, and comes back with its line ends", () => {
  const rows = rowsOf(orders, { customer: { S: "a" }, order: { N: "1" }, note: { S: 'one\r\n"two"\rthree' }, plain: { S: "one\ntwo" } });
  expect(rows.map(({ name, text, isJson }) => [name, text, isJson])).toContainEqual(["note", '"one\\r\\n\\"two\\"\\rthree"', true]);
  expect(rows.map(({ name, text, isJson }) => [name, text, isJson])).toContainEqual(["plain", "one\ntwo", false]);
  expect(itemOf(rows).item["note"]).toEqual({ S: 'one\r\n"two"\rthree' });
  const broken = (text: string) => [...itemOf(rows.map((row) => (row.name === "note" ? { ...row, text } : row))).faults.values()];
  expect(broken('"one')).toHaveLength(1);
  expect(broken("5")).toEqual([texts.tables.needsText]);
});

test("numbers have up to 38 digits", () => {
  expect(isNumber("1".repeat(38))).toBe(true);
  expect(isNumber("1".repeat(39))).toBe(false);
  expect(isNumber(`${"1".repeat(38)}000e-10`)).toBe(true);
  for (const text of ["", "1x", "0x10", "NaN", "Infinity", "1e", "--1", " 1"]) expect(isNumber(text)).toBe(false);
});

const before = item('{"customer":{"S":"c"},"order":{"N":"1"},"total":{"N":"5"},"old":{"S":"x"}}');

test("an edit sends what has changed, on the condition that all of the item is as it was read", () => {
  const after = item('{"customer":{"S":"c"},"order":{"N":"1"},"total":{"N":"6"},"new":{"S":"y"}}');
  const changed = change(orders, before, after);
  expect(changed?.action).toBe("UpdateItem");
  expect(changed?.input["UpdateExpression"]).toBe("SET #n0 = :v0, #n1 = :v1 REMOVE #n2");
  expect(changed?.input["ConditionExpression"]).toBe("#n0 = :v2 AND attribute_not_exists(#n1) AND #n2 = :v3 AND #n3 = :v4 AND #n4 = :v5");
  expect(change(orders, before, before)).toBeUndefined();
});

test("attributes may have the names of what every JavaScript object has", () => {
  const odd = item('{"customer":{"S":"c"},"order":{"N":"1"},"total":{"N":"5"},"old":{"S":"x"},"constructor":{"S":"y"},"__proto__":{"S":"z"}}');
  const changed = change(orders, before, odd);
  expect(changed?.input["UpdateExpression"]).toBe("SET #n0 = :v0, #n1 = :v1");
  expect(changed?.input["ConditionExpression"]).toContain("attribute_not_exists(#n0) AND attribute_not_exists(#n1)");
  expect(stringify(changed?.input["ExpressionAttributeNames"] ?? null)).toContain('"#n1":"__proto__"');
});

test("a change of the key is one transaction", () => {
  const after = item('{"customer":{"S":"c"},"order":{"N":"2"},"total":{"N":"5"},"old":{"S":"x"}}');
  const changed = change(orders, before, after);
  expect(changed?.action).toBe("TransactWriteItems");
  const text = stringify(changed?.input ?? null);
  expect(text).toContain('"Delete":{"TableName":"orders","Key":{"customer":{"S":"c"},"order":{"N":"1"}},"ConditionExpression"');
  expect(text).toContain('"ConditionExpression":"attribute_not_exists(#n0)"');
});

test("insertions and deletions have a condition", () => {
  expect(insertion(orders, before).input["ConditionExpression"]).toBe("attribute_not_exists(#n0)");
  expect(deletion(orders, before).input["ConditionExpression"]).toBe("#n0 = :v0 AND #n1 = :v1 AND #n2 = :v2 AND #n3 = :v3");
});

test("an item with very many attributes is compared as far as the service's limits allow", () => {
  const many = { ...before };
  for (let index = 0; index < 400; index += 1) many[`a${index}`] = { S: "x" };
  const changed = change(orders, many, { ...many, a399: { S: "y" } });
  expect(changed?.comparesAll).toBe(false);
  const condition = String(changed?.input["ConditionExpression"]);
  expect(condition.length).toBeLessThan(4096);
  expect(condition.startsWith("#n0 = :v1")).toBe(true);
});

test("batches have at most 25 keys", () => {
  const keys = Array.from({ length: 60 }, (_, index): JsonObject => ({ customer: { S: "c" }, order: { N: String(index) } }));
  expect(deletionBatches(orders, keys).map((batch) => batch.keys.length)).toEqual([25, 25, 10]);
});

import { describe, expect, it } from "vitest";
import type { Action, Structure } from "../api/types";
import { parseDocument } from "../schema/document";
import { placed, remaining, spanOf, valueFault } from "./faults";
import { starter } from "./starter";
import { comparedKeyType, completeStatement, countMarks, readStatement, setField, writeStatement } from "./statement";

const DIGITS = "12345678901234567890123456789012345678";
const STRUCTURE: Structure = {
  more: false,
  tables: [
    {
      name: 'my "orders"',
      keys: [
        { name: "customer", role: "partition", type: "S" },
        { name: "order id", role: "sort", type: "N" },
      ],
      indexes: [{ name: "by-status", keys: [{ name: "status", role: "partition", type: "S" }], projection: "ALL" }],
    },
  ],
};

describe("a statement", () => {
  const text = `{
  // of one customer
  "Statement": "SELECT * FROM \\"t\\" WHERE a = ?",
  "Parameters": [{"S": "x"}, {"N": "${DIGITS}"}, {"BOOL": true}, {"NULL": true}, {"L": []}, {{p}}],
  "Limit": 5,
}`;

  it("is read with its parameters", () => {
    expect(readStatement(text, "typed")).toEqual({
      statement: 'SELECT * FROM "t" WHERE a = ?',
      parameters: [
        { kind: "text", text: "x" },
        { kind: "number", text: DIGITS },
        { kind: "boolean", text: "true" },
        { kind: "null", text: "" },
        { kind: "json", text: '{"L": []}' },
        { kind: "json", text: "{{p}}" },
      ],
    });
    expect(readStatement("", "typed")).toEqual({ statement: "", parameters: [] });
    for (const other of ["{", "[]", '{"Statement": 5}', '{"Parameters": {}}'])
      expect(readStatement(other, "typed")).toBeUndefined();
  });

  it.each(["typed", "plain"] as const)("that is written and read again is the same (%s)", (format) => {
    const statement = {
      statement: "SELECT 'it''s'\nFROM \"t\"",
      parameters: [
        { kind: "text", text: '"\\\n' },
        { kind: "number", text: DIGITS },
        { kind: "boolean", text: "false" },
        { kind: "null", text: "" },
      ] as const,
    };
    const written = writeStatement(text, statement, format);
    expect(parseDocument(written).mistakes).toEqual([]);
    expect(readStatement(written, format)).toEqual(statement);
    expect(written).toContain("// of one customer");
    expect(written).toContain('"Limit": 5');
    const none = writeStatement(written, { ...statement, parameters: [] }, format);
    expect(parseDocument(none).mistakes).toEqual([]);
    expect(none).not.toContain("Parameters");
  });

  it("has as many marks as there are outside of texts, names and comments", () => {
    expect(countMarks("SELECT ? FROM \"a?\" WHERE b = 'c?''?' AND d = ? -- ?")).toBe(2);
  });

  it("completes tables, keys and words", () => {
    const knowledge = { schema: undefined, structure: STRUCTURE, format: "typed" } as const;
    const labels = (statement: string) =>
      completeStatement(statement, statement.length, knowledge)?.candidates.map(({ label }) => label) ?? [];
    expect(labels("SELECT * FROM ")).toEqual(expect.arrayContaining(['my "orders"', "WHERE"]));
    expect(completeStatement("SELECT * FROM my", 16, knowledge)?.candidates[0]?.insert).toBe('"my ""orders"""');
    expect(labels("SELECT * FROM t WHERE a = 'text ")).toEqual([]);
    expect(labels('SELECT * FROM "')).not.toContain("WHERE");
  });
});

describe("a field of an input", () => {
  it.each([
    ["", '{\n  "a": 1\n}'],
    ["{}", '{\n  "a": 1\n}'],
    ['{"b": 2}', '{"b": 2, "a": 1}'],
    ['{"b": 2,}', '{"b": 2, "a": 1,}'],
    ['{\n  "b": 2 // two\n}', '{\n  "b": 2,\n  "a": 1 // two\n}'],
    ['{"a": [5], "b": 2}', '{"a": 1, "b": 2}'],
  ])("is set and the rest stays: %j", (before, after) => {
    expect(setField(before, "a", "1")).toBe(after);
    expect(parseDocument(after).mistakes).toEqual([]);
  });
});

describe("a fault of the server", () => {
  const text = '{"Key": {"id": 5}, "limit": 1}';
  const shown = (pointer: string, message: string, source = text) => {
    const { from, to } = spanOf(parseDocument(source), { pointer, message });
    return source.slice(from, to);
  };

  it("is shown at its place", () => {
    expect(shown("/Key/id", "expected a string")).toBe("5");
    expect(shown("/limit", "unknown field; did you mean Limit?")).toBe('"limit"');
    expect(shown("/TableName", "this field is required, but it is missing")).toBe("{");
    expect(shown("", "not JSON at line 2, column 1: found x", "{\nx}")).toBe("x");
    expect(shown("", "not JSON at line 1, column 9: the text ends here", '{"a": 1')).toBe("1");
  });

  it("goes when what stands at its place has changed", () => {
    const faults = placed(
      [
        { pointer: "/Key/id", message: "wrong" },
        { pointer: "/TableName", message: "missing" },
        { pointer: "/values/x", message: "of a value" },
      ],
      text,
    );
    const left = (source: string) => remaining(faults, parseDocument(source)).map(({ pointer }) => pointer);
    expect(left(text)).toEqual(["/Key/id", "/TableName"]);
    expect(left(`// moved\n${text}`)).toEqual(["/Key/id", "/TableName"]);
    expect(left(text.replace("5", "6"))).toEqual(["/TableName"]);
    expect(left('{"TableName": "t", "Key": {"id": 5}}')).toEqual(["/Key/id"]);
  });

  it("of a bound value is found by its name", () => {
    expect(valueFault([{ pointer: "/values/a.b", message: "wrong" }], "a.b")).toBe("wrong");
    expect(valueFault([], "a")).toBeUndefined();
  });
});

describe("a first input", () => {
  const action = (name: string, example: unknown = {}): Action => ({
    name,
    access: "read",
    paging: null,
    example,
    input: { type: "object", properties: { TableName: { type: "string" } } },
  });

  it("has a table of the datasource with its keys", () => {
    const input = (name: string, format: "typed" | "plain" = "typed") =>
      JSON.parse(starter(action(name), STRUCTURE, undefined, format));
    expect(input("GetItem")).toEqual({
      TableName: 'my "orders"',
      Key: { customer: { S: "text" }, "order id": { N: "1" } },
    });
    expect(input("PutItem", "plain").Item).toEqual({ customer: "text", "order id": 1 });
    expect(input("ExecuteStatement").Statement).toBe('SELECT * FROM "my ""orders""" WHERE "customer" = ?');
  });

  it("has a table that the policy shows, or the one that people come from", () => {
    const hidden = { name: "hidden", error: "not allowed by the policy", keys: [], indexes: [] };
    const structure = { ...STRUCTURE, tables: [hidden, ...STRUCTURE.tables] };
    const table = (preferred?: string) => JSON.parse(starter(action("Scan"), structure, preferred, "typed")).TableName;
    expect(table()).toBe('my "orders"');
    expect(table("hidden")).toBe("hidden");
  });

  it("is the example of the action without one", () => {
    const example = { TableName: "users", Key: { a: { S: "b" } } };
    expect(JSON.parse(starter(action("DescribeTable", example), undefined, undefined, "typed"))).toEqual(example);
    expect(JSON.parse(starter(action("DescribeTable", example), STRUCTURE, undefined, "typed")).TableName).toBe(
      'my "orders"',
    );
  });
});

describe("a parameter", () => {
  it("has the type of the key that it is compared with", () => {
    const statement = `SELECT * FROM "my ""orders""" WHERE note = '?' AND "order id" >= ? AND customer = ? AND status=? AND other = ? AND x IN [?]`;
    const types = [0, 1, 2, 3, 4, 5].map((index) => comparedKeyType(statement, index, { structure: STRUCTURE }));
    expect(types).toEqual(["N", "S", "S", undefined, undefined, undefined]);
    expect(comparedKeyType("SELECT * FROM other WHERE customer = ?", 0, { structure: STRUCTURE })).toBeUndefined();
  });
});

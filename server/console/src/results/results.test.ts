import { describe, expect, it } from "vitest";
import type { Paging } from "../api/types";
import { parseDocument } from "../schema/document";
import { columnsOf, extended } from "./columns";
import { csvHeader, csvLine, text } from "./csv";
import { sum } from "./decimal";
import { found, readingAt } from "./found";
import { hex, preview, valueOf, type Reading } from "./value";
import { compact, indented, plainJson } from "./write";

const ITEMS: Paging = { input: "ExclusiveStartKey", output: "LastEvaluatedKey", results: "Items" };
const DIGITS = "12345678901234567890123456789012345678";

function of(response: string, paging: Paging | null = ITEMS, format: "typed" | "plain" = "typed") {
  return found(parseDocument(response), { paging }, format);
}

function csv(response: string, keys: string[] = [], format: "typed" | "plain" = "typed"): string {
  const { rows, single } = of(response, ITEMS, format);
  const { columns, hasTable } = columnsOf(rows, keys, single);
  return csvHeader(columns, hasTable) + rows.map((row) => csvLine(row, columns, hasTable)).join("");
}

describe("a value", () => {
  const shown = (json: string, reading: Reading = "typed") => {
    const { root } = parseDocument(json);
    if (!root) throw new Error("no value");
    const value = valueOf(root, reading);
    return `${value.type} ${preview(value)}`;
  };

  it.each([
    ['{"S":"a"}', "S a"],
    [`{"N":"${DIGITS}"}`, `N ${DIGITS}`],
    ['{"N":"1.50"}', "N 1.50"],
    ['{"BOOL":false}', "BOOL false"],
    ['{"NULL":true}', "NULL null"],
    ['{"B":"AP8="}', "B 00 ff"],
    ['{"SS":["b","a"]}', 'SS {"b", "a"}'],
    ['{"NS":["1","2.0"]}', "NS {1, 2.0}"],
    ['{"BS":["AA=="]}', "BS {00}"],
    ['{"L":[{"N":"1"},{"M":{"S":{"S":"x"}}}]}', 'L [1, {S: "x"}]'],
    ['{"M":{"N":{"N":"5"}}}', "M {N: 5}"],
    ['{"S":5}', "M {S: 5}"],
  ])("that is typed is shown by its type: %s", (json, expected) => {
    expect(shown(json)).toBe(expected);
  });

  it.each([
    ['{"S":"a"}', 'M {S: "a"}'],
    ['{"$SS":["a"]}', 'SS {"a"}'],
    ['{"$B":"/w=="}', "B ff"],
    ['{"$N":"007"}', "N 007"],
    ['{"$M":{"$B":"data"}}', 'M {$B: "data"}'],
    [DIGITS, `N ${DIGITS}`],
    ["null", "NULL null"],
  ])("that is plain is shown by its type: %s", (json, expected) => {
    expect(shown(json, "plain")).toBe(expected);
  });

  it("of ordinary JSON has no types to unwrap", () => {
    expect(shown('{"S":"a"}', "json")).toBe('M {S: "a"}');
  });

  it("that is long is cut before it is written", () => {
    const long = `{"L":[${Array(100_000).fill('{"N":"1"}').join(",")}]}`;
    expect(shown(long).length).toBeLessThan(220);
    expect(hex("AAAA".repeat(1000), 5)).toEqual({ text: "00 00 00 00 00", bytes: 3000 });
    expect(hex("a", 5)).toBeUndefined();
  });

  it("becomes plain JSON without loss", () => {
    const json = `{"M":{"n":{"N":"${DIGITS}"},"o":{"N":"007"},"b":{"B":"AP8="},"s":{"SS":["a"]},"m":{"M":{"$B":{"S":"x"}}},"l":{"L":[{"NULL":true}]}}}`;
    const { root } = parseDocument(json);
    expect(root && plainJson(root, "typed")).toBe(
      `{"n":${DIGITS},"o":{"$N":"007"},"b":{"$B":"AP8="},"s":{"$SS":["a"]},"m":{"$M":{"$B":"x"}},"l":[null]}`,
    );
  });

  it("is written again as it was", () => {
    const source = '{ "a" : [ 1.50 , {"b": "\\u00e9" } ], "long": {"x": 1, "y": [{"S": "z"}]} }';
    const { root } = parseDocument(source);
    expect(root && compact(root, source)).toBe('{"a":[1.50,{"b":"\\u00e9"}],"long":{"x":1,"y":[{"S":"z"}]}}');
    const lines = root ? indented(root, source) : "";
    expect(lines.split("\n")).toContain('      {"S": "z"}');
    expect(
      compact(
        parseDocument(lines).root ??
          (() => {
            throw new Error();
          })(),
        lines,
      ),
    ).toBe(root && compact(root, source));
  });
});

describe("the rows of a response", () => {
  const rows = (response: string, paging: Paging | null = ITEMS) =>
    of(response, paging).rows.map(({ node, source }) => source.slice(node.from, node.to));

  it("are found wherever an operation has them", () => {
    expect(rows('{"Items":[{"a":1},{"a":2}]}')).toEqual(['{"a":1}', '{"a":2}']);
    expect(rows('{"TableNames":["a","b"]}', { input: "", output: "", results: "TableNames" })).toEqual(['"a"', '"b"']);
    expect(rows('{"Item":{"a":1}}', null)).toEqual(['{"a":1}']);
    expect(rows('{"Responses":[{"Item":{"a":1}},{},{"Item":{"a":2}}]}', null)).toEqual(['{"a":1}', '{"a":2}']);
    expect(rows('{"Responses":{"t":[{"a":1}],"u":[{"a":2}]}}', null)).toEqual(['{"a":1}', '{"a":2}']);
    expect(rows('{"Table":{"TableName":"a"}}', null)).toEqual(['{"Table":{"TableName":"a"}}']);
    expect(rows("{}", null)).toEqual([]);
  });

  it("come with cursor, counts, capacity, and what was not done", () => {
    const one = of(
      '{"Items":[],"Count":3,"ScannedCount":50,"LastEvaluatedKey":{"a":{"N":"1"}},"ConsumedCapacity":{"TableName":"t","CapacityUnits":0.5}}',
    );
    expect(one).toMatchObject({
      cursor: '{"a":{"N":"1"}}',
      count: "3",
      scanned: "50",
      capacity: [{ table: "t", units: "0.5" }],
    });
    expect(of('{"Items":[]}').cursor).toBeUndefined();
    expect(of('{"UnprocessedKeys":{"t":{}}}', null).missing).toEqual([{ kind: "unprocessed", tables: ["t"] }]);
    expect(of('{"Responses":[{},{"Error":{"Code":"C","Message":"m"}}]}', null).missing).toEqual([
      { kind: "statement", position: 2, code: "C", message: "m" },
    ]);
  });

  it("have attribute values only in certain places", () => {
    expect(readingAt(["Items", 3, "a"], "typed")).toBe("typed");
    expect(readingAt(["Responses", "t", 0, "a"], "plain")).toBe("plain");
    expect(readingAt(["Responses", 0, "Item", "a"], "plain")).toBe("plain");
    expect(readingAt(["Table", "KeySchema"], "typed")).toBe("json");
  });

  it("have the keys as their first columns, and the others sorted", () => {
    const { rows: found, single } = of('{"Items":[{"x":1,"b":2},{"p":1,"a":2,"c":3}]}');
    expect(columnsOf(found, ["p", "a", "none"], single).columns.map(({ name }) => name)).toEqual([
      "p",
      "a",
      "b",
      "c",
      "x",
    ]);
  });
});

describe("CSV", () => {
  it("has plain cells, and numbers with every digit", () => {
    const response = `{"Items":[{"id":{"S":"1"},"n":{"N":"${DIGITS}"}},{"note":{"S":"a, \\"b\\"\\nc"},"id":{"S":"2"},"s":{"SS":["x"]},"z":{"NULL":true}}]}`;
    expect(csv(response)).toBe(`id,n,note,s,z\r\n1,${DIGITS},,,\r\n2,,"a, ""b""\nc","{""$SS"":[""x""]}",\r\n`);
  });

  it.each(["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", " =1", "  @a"])("has no formula: %j", (formula) => {
    expect(text(formula).startsWith("'")).toBe(true);
    expect(text(formula).replaceAll("'", "")).toBe(formula);
    const response = JSON.stringify({ Items: [{ [formula]: { S: formula } }] });
    const [header = "", cell = ""] =
      csv(response).split("\r\n").filter(Boolean).length === 2 ? csv(response).split("\r\n") : ["'", "'"];
    expect(header.replace(/^"/, "").startsWith("'")).toBe(true);
    expect(cell.replace(/^"/, "").startsWith("'")).toBe(true);
  });

  it.each([
    ["a;=1", "a;'=1"],
    ["a; +1;-1", "a; '+1;'-1"],
    ["a\t@a", "a\t'@a"],
    ["a\r=1", "a\r'=1"],
    ["a\n=1", "a\n'=1"],
    ["a\r\n\t =1", "a\r\n\t '=1"],
    ['a;"=1"', 'a;"\'=1"'],
    ["a;＝1", "a;'＝1"],
    ["\t=1", "'\t'=1"],
    ["=1;=1", "'=1;'=1"],
  ])("has no formula where a program splits a text at another separator: %j", (content, safe) => {
    expect(text(content)).toBe(safe);
    const cell = csv(JSON.stringify({ Items: [{ a: { S: content } }] })).replace(/^a\r\n/, "");
    expect(cell).toBe(`"${safe.replaceAll('"', '""')}"\r\n`);
  });

  it("leaves a sign that is not the first of what may be a cell as it is", () => {
    for (const content of ["a=b; c=d", "1;2-3", "a\n\nb", "a, -b", "a;b\tc"]) expect(text(content)).toBe(content);
  });

  it("leaves numbers and harmless texts as they are", () => {
    expect(csv('{"Items":[{"a":{"N":"-5.5"},"b":{"S":"a=b"}}]}')).toBe("a,b\r\n-5.5,a=b\r\n");
    expect(csv('{"Items":[{"a":{"N":"-5+cmd"}}]}')).toBe('a\r\n"\'-5+cmd"\r\n');
  });
});

it("capacity is added exactly", () => {
  expect(sum(["0.5", "0.1", "0.2"])).toBe("0.8");
  expect(sum(["1", "99999999999999999999.5", "0.5"])).toBe("100000000000000000001");
  expect(sum(["-1.5", "1"])).toBe("-0.5");
  expect(sum([])).toBe("0");
  expect(sum(["1e5"])).toBe("NaN");
});

describe("the columns of more rows", () => {
  it("come after those that were there, which keep their place and width", () => {
    const columns = (items: string) => columnsOf(found(parseDocument(`{"Items": [${items}]}`), { paging: null }, "typed").rows, ["id"], "Items");
    const first = columns('{"id": {"S": "1"}, "m": {"S": "x"}}');
    const all = extended(first, columns('{"a": {"S": "1"}, "id": {"S": "1"}, "m": {"S": "a much longer text than before"}}'));
    expect(all.columns.map(({ name }) => name)).toEqual(["id", "m", "a"]);
    expect(all.columns[1]).toEqual(first.columns[1]);
  });
});

/// <reference types="node" />
import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { parseDocument } from "../schema/document";
import { asCurl, asExecute } from "./copy";
import { addToHistory, clearHistory, markFailed, optionsOf, readHistory, type Storage } from "./history";
import { reformat } from "./reformat";
import { bodyOf, DEFAULT_OPTIONS, pathOf, valueMistake, withCursor, type BoundValue, type Request } from "./request";
import { quote } from "./shell";

const HOSTILE = [
  "",
  "plain",
  "it's",
  "''''",
  "two\nlines",
  '$(touch /tmp/x) `id` \\ " ! * ~ # ; & | < >',
  "-rf",
  "@/etc/passwd",
  "a'$(id)'b",
  "\u001b[201~\nrm -rf ~\r",
  "tab\tcr\rdel\u007f",
  "c1 \u009b31m",
  "\u202e gnippilf",
  "\\n \\x41 \\101",
  "é 😀 日本",
  "=cmd",
  "~root",
  "\u00011 followed by a digit",
];

function request(text: string, values: Record<string, BoundValue> = {}, options = {}): Request {
  return {
    datasource: "local",
    action: "Query",
    text,
    values: new Map(Object.entries(values)),
    options: { ...DEFAULT_OPTIONS, ...options },
  };
}

/** The arguments of a command, as a shell passes them on. */
function argumentsOf(command: string): string[] {
  const [name] = command.split(" ");
  const script = `${name}() { for one in "$@"; do printf '%s\\0' "$one"; done; }\n${command}`;
  const output = execFileSync("/bin/bash", ["--norc", "-c", script], {
    encoding: "utf8",
    env: { PORTCULLIS_TOKEN: "the-token", PATH: "/nowhere" },
  });
  return output.split("\0").slice(0, -1);
}

describe("quoting", () => {
  it.each(HOSTILE)("gives a shell exactly the text %j", (text) => {
    expect(argumentsOf(`command_ ${quote(text)}`)).toEqual([text]);
  });

  it.each(HOSTILE)("puts no control character into a terminal: %j", (text) => {
    expect(quote(text)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });

  it("replaces what no argument can have", () => {
    expect(quote("a\u0000b")).toBe("'a\ufffdb'");
  });
});

describe("a command", () => {
  const here = { origin: "http://127.0.0.1:8700", hasToken: true, tenant: "acme" };

  it.each(HOSTILE)("for curl has the request unchanged: %j", (text) => {
    const one = { ...request(text), datasource: text || "d" };
    expect(argumentsOf(asCurl(one, here))).toEqual([
      "--globoff",
      `http://127.0.0.1:8700${pathOf(one)}`,
      "-H",
      "Content-Type: application/json",
      "-H",
      "Authorization: Bearer the-token",
      "-H",
      "x-portcullis-tenant: acme",
      "--data-raw",
      text,
    ]);
  });

  it("for portcullis has the input, its values and options", () => {
    const text = '{"Key": {"id": {{id}}, "n": {{n}} } } // it\'s';
    const values: Record<string, BoundValue> = {
      id: { kind: "text", text: "a'b\n$x" },
      n: { kind: "json", text: "1.50" },
    };
    const options = { format: "plain", pages: "all", maxItems: "5", resubmit: true, strict: false };
    expect(argumentsOf(asExecute(request(text, values, options), here))).toEqual([
      "execute",
      "--server",
      "http://127.0.0.1:8700",
      "--datasource=local",
      "--tenant=acme",
      "Query",
      text,
      "--bind=id=a'b\n$x",
      "--bind=n:=1.50",
      "--format",
      "plain",
      "--pages",
      "all",
      "--max-items",
      "5",
      "--resubmit",
      "--no-strict",
    ]);
  });

  it("reads no file and no standard input, whatever the input begins with", () => {
    for (const text of ["@/etc/passwd", "-", "--server=http://evil"]) {
      expect(argumentsOf(asExecute(request(text), here))[6]).toBe(` ${text}`);
    }
    const nul: Record<string, BoundValue> = { a: { kind: "text", text: "a\u0000b" } };
    expect(argumentsOf(asExecute(request('{"a": {{a}} }', nul), here))[7]).toBe('--bind=a:="a\\u0000b"');
  });

  it("for portcullis sends braces in a text as they are, as the page does", () => {
    expect(argumentsOf(asExecute(request('{"a": "{{x}}"}'), here))).toContain("--literal");
    expect(argumentsOf(asExecute(request("{}"), here))).not.toContain("--literal");
  });

  it("never contains the token", () => {
    expect(asCurl(request("{}"), here)).toContain("$PORTCULLIS_TOKEN");
    expect(asCurl(request("{}"), { ...here, hasToken: false, tenant: undefined })).not.toContain("Authorization");
  });
});

describe("a request", () => {
  it("with placeholders is sent as a template with its values", () => {
    const { body, contentType } = bodyOf(
      request('{"a": {{x}}, "b": {{y}}, "c": {{z}} }', {
        x: { kind: "text", text: '"}' },
        y: { kind: "json", text: " 12345678901234567890 " },
      }),
    );
    expect(contentType).toBe("application/vnd.portcullis.bound+json");
    expect(body).toContain('"values": {"x": "\\"}", "y": 12345678901234567890, "z": ""}');
    expect(bodyOf(request("{}"))).toEqual({ body: "{}", contentType: "application/json" });
  });

  it("has options only if they differ from those of the API", () => {
    expect(pathOf(request("{}"))).toBe("/v1/datasources/local/actions/Query");
    expect(pathOf(request("{}", {}, { format: "plain", deadline: "5s", maxItems: "7" }))).toBe(
      "/v1/datasources/local/actions/Query?format=plain&deadline=5s",
    );
  });

  it("knows values that are not JSON", () => {
    const mistake = (text: string) => valueMistake({ kind: "json", text });
    expect(["1", '"a"', '{"a": [1.50]}', '",]"'].map(mistake)).toEqual(Array(4).fill(undefined));
    expect(["abc", "[1,]", "// x\n1", "{{x}}", "1 2"].map(mistake)).toEqual(Array(5).fill("not-json"));
    expect(mistake(" ")).toBe("empty");
    expect(valueMistake({ kind: "text", text: "{" })).toBeUndefined();
  });

  it("for the next page has the cursor, and is otherwise the same", () => {
    const cursor = '{"id":{"N":"12345678901234567890123456789012345678"}}';
    const next = (text: string) => withCursor(request(text), "ExclusiveStartKey", cursor).text;
    expect(next('{"TableName": "t", // all\n}')).toBe(`{"ExclusiveStartKey": ${cursor}, "TableName": "t", // all\n}`);
    expect(next('{"ExclusiveStartKey": {"id": {"N": "1"}}, "TableName": "t"}')).toBe(
      `{"ExclusiveStartKey": ${cursor}, "TableName": "t"}`,
    );
    expect(next("")).toBe(`{"ExclusiveStartKey": ${cursor}}`);
    expect(parseDocument(next("{}")).mistakes).toEqual([]);
  });

  it("for the next page of a template has no placeholder that comes from data", () => {
    const { text } = withCursor(request('{"a": {{a}} }'), "K", '{"id":{"S":"{{evil}}"},"m":{"x":{"y":1}}}');
    expect(text).toContain('{"id":{"S":"\\u007b\\u007bevil}}"},"m":{"x":{"y":1}}}');
    expect(bodyOf(request(text)).body).toContain('"values": {"a": ""}');
  });
});

describe("the history", () => {
  const storage = (): Storage & { text: () => string } => {
    const map = new Map<string, string>();
    return {
      getItem: (key) => map.get(key) ?? null,
      setItem: (key, value) => void map.set(key, value),
      removeItem: (key) => void map.delete(key),
      text: () => [...map.values()].join(),
    };
  };
  const entry = (text: string, at = 1) => ({ ...request(text, { x: { kind: "json", text: "1.50" } }), at });

  it("has the latest query first, and each only once", () => {
    const store = storage();
    for (const text of ["a", "b", "a"]) addToHistory(store, entry(text), undefined);
    expect(readHistory(store).map(({ text }) => text)).toEqual(["a", "b"]);
    expect(readHistory(store)[0]?.values.get("x")).toEqual({ kind: "json", text: "1.50" });
    clearHistory(store);
    expect(readHistory(store)).toEqual([]);
  });

  it("marks the queries that failed, until they are run again", () => {
    const store = storage();
    for (const text of ["a", "b"]) addToHistory(store, entry(text), undefined);
    const marks = () => readHistory(store).map(({ text, failed }) => (failed ? `${text} failed` : text));
    markFailed(store, entry("a"));
    expect(marks()).toEqual(["b", "a failed"]);
    addToHistory(store, entry("a", 2), undefined);
    expect(marks()).toEqual(["a", "b"]);
    // The failure of the run before comes late.
    markFailed(store, entry("a", 1));
    markFailed(store, entry("not there"));
    expect(marks()).toEqual(["a", "b"]);
    markFailed(store, entry("a", 2));
    expect(marks()).toEqual(["a failed", "b"]);
  });

  it("never has the token", () => {
    const store = storage();
    addToHistory(store, entry('{"a": "pct_secret"}'), "pct_secret");
    expect(store.text()).not.toContain("pct_secret");
  });

  it("stays small, and works without a storage", () => {
    const store = storage();
    for (let count = 0; count < 150; count++) addToHistory(store, entry(`${count}${"x".repeat(20_000)}`), undefined);
    expect(store.text().length).toBeLessThan(500_001);
    const none: Storage = {
      getItem: () => null,
      setItem: () => {
        throw new Error("not allowed");
      },
      removeItem: () => {},
    };
    expect(addToHistory(none, entry("a"), undefined)).toEqual([]);
  });

  it("ignores what it cannot read", () => {
    const store = storage();
    for (const text of [
      "{",
      "5",
      '[1, null, {"text": 5}, {"datasource":"d","action":"a","text":"t","at":1,"values":[5,["x",null]],"options":5}]',
    ]) {
      store.setItem("portcullis.history", text);
      expect(readHistory(store).every(({ options }) => options.format === "typed")).toBe(true);
    }
    expect(readHistory(store)).toHaveLength(1);
    expect(optionsOf({ deadline: "1; rm", maxItems: "x", format: "plain", strict: "false" })).toMatchObject({
      deadline: "",
      maxItems: "",
      format: "plain",
      strict: false,
    });
  });
});

describe("indenting", () => {
  it("puts fields on lines, and keeps short values on one", () => {
    expect(reformat('{"a":{"S":"x"},"b":[1,2],"c":{"d":{"e":{"f":1}},"g":2}}')).toBe(
      '{\n  "a": {"S": "x"},\n  "b": [1, 2],\n  "c": {\n    "d": {"e": {"f": 1}},\n    "g": 2\n  }\n}'.replace(
        '{"e": {"f": 1}}',
        '{"e": {"f": 1}}',
      ),
    );
  });

  it("keeps comments, placeholders and digits", () => {
    const text = '// first\n{"a":12345678901234567890.10,// after\n"b":{{x}},\n/* own */"c":[1]}';
    const result = reformat(text) ?? "";
    expect(result).toContain("// first\n{");
    expect(result).toContain("12345678901234567890.10, // after");
    expect(result).toContain("{{x}}");
    expect(result).toContain('/* own */\n  "c"');
    expect(parseDocument(result).mistakes).toEqual([]);
    expect(reformat(result)).toBe(result);
  });

  it("moves nothing in a text with mistakes", () => {
    expect(reformat('{"a":')).toBeUndefined();
    expect(reformat("")).toBeUndefined();
  });
});

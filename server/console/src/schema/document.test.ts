import { describe, expect, it } from "vitest";
import { field, MAX_DEPTH, parseDocument, placeholders, type Node } from "./document";
import { namePlaceOf, offsetOf, parsePointer, placeOf } from "./pointer";

/** The values of a document, numbers as `#digits`. */
function plain(node: Node | undefined): unknown {
  switch (node?.kind) {
    case "object":
      return node.fields.map(({ name, value }) => [name, plain(value)]);
    case "array":
      return node.items.map(plain);
    case "string":
    case "boolean":
      return node.value;
    case "number":
      return `#${node.text}`;
    case "placeholder":
      return `{{${node.name}}}`;
    case "null":
      return null;
    default:
      return "missing";
  }
}

describe("a document", () => {
  it("keeps the digits of numbers, the order of fields, and names that JavaScript treats specially", () => {
    const { root, mistakes } = parseDocument(
      '{"b": 12345678901234567890123456789012345678, "1": 1.50, "__proto__": {"a": -0.0e+5}}',
    );
    expect(mistakes).toEqual([]);
    expect(plain(root)).toEqual([
      ["b", "#12345678901234567890123456789012345678"],
      ["1", "#1.50"],
      ["__proto__", [["a", "#-0.0e+5"]]],
    ]);
  });

  it("may have comments, trailing commas and placeholders", () => {
    const document = parseDocument('// one\n{"a": [1, 2,], /* two */ "b": {{ user.id }}, "c": {"d": {{x}}},}');
    expect(document.mistakes).toEqual([]);
    expect(document.comments).toHaveLength(2);
    expect(plain(document.root)).toEqual([
      ["a", ["#1", "#2"]],
      ["b", "{{user.id}}"],
      ["c", [["d", "{{x}}"]]],
    ]);
    expect(placeholders(document)).toEqual(["user.id", "x"]);
  });

  it("reads escapes", () => {
    const { root, mistakes } = parseDocument('"a\\"\\\\\\/\\n\\u00e9\\ud83d\\ude00"');
    expect(mistakes).toEqual([]);
    expect(plain(root)).toBe('a"\\/\né😀');
  });

  it.each([
    ["", []],
    ['{"a":1', ["this { is not closed; add } at the end"]],
    ["[1", ["this [ is not closed; add ] at the end"]],
    [
      '{"a" 1}',
      [
        "a colon and a value are missing after this name",
        "a comma is missing before this",
        "found 1; expected the name of a field, in double quotes",
      ],
    ],
    ['{"a":}', ["a value is missing after this colon"]],
    ['{"a":1 "b":2}', ["a comma is missing before this"]],
    ['{"a":1,,}', ["there is nothing before this comma; remove it"]],
    ["{a:1}", ['a has no quotes; write "a"']],
    ["{'a':1}", ["found single quotes; write double quotes"]],
    ["[nul]", ['found nul without quotes; write "nul" for a text']],
    ["[01]", ["01 is not a number of JSON"]],
    ["[1.]", ["1. is not a number of JSON"]],
    ["[+1]", ["+1 is not a number of JSON"]],
    [
      '["a\nb"]',
      [
        "this string is not closed; add a double quote (a line break within a string is \\n)",
        "a comma is missing before this",
        'found b without quotes; write "b" for a text',
        "a comma is missing before this",
        "this string is not closed; add a double quote (a line break within a string is \\n)",
        "this [ is not closed; add ] at the end",
      ],
    ],
    ['"\\x"', ["\\x is not an escape of JSON; for a backslash, write \\\\"]],
    ["{} {}", ["there is more after the end of the JSON value; an action takes one value"]],
    [
      "# a\n{}",
      [
        "found #; expected a value; a comment starts with //, or is between /* and */",
        "there is more after the end of the JSON value; an action takes one value",
      ],
    ],
    ["/* a", ["this comment is not closed; add */"]],
    ["{{{a}}: 1}", ["no value can be filled in for a field's name; write the name itself"]],
  ])("names the mistakes of %j", (text, messages) => {
    expect(parseDocument(text).mistakes.map(({ message }) => message)).toEqual(messages);
  });

  it("is read to its end whatever it contains, within its bounds", () => {
    const pieces = [
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"',
      "'",
      "\\",
      "a",
      "1",
      "{{a}}",
      "//",
      "/*",
      "\n",
      "#",
      "\u0000",
      "-",
      "é",
    ];
    let seed = 1;
    for (let round = 0; round < 3000; round++) {
      let text = "";
      for (let length = 0; length < 12; length++) {
        seed = (seed * 1103515245 + 12345) % 2147483648;
        text += pieces[seed % pieces.length];
      }
      const { root, mistakes } = parseDocument(text);
      for (const { from, to } of [...mistakes, ...(root ? [root] : [])]) {
        expect(from >= 0 && from <= to && to <= text.length, `${JSON.stringify(text)} ${from} ${to}`).toBe(true);
      }
    }
  });

  it("has no mistakes if JSON.parse reads it, and some if it does not", () => {
    const texts = [
      '{"a":[1,2.5e3,"x",null,true]}',
      "[]",
      '"\\u0041"',
      "-1",
      "[1 2]",
      '{"a":1]',
      "[1}",
      "tru",
      '{"a"}',
      "1e",
      "-",
    ];
    for (const text of texts) {
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      expect(parseDocument(text).mistakes.length === 0, text).toBe(isJson);
    }
  });

  it("may nest only so deep that nothing overflows", () => {
    expect(parseDocument("[".repeat(100_000)).mistakes.length).toBeGreaterThan(0);
    const deep = "[".repeat(MAX_DEPTH) + "]".repeat(MAX_DEPTH);
    expect(parseDocument(deep).mistakes).toEqual([]);
  });
});

describe("a pointer", () => {
  const text = '{"Key": {"a/b": 1, "c~d": [true, {"e": "x"}]}, "S": {{v}}}';
  const document = parseDocument(text);
  const shown = (pointer: string) => {
    const { from, to, exists } = placeOf(document, pointer);
    return [text.slice(from, to), exists];
  };

  it("leads to the value, and to the opening bracket or the name of what has many lines", () => {
    expect(shown("/Key/a~1b")).toEqual(["1", true]);
    expect(shown("/Key/c~0d/0")).toEqual(["true", true]);
    expect(shown("/Key/c~0d/1/e")).toEqual(['"x"', true]);
    expect(shown("/Key")).toEqual(['"Key"', true]);
    expect(shown("/S")).toEqual(["{{v}}", true]);
    expect(shown("")).toEqual(["{", true]);
  });

  it("leads to where a missing field belongs", () => {
    expect(shown("/TableName")).toEqual(["{", false]);
    expect(shown("/Key/x/y")).toEqual(['"Key"', false]);
    expect(placeOf(parseDocument(""), "/TableName")).toEqual({ from: 0, to: 0, exists: false });
  });

  it("has names and parts", () => {
    expect(parsePointer("/a~1b/~01/")).toEqual(["a/b", "~1", ""]);
    const place = namePlaceOf(document, "/Key/a~1b");
    expect(place && text.slice(place.from, place.to)).toBe('"a/b"');
  });

  it("is found by line and column, which count characters", () => {
    expect(offsetOf("a\n😀b", 2, 2)).toBe(4);
    expect(offsetOf("a", 9, 9)).toBe(1);
  });
});

it("a field is found by its name", () => {
  expect(field(parseDocument('{"a":1}').root, "a")?.kind).toBe("number");
  expect(field(parseDocument('{"a":1}').root, "constructor")).toBeUndefined();
});

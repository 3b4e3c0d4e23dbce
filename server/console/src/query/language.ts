// The languages of the editors: JSON with comments and placeholders, and PartiQL. The tokenizers only colour; what a text
// means is decided by the parser in ../schema/document.

import { HighlightStyle, StreamLanguage, type StreamParser, syntaxHighlighting } from "@codemirror/language";
import { tags } from "@lezer/highlight";
import { STATEMENT_WORDS } from "../schema/complete";
import { TYPES } from "../schema/attribute";

interface State {
  inComment: boolean;
}

const json: StreamParser<State> = {
  name: "json",
  startState: () => ({ inComment: false }),
  token(stream, state) {
    if (state.inComment || stream.match("/*")) {
      state.inComment = !stream.match(/.*?\*\//);
      if (state.inComment) stream.skipToEnd();
      return "comment";
    }
    if (stream.match(/\/\/.*/)) return "comment";
    if (stream.match(/\{\{ *[\w.-]+ *\}\}/)) return "labelName";
    const string = stream.match(/"(?:[^"\\]|\\.)*"?/) as RegExpMatchArray | null;
    if (string) {
      if (!stream.match(/\s*:/, false)) return "string";
      return TYPE_NAMES.has(string[0]) ? "typeName" : "propertyName";
    }
    if (stream.match(/-?[0-9][\w.+-]*/)) return "number";
    if (stream.match(/(?:true|false)\b/)) return "bool";
    if (stream.match(/null\b/)) return "null";
    stream.next();
    return null;
  },
  languageData: {
    commentTokens: { line: "//", block: { open: "/*", close: "*/" } },
    closeBrackets: { brackets: ["{", "[", '"'] },
  },
};

const TYPE_NAMES = new Set(TYPES.map((type) => `"${type}"`));

const partiql: StreamParser<State> = {
  name: "partiql",
  startState: () => ({ inComment: false }),
  token(stream) {
    if (stream.match(/--.*/)) return "comment";
    if (stream.match(/'(?:[^']|'')*'?/)) return "string";
    if (stream.match(/"(?:[^"]|"")*"?/)) return "propertyName";
    if (stream.match(/-?[0-9][\w.]*/)) return "number";
    if (stream.eat("?")) return "labelName";
    const word = stream.match(/[A-Za-z_]\w*/) as RegExpMatchArray | null;
    if (word) return KEYWORDS.has(word[0].toUpperCase()) ? "keyword" : "variableName";
    stream.next();
    return null;
  },
  languageData: { closeBrackets: { brackets: ["(", "[", "{", "'", '"'] } },
};

const KEYWORDS = new Set([
  ...STATEMENT_WORDS.flatMap((words) => words.replace("(", "").toUpperCase().split(" ")),
  "BY",
  "ASC",
  "ALL",
  "OLD",
  "NEW",
  "NULL",
  "MISSING",
  "TRUE",
  "FALSE",
]);

/** The languages by name. */
export const LANGUAGES = { json: StreamLanguage.define(json), partiql: StreamLanguage.define(partiql) } as const;

/** A language that the editor knows. */
export type LanguageName = keyof typeof LANGUAGES;

/** The colours of tokens: those that tables and trees have for values of these types. */
export const highlighting = syntaxHighlighting(
  HighlightStyle.define([
    { tag: tags.propertyName, color: "var(--accent)" },
    { tag: tags.typeName, color: "var(--muted)" },
    { tag: tags.string, color: "var(--value-text)" },
    { tag: tags.number, color: "var(--value-number)" },
    { tag: tags.bool, color: "var(--value-boolean)" },
    { tag: tags.null, color: "var(--value-null)" },
    { tag: tags.keyword, color: "var(--admin)", fontWeight: "600" },
    { tag: tags.labelName, color: "var(--warning)", fontWeight: "600" },
    { tag: tags.comment, color: "var(--muted)", fontStyle: "italic" },
  ]),
);

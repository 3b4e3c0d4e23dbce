// PartiQL: the input of ExecuteStatement as a statement with its parameters, and completion in a statement. The JSON stays
// the only truth: the form reads it, and writes the changes into it.

import { STATEMENT_WORDS, type Candidate, type Completion, type Knowledge } from "../schema/complete";
import { field, parseDocument, type Node } from "../schema/document";
import { valueOf } from "../results/value";

/** A parameter, as the form shows it. */
export interface Parameter {
  readonly kind: "text" | "number" | "boolean" | "null" | "json";
  readonly text: string;
}

/** A statement with its parameters. */
export interface Statement {
  readonly statement: string;
  readonly parameters: readonly Parameter[];
}

/** Reads a statement from an input, or `undefined` if the form cannot show the input. */
export function readStatement(text: string, format: "typed" | "plain"): Statement | undefined {
  const { root, mistakes } = parseDocument(text);
  if (mistakes.length > 0) return undefined;
  if (!root) return { statement: "", parameters: [] };
  const statement = field(root, "Statement");
  const parameters = field(root, "Parameters");
  if (root.kind !== "object" || (statement && statement.kind !== "string")) return undefined;
  if (parameters && parameters.kind !== "array") return undefined;
  const items = parameters?.items.map((item) => parameterOf(item, text, format)) ?? [];
  return { statement: statement?.value ?? "", parameters: items };
}

function parameterOf(node: Node, source: string, format: "typed" | "plain"): Parameter {
  const value = valueOf(node, format);
  const json: Parameter = { kind: "json", text: source.slice(node.from, node.to) };
  if (node.kind === "placeholder") return json;
  switch (value.kind) {
    case "text":
      return { kind: "text", text: value.text };
    case "number":
      return { kind: "number", text: value.text };
    case "boolean":
      return { kind: "boolean", text: value.text };
    case "null":
      return { kind: "null", text: "" };
    default:
      return json;
  }
}

/** Writes a statement into an input. All other fields, and comments, stay. */
export function writeStatement(text: string, { statement, parameters }: Statement, format: "typed" | "plain"): string {
  const withStatement = setField(text, "Statement", JSON.stringify(statement));
  const items = parameters.map((one) => parameterJson(one, format));
  if (items.length > 0) return setField(withStatement, "Parameters", `[${items.join(", ")}]`);
  return removeField(withStatement, "Parameters");
}

function parameterJson({ kind, text }: Parameter, format: "typed" | "plain"): string {
  switch (kind) {
    case "text":
      return format === "typed" ? `{"S": ${JSON.stringify(text)}}` : JSON.stringify(text);
    case "number":
      // As text, so that what is not a number reaches the plugin, which says so.
      return format === "typed" ? `{"N": ${JSON.stringify(text)}}` : `{"$N": ${JSON.stringify(text)}}`;
    case "boolean":
      return format === "typed" ? `{"BOOL": ${text === "true"}}` : String(text === "true");
    case "null":
      return format === "typed" ? '{"NULL": true}' : "null";
    case "json":
      return text.trim() === "" ? '""' : text;
  }
}

/** Sets a field of an input to a JSON value. The rest of the text stays as it is. */
export function setField(text: string, name: string, value: string): string {
  const { root } = parseDocument(text);
  if (root?.kind !== "object") return `{\n  ${JSON.stringify(name)}: ${value}\n}`;
  const present = root.fields.findLast((one) => one.name === name);
  if (present) return text.slice(0, present.value.from) + value + text.slice(present.value.to);
  const last = root.fields.at(-1);
  if (!last)
    return `${text.slice(0, root.from + 1)}\n  ${JSON.stringify(name)}: ${value}\n${text.slice(root.from + 1).trimStart()}`;
  // A trailing comma may follow, and the text may be on one line.
  const isOnLines = text.slice(root.from, last.nameSpan.from).includes("\n");
  const separator = isOnLines ? ",\n  " : ", ";
  return `${text.slice(0, last.value.to)}${separator}${JSON.stringify(name)}: ${value}${text.slice(last.value.to)}`;
}

function removeField(text: string, name: string): string {
  const { root } = parseDocument(text);
  if (root?.kind !== "object") return text;
  const index = root.fields.findIndex((one) => one.name === name);
  const present = root.fields[index];
  if (!present) return text;
  const previous = root.fields[index - 1];
  const next = root.fields[index + 1];
  if (previous) return text.slice(0, previous.value.to) + text.slice(present.value.to);
  return text.slice(0, present.nameSpan.from) + text.slice(next ? next.nameSpan.from : present.value.to);
}

/** How many `?` a statement has outside of texts, names and comments. */
export function countMarks(statement: string): number {
  const rest = statement.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*/g, "");
  return rest.split("?").length - 1;
}

/** The type of the key that a parameter is compared with, if it is one. */
export function comparedKeyType(statement: string, parameter: number, { structure }: Pick<Knowledge, "structure">): string | undefined {
  const withoutTexts = statement.replace(/'(?:[^']|'')*'|--[^\n]*/g, "");
  const [, quoted, plain] = /\b(?:FROM|INTO|UPDATE)\s+(?:"((?:[^"]|"")*)"|([\w.-]+))/i.exec(withoutTexts) ?? [];
  const table = structure?.tables.find(({ name }) => name === (quoted?.replaceAll('""', '"') ?? plain));
  const marks = [...withoutTexts.matchAll(/(?:(?:"((?:[^"]|"")*)"|([\w-]+))\s*(?:<>|[<>]=?|=)\s*)?\?/g)];
  const [, attribute, word] = marks[parameter] ?? [];
  const name = attribute?.replaceAll('""', '"') ?? word;
  return [table, ...(table?.indexes ?? [])].flatMap((one) => one?.keys ?? []).find((key) => key.name === name)?.type;
}

/** What may be written at a position of a statement: its words, tables, indexes and keys. */
export function completeStatement(text: string, position: number, { structure }: Knowledge): Completion | undefined {
  const before = text.slice(0, position);
  // Within a text in quotes, nothing is proposed. A name in double quotes is completed together with its quotes.
  if ((before.replace(/"[^"]*"/g, "").split("'").length - 1) % 2 === 1) return undefined;
  const begun = /"?[\w.-]*$/.exec(before)?.[0] ?? "";
  const after = begun.startsWith('"') ? (/^[\w.-]*"?/.exec(text.slice(position))?.[0] ?? "") : "";
  const tables = structure?.tables ?? [];
  const name = (table: string) => `"${table.replaceAll('"', '""')}"`;
  const candidates: Candidate[] = [];
  for (const table of tables) {
    const isUsed = text.includes(table.name);
    candidates.push({
      label: table.name,
      kind: "table",
      detail: table.keys.map((key) => key.name).join(", "),
      insert: name(table.name),
      rank: /\b(FROM|INTO|UPDATE)\s+"?[\w.-]*$/i.test(before) ? 3 : 0,
    });
    if (!isUsed) continue;
    for (const index of table.indexes)
      candidates.push({
        label: `${table.name}.${index.name}`,
        kind: "index",
        detail: index.keys.map((key) => key.name).join(", "),
        insert: `${name(table.name)}.${name(index.name)}`,
      });
    const keys = new Map(
      [...table.keys, ...table.indexes.flatMap((index) => index.keys)].map((key) => [key.name, key]),
    );
    for (const key of keys.values()) {
      const isWord = /^[A-Za-z_]\w*$/.test(key.name);
      candidates.push({
        label: key.name,
        kind: "key",
        detail: `${key.role} key`,
        insert: isWord ? key.name : name(key.name),
        rank: 1,
      });
    }
  }
  if (!begun.startsWith('"'))
    for (const word of STATEMENT_WORDS) candidates.push({ label: word, kind: "function", insert: word });
  return { from: position - begun.length, to: position + after.length, candidates };
}

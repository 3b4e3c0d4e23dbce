// What may be written at a place of an input: fields of the schema, allowed values, and the names that the datasource
// has (tables, keys, indexes).

import type { Key, Schema, Structure, Table } from "../api/types";
import { texts } from "../texts";
import { isAttributeValue, TYPE_SAMPLES, TYPE_WORDS, TYPES, type Format } from "./attribute";
import { type Document, field, type Node, type ObjectNode, type Span, visit } from "./document";
import type { Path } from "./pointer";

const t = texts.schema.completion;

/** Something that may be written. */
export interface Candidate {
  readonly label: string;
  /** A few words about it. */
  readonly detail?: string;
  readonly kind: "field" | "value" | "table" | "key" | "index" | "placeholder" | "function";
  /** The text that replaces the span. */
  readonly insert: string;
  /** Where the cursor is afterwards, within `insert`. The default is its end. */
  readonly cursor?: number;
  /** Higher comes first. */
  readonly rank?: number;
}

/** The candidates for a span of the text. */
export interface Completion extends Span {
  readonly candidates: readonly Candidate[];
}

/** What completion knows. */
export interface Knowledge {
  readonly schema: Schema | undefined;
  readonly structure: Structure | undefined;
  readonly format: Format;
}

/** The completion at a position. */
export function complete(document: Document, position: number, knowledge: Knowledge): Completion | undefined {
  if (
    document.comments.some(({ from, to }) => position > from && position < to + 1 && document.text[to] !== undefined)
  ) {
    return undefined;
  }
  const place = placeAt(document, position);
  if (!place) return undefined;
  const scope = new Scope(document, knowledge);
  if (place.kind === "name") return { ...place.span, candidates: scope.names(place) };
  if (place.kind === "text") {
    const inside = scope.expression(place, position);
    if (inside) return inside;
  }
  return { ...place.span, candidates: scope.values(place) };
}

/** Where the cursor is. */
interface Place {
  /** At the name of a field, at a value, or in a string that is a value. */
  readonly kind: "name" | "value" | "text";
  /** What a candidate replaces. */
  readonly span: Span;
  /** The path of the object (of a name) or of the value. */
  readonly path: Path;
  /** The object that contains the place. */
  readonly object: ObjectNode | undefined;
  /** Whether a colon follows, so that a name needs none. */
  readonly hasColon: boolean;
  /** The value in whose place the cursor is, if there is one. */
  readonly node?: Node;
}

/** Finds out what is at a position. */
export function placeAt(document: Document, position: number): Place | undefined {
  const { text, root } = document;
  const here = { from: position, to: position };
  if (!root || (root.kind === "missing" && position >= root.from)) {
    const span = root && root.kind === "missing" && position <= root.to ? { from: root.from, to: root.to } : here;
    return { kind: "value", span, path: [], object: undefined, hasColon: false };
  }
  let node: Node = root;
  let path: Path = [];
  let object: ObjectNode | undefined;
  for (;;) {
    if (node.kind === "object" && isInside(node, position, text)) {
      object = node;
      const named = node.fields.find(({ nameSpan: { from, to } }) => position >= from && position <= to);
      if (named) {
        const hasColon = /^\s*:/.test(text.slice(named.nameSpan.to, named.nameSpan.to + 100));
        return { kind: "name", span: named.nameSpan, path, object, hasColon };
      }
      const valued = node.fields.find(({ nameSpan, value }) => isAtValue(nameSpan, value, position, text));
      if (!valued) return { kind: "name", span: here, path, object, hasColon: false };
      path = [...path, valued.name];
      node = valued.value;
      if (node.kind === "missing" || position < node.from) {
        const span =
          node.kind === "missing" && position <= node.to && isWord(text, node)
            ? { from: node.from, to: node.to }
            : here;
        return { kind: "value", span, path, object, hasColon: false };
      }
      continue;
    }
    if (node.kind === "array" && isInside(node, position, text)) {
      const index: number = node.items.findIndex(({ from, to }) => position >= from && position <= to);
      const item: Node | undefined = node.items[index];
      if (!item) {
        const before = node.items.filter(({ to }) => to <= position).length;
        return { kind: "value", span: here, path: [...path, before], object, hasColon: false };
      }
      path = [...path, index];
      node = item;
      continue;
    }
    if (position < node.from || position > node.to) return undefined;
    if (node.kind === "object" || node.kind === "array" || node.kind === "placeholder") return undefined;
    const kind = node.kind === "string" ? "text" : "value";
    return { kind, span: { from: node.from, to: node.to }, path, object, hasColon: false, node };
  }
}

function isInside(node: Node, position: number, text: string): boolean {
  if (position <= node.from) return false;
  const isClosed = /[}\]]/.test(text[node.to - 1] ?? "") && node.to > node.from + 1;
  return isClosed ? position < node.to : position <= node.to;
}

/** Whether a position is behind the colon of a field and not behind its value. */
function isAtValue(name: Span, value: Node, position: number, text: string): boolean {
  if (position <= name.to) return false;
  const colon = text.indexOf(":", name.to);
  if (colon < 0 || position <= colon) return false;
  if (value.kind === "missing" && value.from === name.to) return false;
  return position <= value.to;
}

function isWord(text: string, { from, to }: Span): boolean {
  return /^[\w$.-]+$/.test(text.slice(from, to));
}

/** The fields of an input in which names of the datasource occur. */
class Scope {
  private readonly tables: readonly Table[];
  private readonly schema: Schema | undefined;
  private readonly format: Format;

  constructor(
    private readonly document: Document,
    knowledge: Knowledge,
  ) {
    this.tables = knowledge.structure?.tables ?? [];
    this.schema = knowledge.schema;
    this.format = knowledge.format;
  }

  /** What may be the name of a field. */
  names(place: Place): Candidate[] {
    const used = new Set(
      place.object?.fields.filter(({ nameSpan }) => nameSpan.from !== place.span.from).map(({ name }) => name),
    );
    const candidates = this.namesIn(place.path, place.object).filter(({ label }) => !used.has(label));
    if (!place.hasColon) return candidates;
    return candidates.map(({ cursor: _, ...one }) => ({ ...one, insert: JSON.stringify(one.label) }));
  }

  private namesIn(path: Path, object: ObjectNode | undefined): Candidate[] {
    const schema = this.schemaAt(path);
    if (schema?.properties) {
      const required = new Set(schema.required);
      return Object.entries(schema.properties).map(([name, property]) => ({
        label: name,
        detail: [required.has(name) ? t.required : "", describe(property)].filter(Boolean).join(" · "),
        kind: "field",
        ...assignment(name, opening(property)),
        rank: required.has(name) ? 2 : rankOf(name),
      }));
    }
    const last = path.at(-1);
    if (schema === undefined || isAttributeValue(schema) || this.isAttribute(path)) return this.typeNames(object);
    if (last === "RequestItems") {
      return this.tables.map(({ name }) => ({
        label: name,
        detail: t.table,
        kind: "table",
        ...assignment(name, opening(schema.additionalProperties)),
      }));
    }
    const values = typeof schema.additionalProperties === "object" && isAttributeValue(schema.additionalProperties);
    if (last === "ExpressionAttributeNames")
      return this.mentioned("#").map((label) => ({ label, kind: "placeholder", ...assignment(label, '""') }));
    if (last === "ExpressionAttributeValues") {
      return this.mentioned(":").map((label) => ({
        label,
        kind: "placeholder",
        ...assignment(label, this.sample(this.comparedKey(path, object, label)?.type)),
      }));
    }
    const table = this.tableOf(path);
    if (!table) return [];
    const keys = withIndexKeys(table, last !== "Key" && last !== "Keys" && path.at(-2) !== "Keys");
    return keys.map((key) => ({
      label: key.name,
      detail: t.key(key.role, typeWords(key.type)),
      kind: "key",
      ...assignment(key.name, values ? this.sample(key.type) : opening(schema.additionalProperties)),
      rank: key.role === "partition" ? 2 : 1,
    }));
  }

  /** What may be a value. */
  values(place: Place): Candidate[] {
    const schema = this.schemaAt(place.path);
    const name = place.path.at(-1);
    const text = (label: string, kind: Candidate["kind"], detail?: string): Candidate => ({
      label,
      kind,
      insert: JSON.stringify(label),
      ...(detail === undefined ? {} : { detail }),
    });
    if (schema?.enum) return schema.enum.map((one) => text(String(one), "value"));
    if (schema?.type === "boolean") return ["true", "false"].map((label) => ({ label, kind: "value", insert: label }));
    if (name === "TableName" || name === "GlobalTableName")
      return this.tables.map((table) => text(table.name, "table", keysOf(table)));
    if (name === "IndexName") {
      const table = this.tableOf(place.path);
      return (table?.indexes ?? []).map((index) =>
        text(index.name, "index", index.keys.map((key) => key.name).join(", ")),
      );
    }
    const parent = place.path.at(-2);
    if (parent === "AttributesToGet" || parent === "ExpressionAttributeNames" || name === "AttributeName") {
      const table = this.tableOf(place.path);
      return table ? withIndexKeys(table, true).map((key) => text(key.name, "key", typeWords(key.type))) : [];
    }
    if (place.kind === "text") return [];
    if (schema && isAttributeValue(schema)) return this.attributeValues(place);
    if (schema?.type === "object" || schema?.type === "array") {
      const insert = schema.type === "object" ? "{}" : "[]";
      return [{ label: insert, kind: "value", detail: describe(schema), insert, cursor: 1 }];
    }
    if (schema?.type === "string")
      return [{ label: '""', kind: "value", detail: describe(schema), insert: '""', cursor: 1 }];
    return [];
  }

  private attributeValues(place: Place): Candidate[] {
    const table = this.tableOf(place.path);
    const key = table && withIndexKeys(table, true).find(({ name }) => name === place.path.at(-1));
    if (this.format === "plain") {
      return [
        { label: '""', detail: TYPE_WORDS.S, kind: "value", insert: '""', cursor: 1 },
        { label: "{}", detail: TYPE_WORDS.M, kind: "value", insert: "{}", cursor: 1 },
        { label: "[]", detail: TYPE_WORDS.L, kind: "value", insert: "[]", cursor: 1 },
      ];
    }
    return TYPES.map((type) => {
      const insert = `{"${type}": ${TYPE_SAMPLES[type]}}`;
      const rank = key?.type === type ? 3 : 0;
      return {
        label: insert,
        detail: TYPE_WORDS[type],
        kind: "value",
        insert,
        cursor: insert.length - 1 - closing(type),
        rank,
      };
    });
  }

  /** What may be written in an expression or a PartiQL statement. */
  expression(place: Place, position: number): Completion | undefined {
    const name = String(place.path.at(-1));
    const isStatement = name === "Statement";
    if (!isStatement && !name.endsWith("Expression")) return undefined;
    // A string with escapes has other positions than its text. It is completed all the same: the word before the
    // cursor is looked for in the text as it is written.
    const before = this.document.text.slice(place.span.from + 1, position);
    const word = /[#:]?[\w.-]*$/.exec(before)?.[0] ?? "";
    const span = { from: position - word.length, to: position };
    const candidates: Candidate[] = [];
    const add = (label: string, kind: Candidate["kind"], detail?: string, insert = label) => {
      candidates.push({ label, kind, insert, ...(detail === undefined ? {} : { detail }) });
    };
    if (isStatement) {
      for (const table of this.tables) add(table.name, "table", keysOf(table), `\\"${table.name}\\"`);
      for (const keyword of STATEMENT_WORDS) add(keyword, "function");
      return { ...span, candidates };
    }
    const table = this.tableOf(place.path);
    for (const key of table ? withIndexKeys(table, true) : [])
      add(key.name, "key", t.key(key.role, typeWords(key.type)));
    for (const [of, detail] of [
      ["ExpressionAttributeNames", t.name],
      ["ExpressionAttributeValues", t.value],
    ] as const) {
      const defined = field(place.object, of);
      if (defined?.kind === "object") for (const one of defined.fields) add(one.name, "placeholder", detail);
    }
    const words = name === "UpdateExpression" ? UPDATE_WORDS : name === "ProjectionExpression" ? [] : CONDITION_WORDS;
    for (const one of words) add(one, "function");
    return { ...span, candidates };
  }

  /** The names of types, for an object that is an attribute value. */
  private typeNames(object: ObjectNode | undefined): Candidate[] {
    if ((object?.fields.length ?? 0) > 1) return [];
    const types = this.format === "typed" ? TYPES : (["B", "SS", "NS", "BS", "N", "M"] as const);
    return types.map((type) => ({
      label: this.format === "typed" ? type : `$${type}`,
      detail: TYPE_WORDS[type],
      kind: "value",
      ...assignment(this.format === "typed" ? type : `$${type}`, TYPE_SAMPLES[type]),
    }));
  }

  /** Whether a place is within an attribute value. */
  private isAttribute(path: Path): boolean {
    return path.some((_, index) => {
      const schema = this.schemaAt(path.slice(0, index + 1));
      return schema !== undefined && isAttributeValue(schema);
    });
  }

  /** An attribute value to fill in. */
  private sample(type: string | undefined): string {
    if (this.format === "plain") return type === "N" ? "" : type === "B" ? '{"$B": ""}' : '""';
    return `{"${type ?? "S"}": ""}`;
  }

  /** The key with which an expression compares a value such as `:id`. */
  private comparedKey(path: Path, values: ObjectNode | undefined, value: string): Key | undefined {
    const table = this.tableOf(path);
    const request = this.parentOf(values);
    const names = field(request, "ExpressionAttributeNames");
    for (const expression of request?.fields ?? []) {
      if (expression.value.kind !== "string" || !expression.name.endsWith("Expression")) continue;
      for (const [comparison, written = ""] of expression.value.value.matchAll(COMPARISON)) {
        if (!comparison.match(/:\w+/g)?.includes(value)) continue;
        const named = field(names, written);
        const attribute = named?.kind === "string" ? named.value : written;
        const key = table && withIndexKeys(table, true).find(({ name }) => name === attribute);
        if (key) return key;
      }
    }
    return undefined;
  }

  /** The object that has an object as one of its fields. */
  private parentOf(child: ObjectNode | undefined): ObjectNode | undefined {
    let found: ObjectNode | undefined;
    visit(this.document.root, (node) => {
      if (node.kind === "object" && node.fields.some(({ value }) => value === child)) found = node;
    });
    return found;
  }

  /** The schema of the value at a path. */
  private schemaAt(path: Path): Schema | undefined {
    return schemaAt(this.schema, path);
  }

  /** The table that a place is about: the closest `TableName` around it, or the name in `RequestItems`. */
  private tableOf(path: Path): Table | undefined {
    let node = this.document.root;
    let name = nameOf(node);
    for (const [index, part] of path.entries()) {
      if (path[index - 1] === "RequestItems") name = String(part);
      node = node?.kind === "array" ? node.items[Number(part)] : field(node, String(part));
      name = nameOf(node) ?? name;
    }
    return (
      this.tables.find((table) => table.name === name) ??
      (name === undefined && this.tables.length === 1 ? this.tables[0] : undefined)
    );
  }

  /** The names with this first character that the document's expressions use. */
  private mentioned(sigil: "#" | ":"): string[] {
    const names = new Set<string>();
    const walk = (node: Node | undefined): void => {
      if (node?.kind !== "object") return;
      for (const { name, value } of node.fields) {
        if (value.kind === "string" && name.endsWith("Expression")) {
          for (const [found] of value.value.matchAll(/[#:]\w+/g))
            if (found.startsWith(sigil)) names.add(found);
        }
        walk(value);
        if (value.kind === "array") value.items.forEach(walk);
      }
    };
    walk(this.document.root);
    return [...names];
  }
}

/** The schema of the value at a path. */
export function schemaAt(root: Schema | undefined, path: Path): Schema | undefined {
  let schema = root;
  for (const part of path) {
    if (!schema) return undefined;
    if (schema.type === "array") {
      schema = schema.items;
    } else if (schema.properties && Object.hasOwn(schema.properties, part)) {
      schema = schema.properties[part];
    } else {
      schema = typeof schema.additionalProperties === "object" ? schema.additionalProperties : undefined;
    }
  }
  return schema;
}

/** A schema in a few words. */
export function describe(schema: Schema): string {
  if (isAttributeValue(schema)) return t.attributeValue;
  if (schema.enum) return schema.enum.slice(0, 3).join(" | ") + (schema.enum.length > 3 ? " | …" : "");
  switch (schema.type) {
    case "array":
      return schema.items?.type === "string" ? t.listOfTexts : t.list;
    case "object":
      return t.object;
    case "string":
      return t.text;
    case "boolean":
      return t.boolean;
    case "integer":
      return t.integer;
    default:
      return typeof schema.type === "string" ? schema.type : "";
  }
}

/** The start of a value of a schema, to be filled in. */
function opening(schema: Schema | boolean | undefined): string {
  if (typeof schema !== "object") return "";
  if (isAttributeValue(schema)) return "";
  if (schema.type === "object") return "{}";
  if (schema.type === "array") return "[]";
  if (schema.type === "string") return '""';
  return "";
}

/** A field with its value, and the cursor in the value. */
function assignment(name: string, value: string): Pick<Candidate, "insert" | "cursor"> {
  const insert = `${JSON.stringify(name)}: ${value}`;
  const inner = /["}\]]*$/.exec(value)?.[0] ?? "";
  const back = value.endsWith('""}') ? 2 : value.endsWith('""]') ? 2 : inner.length > 0 ? 1 : 0;
  return { insert, cursor: insert.length - back };
}

/** How many characters the closing part of a type's sample has. */
function closing(type: keyof typeof TYPE_SAMPLES): number {
  const sample = TYPE_SAMPLES[type];
  if (sample === '[""]') return 2;
  return sample === "true" ? 0 : 1;
}

/** Fields that most inputs have, so that they come before the others. */
function rankOf(name: string): number {
  return COMMON.has(name) ? 1 : LEGACY.has(name) ? -1 : 0;
}

const COMMON = new Set([
  "Key",
  "Item",
  "KeyConditionExpression",
  "FilterExpression",
  "ExpressionAttributeValues",
  "ExpressionAttributeNames",
  "IndexName",
  "Limit",
  "UpdateExpression",
]);

/** Fields that AWS keeps only for old programs. */
const LEGACY = new Set([
  "AttributesToGet",
  "ConditionalOperator",
  "KeyConditions",
  "QueryFilter",
  "ScanFilter",
  "Expected",
  "AttributeUpdates",
]);

/** A name and the values that it is compared with. */
const COMPARISON = /([#\w.-]+)\s*(?:(?:<>|[<>]=?|=|,)\s*:\w+|BETWEEN\s+:\w+\s+AND\s+:\w+|IN\s*\([^)]*\))/gi;

const CONDITION_WORDS = [
  "AND",
  "OR",
  "NOT",
  "BETWEEN",
  "IN",
  "begins_with(",
  "contains(",
  "attribute_exists(",
  "attribute_not_exists(",
  "attribute_type(",
  "size(",
];
const UPDATE_WORDS = ["SET", "REMOVE", "ADD", "DELETE", "if_not_exists(", "list_append("];
/** The words of PartiQL that DynamoDB knows. */
export const STATEMENT_WORDS = [
  "SELECT",
  "FROM",
  "WHERE",
  "INSERT INTO",
  "VALUE",
  "UPDATE",
  "SET",
  "REMOVE",
  "DELETE FROM",
  "AND",
  "OR",
  "NOT",
  "IN",
  "BETWEEN",
  "IS MISSING",
  "IS NOT MISSING",
  "ORDER BY",
  "DESC",
  "RETURNING",
  "begins_with(",
  "contains(",
  "attribute_type(",
  "size(",
  "EXISTS(",
];

function nameOf(node: Node | undefined): string | undefined {
  const name = field(node, "TableName");
  return name?.kind === "string" ? name.value : undefined;
}

/** The keys of a table, and with `all` those of its indexes, each once. */
function withIndexKeys(table: Table, all: boolean): Key[] {
  const keys = new Map(table.keys.map((key) => [key.name, key]));
  if (all)
    for (const index of table.indexes) for (const key of index.keys) if (!keys.has(key.name)) keys.set(key.name, key);
  return [...keys.values()];
}

function keysOf(table: Table): string {
  return table.keys.map((key) => key.name).join(", ");
}

function typeWords(type: string): string {
  return type === "S" || type === "N" || type === "B" ? t.keyTypes[type] : type;
}

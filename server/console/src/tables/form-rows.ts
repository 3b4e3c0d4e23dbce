// An item as the rows of a form.

import { type JsonObject, own } from "../api/json";
import type { Table } from "../api/types";
import { texts } from "../texts";
import { editText, readText, type Tag } from "./attribute";

/** One attribute in the form. */
export interface FormRow {
  id: number;
  name: string;
  tag: Tag;
  text: string;
  /** Whether a text is edited as JSON. Other types have one way of editing each. */
  isJson: boolean;
  isKey: boolean;
}

let lastId = 0;

/** A new row. */
export function newRow(name = "", tag: Tag = "S", isKey = false): FormRow {
  lastId += 1;
  return { id: lastId, name, tag, text: "", isJson: false, isKey };
}

/** The rows of an item: the key first. An item that is new has only the key. */
export function rowsOf(table: Table, item: JsonObject): FormRow[] {
  const keys = table.keys.map((key) => key.name);
  const others = Object.keys(item).filter((name) => !keys.includes(name));
  const names = [...keys, ...others.sort((a, b) => a.localeCompare(b))];
  return names.map((name) => {
    const value = own(item, name);
    const edited = value === undefined ? undefined : editText(value);
    const ofKey = table.keys.find((key) => key.name === name)?.type as Tag | undefined;
    return { ...newRow(name, edited?.tag ?? ofKey ?? "S", keys.includes(name)), text: edited?.text ?? "", isJson: edited?.isJson === true };
  });
}

/** The item of the rows, and what is wrong with them, by the ids of rows. */
export function itemOf(rows: FormRow[]): { item: JsonObject; faults: Map<number, string> } {
  const entries: [string, JsonObject][] = [];
  const faults = new Map<number, string>();
  const names = new Set<string>();
  for (const row of rows) {
    const { value, fault } = readText(row.tag, row.text, row.isJson);
    if (row.name === "") faults.set(row.id, texts.tables.noName);
    else if (names.has(row.name)) faults.set(row.id, texts.tables.duplicateName(row.name));
    else if (row.isKey && row.text === "") faults.set(row.id, texts.tables.noValue);
    else if (value === undefined) faults.set(row.id, fault);
    else entries.push([row.name, value]);
    names.add(row.name);
  }
  return { item: Object.fromEntries(entries), faults };
}

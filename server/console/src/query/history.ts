// The queries that this browser has run, the latest first. They are in the browser's own storage and are never sent
// anywhere. Tokens, credentials and results are not among them.

import { DEFAULT_OPTIONS, type BoundValue, type Request, type RequestOptions } from "./request";

/** A query that was run. */
export interface HistoryEntry extends Request {
  /** When, in milliseconds since 1970. */
  readonly at: number;
  /** Whether it got an error instead of results. */
  readonly failed?: boolean;
}

/** Where the history is kept: the browser's `localStorage`. */
export type Storage = Pick<globalThis.Storage, "getItem" | "setItem" | "removeItem">;

/** The browser's storage. A browser that allows none gets one that forgets. */
export function browserStorage(): Storage {
  try {
    return globalThis.localStorage;
  } catch {
    return { getItem: () => null, setItem: () => {}, removeItem: () => {} };
  }
}

const KEY = "portcullis.history";
/** More than people look through, and less than browsers store. */
const MOST_ENTRIES = 100;
/** Browsers store 5 MB for a site, in all tabs together. */
const MOST_CHARACTERS = 500_000;

/** Reads the history. What cannot be read is left out: the storage may be another version's. */
export function readHistory(storage: Storage): HistoryEntry[] {
  try {
    const stored: unknown = JSON.parse(storage.getItem(KEY) ?? "[]");
    return Array.isArray(stored) ? stored.flatMap((one) => entryOf(one) ?? []) : [];
  } catch {
    return [];
  }
}

/** Adds a query in front. The same query is only there once. `secret` must not be in it. */
export function addToHistory(storage: Storage, entry: HistoryEntry, secret: string | undefined): HistoryEntry[] {
  const earlier = readHistory(storage);
  const stored = toStored(entry);
  // Somebody may have pasted the token into a query by mistake.
  if (secret && JSON.stringify(stored).includes(secret)) return earlier;
  const same = identity(entry);
  return write(storage, [entry, ...earlier.filter((one) => identity(one) !== same)].slice(0, MOST_ENTRIES));
}

/** Marks a query as failed, if it is still there and was not run again since. */
export function markFailed(storage: Storage, entry: HistoryEntry): HistoryEntry[] {
  const [all, same] = [readHistory(storage), identity(entry)];
  const isOf = (one: HistoryEntry) => one.at === entry.at && identity(one) === same;
  return all.some(isOf) ? write(storage, all.map((one) => (isOf(one) ? { ...one, failed: true } : one))) : all;
}

/** Stores entries, as many of the latest as fit. Returns those. */
function write(storage: Storage, entries: readonly HistoryEntry[]): HistoryEntry[] {
  const all = [...entries];
  while (all.length > 0) {
    const text = JSON.stringify(all.map(toStored));
    if (text.length <= MOST_CHARACTERS) {
      try {
        storage.setItem(KEY, text);
        break;
      } catch {
        // The storage is full, or is not allowed. The oldest entry makes room.
      }
    }
    all.pop();
  }
  return all;
}

/** Forgets everything. */
export function clearHistory(storage: Storage): void {
  try {
    storage.removeItem(KEY);
  } catch {
    // The storage is not allowed, so it has nothing.
  }
}

function identity({ datasource, action, text, values, options }: Request): string {
  return JSON.stringify([datasource, action, text, [...values], options]);
}

function toStored({ datasource, action, text, values, options, at, failed }: HistoryEntry): object {
  return { datasource, action, text, values: [...values], options, at, ...(failed ? { failed } : {}) };
}

function entryOf(stored: unknown): HistoryEntry | undefined {
  if (typeof stored !== "object" || stored === null) return undefined;
  const { datasource, action, text, values, options, at, failed } = stored as Record<string, unknown>;
  if (typeof datasource !== "string" || typeof action !== "string" || typeof text !== "string") return undefined;
  if (typeof at !== "number") return undefined;
  const pairs = Array.isArray(values) ? values.map(pairOf).filter((pair) => pair !== undefined) : [];
  return { datasource, action, text, values: new Map(pairs), options: optionsOf(options), at, ...(failed === true ? { failed } : {}) };
}

function pairOf(stored: unknown): [string, BoundValue] | undefined {
  if (!Array.isArray(stored)) return undefined;
  const [name, value] = stored as [unknown, { kind?: unknown; text?: unknown } | null];
  if (typeof name !== "string" || typeof value?.text !== "string") return undefined;
  return [name, { kind: value.kind === "json" ? "json" : "text", text: value.text }];
}

/** Options from outside: from the storage, or from a URL. */
export function optionsOf(given: unknown): RequestOptions {
  const from = (typeof given === "object" && given !== null ? given : {}) as Record<string, unknown>;
  const text = (name: string) => (typeof from[name] === "string" ? from[name] : "");
  return {
    format: from["format"] === "plain" ? "plain" : "typed",
    pages: from["pages"] === "all" ? "all" : "one",
    maxItems: /^[1-9][0-9]{0,9}$/.test(text("maxItems")) ? text("maxItems") : DEFAULT_OPTIONS.maxItems,
    deadline: /^[1-9][0-9]{0,5}(ms|s|m|h)$/.test(text("deadline")) ? text("deadline") : DEFAULT_OPTIONS.deadline,
    resubmit: from["resubmit"] === true || from["resubmit"] === "true",
    strict: !(from["strict"] === false || from["strict"] === "false"),
  };
}

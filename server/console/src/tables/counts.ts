// How many items tables have: as the service last counted, and what was inserted and deleted here since then.

import { useCallback, useState } from "preact/hooks";
import type { Table } from "../api/types";
import { count } from "../app/figures";
import { texts } from "../texts";

/** What changed the number of items of a table, by the table's name. */
export type Changes = ReadonlyMap<string, Change>;

interface Change {
  /** The service's count that it is to be added to. With another one, the service has counted again. */
  counted: number;
  by: number;
}

/** A number of items for people, with what they have to know about it. */
export interface ItemCount {
  text: string;
  title: string;
}

/** Remembers what was inserted and deleted. */
export function useChanges(): { changes: Changes; changed: (table: Table, by: number) => void } {
  const [changes, setChanges] = useState<Changes>(new Map());
  const changed = useCallback((table: Table, by: number) => setChanges((old) => withChange(old, table, by)), []);
  return { changes, changed };
}

/** The changes with one more. Of a table without a count nothing is remembered. */
export function withChange(changes: Changes, { name, items }: Table, by: number): Changes {
  if (items === undefined) return changes;
  const before = changes.get(name);
  return new Map(changes).set(name, { counted: items, by: by + (before?.counted === items ? before.by : 0) });
}

/** The number of items of a table, if the service says one. */
export function itemCount({ name, items }: Table, changes: Changes): ItemCount | undefined {
  if (items === undefined) return undefined;
  const change = changes.get(name);
  if (change === undefined || change.by === 0 || change.counted !== items) return { text: count(items), title: texts.tables.about };
  return { text: `~${count(Math.max(0, items + change.by))}`, title: texts.tables.adjusted(count(items)) };
}

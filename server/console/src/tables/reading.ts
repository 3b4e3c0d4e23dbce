// The items that a search has read so far.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { execute } from "../api/calls";
import { isLosslessNumber, isObject, type Json, type JsonObject, own, stringify } from "../api/json";
import { type Problem, problemOf } from "../api/problem";
import type { Table } from "../api/types";
import type { Built } from "./request";
import { keyOf } from "./write";

/** One item as it was read. */
export interface Row {
  /** Its primary key as text, which identifies it. */
  id: string;
  item: JsonObject;
}

/** What is known. */
export interface Reading {
  rows: Row[];
  /** The number of items that the service has looked at, matching or not. */
  scanned: number;
  capacity: number;
  /** Milliseconds of the last page. */
  time: number;
  /** Where the next page begins, if there is one. */
  cursor: Json | undefined;
  /** What has read the rows. */
  request: Built | undefined;
  loading: boolean;
  problem: Problem | undefined;
  /** Counts the searches, not the pages. */
  search: number;
}

const NOTHING: Reading = { rows: [], scanned: 0, capacity: 0, time: 0, cursor: undefined, request: undefined, loading: false, problem: undefined, search: 0 };

/** The reading, and what can be done with it. */
export interface Reader {
  reading: Reading;
  begin: (request: Built) => void;
  more: () => void;
  stop: () => void;
  /** Replaces an item after a change; without a new one, it goes. */
  replace: (id: string, item: JsonObject | undefined) => void;
  /** Shows an item that was inserted. */
  add: (item: JsonObject) => void;
}

/** Reads the pages of a search. */
export function useReader(datasource: string, table: Table): Reader {
  const [reading, setReading] = useState(NOTHING);
  const running = useRef<AbortController>(undefined);
  useEffect(() => () => running.current?.abort(), []);

  const page = useCallback(
    async (built: Built, cursor: Json | undefined) => {
      running.current?.abort();
      const abort = new AbortController();
      running.current = abort;
      setReading((old) => ({ ...old, loading: true, problem: undefined }));
      try {
        const input = cursor === undefined ? built.input : { ...built.input, ExclusiveStartKey: cursor };
        const { body, time } = await execute(datasource, built.action, stringify(input), {}, abort.signal);
        if (abort.signal.aborted) return;
        setReading((old) => added(old, table, built, body, time, cursor === undefined));
      } catch (error) {
        if (running.current !== abort) return;
        setReading((old) => ({ ...old, loading: false, problem: abort.signal.aborted ? undefined : problemOf(error) }));
      }
    },
    [datasource, table],
  );
  const begin = useCallback((built: Built) => void page(built, undefined), [page]);
  // The cursor belongs to the request that has read the rows, and not to one that was stopped or has failed.
  const more = () => {
    if (reading.request && reading.cursor !== undefined) void page(reading.request, reading.cursor);
  };
  const replace = useCallback(
    (id: string, item: JsonObject | undefined) =>
      setReading((old) => {
        const rows = old.rows.flatMap((row) => (row.id !== id ? [row] : item === undefined ? [] : [rowOf(table, item)]));
        // An item that is gone is none of those that were read.
        return { ...old, rows, scanned: Math.max(0, old.scanned - (old.rows.length - rows.length)) };
      }),
    [table],
  );
  const add = useCallback((item: JsonObject) => setReading((old) => ({ ...old, rows: [rowOf(table, item), ...old.rows] })), [table]);
  return { reading, begin, more, stop: () => running.current?.abort(), replace, add };
}

/** The reading with one more page. The first page of a search replaces what was there. */
function added(old: Reading, table: Table, request: Built, body: Json, time: number, isFirst: boolean): Reading {
  const base = isFirst ? { ...NOTHING, search: old.search + 1 } : old;
  const items = isObject(body) ? own(body, "Items") : undefined;
  const read = (Array.isArray(items) ? items : []).filter(isObject).map((item) => rowOf(table, item));
  const known = new Set(read.map((row) => row.id));
  const consumed = isObject(body) ? own(body, "ConsumedCapacity") : undefined;
  return {
    ...base,
    // An item that was inserted here, and is then read, is there once.
    rows: [...base.rows.filter((row) => !known.has(row.id)), ...read],
    scanned: base.scanned + figure(isObject(body) ? own(body, "ScannedCount") : undefined),
    capacity: base.capacity + figure(isObject(consumed) ? own(consumed, "CapacityUnits") : undefined),
    time,
    cursor: isObject(body) ? own(body, "LastEvaluatedKey") : undefined,
    request,
    loading: false,
    problem: undefined,
  };
}

/** A count of the service. Values of items never pass through here. */
function figure(value: Json | undefined): number {
  return isLosslessNumber(value) ? Number(value.toString()) : 0;
}

function rowOf(table: Table, item: JsonObject): Row {
  return { id: stringify(keyOf(table, item) ?? item), item };
}

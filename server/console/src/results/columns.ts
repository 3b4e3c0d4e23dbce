// The columns of rows: the table's keys first, then all other attributes, sorted. The command line has the same order.

import { field, type Node } from "../schema/document";
import type { Row } from "./found";
import { isNested, preview, valueOf } from "./value";

/** A column. */
export interface Column {
  readonly name: string;
  /** Whether it is a key of the table. */
  readonly isKey: boolean;
  /** In pixels. */
  readonly width: number;
}

/** The name of the column with the table, of rows that come from several. It is in front. */
export interface Columns {
  readonly columns: readonly Column[];
  readonly hasTable: boolean;
}

/** The columns of rows. */
export function columnsOf(rows: readonly Row[], keys: readonly string[], single: string): Columns {
  const names = new Set<string>();
  let hasSingle = false;
  for (const { node } of rows) {
    if (node.kind === "object") for (const one of node.fields) names.add(one.name);
    else hasSingle = true;
  }
  const first = keys.filter((key) => names.delete(key));
  const others = [...names].sort();
  const all = [...(hasSingle ? [single] : []), ...first, ...others];
  const sample = rows.length > SAMPLE * 2 ? [...rows.slice(0, SAMPLE), ...rows.slice(-SAMPLE)] : rows;
  const columns = all.map((name) => {
    const isKey = first.includes(name);
    // The sign of a key needs room.
    return { name, isKey, width: widthOf(name, sample) + (isKey ? 18 : 0) };
  });
  return { columns, hasTable: rows.some((row) => row.table !== undefined) };
}

/** The columns of rows of which some were there before: those keep their place and width, and new ones come last. */
export function extended(before: Columns, after: Columns): Columns {
  const known = new Set(before.columns.map(({ name }) => name));
  return { ...after, columns: [...before.columns, ...after.columns.filter(({ name }) => !known.has(name))] };
}

/** The value of a row in a column. */
export function cellOf(row: Row, column: string): Node | undefined {
  return row.node.kind === "object" ? field(row.node, column) : row.node;
}

/** How many rows at each end decide about widths. The rest is most likely alike. */
const SAMPLE = 40;

/** A width in which most of the column's values fit. */
function widthOf(name: string, rows: readonly Row[]): number {
  let most = name.length + 3;
  for (const row of rows) {
    const node = cellOf(row, name);
    if (!node) continue;
    const value = valueOf(node, row.reading);
    // Nested and binary values have a sign in front and a word about their size behind them.
    const more = isNested(value) || value.kind === "binary" ? 12 : 1;
    most = Math.max(most, preview(value, 44).length + more);
  }
  return Math.min(380, Math.max(76, Math.round(most * 7.6) + 20));
}

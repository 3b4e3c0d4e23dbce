// A row of the table of results, and the value that is open below it.

import type { Signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { texts } from "../texts";
import { Cell } from "./cell";
import { cellOf, type Column } from "./columns";
import type { Row } from "./found";
import type { Positions } from "./scroller";
import { Tree } from "./tree";
import { isNested, preview, valueOf, visible, type Value } from "./value";

export const ROW = 29;
export const HEADER = 32;
/** The height of the area below an open row. */
export const BLOCK = 230;
/** Fewer pixels than any letter of a cell has, so that a text that is cut goes beyond its cell. */
const NARROWEST = 6;
/** The name of the column with the table. It contains a character that no attribute's name begins with in practice. */
export const TABLE = "\u0000table";

export interface GridRowProps {
  /** The row that is shown, which scrolling changes. */
  shown: Signal<number>;
  rows: readonly Row[];
  positions: Positions;
  columns: readonly Column[];
  /** The left edges of the columns, and the right one of the last. */
  edges: readonly number[];
  /** The first and the last column that are drawn. */
  first: number;
  last: number;
  active: { readonly row: number; readonly column: number };
  /** The id of the active cell. */
  id: string;
  /** The rows that are open, each with the column whose value is shown. */
  open: ReadonlyMap<number, number>;
  /** The width of an open value. */
  width: number;
  close: (row: number, column: number) => void;
}

/** One of the few rows that are in the page. */
export function GridRow(props: GridRowProps) {
  const { shown, rows, positions, columns, edges, first, last, id, close } = props;
  const index = shown.value;
  const row = rows[index];
  const top = positions.top(index) + HEADER;
  const active = props.active.row === index ? props.active.column : -1;
  const open = props.open.get(index) ?? -1;
  const width = open < 0 ? 0 : props.width;
  // Another active cell, or another open row, changes nothing here.
  return useMemo(() => {
    if (!row) return null;
    const cells = [];
    for (let at = first; at <= last; at++) {
      const column = columns[at];
      if (!column) continue;
      cells.push(gridCell({ row, column, at, left: edges[at] ?? 0, id: at === active ? id : undefined, isOpen: at === open }));
    }
    return (
      <div class="grid-row" role="row" aria-rowindex={index + 2} style={`top:${top}px;width:${edges.at(-1) ?? 0}px`}>
        {cells}
        {open >= 0 && (
          <Details key={`${index} ${open}`} row={row} column={columns[open]?.name ?? ""} width={width} close={() => close(index, open)} />
        )}
      </div>
    );
  }, [row, index, top, columns, edges, first, last, active, open, width, id]);
}

/** The number of a row, which stays in sight when the table is scrolled to the right. */
export function RowNumber({ shown, rows, positions }: Pick<GridRowProps, "shown" | "rows" | "positions">) {
  const index = shown.value;
  if (!rows[index]) return null;
  return (
    <div class="grid-number" style={`top:${positions.top(index)}px`}>
      {index + 1}
    </div>
  );
}

interface GridCellProps {
  row: Row;
  column: Column;
  at: number;
  left: number;
  /** The id of the active cell. Others have none. */
  id: string | undefined;
  isOpen: boolean;
}

/** A cell. It is no component, and a short value is the only thing in it: a row that comes into sight makes all of them. */
function gridCell({ row, column, at, left, id, isOpen }: GridCellProps) {
  const value = valueIn(row, column.name);
  const most = Math.ceil(column.width / NARROWEST);
  const folds = value !== undefined && canOpen(value);
  const short = value && !folds && isOnlyText(value) ? visible(preview(value, most)) : undefined;
  return (
    <div
      key={column.name}
      id={id}
      class={`grid-cell ${value?.kind ?? "absent"}${folds ? " folds" : ""}${id === undefined ? "" : " active"}${isOpen ? " open" : ""}`}
      role="gridcell"
      aria-colindex={at + 1}
      aria-selected={id === undefined ? undefined : true}
      aria-expanded={folds ? isOpen : undefined}
      style={`left:${left}px;width:${column.width}px`}
    >
      {short ?? (
        <>
          {folds && (
            <span class="unfold" aria-hidden="true">
              {isOpen ? "▾" : "▸"}
            </span>
          )}
          {value && <Cell value={value} most={most} />}
        </>
      )}
    </div>
  );
}

/** Whether a value is shown as its text alone, without a word about its size. */
function isOnlyText(value: Value): boolean {
  return value.kind === "number" || value.kind === "boolean" || value.kind === "null" || (value.kind === "text" && value.text !== "");
}

/** Whether a cell shows only a part of its value. */
function canOpen(value: Value): boolean {
  return isNested(value) || value.kind === "binary" || (value.kind === "text" && value.text.length > 60);
}

function Details({ row, column, width, close }: { row: Row; column: string; width: number; close: () => void }) {
  const node = cellOf(row, column);
  const t = texts.query.results;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  };
  return (
    <div class="grid-block" role="gridcell" style={`top:${ROW}px;height:${BLOCK}px`}>
      <div class="grid-details" style={`width:${width}px`} onKeyDown={onKeyDown}>
        <div class="grid-details-bar">
          <strong>{column === TABLE ? t.table : visible(column)}</strong>
          <button type="button" class="button quiet small" onClick={close}>
            {t.closeDetails}
          </button>
        </div>
        {node ? (
          <Tree root={node} source={row.source} reading={() => row.reading} label={column} />
        ) : (
          <p class="muted pad">{row.table ?? t.absent}</p>
        )}
      </div>
    </div>
  );
}

/** The value of a row in a column. */
export function valueIn(row: Row, column: string): Value | undefined {
  if (column === TABLE) return { kind: "text", type: "S", text: row.table ?? "" };
  const node = cellOf(row, column);
  return node && valueOf(node, row.reading);
}

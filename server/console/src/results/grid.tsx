// Results as a table. Only the visible cells are in the page, so that ten thousand rows scroll as ten do.

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { texts } from "../texts";
import { Cell } from "./cell";
import { cellOf, columnsOf, type Column } from "./columns";
import type { Row } from "./found";
import { Positions, reveal, useViewport } from "./scroller";
import { Tree } from "./tree";
import { isNested, valueOf, visible, type Value } from "./value";

const ROW = 29;
const HEADER = 32;
const BLOCK = 230;
/** The width of the column with the rows' numbers. */
const NUMBERS = 58;

export interface GridProps {
  rows: readonly Row[];
  /** The names of the key attributes, which come first. */
  keys: readonly string[];
  /** The name of the only column of rows that are not objects. */
  single: string;
  label: string;
}

/** A table of rows. */
export function Grid({ rows, keys, single, label }: GridProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const viewport = useViewport(scroller);
  const [widths, setWidths] = useState<ReadonlyMap<string, number>>(new Map());
  const [active, setActive] = useState({ row: 0, column: 0 });
  /** The rows that are open, each with the column whose value is shown. */
  const [open, setOpen] = useState<ReadonlyMap<number, number>>(new Map());
  const { columns, edges } = useMemo(() => {
    const found = columnsOf(rows, keys, single);
    const all: Column[] = found.hasTable
      ? [{ name: TABLE, isKey: false, width: 130 }, ...found.columns]
      : [...found.columns];
    const sized = all.map((one) => ({ ...one, width: widths.get(one.name) ?? one.width }));
    const starts = [NUMBERS];
    for (const { width } of sized) starts.push((starts.at(-1) ?? 0) + width);
    return { columns: sized, edges: starts };
  }, [rows, keys.join("\n"), single, widths]);
  const positions = useMemo(
    () =>
      new Positions(
        rows.length,
        ROW,
        BLOCK,
        [...open.keys()].sort((a, b) => a - b),
      ),
    [rows.length, open],
  );
  useEffect(() => {
    if (active.row >= rows.length || active.column >= columns.length) setActive({ row: 0, column: 0 });
  }, [rows.length, columns.length]);

  const { first, last } = positions.between(viewport.top, viewport.top + viewport.height);
  const firstColumn = Math.max(0, edges.findIndex((edge) => edge > viewport.left) - 2);
  const beyond = edges.findIndex((edge) => edge > viewport.left + viewport.width);
  const lastColumn = beyond < 0 ? columns.length - 1 : Math.min(columns.length - 1, beyond);
  const total = edges.at(-1) ?? NUMBERS;

  const toggle = (row: number, column: number) => {
    const next = new Map(open);
    if (next.get(row) === column) next.delete(row);
    else next.set(row, column);
    setOpen(next);
  };
  const move = (row: number, column: number) => {
    const to = {
      row: Math.max(0, Math.min(rows.length - 1, row)),
      column: Math.max(0, Math.min(columns.length - 1, column)),
    };
    setActive(to);
    const element = scroller.current;
    if (!element) return;
    const top = positions.top(to.row);
    reveal(element, top, top + ROW, HEADER);
    const [left, right] = [edges[to.column] ?? 0, edges[to.column + 1] ?? 0];
    if (left - NUMBERS < element.scrollLeft) element.scrollLeft = left - NUMBERS;
    else if (right > element.scrollLeft + element.clientWidth) element.scrollLeft = right - element.clientWidth;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget) return;
    const { row, column } = active;
    const page = Math.max(1, Math.floor((viewport.height - HEADER) / ROW) - 1);
    const withControl = event.ctrlKey || event.metaKey;
    const moves: Record<string, () => void> = {
      ArrowDown: () => move(row + 1, column),
      ArrowUp: () => move(row - 1, column),
      ArrowRight: () => move(row, column + 1),
      ArrowLeft: () => move(row, column - 1),
      PageDown: () => move(row + page, column),
      PageUp: () => move(row - page, column),
      Home: () => move(withControl ? 0 : row, 0),
      End: () => move(withControl ? rows.length - 1 : row, columns.length - 1),
      Enter: () => toggle(row, column),
      " ": () => toggle(row, column),
    };
    const copy = withControl && event.key === "c" && getSelection()?.toString() === "";
    const action = copy
      ? () => void navigator.clipboard?.writeText(cellText(rows[row], columns[column]?.name ?? ""))
      : moves[event.key];
    const isClosing = event.key === "Escape" && open.has(row);
    if (!action && !isClosing) return;
    event.preventDefault();
    if (isClosing) toggle(row, open.get(row) ?? 0);
    else action?.();
  };

  // Cells have no handlers of their own: with them, every scroll would make hundreds of functions.
  const onClick = (event: MouseEvent, isDouble: boolean) => {
    const target = event.target instanceof Element ? event.target : undefined;
    const cell = target?.closest<HTMLElement>(".grid-cell");
    if (!cell) return;
    const [row, column] = [Number(cell.dataset["row"]), Number(cell.dataset["column"])];
    setActive({ row, column });
    if (isDouble || target?.closest(".unfold")) toggle(row, column);
  };
  const latestToggle = useRef(toggle);
  latestToggle.current = toggle;
  const close = useCallback((row: number, column: number) => {
    latestToggle.current(row, column);
    scroller.current?.focus();
  }, []);

  const visibleColumns = columns
    .slice(firstColumn, lastColumn + 1)
    .map((column, index) => ({ column, index: firstColumn + index }));
  const visibleRows: { row: Row; index: number }[] = [];
  for (let index = first; index <= last; index++) {
    const row = rows[index];
    if (row) visibleRows.push({ row, index });
  }
  return (
    <div
      class="grid-view"
      ref={scroller}
      role="grid"
      tabIndex={0}
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length}
      aria-activedescendant={rows.length > 0 ? cellId(active.row, active.column) : undefined}
      onKeyDown={onKeyDown}
      onClick={(event) => onClick(event, false)}
      onDblClick={(event) => onClick(event, true)}
    >
      <div
        class="grid-canvas"
        role="presentation"
        style={{ height: `${positions.total + HEADER}px`, width: `${total}px` }}
      >
        <div class="grid-header" role="row" aria-rowindex={1} style={{ height: `${HEADER}px` }}>
          <div class="grid-corner" role="presentation" style={{ width: `${NUMBERS}px` }} />
          {visibleColumns.map(({ column, index }) => (
            <div
              key={column.name}
              class="grid-heading"
              role="columnheader"
              aria-colindex={index + 1}
              title={column.name}
              style={{ left: `${edges[index]}px`, width: `${column.width}px` }}
            >
              {column.isKey && <KeyMark />}
              <span class="heading-name">
                {column.name === TABLE ? texts.query.results.table : visible(column.name)}
              </span>
              <Resizer width={column.width} resize={(width) => setWidths(new Map(widths).set(column.name, width))} />
            </div>
          ))}
        </div>
        {visibleRows.map(({ row, index }) => (
          <GridRow
            key={index}
            row={row}
            index={index}
            top={positions.top(index) + HEADER}
            columns={columns}
            edges={edges}
            first={firstColumn}
            last={lastColumn}
            active={active.row === index ? active.column : -1}
            open={open.get(index) ?? -1}
            width={open.has(index) ? Math.min(viewport.width, Math.max(total, 320)) : 0}
            close={close}
          />
        ))}
      </div>
    </div>
  );
}

/** The name of the column with the table. It contains a character that no attribute's name begins with in practice. */
const TABLE = "\u0000table";

interface GridRowProps {
  row: Row;
  index: number;
  top: number;
  columns: readonly Column[];
  edges: readonly number[];
  /** The first and the last column that are drawn. */
  first: number;
  last: number;
  /** The active column, or -1. */
  active: number;
  /** The column whose value is open, or -1. */
  open: number;
  /** The width of the open value. */
  width: number;
  close: (row: number, column: number) => void;
}

/** A row. While it stays as it is, scrolling does not draw it again. */
function GridRow(props: GridRowProps) {
  const { row, index, top, columns, edges, first, last, active, open, width, close } = props;
  return useMemo(() => {
    const cells = [];
    for (let at = first; at <= last; at++) {
      const column = columns[at];
      if (column)
        cells.push(
          <GridCell
            key={column.name}
            row={row}
            column={column}
            index={index}
            at={at}
            left={edges[at] ?? 0}
            isActive={at === active}
            isOpen={at === open}
          />,
        );
    }
    return (
      <div
        class={index % 2 === 1 ? "grid-row odd" : "grid-row"}
        role="row"
        aria-rowindex={index + 2}
        style={{ transform: `translateY(${top}px)`, width: `${edges.at(-1) ?? 0}px` }}
      >
        <div class="grid-number" role="presentation" style={{ width: `${NUMBERS}px` }}>
          {index + 1}
        </div>
        {cells}
        {open >= 0 && (
          <Details row={row} column={columns[open]?.name ?? ""} width={width} close={() => close(index, open)} />
        )}
      </div>
    );
  }, [row, index, top, columns, edges, first, last, active, open, width]);
}

interface GridCellProps {
  row: Row;
  column: Column;
  index: number;
  at: number;
  left: number;
  isActive: boolean;
  isOpen: boolean;
}

function GridCell({ row, column, index, at, left, isActive, isOpen }: GridCellProps) {
  const value = valueIn(row, column.name);
  const nested = value !== undefined && canOpen(value);
  return (
    <div
      id={cellId(index, at)}
      class={`grid-cell ${value?.kind ?? "absent"}${isActive ? " active" : ""}${isOpen ? " open" : ""}`}
      role="gridcell"
      aria-colindex={at + 1}
      aria-selected={isActive}
      {...(nested ? { "aria-expanded": isOpen } : {})}
      data-row={index}
      data-column={at}
      style={{ left: `${left}px`, width: `${column.width}px` }}
    >
      {nested && (
        <span class="unfold" aria-hidden="true">
          {isOpen ? "▾" : "▸"}
        </span>
      )}
      {value && <Cell value={value} />}
    </div>
  );
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
    <div class="grid-block" role="gridcell" style={{ top: `${ROW}px`, height: `${BLOCK}px` }}>
      <div class="grid-details" style={{ width: `${width}px` }} onKeyDown={onKeyDown}>
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

function KeyMark() {
  return (
    <svg class="key-mark" role="img" aria-label={texts.query.results.key} viewBox="0 0 24 24" width="13" height="13">
      <circle cx="7.5" cy="15.5" r="4.5" fill="none" stroke="currentColor" stroke-width="2.5" />
      <path d="M11 12 20 3M16 7l3 3" fill="none" stroke="currentColor" stroke-width="2.5" stroke-linecap="round" />
    </svg>
  );
}

function Resizer({ width, resize }: { width: number; resize: (width: number) => void }) {
  const start = useRef<{ x: number; width: number } | undefined>(undefined);
  return (
    <span
      class="resizer"
      aria-hidden="true"
      onPointerDown={(event) => {
        start.current = { x: event.clientX, width };
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        if (start.current) resize(Math.max(48, Math.min(1200, start.current.width + event.clientX - start.current.x)));
      }}
      onPointerUp={() => {
        start.current = undefined;
      }}
    />
  );
}

function valueIn(row: Row, column: string): Value | undefined {
  if (column === TABLE) return { kind: "text", type: "S", text: row.table ?? "" };
  const node = cellOf(row, column);
  return node && valueOf(node, row.reading);
}

/** The text of a cell, to copy: a text without quotes, and anything else as it arrived. */
function cellText(row: Row | undefined, column: string): string {
  const value = row && valueIn(row, column);
  if (!row || !value) return "";
  if (value.kind === "text" || value.kind === "number") return value.text;
  const node = cellOf(row, column);
  return node ? row.source.slice(node.from, node.to) : "";
}

function cellId(row: number, column: number): string {
  return `cell-${row}-${column}`;
}

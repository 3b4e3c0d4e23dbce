// Results as a table. Only the visible cells are in the page, so that ten thousand rows scroll as ten do.

import { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { texts } from "../texts";
import { cellOf, columnsOf, extended, type Column, type Columns } from "./columns";
import type { Row } from "./found";
import { BLOCK, GridRow, HEADER, ROW, RowNumber, TABLE, valueIn } from "./grid-row";
import { Positions, reveal, Slots, useScrolling, viewportOf, type Viewport } from "./scroller";
import { visible } from "./value";

/** The width of the column with the rows' numbers. */
const NUMBERS = 58;

/** How much a column gets wider or narrower by a key, in pixels. */
const STEP = 24;

/** How long after the last movement the elements are put in order, in milliseconds. */
const SETTLED = 150;

/** What of the table is in the page, without the rows: scrolling down changes those alone. */
interface Shown {
  /** Whether the active row is in the page. */
  readonly hasActive: boolean;
  readonly width: number;
  readonly height: number;
  readonly firstColumn: number;
  readonly lastColumn: number;
}

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
  const id = useId();
  const [shown, setShown] = useState<Shown>({ hasActive: true, width: 800, height: 400, firstColumn: 0, lastColumn: 0 });
  const [widths, setWidths] = useState<ReadonlyMap<string, number>>(new Map());
  const [active, setActive] = useState({ row: 0, column: 0 });
  /** The rows that are open, each with the column whose value is shown. */
  const [open, setOpen] = useState<ReadonlyMap<number, number>>(new Map());
  /** The row that was opened last, until it is in sight. */
  const [opened, setOpened] = useState<number>();
  const known = useRef<{ keys: string; columns: Columns }>(undefined);
  const found = useMemo(() => {
    const key = keys.join("\n");
    const all = columnsOf(rows, keys, single);
    const columns = known.current?.keys === key ? extended(known.current.columns, all) : all;
    known.current = { keys: key, columns };
    return columns;
  }, [rows, keys.join("\n"), single]);
  const { columns, edges } = useMemo(() => {
    const all: Column[] = found.hasTable
      ? [{ name: TABLE, isKey: false, width: 130 }, ...found.columns]
      : [...found.columns];
    const sized = all.map((one) => ({ ...one, width: widths.get(one.name) ?? one.width }));
    const starts = [NUMBERS];
    for (const { width } of sized) starts.push((starts.at(-1) ?? 0) + width);
    return { columns: sized, edges: starts };
  }, [found, widths]);
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

  const slots = useMemo(() => new Slots(shown.height, ROW), [shown.height]);
  const follow = (viewport: Viewport) => {
    const { first, last } = slots.show(positions, viewport);
    const hasActive = active.row >= first && active.row <= last;
    const { left, width, height } = viewport;
    const firstColumn = Math.max(0, edges.findIndex((edge) => edge > left) - 2);
    const beyond = edges.findIndex((edge) => edge > left + width);
    const lastColumn = beyond < 0 ? columns.length - 1 : Math.min(columns.length - 1, beyond);
    const after = { hasActive, width, height, firstColumn, lastColumn };
    setShown((before) => (JSON.stringify(before) === JSON.stringify(after) ? before : after));
  };
  // While the table is scrolled, elements are reused in any order. Then they are put in the order of their rows, which
  // screen readers and the Tab key follow.
  const [, setSettled] = useState(0);
  const settling = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(settling.current), []);
  useScrolling(scroller, (viewport) => {
    follow(viewport);
    clearTimeout(settling.current);
    settling.current = setTimeout(() => setSettled((before) => before + 1), SETTLED);
  });
  useLayoutEffect(() => {
    if (scroller.current) follow(viewportOf(scroller.current));
  }, [slots, positions, edges, active]);
  // What was opened comes into sight, once the table is high enough for it.
  useLayoutEffect(() => {
    if (opened === undefined || !scroller.current) return;
    const top = positions.top(opened);
    const room = scroller.current.clientHeight - HEADER;
    reveal(scroller.current, top, top + Math.min(ROW + BLOCK, room), HEADER);
    setOpened(undefined);
  }, [opened, positions]);
  const total = edges.at(-1) ?? NUMBERS;
  const resize = (column: Column, width: number) =>
    setWidths(new Map(widths).set(column.name, Math.max(48, Math.min(1200, width))));
  const isActiveDrawn =
    rows.length > 0 && shown.hasActive && active.column >= shown.firstColumn && active.column <= shown.lastColumn;

  const toggle = (row: number, column: number) => {
    const next = new Map(open);
    if (next.get(row) === column) next.delete(row);
    else next.set(row, column);
    setOpen(next);
    setOpened(next.has(row) ? row : undefined);
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
    const page = Math.max(1, Math.floor((shown.height - HEADER) / ROW) - 1);
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
    const resized = columns[column];
    const steps: Record<string, number> = { ArrowLeft: -STEP, ArrowRight: STEP };
    const step = event.shiftKey ? steps[event.key] : undefined;
    if (step !== undefined && resized) moves[event.key] = () => resize(resized, resized.width + step);
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

  // Cells have no handlers of their own: every scroll would make hundreds of functions.
  const onClick = (event: MouseEvent, isDouble: boolean) => {
    const target = event.target instanceof Element ? event.target : undefined;
    const cell = target?.closest(".grid-cell");
    if (!cell) return;
    const row = Number(cell.parentElement?.getAttribute("aria-rowindex")) - 2;
    const column = Number(cell.getAttribute("aria-colindex")) - 1;
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
    .slice(shown.firstColumn, shown.lastColumn + 1)
    .map((column, index) => ({ column, index: shown.firstColumn + index }));
  return (
    <div
      class="grid-view"
      ref={scroller}
      role="grid"
      tabIndex={0}
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length}
      aria-activedescendant={isActiveDrawn ? id : undefined}
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
              <Resizer width={column.width} resize={(width) => resize(column, width)} />
            </div>
          ))}
        </div>
        {/* One element for all of them: each sticky element is a layer of its own. */}
        <div class="grid-numbers" aria-hidden="true" style={{ width: `${NUMBERS}px`, height: `${positions.total}px` }}>
          {slots.rows.map((row, slot) => (
            <RowNumber key={slot} shown={row} rows={rows} positions={positions} />
          ))}
        </div>
        {slots.inOrder().map(({ row, slot }) => (
          <GridRow
            key={slot}
            shown={row}
            rows={rows}
            positions={positions}
            columns={columns}
            edges={edges}
            first={shown.firstColumn}
            last={shown.lastColumn}
            active={active}
            id={id}
            open={open}
            width={Math.min(shown.width, Math.max(total, 320))}
            close={close}
          />
        ))}
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
  const end = () => {
    start.current = undefined;
  };
  return (
    <span
      class="resizer"
      aria-hidden="true"
      onPointerDown={(event) => {
        start.current = { x: event.clientX, width };
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        if (start.current) resize(start.current.width + event.clientX - start.current.x);
      }}
      onPointerUp={end}
      onPointerCancel={end}
    />
  );
}

/** The text of a cell, to copy: a text without quotes, and anything else as it arrived. */
function cellText(row: Row | undefined, column: string): string {
  const value = row && valueIn(row, column);
  if (!row || !value) return "";
  if (value.kind === "text" || value.kind === "number") return value.text;
  const node = cellOf(row, column);
  return node ? row.source.slice(node.from, node.to) : "";
}

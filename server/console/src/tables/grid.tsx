// The items as a table. Only the rows in view are in the page, so thousands of items scroll smoothly.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { own } from "../api/json";
import type { Table } from "../api/types";
import { texts } from "../texts";
import { preview, untag } from "./attribute";
import type { Row } from "./reading";

interface Props {
  table: Table;
  rows: Row[];
  /** Attributes whose columns come right after the key: those that people search for. */
  leading: readonly string[];
  /** Widths and columns stay as they are until another search. */
  search: number;
  selected: ReadonlySet<string>;
  select: (selected: ReadonlySet<string>) => void;
  open: (row: Row) => void;
  selectable: boolean;
}

const ROW = 30;
/** Rows above and below the view, so that a fast scroll shows no gap. */
const SPARE = 12;
/** More columns would not be read. The others are in the item. */
const MOST_COLUMNS = 60;

/** The table. Arrow keys move, Space selects, Enter opens. */
export function ItemGrid({ table, rows, leading, search, selected, select, open, selectable }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [chosen, setActive] = useState(0);
  // Items may be deleted.
  const active = Math.max(0, Math.min(chosen, rows.length - 1));
  const columns = useColumns(table, rows, leading, search);
  useEffect(() => {
    setActive(0);
    if (scroller.current) scroller.current.scrollTop = 0;
  }, [search]);
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const measure = () => setView((old) => ({ ...old, height: element.clientHeight }));
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);

  const first = Math.max(0, Math.floor(view.top / ROW) - SPARE);
  const last = Math.min(rows.length, Math.ceil((view.top + view.height) / ROW) + SPARE);
  const template = `${selectable ? "36px " : ""}${columns.map((column) => `${column.width}px`).join(" ")}`;
  const width = columns.reduce((sum, column) => sum + column.width, selectable ? 36 : 0);

  const toggle = (id: string) => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    select(next);
  };
  const move = (to: number) => {
    const index = Math.max(0, Math.min(rows.length - 1, to));
    setActive(index);
    const element = scroller.current;
    if (!element) return;
    const top = index * ROW;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + 2 * ROW > element.scrollTop + element.clientHeight) element.scrollTop = top + 2 * ROW - element.clientHeight;
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.target !== scroller.current) return;
    const page = Math.max(1, Math.floor(view.height / ROW) - 2);
    const steps: Record<string, number> = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: rows.length - 1 };
    const to = steps[event.key];
    const row = rows[active];
    if (to !== undefined) move(to);
    else if (event.key === "Enter" && row) open(row);
    else if (event.key === " " && row && selectable) toggle(row.id);
    else return;
    event.preventDefault();
  };
  // One object for all rows and all times, so that a row is drawn again only if it has changed.
  const actions = useRef<RowActions>({ open: () => {}, toggle: () => {} }).current;
  actions.toggle = toggle;
  actions.open = (row, index) => {
    setActive(index);
    open(row);
  };
  const areAll = rows.length > 0 && rows.every((row) => selected.has(row.id));
  return (
    <div
      ref={scroller}
      class="item-grid"
      role="grid"
      aria-label={`${texts.tables.items}: ${table.name}`}
      aria-rowcount={rows.length + 1}
      aria-multiselectable={selectable}
      aria-activedescendant={active >= first && active < last ? `row-${active}` : undefined}
      tabIndex={0}
      onKeyDown={onKey}
      onScroll={(event) => setView({ top: event.currentTarget.scrollTop, height: event.currentTarget.clientHeight })}
    >
      <div class="item-row item-head" role="row" aria-rowindex={1} style={{ gridTemplateColumns: template, width: px(width) }}>
        {selectable && (
          <span role="columnheader" class="item-check">
            <input
              type="checkbox"
              aria-label={texts.tables.selectAll}
              checked={areAll}
              onChange={() => select(areAll ? new Set() : new Set(rows.map((row) => row.id)))}
            />
          </span>
        )}
        {columns.map((column) => (
          <span key={column.name} role="columnheader" class={column.isKey ? "item-key" : ""} title={column.name}>
            {column.name}
          </span>
        ))}
      </div>
      <div role="rowgroup" style={{ height: px(rows.length * ROW), width: px(width), position: "relative" }}>
        {rows.slice(first, last).map((row, offset) => {
          const index = first + offset;
          return (
            <ItemRow
              key={row.id}
              row={row}
              index={index}
              columns={columns}
              template={template}
              width={width}
              selectable={selectable}
              isActive={index === active}
              isSelected={selected.has(row.id)}
              actions={actions}
            />
          );
        })}
      </div>
    </div>
  );
}

interface RowActions {
  open: (row: Row, index: number) => void;
  toggle: (id: string) => void;
}

interface RowProps {
  row: Row;
  index: number;
  columns: Column[];
  template: string;
  width: number;
  selectable: boolean;
  isActive: boolean;
  isSelected: boolean;
  actions: RowActions;
}

function ItemRow({ row, index, columns, template, width, selectable, isActive, isSelected, actions }: RowProps) {
  return useMemo(
    () => (
      <div
        id={`row-${index}`}
        class={`item-row ${isActive ? "item-active" : ""} ${isSelected ? "item-selected" : ""}`}
        role="row"
        aria-rowindex={index + 2}
        aria-selected={isSelected}
        style={{ top: px(index * ROW), gridTemplateColumns: template, width: px(width) }}
        onClick={() => actions.open(row, index)}
      >
        {selectable && (
          <span role="gridcell" class="item-check" onClick={(event) => event.stopPropagation()}>
            <input type="checkbox" tabIndex={-1} aria-label={`${texts.tables.select} ${row.id}`} checked={isSelected} onChange={() => actions.toggle(row.id)} />
          </span>
        )}
        {columns.map((column) => {
          const value = own(row.item, column.name);
          return (
            <span key={column.name} role="gridcell" class={`item-cell v-${untag(value)?.tag ?? ""}`}>
              {preview(value)}
            </span>
          );
        })}
      </div>
    ),
    [row, index, columns, template, width, selectable, isActive, isSelected],
  );
}

interface Column {
  name: string;
  isKey: boolean;
  width: number;
}

/**
 * The columns: the key, what was searched for, then other attributes by name, since the service returns them in any
 * order. Those that a later page adds come last: known columns keep their place and width.
 */
function useColumns(table: Table, rows: Row[], leading: readonly string[], search: number): Column[] {
  const known = useRef<{ search: number; columns: Column[] }>({ search: -1, columns: [] });
  return useMemo(() => {
    const keys = table.keys.map((key) => key.name);
    const old = known.current.search === search ? known.current.columns : [];
    const attributes = new Set(rows.flatMap((row) => Object.keys(row.item)));
    const searched = old.length === 0 ? leading.filter((name) => attributes.has(name)) : [];
    const names = new Set([...keys, ...searched, ...old.map((column) => column.name)]);
    const added = [...attributes].filter((name) => !names.has(name));
    const columns = [...names, ...added.sort(byName)].slice(0, MOST_COLUMNS).map((name): Column => {
      const before = old.find((column) => column.name === name);
      return before ?? { name, isKey: keys.includes(name), width: widthOf(name, rows) };
    });
    known.current = { search, columns };
    return columns;
  }, [table, rows, search]);
}

/** The width for most of the values, within limits. */
function widthOf(name: string, rows: Row[]): number {
  let longest = name.length + 1;
  for (const row of rows.slice(0, 100)) longest = Math.max(longest, preview(own(row.item, name), 48).length);
  return Math.min(360, Math.max(84, Math.round(longest * 7.6 + 24)));
}

function px(number: number): string {
  return `${number}px`;
}

function byName(a: string, b: string): number {
  return a.localeCompare(b);
}

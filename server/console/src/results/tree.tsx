// A value as a tree. Its open lines are one flat list of which only the visible ones are in the page.

import { useId, useMemo, useRef, useState } from "preact/hooks";
import type { Node } from "../schema/document";
import { texts } from "../texts";
import { Cell } from "./cell";
import { Positions, reveal, useViewport } from "./scroller";
import { hex, setItems, valueOf, visible, type Reading, type Value } from "./value";

type Path = readonly (string | number)[];

interface Line {
  readonly id: string;
  readonly depth: number;
  readonly name: string;
  readonly isIndex: boolean;
  readonly value: Value;
  readonly canOpen: boolean;
  readonly isOpen: boolean;
  /** The line is a whole long text, or binary data. */
  readonly isWhole: boolean;
}

export interface TreeProps {
  root: Node;
  source: string;
  /** How the value at a path is to be read. */
  reading: (path: Path) => Reading;
  label: string;
  /** Down to which depth the tree is open at first. */
  open?: number;
}

const LINE = 24;
/** A list longer than this is closed at first, unless it is the response's own. */
const LONG = 60;

/** A tree of a value. */
export function Tree({ root, reading, label, open = 2 }: TreeProps) {
  // A page may have several trees, and ids are unique.
  const prefix = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const viewport = useViewport(scroller);
  const [changed, setChanged] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [active, setActive] = useState(0);
  const lines = useMemo(() => linesOf(root, reading, open, changed), [root, changed]);
  const positions = useMemo(() => new Positions(lines.length, LINE, 0, []), [lines.length]);
  const { first, last } = positions.between(viewport.top, viewport.top + viewport.height);
  const current = lines[Math.min(active, lines.length - 1)];

  const set = (line: Line, isOpen: boolean) => setChanged(new Map(changed).set(line.id, isOpen));
  const move = (index: number) => {
    const to = Math.max(0, Math.min(lines.length - 1, index));
    setActive(to);
    if (scroller.current) reveal(scroller.current, positions.top(to), positions.top(to) + LINE, 0);
  };
  const parentOf = (index: number) => {
    const depth = lines[index]?.depth ?? 0;
    for (let at = index; at >= 0; at--) if ((lines[at]?.depth ?? 0) < depth) return at;
    return index;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (!current || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(viewport.height / LINE) - 1);
    const moves: Record<string, () => void> = {
      ArrowDown: () => move(active + 1),
      ArrowUp: () => move(active - 1),
      PageDown: () => move(active + page),
      PageUp: () => move(active - page),
      Home: () => move(0),
      End: () => move(lines.length - 1),
      ArrowRight: () => (current.canOpen && !current.isOpen ? set(current, true) : move(active + 1)),
      ArrowLeft: () => (current.isOpen ? set(current, false) : move(parentOf(active))),
      Enter: () => current.canOpen && set(current, !current.isOpen),
      " ": () => current.canOpen && set(current, !current.isOpen),
    };
    const action = moves[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  };
  return (
    <div
      class="tree-view"
      ref={scroller}
      role="tree"
      tabIndex={0}
      aria-label={texts.query.results.treeOf(label)}
      aria-activedescendant={current && active >= first && active <= last ? `${prefix}-${current.id}` : undefined}
      onKeyDown={onKeyDown}
    >
      <div class="tree-canvas" role="presentation" style={{ height: `${positions.total}px` }}>
        {lines.slice(first, last + 1).map((line, offset) => {
          const index = first + offset;
          return (
            <div
              key={line.id}
              id={`${prefix}-${line.id}`}
              class={index === active ? "tree-line active" : "tree-line"}
              role="treeitem"
              aria-level={line.depth + 1}
              aria-selected={index === active}
              {...(line.canOpen ? { "aria-expanded": line.isOpen } : {})}
              style={{ transform: `translateY(${positions.top(index)}px)`, paddingLeft: `${line.depth * 18 + 10}px` }}
              onClick={() => {
                setActive(index);
                if (line.canOpen) set(line, !line.isOpen);
              }}
            >
              <span class="tree-fold" aria-hidden="true">
                {line.canOpen ? (line.isOpen ? "▾" : "▸") : ""}
              </span>
              {line.name !== "" && <span class={line.isIndex ? "tree-index" : "tree-name"}>{visible(line.name)}</span>}
              {line.isWhole ? (
                <span class={`value ${line.value.kind}`}>{visible(whole(line.value))}</span>
              ) : line.canOpen && line.isOpen ? (
                <span class="type">{summary(line.value)}</span>
              ) : (
                <Cell value={line.value} most={160} />
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function linesOf(
  root: Node,
  reading: (path: Path) => Reading,
  open: number,
  changed: ReadonlyMap<string, boolean>,
): Line[] {
  const lines: Line[] = [];
  add(root, [], "0", "", false, 0);
  return lines;

  function add(node: Node, path: Path, id: string, name: string, isIndex: boolean, depth: number): void {
    addValue(valueOf(node, reading(path)), path, id, name, isIndex, depth);
  }

  function addValue(value: Value, path: Path, id: string, name: string, isIndex: boolean, depth: number): void {
    const size =
      value.kind === "map"
        ? value.fields.length
        : value.kind === "list" || value.kind === "set"
          ? value.items.length
          : 0;
    const first = value.kind === "map" && value.reading === "json" ? value.fields[0] : undefined;
    // The fields of an item are attribute values, which its preview needs to know.
    const inItem = first && reading([...path, first.name]);
    if (inItem && inItem !== "json" && value.kind === "map") value = { ...value, reading: inItem };
    const isLongText =
      (value.kind === "text" && value.text.length > 160) || (value.kind === "binary" && value.base64.length > 32);
    const canOpen = size > 0 || isLongText;
    const isOpen = canOpen && (changed.get(id) ?? (depth < open && (size <= LONG || depth < 2) && !isLongText));
    lines.push({ id, depth, name, isIndex, value, canOpen, isOpen, isWhole: false });
    if (!isOpen) return;
    if (isLongText) {
      for (const [index, part] of wholeLines(value).entries()) {
        const one: Value = { kind: "text", type: "S", text: part };
        lines.push({
          id: `${id}.t${index}`,
          depth: depth + 1,
          name: "",
          isIndex: false,
          value: one,
          canOpen: false,
          isOpen: false,
          isWhole: true,
        });
      }
      return;
    }
    if (value.kind === "map") {
      for (const [index, one] of value.fields.entries()) {
        // Below an attribute value, everything is read as the value itself says.
        const inner = [...path, one.name];
        const childReading = value.reading === "json" ? reading(inner) : value.reading;
        addValue(valueOf(one.value, childReading), inner, `${id}.${index}`, one.name, false, depth + 1);
      }
    } else if (value.kind === "list") {
      for (const [index, item] of value.items.entries()) {
        const inner = [...path, index];
        const childReading = value.reading === "json" ? reading(inner) : value.reading;
        addValue(valueOf(item, childReading), inner, `${id}.${index}`, String(index), true, depth + 1);
      }
    } else if (value.kind === "set") {
      for (const [index, item] of setItems(value).entries())
        addValue(item, path, `${id}.${index}`, "", true, depth + 1);
    }
  }
}

/** A long value in lines of at most 120 characters. Of more than 2,000 lines, the first: the JSON has the rest. */
function wholeLines(value: Value): string[] {
  const text = whole(value);
  const lines: string[] = [];
  for (const line of text.split(/\r\n|\n|\r/)) {
    for (let at = 0; at === 0 || at < line.length; at += 120) {
      lines.push(line.slice(at, at + 120));
      if (lines.length >= 2000) return lines;
    }
  }
  return lines;
}

function whole(value: Value): string {
  if (value.kind === "text") return value.text;
  return value.kind === "binary" ? (hex(value.base64, 400_000)?.text ?? value.base64) : "";
}

function summary(value: Value): string {
  const t = texts.query.results;
  if (value.kind === "map") return t.fields(value.fields.length);
  if (value.kind === "set") return t.set(value.type, value.items.length);
  return value.kind === "list" ? t.elements(value.items.length) : "";
}

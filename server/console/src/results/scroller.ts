// Which of many rows are visible. All rows have the same height, and some have a block below them, so every position is
// computed and nothing is measured: scrolling never waits for the layout.

import { batch, signal, type Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { RefObject } from "preact";

/** How many rows are drawn above and below the visible ones: a screen reader or a fast scroll finds them. */
const AROUND = 6;

/** The part of a scrolled area that is visible. */
export interface Viewport {
  readonly top: number;
  readonly left: number;
  readonly width: number;
  readonly height: number;
}

/** Calls `moved` whenever an element is scrolled or gets another size. */
export function useScrolling(ref: RefObject<HTMLElement | null>, moved: (viewport: Viewport) => void): void {
  const latest = useRef(moved);
  latest.current = moved;
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const update = () => latest.current(viewportOf(element));
    element.addEventListener("scroll", update, { passive: true });
    const observer = new ResizeObserver(update);
    observer.observe(element);
    return () => {
      element.removeEventListener("scroll", update);
      observer.disconnect();
    };
  }, []);
}

/** The part of an element that is visible. */
export function viewportOf(element: HTMLElement): Viewport {
  const { scrollTop: top, scrollLeft: left, clientWidth: width, clientHeight: height } = element;
  return { top, left, width, height };
}

/** Draws a component again whenever an element is scrolled or gets another size. */
export function useViewport(ref: RefObject<HTMLElement | null>): Viewport {
  const [viewport, setViewport] = useState<Viewport>({ top: 0, left: 0, width: 800, height: 400 });
  useLayoutEffect(() => {
    if (ref.current) setViewport(viewportOf(ref.current));
  }, []);
  useScrolling(ref, setViewport);
  return viewport;
}

/**
 * Which row each of a few elements shows. A row that scrolls out of sight gives its element to one that scrolls into it:
 * changing texts takes half the time of making elements. Each element follows its own signal, so the others, and the
 * table around them, are not drawn again.
 */
export class Slots {
  readonly rows: readonly Signal<number>[];

  /** As many slots as rows are drawn at a time in an area of this height. */
  constructor(height: number, rowHeight: number) {
    const count = Math.ceil(height / rowHeight) + 1 + 2 * AROUND;
    this.rows = Array.from({ length: count }, (_, slot) => signal(slot));
  }

  /** The slots in the order of their rows. */
  inOrder(): { row: Signal<number>; slot: number }[] {
    return this.rows.map((row, slot) => ({ row, slot })).sort((a, b) => a.row.peek() - b.row.peek());
  }

  /** Shows the rows that are visible, and some around them, and returns the first and the last of them. */
  show(positions: Positions, { top, height }: Pick<Viewport, "top" | "height">): { first: number; last: number } {
    const { first, last } = positions.between(top, top + height);
    batch(() => {
      for (let row = first; row <= last; row++) {
        const slot = this.rows[row % this.rows.length];
        if (slot) slot.value = row;
      }
    });
    return { first, last };
  }
}

/** The positions of rows of which some are open. `open` is sorted. */
export class Positions {
  constructor(
    readonly count: number,
    private readonly rowHeight: number,
    private readonly blockHeight: number,
    private readonly open: readonly number[],
  ) {}

  /** The upper edge of a row. */
  top(index: number): number {
    return index * this.rowHeight + this.openBefore(index) * this.blockHeight;
  }

  /** The height of all rows. */
  get total(): number {
    return this.top(this.count);
  }

  /** The first and the last row in a range of pixels, and some around them. */
  between(top: number, bottom: number, around = AROUND): { first: number; last: number } {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.top(middle + 1) <= top) low = middle + 1;
      else high = middle;
    }
    let last = low;
    while (last < this.count - 1 && this.top(last + 1) < bottom) last++;
    return { first: Math.max(0, low - around), last: Math.min(this.count - 1, last + around) };
  }

  private openBefore(index: number): number {
    let low = 0;
    let high = this.open.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.open[middle] ?? 0) < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Scrolls so that a range is visible. */
export function reveal(element: HTMLElement, top: number, bottom: number, header: number): void {
  if (top < element.scrollTop) element.scrollTop = top;
  else if (bottom > element.scrollTop + element.clientHeight - header) {
    element.scrollTop = bottom - element.clientHeight + header;
  }
}

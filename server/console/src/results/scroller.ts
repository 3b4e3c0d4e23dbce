// Which of many rows are visible. All rows have the same height, and some have a block below them, so every position is
// computed and nothing is measured: scrolling never waits for the layout.

import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import type { RefObject } from "preact";

/** The part of a scrolled area that is visible. */
export interface Viewport {
  readonly top: number;
  readonly left: number;
  readonly width: number;
  readonly height: number;
}

/** Follows the scrolling and the size of an element. */
export function useViewport(ref: RefObject<HTMLElement | null>): Viewport {
  const [viewport, setViewport] = useState<Viewport>({ top: 0, left: 0, width: 800, height: 400 });
  const update = () => {
    const element = ref.current;
    if (!element) return;
    const { scrollTop: top, scrollLeft: left, clientWidth: width, clientHeight: height } = element;
    setViewport((before) =>
      before.top === top && before.left === left && before.width === width && before.height === height
        ? before
        : { top, left, width, height },
    );
  };
  useLayoutEffect(update, []);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    element.addEventListener("scroll", update, { passive: true });
    const observer = new ResizeObserver(update);
    observer.observe(element);
    return () => {
      element.removeEventListener("scroll", update);
      observer.disconnect();
    };
  }, []);
  return viewport;
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

  /** The first and the last row in a range of pixels, and some around them: a screen reader or a fast scroll finds them. */
  between(top: number, bottom: number, around = 6): { first: number; last: number } {
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

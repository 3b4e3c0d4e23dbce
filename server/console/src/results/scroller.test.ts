import { describe, expect, it } from "vitest";
import { Positions, Slots } from "./scroller";

describe("the positions of rows", () => {
  it("are multiples of their height, and more below open ones", () => {
    const positions = new Positions(100, 10, 50, [3, 7]);
    expect([0, 3, 4, 7, 8, 100].map((index) => positions.top(index))).toEqual([0, 30, 90, 120, 180, 1100]);
    expect(positions.total).toBe(1100);
  });

  it("say which rows are visible, as looking at each of them would", () => {
    const positions = new Positions(200, 10, 50, [0, 5, 6, 199]);
    for (let top = 0; top < positions.total; top += 7) {
      const bottom = top + 95;
      const seen = Array.from({ length: 200 }, (_, index) => index).filter(
        (index) => positions.top(index + 1) > top && positions.top(index) < bottom,
      );
      expect(positions.between(top, bottom, 0), `from ${top}`).toEqual({ first: seen[0], last: seen.at(-1) });
    }
  });

  it("of no rows have none that is visible", () => {
    const { first, last } = new Positions(0, 10, 50, []).between(0, 100);
    expect(last).toBeLessThan(first);
  });
});

describe("the slots of rows", () => {
  it("show every row that is drawn, wherever the table is scrolled to", () => {
    const positions = new Positions(1000, 10, 50, [3, 500, 999]);
    for (const height of [0, 9, 95, 400]) {
      const slots = new Slots(height, 10);
      for (const top of [0, 7, 4321, 30, positions.total - height, positions.total]) {
        slots.show(positions, { top, height });
        const { first, last } = positions.between(top, top + height);
        const shown = new Set(slots.rows.map((row) => row.value));
        for (let row = first; row <= last; row++) expect(shown.has(row), `row ${row} of ${height} px at ${top}`).toBe(true);
      }
    }
  });
});

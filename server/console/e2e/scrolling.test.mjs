// 10,000 rows with nested values scroll without long frames.

import assert from "node:assert/strict";
import { test } from "node:test";
import { datasource, open } from "./browser.mjs";
import { openAction, run } from "./harness.mjs";

/**
 * How long all frames but one of a hundred, and each task of the page, may take, in milliseconds. docs/console.md has the
 * figures of a quiet machine. On a machine of CI other programs run meanwhile.
 */
const LIMIT = Number(process.env.FRAME_LIMIT ?? 200);
const ROWS = 10_000;

test("ten thousand rows with nested values scroll without long frames", { timeout: 120_000 }, async () => {
  const { page, closed } = await open();
  const body = JSON.stringify({
    Items: Array.from({ length: ROWS }, (_, index) => item(index)),
    Count: ROWS,
    ScannedCount: ROWS,
  });
  await page.route(`**/v1/datasources/${datasource}/actions/Scan`, (route) =>
    route.fulfill({ contentType: "application/json", headers: { "x-request-id": "scrolling" }, body }),
  );
  await openAction(page, "Scan", { text: '{"TableName": "orders"}', view: "table" });
  await page.locator(".input-editor .cm-content").click();
  await run(page, "Scan");
  await page.getByText("10,000 items").waitFor();

  // Other programs delay a frame now and then. The page's own work would delay some in every pass.
  let slowest = Number.POSITIVE_INFINITY;
  for (let pass = 0; pass < 3 && slowest > LIMIT; pass++) {
    const { frames, cells, seen, work } = await traced(page, () => page.evaluate(scroll));
    frames.sort((a, b) => a - b);
    slowest = frames[Math.floor(frames.length * 0.99)];
    const at = (share) => frames[Math.floor(frames.length * share)].toFixed(1);
    console.log(
      `${frames.length} frames: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, longest ${frames.at(-1).toFixed(1)} ms; ` +
        `the page's own work: p50 ${work.p50} ms, p99 ${work.p99} ms, longest ${work.longest} ms`,
    );
    assert.ok(work.count > 300, `${work.count} tasks were traced`);
    assert.ok(work.p99 < LIMIT / 2, `one task of the page in a hundred took ${work.p99} ms of processor time`);
    assert.ok(work.longest < LIMIT, `a task of the page took ${work.longest} ms of processor time`);
    assert.ok(cells < 1500, `only visible cells are in the page, and not ${cells}`);
    assert.ok(seen > 2500, `rows are drawn while scrolling: ${seen} different ones were`);
  }
  assert.ok(
    slowest <= LIMIT,
    `in each pass one frame of a hundred took more than ${LIMIT} ms; in the last one, ${slowest} ms`,
  );

  // By keyboard, the last row is two keys away, and its digits are all there.
  await page.locator(".grid-view").focus();
  await page.keyboard.press("Control+End");
  await page.locator('.grid-row[aria-rowindex="10001"]').waitFor();
  assert.match(
    await page.locator('.grid-row[aria-rowindex="10001"]').innerText(),
    /12345678901234567890123456789012345678/,
  );
  await closed();
});

/** Traces the browser, and adds how much processor time the tasks of the page took that drew something. */
async function traced(page, action) {
  const browser = page.context().browser();
  await browser.startTracing(page, { categories: ["toplevel", "devtools.timeline", "blink.user_timing"] });
  const result = await action();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString("utf8"));
  const begin = traceEvents.find(({ name }) => name === "scrolling begins");
  assert.ok(begin, "the trace has the beginning of the scrolling");
  const isOfPage = (event) => event.pid === begin.pid && event.tid === begin.tid && event.ts > begin.ts;
  const tasks = traceEvents.filter(
    (event) => event.ph === "X" && /RunTask$/.test(event.name) && event.tdur > 1000 && isOfPage(event),
  );
  const times = tasks.map(({ tdur }) => tdur / 1000).sort((a, b) => a - b);
  const at = (share) => Number(times[Math.min(times.length - 1, Math.floor(times.length * share))]?.toFixed(1));
  return { ...result, work: { count: times.length, p50: at(0.5), p99: at(0.99), longest: at(1) } };
}

/** Scrolls as a wheel does, then jumps to and fro, and returns how long each frame took. Runs in the page. */
async function scroll() {
  const grid = document.querySelector(".grid-view");
  const most = grid.scrollHeight - grid.clientHeight;
  const frames = [];
  const seen = new Set();
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  for (let warm = 0; warm < 10; warm++) await frame();
  performance.mark("scrolling begins");
  let last = performance.now();
  for (let step = 0; step < 400; step++) {
    grid.scrollTop = step < 300 ? step * 130 : (most * ((step * 7919) % 100)) / 100;
    if (step % 25 === 0) grid.scrollLeft = (step * 13) % 600;
    await frame();
    const now = performance.now();
    frames.push(now - last);
    last = now;
    for (const row of document.querySelectorAll(".grid-row")) seen.add(row.getAttribute("aria-rowindex"));
  }
  return { frames, cells: document.querySelectorAll(".grid-cell").length, seen: seen.size };
}

function item(index) {
  return {
    customer: { S: String(40 + (index % 5)) },
    id: { N: String(index) },
    serial: { N: "12345678901234567890123456789012345678" },
    tags: { SS: ["express", "gift", `t${index % 7}`] },
    digest: { B: "AP8BAgMEBQ==" },
    paid: { BOOL: index % 2 === 0 },
    note: index % 4 === 0 ? { NULL: true } : { S: `Leave at the "door"\nring twice ${index}` },
    address: { M: { city: { S: "Łódź" }, zip: { S: "90-001" }, geo: { L: [{ N: "51.7592" }, { N: "19.4560" }] } } },
    lines: {
      L: [
        { M: { sku: { S: "A-1001" }, count: { N: "2" } } },
        { M: { sku: { S: "B-2" }, count: { N: String(index % 9) } } },
      ],
    },
  };
}

// What everybody must be able to use: axe on the query view with results, errors, menus and forms, narrow and wide, light
// and dark.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { before, test } from "node:test";
import { open, put } from "./browser.mjs";
import { createTable, openAction, paste, run } from "./harness.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

before(async () => {
  await createTable("orders", [["customer", "S"]]);
  await put("orders", [
    {
      customer: { S: "42" },
      total: { N: "1.50" },
      lines: { L: [{ S: "a" }] },
      raw: { B: "AP8Q" },
      paid: { BOOL: true },
      note: { NULL: true },
      tags: { SS: ["a"] },
    },
  ]);
});

const STATES = {
  table: async (page) => {
    await scan(page, "table");
    await page.locator(".grid-view").focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.getByRole("tree").waitFor();
  },
  tree: (page) => scan(page, "tree"),
  json: (page) => scan(page, "json"),
  failure: async (page) => {
    await openAction(page, "Scan");
    await paste(page, '{"TableName": "orders", "limit": 1, "Select": {{x}} }');
    await page.locator(".findings li").first().waitFor();
    await run(page, "Scan");
    await page.locator(".failure").waitFor();
  },
  options: async (page) => {
    await openAction(page, "Scan", { pages: "all" });
    await page.getByRole("button", { name: "Options" }).click();
    await page.getByLabel("Deadline").fill("x");
  },
  history: async (page) => {
    await scan(page, "table");
    await page.getByRole("button", { name: "History" }).click();
  },
  statement: (page) => openAction(page, "ExecuteStatement"),
  completion: async (page) => {
    await openAction(page, "Scan");
    await paste(page, "{");
    await page.keyboard.press("Control+Space");
    await page.locator(".cm-tooltip-autocomplete li").first().waitFor();
  },
};

async function scan(page, view) {
  await openAction(page, "Scan", { view });
  await paste(page, '{"TableName": "orders"}');
  await run(page, "Scan");
}

for (const scheme of ["light", "dark"]) {
  for (const width of [360, 1280]) {
    test(
      `axe finds nothing serious in the query view, ${scheme}, ${width} pixels wide`,
      { timeout: 120_000 },
      async () => {
        const { page, closed } = await open({ width, scheme });
        const found = {};
        for (const [name, enter] of Object.entries(STATES)) {
          await enter(page);
          await page.waitForTimeout(250);
          const violations = await violationsIn(page);
          if (violations.length > 0) found[name] = violations;
          await page.keyboard.press("Escape");
          const wider = await page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          );
          assert.equal(wider, 0, `${name} is wider than the window`);
        }
        assert.deepEqual(found, {});
        await closed();
      },
    );
  }
}

test("a column is made wider and narrower by keyboard", async () => {
  const { page, closed } = await open({ width: 1280, scheme: "light" });
  await scan(page, "table");
  const width = () => page.getByRole("columnheader", { name: "customer" }).evaluate((one) => one.offsetWidth);
  const before = await width();
  await page.locator(".grid-view").focus();
  await page.keyboard.press("Shift+ArrowRight");
  await page.keyboard.press("Shift+ArrowRight");
  assert.equal(await width(), before + 48);
  for (let press = 0; press < 60; press++) await page.keyboard.press("Shift+ArrowLeft");
  assert.equal(await width(), 48, "it can still be seen");
  await closed();
});

async function violationsIn(page) {
  const session = await page.context().newCDPSession(page);
  // Injected past the policy of the page, which allows no such script.
  await session.send("Runtime.evaluate", { expression: axe });
  // The frame around the view has its own test. The list of completions is scrolled by the keys of the editor, which
  // keeps the focus, as the pattern of a combobox has it.
  const expression = `axe.run({ include: ["main.query"], exclude: [[[".input-editor", ".cm-tooltip-autocomplete"]]] }).then(({ violations }) => JSON.stringify(violations
    .filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => [one.id, one.nodes.slice(0, 3).map((node) => node.html.slice(0, 300) + " " + node.failureSummary)])))`;
  const { result } = await session.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
  await session.detach();
  assert.equal(typeof result.value, "string", "axe has run");
  return JSON.parse(result.value);
}

// What everybody must be able to use: axe on every view, narrow and wide, light and dark.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { datasource, makeTable, open, put, token } from "./browser.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let table;

before(async () => {
  table = await makeTable();
  await put(table.name, [
    {
      customer: { S: "1" },
      order: { N: "1" },
      status: { S: "open" },
      lines: { L: [{ S: "a" }] },
      raw: { B: "AP8Q" },
      paid: { BOOL: true },
      note: { NULL: true },
    },
  ]);
});

after(() => table.drop());

const views = () => ({
  datasources: { path: "#/", ready: ".shell" },
  connect: { path: `#/connect${process.env.CONSOLE_TEMPLATE ? `?template=${process.env.CONSOLE_TEMPLATE}` : ""}`, ready: ".connect-form, .connect .empty" },
  state: { path: "#/state", ready: ".page h1, .empty h2" },
  tables: { path: `#/d/${datasource}/tables`, ready: ".table-list li" },
  items: {
    path: `#/d/${datasource}/tables/${table.name}?filter=${encodeURIComponent('[["status","=","S","open"]]')}`,
    ready: "[role=rowgroup] [role=row]",
  },
  structure: { path: `#/d/${datasource}/tables/${table.name}?tab=structure`, ready: ".facts" },
  item: {
    path: `#/d/${datasource}/tables/${table.name}`,
    ready: "[role=rowgroup] [role=row]",
    act: async (page) => {
      await page.locator("[role=rowgroup] [role=row]").click();
      await page.waitForSelector("dialog[open]");
    },
  },
  rules: {
    path: `#/d/${datasource}/tables`,
    ready: ".table-list li",
    act: async (page) => {
      await page.getByRole("button", { name: "What it may do" }).click();
      await page.waitForSelector("dialog[open] .policy");
    },
  },
  missing: { path: `#/d/${datasource}/tables/no-such-table`, ready: ".table-pane .empty h2" },
  query: { path: `#/d/${datasource}/query`, ready: "main" },
});

for (const scheme of ["light", "dark"]) {
  for (const width of [360, 1280]) {
    test(`axe finds nothing serious in any view, ${scheme}, ${width} pixels wide`, async () => {
      const found = {};
      for (const [name, { path, ready, act }] of Object.entries(views())) {
        const { page, closed } = await open({ path, width, scheme });
        await page.waitForSelector(ready, { state: "attached" });
        await page.waitForTimeout(250);
        await act?.(page);
        // Injected past the policy of the page, which allows no such script.
        const session = await page.context().newCDPSession(page);
        await session.send("Runtime.evaluate", { expression: axe });
        const { result } = await session.send("Runtime.evaluate", {
          expression:
            "axe.run().then(({ violations }) => JSON.stringify(violations.filter((one) => ['serious', 'critical'].includes(one.impact)).map((one) => [one.id, one.nodes.map((node) => node.html + ' ' + node.failureSummary)])))",
          awaitPromise: true,
          returnByValue: true,
        });
        const violations = JSON.parse(result.value);
        if (violations.length > 0) found[name] = violations;
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        assert.equal(overflow, 0, `${name} is wider than the window`);
        await closed();
      }
      assert.deepEqual(found, {});
    });
  }
}

test("a token that has expired is asked for above the view, which keeps what was typed", async () => {
  const { page, closed } = await open({ path: `#/d/${datasource}/tables/${table.name}` });
  await page.waitForSelector("[role=rowgroup] [role=row]");
  await page.getByRole("button", { name: "New item" }).click();
  const field = (name) => page.getByRole("group", { name, exact: true }).getByLabel(`${name}: Value`);
  await field("customer").fill("2");
  await field("order").fill("2");
  const expired = { type: "about:blank", title: "unauthorized", status: 401, case: "unauthorized", detail: "this token has expired" };
  await page.route("**/v1/**", (route) => route.fulfill({ status: 401, contentType: "application/problem+json", json: expired }));
  await page.getByRole("button", { name: "Insert", exact: true }).click();
  const form = page.locator("dialog.sign-in-again");
  await form.waitFor();
  const isOnTop = () => {
    const { left, top, width, height } = document.querySelector("dialog.sign-in-again form").getBoundingClientRect();
    const shown = document.elementFromPoint(left + width / 2, top + height / 2);
    return document.activeElement.id === "token" && shown.closest(".sign-in-again") !== null;
  };
  assert.ok(await page.evaluate(isOnTop), "it is above the form of the item, and has the focus");
  await page.keyboard.press("Escape");
  assert.ok(await page.evaluate(isOnTop));
  if (process.env.CONSOLE_PICTURES) await page.screenshot({ path: `${process.env.CONSOLE_PICTURES}/expired.png` });
  await page.unroute("**/v1/**");
  await page.locator("#token").fill(token ?? "any");
  await page.keyboard.press("Enter");
  await form.waitFor({ state: "detached" });
  // Without tokens, nobody is known to be the same person.
  if (!token) return await closed();
  assert.equal(await field("customer").inputValue(), "2");
  await page.getByRole("button", { name: "Insert", exact: true }).click();
  await field("customer").waitFor({ state: "detached" });
  await closed();
});

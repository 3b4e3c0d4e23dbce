// The query view as people use it: completion, values of placeholders, paging, export, history, commands to copy, PartiQL,
// cancelling, and an action that the policy denies.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { afterEach, before, beforeEach, test } from "node:test";
import { datasource, open, put, server } from "./browser.mjs";
import { createTable, openAction, paste, run } from "./harness.mjs";

const DIGITS = "12345678901234567890123456789012345678";
const ITEMS = Array.from({ length: 60 }, (_, index) => ({
  customer: { S: index < 50 ? "42" : "43" },
  id: { N: String(index) },
  total: { N: DIGITS },
  note: { S: index === 0 ? "=1+1" : `it's "${index}"` },
  tags: { SS: ["a", "b"] },
}));

let page;
let closed;
before(async () => {
  await createTable("orders", [
    ["customer", "S"],
    ["id", "N"],
  ]);
  await put("orders", ITEMS);
});
beforeEach(async () => {
  ({ page, closed } = await open());
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
});
afterEach(() => closed());

const content = () => page.locator(".input-editor .cm-content");
const text = () =>
  content().evaluate((element) => [...element.querySelectorAll(".cm-line")].map((line) => line.textContent).join("\n"));
const clipboard = () => page.evaluate(() => navigator.clipboard.readText());

/** Waits for a suggestion, and until the editor takes keys for it: it ignores those of the first 75 ms. */
async function suggested(label) {
  await page.locator(".cm-tooltip-autocomplete").getByText(label, { exact: true }).waitFor();
  await page.waitForTimeout(200);
}

/** Accepts the first suggestion, which is the one with this label. */
async function accept(label) {
  await suggested(label);
  await page.locator('.cm-tooltip-autocomplete [aria-selected="true"]').getByText(label, { exact: true }).waitFor();
  await page.keyboard.press("Enter");
}

test("a query is written by completion alone, and run by keyboard", async () => {
  await openAction(page, "GetItem");
  await paste(page, "");
  await page.keyboard.type("{");
  await page.keyboard.press("Enter");
  await page.keyboard.type('"Tab');
  await accept("TableName");
  await suggested("orders");
  await page.keyboard.type("ord");
  await accept("orders");
  await page.keyboard.type(', "Ke');
  await accept("Key");
  await accept("customer");
  await page.keyboard.type("42");
  assert.match(await text(), /"TableName": "orders", "Key": \{"customer": \{"S": "42"\}\}/);
  await page.locator(".findings li").first().waitFor({ state: "detached" });
  // The sort key is missing, which only the service knows.
  const { status } = await run(page, "GetItem");
  assert.equal(status, 400);
  assert.match(await page.locator(".failure").innerText(), /ValidationException/);
});

test("values of placeholders are bound and cannot change the query", async () => {
  await openAction(page, "Query");
  await paste(
    page,
    '{"TableName": "orders", "KeyConditionExpression": "customer = :c AND id >= :i", "ExpressionAttributeValues": {":c": {{customer}}, ":i": {{from}} } }',
  );
  await page.getByLabel("Value of customer").fill('42"}, "x": "');
  await page.getByLabel("Type of from").selectOption("JSON");
  await page.getByLabel("Value of from").fill("40,");
  await page.getByText("This is not JSON").waitFor();
  await page.getByLabel("Value of from").fill("40");
  await content().click();
  await run(page, "Query");
  await page.getByText("0 items").waitFor();
  await page.getByLabel("Value of customer").fill("42");
  await page.getByLabel("Value of customer").press("Control+Enter");
  await page.getByText("10 items").waitFor();
  assert.ok(!page.url().includes("customer=42"), "values are not in the URL");
});

test("pages follow one another, numbers keep their digits, and the export has all pages", async () => {
  await openAction(page, "Query", { view: "table" });
  await paste(
    page,
    '// all of one customer\n{"TableName": "orders", "KeyConditionExpression": "customer = :c", "ExpressionAttributeValues": {":c": "42"}, "Limit": 20, "ReturnConsumedCapacity": "TOTAL"}',
  );
  await run(page, "Query");
  await page.getByText("20 items").waitFor();
  await page.getByText(/capacity units/).waitFor();
  await page.getByRole("button", { name: "Read more" }).click();
  await page.getByText("40 rows on 2 pages").waitFor();
  assert.match(await page.locator(".grid-view").innerText(), new RegExp(DIGITS));
  assert.match(await text(), /^\/\/ all of one customer/, "the cursor is not in the editor");

  for (const [label, lines] of [
    ["CSV, all pages", 51],
    ["NDJSON, all pages", 50],
    ["NDJSON, the rows shown", 40],
  ]) {
    await page.getByRole("button", { name: "Export" }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: label }).click(),
    ]);
    const file = await readFile(await download.path(), "utf8");
    assert.equal(file.trim().split("\n").length, lines, label);
    assert.equal(file.split(DIGITS).length - 1, label.startsWith("CSV") ? 50 : lines, label);
    if (label.startsWith("CSV")) {
      assert.match(file, /^\ufeffcustomer,id,note,tags,total\r\n/);
      assert.match(file, /42,0,"'=1\+1","\{""\$SS"":\[""a"",""b""\]\}",/);
    } else {
      assert.deepEqual(JSON.parse(file.split("\n")[0]).note, { S: "=1+1" });
    }
  }
  await page.getByRole("button", { name: "Read more" }).click();
  await page.getByText("50 rows on 3 pages").waitFor();
});

test("an export of all pages can be cancelled", async () => {
  await openAction(page, "Scan");
  await paste(page, '{"TableName": "orders", "Limit": 1}');
  await run(page, "Scan");
  await page.getByRole("button", { name: "Export" }).click();
  await page.getByRole("button", { name: "CSV, all pages" }).click();
  await page.getByText(/Exporting/).waitFor();
  await page.locator(".results-actions").getByRole("button", { name: "Cancel" }).click();
  await page.getByText("The export was cancelled").waitFor();
});

test("a running query is cancelled by Escape, and its connection ends", async () => {
  await openAction(page, "Scan");
  const ended = page.waitForEvent("requestfailed", (request) => request.method() === "POST");
  await page.route(`**/v1/datasources/${datasource}/actions/Scan`, () => new Promise(() => {}));
  await paste(page, '{"TableName": "orders"}');
  await page.keyboard.press("Control+Enter");
  await page.getByText("Running…").waitFor();
  await page.keyboard.press("Escape");
  await page.locator(".facts").getByText("Cancelled").waitFor();
  assert.match((await ended).failure()?.errorText ?? "", /ABORTED/);
});

test("the history has what was run, in this browser only, and the URL has the rest", async () => {
  await openAction(page, "Scan", { format: "plain" });
  await paste(page, '{"TableName": "orders", "Limit": 3}');
  await run(page, "Scan");
  await page.getByText("3 items").waitFor();
  await page.waitForTimeout(500);
  const address = page.url();
  assert.match(decodeURIComponent(address), /"Limit": ?\+?3/);
  await openAction(page, "ListTables");
  await page.getByRole("button", { name: "History" }).click();
  await page.locator(".history-list button").first().click();
  await page.locator(".action-name").getByText("Scan").waitFor();
  assert.match(await text(), /"Limit": 3/);
  assert.ok(await page.getByRole("radio", { name: "Plain" }).isChecked());
  await page.goto("about:blank");
  await page.goto(address);
  await content().getByText('"Limit": 3').waitFor();
  await page.goBack();
});

test("commands are copied with their quotes", async () => {
  await openAction(page, "Scan");
  await paste(page, `{"TableName": "orders" /* it's */ }`);
  await page.getByRole("button", { name: "Copy as" }).click();
  await page.getByRole("button", { name: "curl", exact: true }).click();
  await page.getByText("Copied as curl").waitFor();
  assert.ok((await clipboard()).includes(`--data-raw '{"TableName": "orders" /* it'\\''s */ }'`));
  await page.getByRole("button", { name: "Copy as" }).click();
  await page.getByRole("button", { name: "portcullis execute", exact: true }).click();
  await page.getByText("Copied as portcullis").waitFor();
  assert.match(await clipboard(), /^portcullis execute --server http:\/\/\S+ --datasource=\S+ \\\n/);
});

test("a PartiQL statement has its own form, with a parameter for each mark", async () => {
  await openAction(page, "ExecuteStatement");
  const statement = page.getByRole("textbox", { name: "PartiQL statement" });
  await statement.click();
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete");
  await page.keyboard.type('SELECT * FROM "orders" WHERE customer = ? AND id < ');
  await page.keyboard.insertText("?");
  while ((await page.getByRole("button", { name: /^Remove parameter/ }).count()) > 0) {
    await page.getByRole("button", { name: "Remove parameter 1" }).click();
  }
  await page.getByText("The statement has 2 ?, and there are 0 parameters.").waitFor();
  await page.getByRole("button", { name: "Add a parameter" }).click();
  await page.getByRole("button", { name: "Add a parameter" }).click();
  await page.getByLabel("Type of parameter 1").selectOption("Text");
  await page.getByLabel("Parameter 1", { exact: true }).fill("42");
  // What is a number is taken for one, and Enter runs.
  await page.getByLabel("Parameter 2", { exact: true }).fill("5");
  assert.equal(await page.getByLabel("Type of parameter 2").inputValue(), "number");
  await page.getByLabel("Parameter 2", { exact: true }).press("Enter");
  await page.getByText("5 items").waitFor();
  await page.locator("label").getByText("JSON", { exact: true }).first().click();
  assert.match(await text(), /"Parameters": \[\{"S": "42"\}, \{"N": "5"\}\]/);
});

test("a statement that is typed over another one gets no style attribute from the browser", async () => {
  // `closed` fails the test if the content security policy was violated.
  for (const [action, label, typed] of [
    ["ExecuteStatement", "PartiQL statement", ["SELECT * FROM x WHERE a = 'b", "SELECT 1"]],
    ["Scan", "Input of Scan", ['{"TableName": "orders', "true", '"x']],
  ]) {
    await openAction(page, action);
    await page.getByRole("textbox", { name: label }).click();
    for (const one of typed) {
      await page.keyboard.press("Control+a");
      await page.keyboard.type(one);
      await page.keyboard.press("Shift+Home");
      await page.keyboard.type("a");
      await page.keyboard.press("Control+z");
    }
  }
});

test("an action that the policy denies says why, and cannot run", async () => {
  const reason = "the access read does not include DeleteTable";
  await page.route(`**/v1/datasources/${datasource}/actions`, async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    for (const one of body.actions) if (one.access !== "read") Object.assign(one, { allowed: false, reason });
    await route.fulfill({ response, json: body });
  });
  await page.goto(`${server}/console/#/d/${datasource}/query`);
  const search = page.getByRole("combobox", { name: "Search actions" });
  await search.fill("deletetab");
  assert.equal(await page.getByRole("option", { name: /^DeleteTable/ }).getAttribute("aria-disabled"), "true");
  await search.press("Enter");
  await page.locator(".denied-note").getByText(reason).waitFor();
  assert.ok(await page.locator(".run").isDisabled());
});

test("a table is read by keyboard: cells, nested values and back", async () => {
  await openAction(page, "Scan", { view: "table" });
  await paste(page, '{"TableName": "orders", "Limit": 5}');
  await run(page, "Scan");
  const grid = page.getByRole("grid");
  await grid.focus();
  for (let times = 0; times < 3; times++) await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.getByRole("tree", { name: "Tree of tags" }).waitFor();
  assert.equal(await page.getByRole("treeitem").count(), 3);
  await page.keyboard.press("Escape");
  assert.equal(await page.getByRole("tree").count(), 0);
  const active = await grid.getAttribute("aria-activedescendant");
  assert.equal(await page.locator(`[id="${active}"]`).getAttribute("aria-colindex"), "4");
});

// One person's way through the page: connect, test, save, create a table, insert, query, edit, page, export, delete. On
// the way the server restarts, a second tab changes the same item, and the policy denies something.
//
// PORTCULLIS_BIN                        the command line, of which the test starts a server
// CONSOLE_FOLDER                        a folder with portcullis.toml and what this policy refers to: tokens, a store,
//                                       the template, and a datasource that may only read
// CONSOLE_TOKEN                         a token for all of this
// CONSOLE_TEMPLATE                      a template that takes a region, an endpoint and the caller's credentials
// CONSOLE_REGION, CONSOLE_ENDPOINT      what is entered into its form
// CONSOLE_ACCESS_KEY_ID, CONSOLE_SECRET_ACCESS_KEY
// CONSOLE_SIGNATURES                    `checked` if the endpoint refuses a wrong secret, or `ignored`
// CONSOLE_READ_DATASOURCE, CONSOLE_HIDDEN_TABLE  a datasource that may only read, and a table that is not on its list

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import { serve } from "./serving.mjs";

const folder = process.env.CONSOLE_FOLDER;
if (!folder) throw new Error("set CONSOLE_FOLDER; the head of this file says to what");
let running = await serve(folder);
after(() => running.stop());
// browser.mjs reads it when it is loaded.
process.env.CONSOLE_URL = running.url;
const { open, server, token } = await import("./browser.mjs");
const { paste, required, run } = await import("./harness.mjs");

const template = required("CONSOLE_TEMPLATE");
const region = required("CONSOLE_REGION");
const endpoint = required("CONSOLE_ENDPOINT");
const keyId = required("CONSOLE_ACCESS_KEY_ID");
const secret = required("CONSOLE_SECRET_ACCESS_KEY");
const signatures = required("CONSOLE_SIGNATURES");
const readOnly = required("CONSOLE_READ_DATASOURCE");
const hidden = required("CONSOLE_HIDDEN_TABLE");
assert.ok(["checked", "ignored"].includes(signatures), "CONSOLE_SIGNATURES is `checked` or `ignored`");

const name = `flow-${process.pid}-${Date.now()}`;
const table = `flow_${process.pid}_${Date.now()}`;

/** Reads from the API, past the page. */
const api = (path) => fetch(`${server}${path}`, { headers: { authorization: `Bearer ${token}` } });

/** Runs an action, past the page. */
async function act(action, input) {
  const response = await fetch(`${server}/v1/datasources/${name}/actions/${action}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(input),
  });
  assert.equal(response.status, 200, action);
  return response.json();
}

const key = (order) => ({ customer: { S: order <= 60 ? "42" : "43" }, order: { N: String(order) } });

test("one person's way: from connecting a datasource to deleting it", { timeout: 240_000 }, async () => {
  const { page, closed } = await open();
  await connect(page);
  await createTable(page);
  await insertHundred(page);
  await queryAndExport(page);
  await editAcrossRestart(page);
  await editInTwoTabs(page);
  await seeDenials(page);
  await deleteAll(page);
  await closed();
});

async function connect(page) {
  await page.getByRole("link", { name: "Connect a datasource" }).click();
  await page.locator(".template, .connect-form").first().waitFor();
  if (await page.locator(".template").count()) await page.locator(`input[name=template][value="${template}"]`).check();
  await page.locator("#name").fill(name);
  await enterRegion(page);
  await page.locator("#settings\\.endpoint").selectOption(endpoint);
  await page.locator("#credentials\\.accessKeyId").fill(keyId);
  await page.locator("#credentials\\.secretAccessKey").fill("wrongSecretwrongSecretwrongSecretwrongSe");
  const testButton = page.getByRole("button", { name: "Test", exact: true });
  const save = page.getByRole("button", { name: "Save", exact: true });
  await testButton.click();
  if (signatures === "checked") {
    const fault = page.locator('[id="credentials.secretAccessKey-fault"]');
    await fault.waitFor();
    assert.match(await fault.innerText(), /secret/i);
    assert.equal(await page.evaluate(() => document.activeElement?.id), "credentials.secretAccessKey");
    assert.ok(await save.isDisabled());
  } else {
    await page.locator(".notice.ok").waitFor();
  }
  await page.locator("#credentials\\.secretAccessKey").fill(secret);
  // What was tested was another secret.
  assert.ok(await save.isDisabled());
  await testButton.click();
  await page.locator(".notice.ok").waitFor();
  await save.click();
  await page.waitForURL((url) => url.hash.startsWith(`#/d/${name}/tables`));
  const stored = await (await api(`/v1/datasources/${name}`)).text();
  assert.ok(stored.includes(endpoint) && !stored.includes(secret), stored);
}

/** A region of the list, or as text where the template allows others. */
async function enterRegion(page) {
  const select = page.locator("#settings\\.region");
  const values = await select.locator("option").evaluateAll((options) => options.map((option) => option.value));
  if (values.includes(region)) return select.selectOption(region);
  await select.selectOption("Other…");
  return page.getByLabel("Region, other").fill(region);
}

async function createTable(page) {
  await page.locator(".table-list ul[aria-busy=false]").waitFor();
  await page.getByRole("button", { name: "Create table" }).first().click();
  await page.getByLabel("Table name").fill(table);
  await page.getByLabel("Partition key").fill("customer");
  await page.getByLabel("Sort key").fill("order");
  await page.locator("#create-sort-type").selectOption("N");
  await page.locator("dialog").getByRole("button", { name: "Create table" }).click();
  await page.getByRole("heading", { name: "No items" }).waitFor();
}

/** One item in the form, and the others as people paste what they have: 25 in one request. */
async function insertHundred(page) {
  await page.getByRole("button", { name: "New item" }).click();
  const dialog = page.locator("dialog");
  await dialog.getByLabel("customer: Value").fill("42");
  await dialog.getByLabel("order: Value").fill("1");
  await dialog.getByRole("button", { name: "Add attribute" }).click();
  await page.keyboard.type("total");
  await dialog.getByLabel("total: Type").selectOption("N");
  await dialog.getByLabel("total: Value").fill("1");
  await dialog.getByRole("button", { name: "Insert" }).click();
  await dialog.waitFor({ state: "detached" });
  for (let first = 2; first <= 100; first += 25) {
    const orders = Array.from({ length: Math.min(25, 101 - first) }, (_, index) => first + index);
    const requests = orders.map((order) => ({ PutRequest: { Item: { ...key(order), total: { N: String(order) } } } }));
    await openEditor(page, "BatchWriteItem");
    await paste(page, JSON.stringify({ RequestItems: { [table]: requests } }));
    await runs(page, "BatchWriteItem");
  }
  assert.equal((await act("Scan", { TableName: table, Select: "COUNT" })).Count, 100);
}

/** Goes to a view in the same tab: a new load of the page would ask for the token. */
const follow = (page, hash) =>
  page.evaluate((to) => {
    location.hash = to;
  }, hash);

/** Opens the editor with an action, and waits for the input that it begins with. */
async function openEditor(page, action, source = name) {
  await follow(page, `#/d/${source}/query?action=${action}`);
  await page.locator(".action-name").getByText(action, { exact: true }).waitFor({ state: "attached" });
  await page.locator(".run:not([disabled])").waitFor();
  await page.locator(".input-editor .cm-content:not(:has(.cm-placeholder))").waitFor();
}

/** Runs what is in the editor. */
async function runs(page, action) {
  const { status, text } = await run(page, action);
  assert.equal(status, 200, text);
}

async function queryAndExport(page) {
  await openEditor(page, "Query");
  const values = { ":customer": { S: "42" } };
  const query = { TableName: table, KeyConditionExpression: "customer = :customer", ExpressionAttributeValues: values };
  await paste(page, JSON.stringify({ ...query, Limit: 25 }));
  await runs(page, "Query");
  await page.getByText("25 items").waitFor();
  await page.getByRole("button", { name: "Read more" }).click();
  await page.getByText("50 rows on 2 pages").waitFor();
  await exportAll(page);
  await page.getByRole("button", { name: "Read more" }).click();
  await page.getByText("60 rows on 3 pages").waitFor();
}

/** Exports also the page that is not shown yet. */
async function exportAll(page) {
  for (const [label, lines] of [
    ["CSV, all pages", 61],
    ["NDJSON, all pages", 60],
  ]) {
    await page.getByRole("button", { name: "Export" }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: label }).click(),
    ]);
    const file = await readFile(await download.path(), "utf8");
    assert.equal(file.trim().split("\n").length, lines, label);
  }
}

/** Opens the item of order 7 in the tables view, which is found by its key. */
async function openSeventh(page) {
  await follow(page, `#/d/${name}/tables/${table}`);
  await page.locator("#partition").fill("42");
  await page.getByLabel("order: Value").fill("7");
  await page.keyboard.press("Enter");
  await page.locator('[role="grid"][aria-rowcount="2"]').waitFor();
  await openRow(page);
}

/** Opens the only item that is shown. */
async function openRow(page) {
  await page.locator('[role="rowgroup"] [role="row"]').click();
  await page.locator("dialog").getByLabel("total: Value").waitFor();
}

const seventh = async () => (await act("GetItem", { TableName: table, Key: key(7) })).Item.total.N;

async function editAcrossRestart(page) {
  await openSeventh(page);
  const dialog = page.locator("dialog");
  await dialog.getByLabel("total: Value").fill("12345678901234567890123456789012345678");
  await running.stop();
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("The server did not respond").waitFor();
  running = await serve(folder, { address: new URL(running.url).host });
  // Nothing was lost: not the edit, not the datasource, and not the token in the tab.
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal(await seventh(), "12345678901234567890123456789012345678");
}

async function editInTwoTabs(page) {
  const second = await open();
  await openSeventh(second.page);
  await second.page.locator("dialog").getByLabel("total: Value").fill("700");
  await openRow(page);
  await page.locator("dialog").getByLabel("total: Value").fill("7");
  await page.locator("dialog").getByRole("button", { name: "Save" }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
  await second.page.locator("dialog").getByRole("button", { name: "Save" }).click();
  await second.page.locator("dialog").getByText("The item has changed since it was read").waitFor();
  assert.equal(await seventh(), "7");
  await second.closed();
}

async function seeDenials(page) {
  await follow(page, `#/d/${readOnly}/query?action=PutItem`);
  await page.locator(".denied-note").waitFor();
  assert.ok(await page.locator(".run").isDisabled());
  await openEditor(page, "Scan", readOnly);
  await paste(page, JSON.stringify({ TableName: hidden }));
  assert.equal((await run(page, "Scan")).status, 403);
  const failure = page.locator(".failure");
  await failure.getByRole("heading", { name: "Denied by the policy" }).waitFor();
  assert.match(await failure.locator("code").innerText(), new RegExp(`tables = .*"${hidden}"`));
}

async function deleteAll(page) {
  await follow(page, `#/d/${name}/tables/${table}?limit=25`);
  const shows = (items) => page.locator(`[role="grid"][aria-rowcount="${items + 1}"]`).waitFor();
  await shows(25);
  for (const items of [50, 75, 100]) {
    await page.getByRole("button", { name: "Read more" }).click();
    await shows(items);
  }
  await page.getByLabel("Select all items read").check();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.locator("dialog").getByRole("button", { name: "Delete" }).click();
  await page.locator("dialog").waitFor({ state: "detached", timeout: 30_000 });
  assert.equal((await act("Scan", { TableName: table, Select: "COUNT" })).Count, 0);

  await openEditor(page, "DeleteTable");
  await paste(page, JSON.stringify({ TableName: table }));
  await runs(page, "DeleteTable");
  await page.getByRole("link", { name: "Portcullis" }).click();
  await page.getByRole("button", { name: `Delete ${name}` }).click();
  await page.locator("dialog").getByRole("button", { name: "Delete" }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
  assert.equal((await api(`/v1/datasources/${name}`)).status, 404);
}

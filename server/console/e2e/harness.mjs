// How a query is written and run, as a person does it. The browser is that of browser.mjs.

import assert from "node:assert/strict";
import { datasource, execute, server } from "./browser.mjs";

/** A variable of the environment. A test that cannot run fails, and is not left out. */
export function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}; e2e/README.md says to what`);
  return value;
}

/** The hash of the query view with an action. */
export function queryHash(params) {
  return `#/d/${encodeURIComponent(datasource)}/query?${new URLSearchParams(params)}`;
}

/** Opens the query view with an action, and waits until the action can run. */
export async function openAction(page, action, params = {}) {
  await page.goto(`${server}/console/${queryHash({ action, ...params })}`);
  await page.locator(".action-name").getByText(action, { exact: true }).waitFor({ state: "attached" });
  await page.locator(".run:not([disabled])").waitFor();
}

/** Replaces the text of the editor by pasting. */
export async function paste(page, text) {
  const content = page.locator(".input-editor .cm-content");
  await content.waitFor();
  await content.click();
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete");
  if (text === "") return;
  await content.evaluate((element, pasted) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", pasted);
    element.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  }, text);
}

/** Runs the query by keyboard, and returns the response once it is shown. */
export async function run(page, action) {
  const responded = page.waitForResponse(
    (one) => new URL(one.url()).pathname.endsWith(`/actions/${action}`) && one.request().method() === "POST",
  );
  await page.keyboard.press("Control+Enter");
  const response = await responded;
  const requestId = response.headers()["x-request-id"];
  assert.ok(requestId, "the response has the id of the request");
  await page.locator(".results").getByText(requestId).waitFor();
  return { status: response.status(), text: await response.text(), requestId };
}

/** Makes a table with a name that people know, after deleting what has it. */
export async function createTable(table, keys) {
  // One of the documented examples protects its table from being deleted.
  await execute(datasource, "UpdateTable", { TableName: table, DeletionProtectionEnabled: false }).catch(() => {});
  await execute(datasource, "DeleteTable", { TableName: table }).catch(() => {});
  await execute(datasource, "CreateTable", {
    TableName: table,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: keys.map(([name, type]) => ({ AttributeName: name, AttributeType: type })),
    KeySchema: keys.map(([name], index) => ({ AttributeName: name, KeyType: index === 0 ? "HASH" : "RANGE" })),
  });
}

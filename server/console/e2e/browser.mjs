// Opens the console of a running server in Chromium, and watches for what must never happen.
//
// CONSOLE_URL   the server, such as http://127.0.0.1:8700
// CONSOLE_TOKEN a token, if the server has tokens
// CHROMIUM      the browser; by default the one on the PATH

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { after } from "node:test";
import { chromium } from "playwright-core";

const base = process.env.CONSOLE_URL;
if (!base) throw new Error("set CONSOLE_URL to the address of a running server, such as http://127.0.0.1:8700");

// A test that fails leaves its browser open, which would keep the program running.
const browsers = new Set();
after(() => Promise.all([...browsers].map((browser) => browser.close())));

/** The server's address. */
export const server = new URL(base).origin;

/** The token for the server, if there is one. */
export const token = process.env.CONSOLE_TOKEN;

function browserPath() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
      const file = join(folder, name);
      if (existsSync(file)) return file;
    }
  }
  throw new Error("Chromium is missing: apt-get install --no-install-recommends chromium, or set CHROMIUM to its path");
}

/**
 * Opens the console and signs in. `closed` ends the browser and fails the test if a script ran that must not, the policy
 * of the page was violated, another host was asked, or the page threw an error.
 */
export async function open({ path = "", width = 1280, height = 800, scheme = "light" } = {}) {
  // A sandbox of its own needs rights that containers and root do not have. The page is the project's own.
  const browser = await chromium.launch({ executablePath: browserPath(), args: ["--no-sandbox", "--no-proxy-server"] });
  browsers.add(browser);
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
  const page = await context.newPage();
  // Machines of CI are busy.
  page.setDefaultTimeout(20_000);
  const bad = [];
  page.on("dialog", (dialog) => {
    bad.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("pageerror", (error) => bad.push(`an error: ${error.stack ?? error.message}`));
  page.on("console", (message) => {
    // Browsers also report responses that are errors, which tests provoke.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      bad.push(`on the browser's console: ${message.text()}`);
  });
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== server && protocol !== "data:" && protocol !== "blob:") bad.push(`a request to ${origin}`);
  });
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) =>
      console.error(`content security policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`),
    );
  });
  await page.goto(`${server}/console/${path}`);
  // The frame is there before the server has said whether it wants a token.
  await page.waitForSelector(token ? "#token" : "#token, .shell-main > :not(.loading)");
  if (await page.locator("#token").count()) {
    if (!token) throw new Error("the server has tokens: set CONSOLE_TOKEN");
    await page.fill("#token", token);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".shell");
  }
  const closed = async () => {
    await browser.close();
    assert.deepEqual(bad, []);
  };
  return { page, closed, bad };
}

/** Runs an action of a datasource, past the page. */
export async function execute(datasource, action, input, query = "") {
  const response = await fetch(`${server}/v1/datasources/${encodeURIComponent(datasource)}/actions/${action}${query}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify(input),
  });
  const body = await response.json();
  if (!response.ok) throw new Error(`${action}: ${body.detail}`);
  return body;
}

/** The datasource for tests that write: `CONSOLE_DATASOURCE`, by default that of `serve --local`. */
export const datasource = process.env.CONSOLE_DATASOURCE ?? "local";

let made = 0;

/** Creates a table for one test, with a partition key `customer`, a sort key `order` and an index with only keys. */
export async function makeTable() {
  made += 1;
  const name = `e2e_${process.pid}_${Date.now()}_${made}`;
  await execute(datasource, "CreateTable", {
    TableName: name,
    AttributeDefinitions: [
      { AttributeName: "customer", AttributeType: "S" },
      { AttributeName: "order", AttributeType: "N" },
      { AttributeName: "status", AttributeType: "S" },
    ],
    KeySchema: [
      { AttributeName: "customer", KeyType: "HASH" },
      { AttributeName: "order", KeyType: "RANGE" },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: "by-status",
        KeySchema: [{ AttributeName: "status", KeyType: "HASH" }],
        Projection: { ProjectionType: "KEYS_ONLY" },
      },
    ],
    BillingMode: "PAY_PER_REQUEST",
  });
  return { name, drop: () => execute(datasource, "DeleteTable", { TableName: name }) };
}

/** Writes items, 25 at a time. */
export async function put(table, items) {
  for (let start = 0; start < items.length; start += 25) {
    const some = items.slice(start, start + 25);
    await execute(
      datasource,
      "BatchWriteItem",
      { RequestItems: { [table]: some.map((Item) => ({ PutRequest: { Item } })) } },
      "?resubmit=true",
    );
  }
}

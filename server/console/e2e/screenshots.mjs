// Takes the pictures of the documentation, light and dark: `make screenshots`.
//
// PORTCULLIS_BIN   the command line, of which the test starts two servers: a database, and one with a policy
// CONSOLE_PICTURES the folder for the pictures
// CONSOLE_WIDTH    their width, 1280 without it

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { shrink } from "./png.mjs";
import { program, serve } from "./serving.mjs";

const pictures = process.env.CONSOLE_PICTURES;
if (!pictures) throw new Error("set CONSOLE_PICTURES to the folder for the pictures");
// Another width is for looking at, not for the documentation.
const width = Number(process.env.CONSOLE_WIDTH ?? 1280);
const folder = mkdtempSync(join(tmpdir(), "portcullis-pictures-"));
after(() => rmSync(folder, { recursive: true }));

const database = await serve(folder, { more: ["--local", "--empty", "--wire", "127.0.0.1:0=local"] });
after(() => database.stop());
for (const command of [
  ["key", "-o", "store.key"],
  ["create", "store.db"],
])
  execFileSync(program(), ["store", ...command], { cwd: folder, stdio: "ignore" });
writeFileSync(join(folder, "portcullis.toml"), policy(database.wire[0]));
const server = await serve(folder);
after(() => server.stop());
// browser.mjs reads these when it is loaded.
process.env.CONSOLE_URL = server.url;
process.env.CONSOLE_TOKEN = "token-for-pictures";
process.env.CONSOLE_DATASOURCE = "shop";
const { execute, open, put } = await import("./browser.mjs");
const { paste, run } = await import("./harness.mjs");

test("the pictures of the documentation are taken", { timeout: 120_000 }, async () => {
  await fill();
  let bytes = 0;
  for (const scheme of ["light", "dark"]) {
    for (const [name, view] of Object.entries(VIEWS)) {
      // The form is higher than the other views.
      const { page, closed } = await open({ scheme, width, height: name === "connect" ? 940 : 800 });
      await view(page);
      // No caret, and no ring of the focus on what a script clicked last.
      await page.evaluate(() => document.activeElement?.blur());
      await page.mouse.move(0, 0);
      await page.waitForTimeout(400);
      const png = shrink(await page.screenshot({ caret: "hide", animations: "disabled" }));
      writeFileSync(join(pictures, `${name}-${scheme}.png`), png);
      bytes += png.length;
      await closed();
    }
  }
  assert.ok(bytes < 600_000, `${bytes} bytes of pictures are too many for the repository`);
});

const go = (page, hash) =>
  page.evaluate((to) => {
    location.hash = to;
  }, hash);

const VIEWS = {
  connect: async (page) => {
    await go(page, "#/connect");
    await page.locator("#name").fill("orders-eu");
    await page.locator("#settings\\.region").selectOption("eu-west-1");
    await page.locator("#credentials\\.accessKeyId").fill("AKIAIOSFODNN7EXAMPLE");
    await page.locator("#credentials\\.secretAccessKey").fill("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    await page.getByText("dynamodb:GetItem").first().waitFor();
  },
  query: async (page) => {
    await go(page, "#/d/shop/query?action=Query&table=orders&view=table");
    await page.locator(".input-editor .cm-content:not(:has(.cm-placeholder))").waitFor();
    await paste(page, QUERY);
    assert.equal((await run(page, "Query")).status, 200);
    await page.locator(".grid-view").waitFor();
  },
  tables: async (page) => {
    const filter = encodeURIComponent('[["total",">","N","100"]]');
    await go(page, `#/d/shop/tables/orders?pk=42&filter=${filter}`);
    await page.locator("[role=rowgroup] [role=row]").first().waitFor();
  },
  state: async (page) => {
    // The latest refusals, after that of the page's first request, which has no token.
    for (const [action, input] of DENIED) await assert.rejects(execute("reports", action, input), /denied/);
    await go(page, "#/state");
    await page.getByText('access = "write"').first().waitFor();
  },
};

const QUERY = `// Customer 42, over 100 euro
{
  "TableName": "orders",
  "KeyConditionExpression": "customer = :customer",
  "FilterExpression": "#total > :least",
  "ExpressionAttributeNames": {"#total": "total"},
  "ExpressionAttributeValues": {":customer": "42", ":least": 100},
  "ReturnConsumedCapacity": "TOTAL"
}`;

/** Calls that the policy denies. */
const DENIED = [
  ["PutItem", { TableName: "orders", Item: { customer: { S: "42" }, number: { N: "1" } } }],
  ["Scan", { TableName: "customers" }],
  ["DeleteTable", { TableName: "orders" }],
];

/** The tables, and calls for the page with the state. */
async function fill() {
  const tables = { customers: [["id", "S"]], invoices: [["id", "S"]], orders: [["customer", "S"], ["number", "N"]], products: [["sku", "S"]] };
  for (const [TableName, keys] of Object.entries(tables)) {
    await execute("shop", "CreateTable", {
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: keys.map(([AttributeName, AttributeType]) => ({ AttributeName, AttributeType })),
      KeySchema: keys.map(([AttributeName], index) => ({ AttributeName, KeyType: index === 0 ? "HASH" : "RANGE" })),
    });
  }
  await put("orders", Array.from({ length: 320 }, (_, index) => order(index)));
  await put("products", Array.from({ length: 40 }, (_, index) => ({ sku: { S: `A-${100 + index}` } })));
  for (let times = 0; times < 20; times += 1) await execute("reports", "Scan", { TableName: "orders", Limit: 50 });
}

function order(index) {
  const cents = (index * 7919 + 4200) % 25_000;
  const line = { sku: { S: `A-${100 + (index % 40)}` }, quantity: { N: String(1 + (index % 3)) } };
  return {
    customer: { S: String(38 + (index % 9)) },
    number: { N: String(1000 + index) },
    status: { S: ["open", "paid", "sent"][index % 4] ?? "sent" },
    total: { N: `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}` },
    lines: { L: [{ M: line }] },
    ...(index % 4 === 0 ? { tags: { SS: ["new"] } } : {}),
  };
}

function policy(endpoint) {
  const datasource = (name, more) => `
[datasources.${name}]
plugin = "dynamodb"
settings = { region = "local", endpoint = "${endpoint}" }
credentials = { from = "env" }
egress = ["${endpoint}"]
networks = { "${endpoint}" = ["127.0.0.0/8"] }
${more}
`;
  return `${datasource("shop", 'access = "admin"')}${datasource("reports", 'access = "read"\ntables = ["orders"]')}
[templates.dynamodb]
plugin = "dynamodb"
settings = { region = ["eu-west-1", "eu-central-1", "us-*"] }
credentials = { from = "caller" }
egress = ["https://dynamodb.{region}.amazonaws.com"]
signing = ["{region}/dynamodb"]
access = "write"
tables = ["orders*"]

[server.store]
file = "store.db"
key = { from = "file", path = "store.key" }

[server.tokens.pictures]
sha256 = "${createHash("sha256").update("token-for-pictures").digest("hex")}"
datasources = ["*"]
templates = ["*"]
manage = ["*"]
operator = true
`;
}

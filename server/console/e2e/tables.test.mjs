// Tables and items, from creating a table to deleting all of its items.

import assert from "node:assert/strict";
import { test } from "node:test";
import { datasource, execute, makeTable, open, put } from "./browser.mjs";

const order = (customer, number, more = {}) => ({
  customer: { S: String(customer) },
  order: { N: String(number) },
  ...more,
});

const rowCount = async (page) => Number(await page.locator('[role="grid"]').getAttribute("aria-rowcount")) - 1;

/** Waits until the table shows this number of items. */
async function rows(page, number) {
  if (number === 0) await page.waitForSelector(".items .empty h2");
  else await page.waitForSelector(`[role="grid"][aria-rowcount="${number + 1}"]`);
}

test("a table is created, filled, found, edited, and emptied", async () => {
  const { page, closed } = await open({ path: `#/d/${datasource}/tables` });
  const name = `e2e_new_${process.pid}_${Date.now()}`;
  await page.waitForSelector(".table-list ul[aria-busy=false]");
  await page.locator(".table-list").getByRole("button", { name: "Create table" }).click();
  await page.getByLabel("Table name").fill(name);
  await page.getByLabel("Partition key").fill("customer");
  await page.getByLabel("Sort key").fill("order");
  await page.locator("#create-sort-type").selectOption("N");
  await page.locator("dialog").getByRole("button", { name: "Create table" }).click();
  await page.getByRole("heading", { name: "No items" }).waitFor();
  try {
    await page.getByRole("button", { name: "New item" }).click();
    const dialog = page.locator("dialog");
    // The first value has the focus, and Enter inserts: here without a value, which is then asked for.
    await page.keyboard.type("42");
    await page.keyboard.press("Enter");
    await dialog.getByText("Enter a value.").waitFor();
    await page.waitForFunction(() => document.activeElement?.getAttribute("aria-label") === "order: Value");
    await page.keyboard.type("1");
    await dialog.getByRole("button", { name: "Add attribute" }).click();
    await page.keyboard.type("total");
    await dialog.getByLabel("total: Type").selectOption("N");
    await dialog.getByLabel("total: Value").fill("12345678901234567890123456789012345678");
    await dialog.getByRole("button", { name: "Insert" }).click();
    await dialog.waitFor({ state: "detached" });
    const { Item } = await execute(datasource, "GetItem", { TableName: name, Key: order(42, 1) });
    assert.equal(Item.total.N, "12345678901234567890123456789012345678");

    // The same key again is refused, and nothing is lost.
    await page.getByRole("button", { name: "New item" }).click();
    await dialog.getByLabel("customer: Value").fill("42");
    await dialog.getByLabel("order: Value").fill("1");
    await dialog.getByRole("button", { name: "Insert" }).click();
    await dialog.getByText("There is already an item with this key").waitFor();
    // What was entered is not thrown away without a question.
    const discards = dialog.getByText("Discard what you have changed?");
    for (let times = 0; times < 2; times += 1) {
      await page.keyboard.press("Escape");
      await discards.waitFor();
      await page.keyboard.press("Escape");
      await discards.waitFor({ state: "detached" });
    }
    await page.mouse.click(5, 400);
    await discards.waitFor();
    await dialog.getByRole("button", { name: "Keep editing" }).click();
    assert.equal(await dialog.getByLabel("customer: Value").inputValue(), "42");
    await page.keyboard.press("Escape");
    await dialog.getByRole("button", { name: "Discard" }).click();
    await dialog.waitFor({ state: "detached" });

    await put(
      name,
      Array.from({ length: 100 }, (_, index) => order(index % 10, 100 + index, { total: { N: String(index) } })),
    );
    await page.getByRole("button", { name: "Run" }).click();
    await rows(page, 100);
    await page.getByRole("button", { name: "Read more" }).click();
    await rows(page, 101);
    await page.locator("#limit").selectOption("25");
    await page.getByRole("button", { name: "Run" }).click();
    await rows(page, 25);

    await page.locator("#partition").fill("4");
    assert.match(await page.locator(".kind").innerText(), /Query/);
    await page.getByRole("button", { name: "Add filter" }).click();
    await page.keyboard.type("total");
    await page.getByLabel("Filters 1: Operator").selectOption(">=");
    await page.getByLabel("Filters 1: Value").fill("50");
    await page.getByText("These are the items of the search before").waitFor();
    assert.ok(await page.getByRole("button", { name: "Read more" }).isDisabled(), "it would read the search before");
    await page.keyboard.press("Enter");
    await rows(page, 5);
    assert.equal(await page.getByText("These are the items of the search before").count(), 0);
    // The URL alone shows the same.
    await page.reload();
    if (await page.locator("#token").count()) throw new Error("this test needs a server without tokens");
    await rows(page, 5);
    await page.goBack();
    await rows(page, 25);
    await page.goBack();
    await rows(page, 100);

    await page.getByLabel("Select all items read").check();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.locator("dialog").getByRole("button", { name: "Delete" }).click();
    await page.locator("dialog").waitFor({ state: "detached" });
    const { Count } = await execute(datasource, "Scan", { TableName: name, Select: "COUNT" });
    assert.equal(Count, 1);
  } finally {
    await execute(datasource, "DeleteTable", { TableName: name });
  }
  await closed();
});

test("an item that somebody else has changed is not overwritten", async () => {
  const table = await makeTable();
  try {
    await put(table.name, [order(1, 1, { total: { N: "5" }, note: { S: "a" } })]);
    const { page, closed } = await open({ path: `#/d/${datasource}/tables/${table.name}` });
    await page.locator('[role="rowgroup"] [role="row"]').click();
    const dialog = page.locator("dialog");
    await dialog.getByLabel("total: Value").fill("6");
    await put(table.name, [order(1, 1, { total: { N: "5" }, note: { S: "b" } })]);
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText("The item has changed since it was read").waitFor();
    assert.equal((await execute(datasource, "GetItem", { TableName: table.name, Key: order(1, 1) })).Item.total.N, "5");

    await dialog.getByRole("button", { name: "Load the current item" }).click();
    assert.equal(await dialog.getByLabel("note: Value").inputValue(), "b");
    await dialog.getByLabel("total: Value").fill("7");
    // An attribute that appears meanwhile is not lost.
    await execute(datasource, "UpdateItem", {
      TableName: table.name,
      Key: order(1, 1),
      UpdateExpression: "SET extra = :x",
      ExpressionAttributeValues: { ":x": { S: "kept" } },
    });
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    const { Item } = await execute(datasource, "GetItem", { TableName: table.name, Key: order(1, 1) });
    assert.deepEqual(Item, { ...order(1, 1), total: { N: "7" }, note: { S: "b" }, extra: { S: "kept" } });
    await closed();
  } finally {
    await table.drop();
  }
});

test("a key is changed in one transaction, and not onto another item", async () => {
  const table = await makeTable();
  try {
    await put(table.name, [order(1, 1, { total: { N: "5" } }), order(1, 2, { total: { N: "6" } })]);
    const { page, closed } = await open({ path: `#/d/${datasource}/tables/${table.name}` });
    await page.locator('[role="rowgroup"] [role="row"]').first().click();
    const dialog = page.locator("dialog");
    await dialog.getByLabel("order: Value").fill("2");
    await dialog.getByText("one transaction").waitFor();
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText("There is already an item with this key").waitFor();
    await dialog.getByLabel("order: Value").fill("3");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    const { Items } = await execute(datasource, "Scan", { TableName: table.name });
    assert.deepEqual(Items.map((item) => `${item.order.N}=${item.total.N}`).sort(), ["2=6", "3=5"]);
    await closed();
  } finally {
    await table.drop();
  }
});

test("an item read through an index with only some attributes is read-only until the whole item is read", async () => {
  const table = await makeTable();
  try {
    await put(table.name, [order(1, 1, { status: { S: "open" }, total: { N: "5" } })]);
    const { page, closed } = await open({ path: `#/d/${datasource}/tables/${table.name}?index=by-status&pk=open` });
    await page.locator('[role="rowgroup"] [role="row"]').click();
    const dialog = page.locator("dialog");
    await dialog.getByText("Read-only").waitFor();
    assert.equal(await dialog.getByRole("button", { name: "Save" }).count(), 0);
    assert.equal(await dialog.getByLabel("total: Value").count(), 0);
    await dialog.getByRole("button", { name: "Read the whole item" }).click();
    await dialog.getByLabel("total: Value").fill("9");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.equal((await execute(datasource, "GetItem", { TableName: table.name, Key: order(1, 1) })).Item.total.N, "9");
    await closed();
  } finally {
    await table.drop();
  }
});

test("Enter searches also while something else is read, and what is typed meanwhile stays", async () => {
  const table = await makeTable();
  try {
    await put(table.name, [order(1, 1), order(1, 2), order(2, 1)]);
    const { page, closed } = await open({ path: "#/state" });
    let release;
    const held = new Promise((resolve) => {
      release = resolve;
    });
    await page.route("**/actions/Scan", async (route) => {
      await held;
      await route.continue().catch(() => {});
    });
    await page.evaluate((hash) => {
      location.hash = hash;
    }, `#/d/${datasource}/tables/${table.name}`);
    await page.locator("#partition").fill("1");
    await page.getByLabel("order: Value").fill("2");
    await page.getByRole("button", { name: "Stop" }).waitFor();
    await page.keyboard.press("Enter");
    await rows(page, 1);
    release();
    assert.equal(await page.getByLabel("order: Value").inputValue(), "2");
    await closed();
  } finally {
    await table.drop();
  }
});

test("what is searched for is next to the key, and the query view begins with the same table", async () => {
  const table = await makeTable();
  try {
    await put(table.name, [order(1, 1, { about: { S: "a" }, total: { N: "5" } })]);
    const filter = encodeURIComponent('[["total",">","N","1"]]');
    const { page, closed } = await open({ path: `#/d/${datasource}/tables/${table.name}?filter=${filter}` });
    await rows(page, 1);
    assert.deepEqual(await page.getByRole("columnheader").allInnerTexts(), ["", "customer", "order", "total", "about"]);
    await page.getByRole("link", { name: "Query" }).click();
    await page.locator(".input-editor .cm-content").getByText(`"${table.name}"`).waitFor();
    await page.getByRole("link", { name: "Tables" }).click();
    await page.getByRole("heading", { name: table.name }).waitFor();
    await closed();
  } finally {
    await table.drop();
  }
});

test("one item is deleted after a question, and not if it has changed", async () => {
  const table = await makeTable();
  try {
    await put(table.name, [order(1, 1, { total: { N: "5" } })]);
    const { page, closed } = await open({ path: `#/d/${datasource}/tables/${table.name}` });
    await page.locator('[role="rowgroup"] [role="row"]').click();
    const dialog = page.locator("dialog");
    await put(table.name, [order(1, 1, { total: { N: "6" } })]);
    await dialog.getByRole("button", { name: "Delete" }).click();
    await dialog.getByRole("button", { name: "Delete" }).click();
    await dialog.getByText("The item has changed since it was read").waitFor();
    await dialog.getByRole("button", { name: "Load the current item" }).click();
    await dialog.getByRole("button", { name: "Delete" }).click();
    await dialog.getByRole("button", { name: "Delete" }).click();
    await dialog.waitFor({ state: "detached" });
    await rows(page, 0);
    assert.equal((await execute(datasource, "Scan", { TableName: table.name })).Count, 0);
    await closed();
  } finally {
    await table.drop();
  }
});

test("the keyboard alone opens an item, goes back to its row, and selects", async () => {
  const table = await makeTable();
  try {
    await put(
      table.name,
      Array.from({ length: 60 }, (_, index) => order(1, index)),
    );
    const { page, closed } = await open({ path: `#/d/${datasource}/tables/${table.name}` });
    await rows(page, 60);
    for (let presses = 0; presses < 60; presses += 1) {
      if (await page.evaluate(() => document.activeElement?.getAttribute("role") === "grid")) break;
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Space");
    assert.equal(await page.locator('[role="row"][aria-selected="true"]').count(), 1);
    await page.keyboard.press("End");
    await page.keyboard.press("Enter");
    await page.locator("dialog").getByRole("heading", { name: "1 · 59" }).waitFor();
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("role")), "grid");
    assert.equal(await rowCount(page), 60);
    await closed();
  } finally {
    await table.drop();
  }
});

test("with more tables than are listed, a prefix finds the others, and a link opens them", async () => {
  const names = Array.from({ length: 102 }, (_, index) => `e2e_many_${process.pid}_${String(index).padStart(3, "0")}`);
  const make = (TableName) =>
    execute(datasource, "CreateTable", {
      TableName,
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      BillingMode: "PAY_PER_REQUEST",
    });
  try {
    for (const name of names) await make(name);
    const last = names.at(-1);
    const { page, closed } = await open({ path: `#/d/${datasource}/tables/${last}` });
    await page.getByRole("heading", { name: last }).waitFor();
    assert.equal(await page.locator(".table-list li", { hasText: last }).count(), 0);
    await page.getByLabel("Filter by name").fill(last.slice(0, -1));
    await page.locator(".table-list li", { hasText: last }).waitFor();
    await page.getByRole("heading", { name: last }).waitFor();
    await page.getByLabel("Filter by name").fill("no-such-name");
    await page.getByText("No table's name begins with this").waitFor();
    await page.getByRole("heading", { name: last }).waitFor();
    await closed();
  } finally {
    for (const name of names) await execute(datasource, "DeleteTable", { TableName: name }).catch(() => {});
  }
});

test("while the server is away nothing is lost, and the same page goes on when it is back", async () => {
  const table = await makeTable();
  try {
    await put(table.name, [order(1, 1, { total: { N: "5" } })]);
    const { page, closed } = await open({ path: `#/d/${datasource}/tables/${table.name}` });
    await page.locator('[role="rowgroup"] [role="row"]').click();
    const dialog = page.locator("dialog");
    await dialog.getByLabel("total: Value").fill("6");
    await page.route("**/v1/**", (route) => route.abort());
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText("The server did not respond").waitFor();
    assert.equal(await dialog.getByLabel("total: Value").inputValue(), "6");
    await page.unroute("**/v1/**");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.equal((await execute(datasource, "GetItem", { TableName: table.name, Key: order(1, 1) })).Item.total.N, "6");
    await closed();
  } finally {
    await table.drop();
  }
});

test("two tabs edit the same item: the second one is told", async () => {
  const table = await makeTable();
  try {
    await put(table.name, [order(1, 1, { total: { N: "5" } })]);
    const first = await open({ path: `#/d/${datasource}/tables/${table.name}` });
    const second = await open({ path: `#/d/${datasource}/tables/${table.name}` });
    for (const [index, { page }] of [first, second].entries()) {
      await page.locator('[role="rowgroup"] [role="row"]').click();
      await page.locator("dialog").getByLabel("total: Value").fill(`${index + 10}`);
    }
    await first.page.locator("dialog").getByRole("button", { name: "Save" }).click();
    await first.page.locator("dialog").waitFor({ state: "detached" });
    await second.page.locator("dialog").getByRole("button", { name: "Save" }).click();
    await second.page.locator("dialog").getByText("The item has changed since it was read").waitFor();
    assert.equal((await execute(datasource, "GetItem", { TableName: table.name, Key: order(1, 1) })).Item.total.N, "10");
    await first.closed();
    await second.closed();
  } finally {
    await table.drop();
  }
});

test("if the tables cannot be listed, the reason is shown, and not that the table is gone", async () => {
  const table = await makeTable();
  const detail = "too many calls at the moment";
  const problem = { case: "busy", status: 429, title: "", detail, remedy: "try again later" };
  const busy = { status: 429, contentType: "application/problem+json", body: JSON.stringify(problem) };
  try {
    // Not the first view: with one datasource, that one lists the tables at once.
    const { page, closed } = await open({ path: "#/state" });
    await page.route("**/structure?**", (route) => route.fulfill(busy));
    await page.evaluate((hash) => {
      location.hash = hash;
    }, `#/d/${datasource}/tables/${table.name}`);
    await page.getByText(detail).waitFor();
    assert.equal(await page.getByText("There is no table").count(), 0);
    await page.unroute("**/structure?**");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("heading", { name: table.name }).waitFor();

    // A table that is shown stays if the list cannot be loaded again.
    await page.route("**/structure?**", (route) => route.fulfill(busy));
    await page.getByRole("button", { name: "Reload" }).click();
    await page.getByText(detail).waitFor();
    assert.equal(await page.getByRole("heading", { name: table.name }).count(), 1);
    await closed();
  } finally {
    await table.drop();
  }
});

// A datasource that may only read, and only some tables: nothing else is offered, and the reason is there.
//
// CONSOLE_READ_DATASOURCE  a datasource with access = "read" and a list of tables
// CONSOLE_READ_TABLE       a table with items that it may read
// CONSOLE_HIDDEN_TABLE     a table of the same database that is not on its list

import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "./browser.mjs";

function variable(name) {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}; the head of this file says to what`);
  return value;
}

const source = variable("CONSOLE_READ_DATASOURCE");
const readable = variable("CONSOLE_READ_TABLE");
const hidden = variable("CONSOLE_HIDDEN_TABLE");

test("a datasource that may only read offers no change, and says why", async () => {
  const { page, closed } = await open({ path: `#/d/${source}/tables/${readable}` });
  await page.locator('[role="rowgroup"] [role="row"]').first().waitFor();
  const insert = page.getByRole("button", { name: "New item" });
  assert.equal(await insert.isDisabled(), true);
  assert.match(await insert.getAttribute("title"), /needs write access/);
  assert.equal(await page.getByRole("checkbox").count(), 0);
  assert.equal(await page.getByRole("button", { name: "Create table" }).count(), 0);

  await page.locator('[role="rowgroup"] [role="row"]').first().click();
  const dialog = page.locator("dialog");
  await dialog.getByText("Read-only").waitFor();
  assert.equal(await dialog.getByRole("button", { name: "Save" }).count(), 0);
  const remove = dialog.getByRole("button", { name: "Delete" });
  assert.equal(await remove.isDisabled(), true);
  assert.match(await remove.getAttribute("title"), /needs write access/);
  await closed();
});

test("a table that the policy does not list is named with the reason", async () => {
  const { page, closed } = await open({ path: `#/d/${source}/tables/${hidden}` });
  await page.getByText("not allowed by the policy").waitFor();
  await closed();
});

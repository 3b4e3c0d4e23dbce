// Connecting a datasource: a form from a template, faults next to fields, test, save, edit, delete.
//
// CONSOLE_TEMPLATE     a template of the server that takes a region, an endpoint and the caller's credentials
// CONSOLE_ENDPOINT     an endpoint that the template allows, with a DynamoDB-compatible server
// CONSOLE_DEAD_ENDPOINT an endpoint that the template allows, where nothing listens
// The server must store datasources. CONSOLE_TOKEN may use the template.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open, server, token } from "./browser.mjs";

function variable(name) {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}; the head of this file says to what`);
  return value;
}

const template = variable("CONSOLE_TEMPLATE");
const endpoint = variable("CONSOLE_ENDPOINT");
const deadEndpoint = variable("CONSOLE_DEAD_ENDPOINT");
const SECRET = "e2e-secret-that-is-nowhere";

const api = (path, init = {}) => fetch(`${server}${path}`, { ...init, headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...init.headers } });

async function chooseTemplate(page) {
  await page.waitForSelector(".template, .connect-form");
  if (await page.locator(".template").count()) await page.locator(`input[name=template][value="${template}"]`).check();
  await page.locator("#settings\\.region").waitFor();
}

test("a datasource is connected: faults at their fields, a test, and only then it is saved", async () => {
  const name = `e2e-${process.pid}-${Date.now()}`;
  const { page, closed } = await open({ path: "#/connect" });
  await chooseTemplate(page);
  const test = page.getByRole("button", { name: "Test", exact: true });
  const save = page.getByRole("button", { name: "Save", exact: true });
  assert.equal(await save.isDisabled(), true);

  await test.click();
  assert.equal(await page.evaluate(() => document.activeElement?.id), "settings.region");
  for (const id of ["settings.region", "credentials.accessKeyId", "credentials.secretAccessKey"]) {
    assert.equal(await page.locator(`[id="${id}"]`).getAttribute("aria-invalid"), "true", id);
    assert.ok(await page.locator(`[id="${id}-fault"]`).innerText());
  }

  await page.locator("#name").fill(name);
  await page.locator("#settings\\.region").selectOption("local");
  await page.locator("#settings\\.endpoint").selectOption(deadEndpoint);
  await page.locator("#credentials\\.accessKeyId").fill("AKIDEXAMPLE");
  await page.locator("#credentials\\.secretAccessKey").fill(SECRET);
  await test.click();
  await page.locator(".problem").getByText("cannot connect").waitFor();
  assert.equal(await save.isDisabled(), true);

  await page.locator("#settings\\.endpoint").selectOption(endpoint);
  await test.click();
  await page.locator(".notice.ok").waitFor();
  // A change after the test needs another test.
  await page.locator("#settings\\.endpoint").selectOption(deadEndpoint);
  assert.equal(await save.isDisabled(), true);
  await page.locator("#settings\\.endpoint").selectOption(endpoint);
  await save.click();
  await page.waitForURL((url) => url.hash.startsWith(`#/d/${name}/tables`));
  await page.waitForSelector(".table-list");

  try {
    const stored = await (await api(`/v1/datasources/${name}`)).text();
    assert.ok(stored.includes(endpoint));
    assert.ok(!stored.includes(SECRET));

    await page.getByRole("link", { name: "Portcullis" }).click();
    await page.getByRole("link", { name: `Edit ${name}` }).click();
    await page.locator("#credentials\\.secretAccessKey").waitFor();
    assert.equal(await page.locator("#credentials\\.secretAccessKey").inputValue(), "");
    // Without a new key, the saved one is tested.
    await test.click();
    await page.locator(".notice.ok").waitFor();
    await save.click();
    await page.waitForURL((url) => url.hash.startsWith(`#/d/${name}/tables`));

    // Somebody else changes it while this form is open.
    await page.getByRole("link", { name: "Portcullis" }).click();
    await page.getByRole("link", { name: `Edit ${name}` }).click();
    await test.click();
    await page.locator(".notice.ok").waitFor();
    const changed = await api(`/v1/datasources/${name}`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ template, settings: { region: "local", endpoint } }),
    });
    assert.equal(changed.status, 200);
    await save.click();
    await page.getByRole("button", { name: "Load the current version" }).click();
    await test.click();
    await page.locator(".notice.ok").waitFor();
    await save.click();
    await page.waitForURL((url) => url.hash.startsWith(`#/d/${name}/tables`));

    await page.getByRole("link", { name: "Portcullis" }).click();
    await page.getByRole("button", { name: `Delete ${name}` }).click();
    await page.locator("dialog").getByRole("button", { name: "Delete" }).click();
    await page.locator("dialog").waitFor({ state: "detached" });
    assert.equal((await api(`/v1/datasources/${name}`)).status, 404);
  } finally {
    await api(`/v1/datasources/${name}`, { method: "DELETE" });
  }
  await closed();
});

test("a name that is taken is reported at the name", async () => {
  const name = `e2e-${process.pid}-${Date.now()}-taken`;
  const put = await api(`/v1/datasources/${name}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ template, settings: { region: "local", endpoint }, credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: SECRET } }),
  });
  assert.equal(put.status, 201);
  try {
    const { page, closed } = await open({ path: "#/connect" });
    await chooseTemplate(page);
    await page.locator("#name").fill(name);
    await page.locator("#settings\\.region").selectOption("local");
    await page.locator("#settings\\.endpoint").selectOption(endpoint);
    await page.locator("#credentials\\.accessKeyId").fill("AKIDEXAMPLE");
    await page.locator("#credentials\\.secretAccessKey").fill(SECRET);
    await page.getByRole("button", { name: "Test", exact: true }).click();
    await page.locator(".notice.ok").waitFor();
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.locator('#name[aria-invalid="true"]').waitFor();
    await page.getByText("There is already a datasource with this name").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.id), "name");
    await closed();
  } finally {
    await api(`/v1/datasources/${name}`, { method: "DELETE" });
  }
});

test("the token is only in the tab's memory", async () => {
  if (!token) throw new Error("this test needs a server with tokens: set CONSOLE_TOKEN");
  const { page, closed } = await open();
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href, document.documentElement.outerHTML]));
  assert.ok(!kept.includes(token));
  await page.reload();
  await page.locator("#token").waitFor();
  await page.fill("#token", "pcl_wrong");
  await page.keyboard.press("Enter");
  await page.getByText("The server does not accept this token").waitFor();
  await closed();
});

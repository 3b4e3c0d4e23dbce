// Texts that would be scripts if they became markup: in names, values and errors. None of them runs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { datasource, execute, open, put, server } from "./browser.mjs";
import { createTable, openAction, paste, queryHash, run } from "./harness.mjs";

const PAYLOADS = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg onload=alert(1)>",
  "<svg><script>alert(1)</script></svg>",
  "<iframe src=javascript:alert(1)>",
  "<iframe srcdoc='<script>alert(1)</script>'>",
  "<body onload=alert(1)>",
  "<details open ontoggle=alert(1)>",
  "<video><source onerror=alert(1)>",
  "<input autofocus onfocus=alert(1)>",
  "<a href=javascript:alert(1)>click</a>",
  "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
  "<style>@import'http://127.0.0.1:1/x.css';</style>",
  "<link rel=stylesheet href=http://127.0.0.1:1/x.css>",
  "<base href=http://127.0.0.1:1/>",
  "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
  "<object data=javascript:alert(1)>",
  "<embed src=javascript:alert(1)>",
  "<form action=javascript:alert(1)><button>x</button></form>",
  "<template><script>alert(1)</script></template>",
  "javascript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  '"><script>alert(1)</script>',
  "'-alert(1)-'",
  "</script><script>alert(1)</script>",
  "</textarea><script>alert(1)</script>",
  "--><script>alert(1)</script>",
  "{{constructor.constructor('alert(1)')()}}",
  "${alert(1)}",
  "\u202e<img src=x onerror=alert(1)>\u2028",
];

test(
  "thirty payloads in names, values and errors run no script and break no policy",
  { timeout: 180_000 },
  async () => {
    assert.equal(PAYLOADS.length, 30);
    await createTable("payloads", [["id", "S"]]);
    await put("payloads", [
      ...PAYLOADS.map((text, index) => ({
        id: { S: `${index} ${text}` },
        [text]: { S: text },
        map: { M: { [text]: { L: [{ S: text }] } } },
        set: { SS: [text, "a"] },
      })),
      { id: { S: "__proto__" }, ["__proto__"]: { S: "own" }, constructor: { M: { prototype: { S: "x" } } } },
    ]);
    const { page, closed } = await open();

    await openAction(page, "Scan", { view: "table" });
    await paste(page, '{"TableName": "payloads"}');
    await run(page, "Scan");
    const grid = page.locator(".grid-view");
    await grid.focus();
    // All columns and rows are drawn once, and each row's nested value is opened.
    for (let column = 0; column < 34; column++) await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Home");
    for (let row = 0; row < 31; row++) {
      await page.keyboard.press("Enter");
      await page.keyboard.press("ArrowDown");
    }
    assert.ok((await grid.locator(".grid-cell").count()) > 0);
    await page.getByText("Tree", { exact: true }).click();
    const tree = page.locator(".tree-view");
    await tree.focus();
    for (let line = 0; line < 120; line++) await page.keyboard.press(line % 3 === 0 ? "ArrowRight" : "ArrowDown");
    await page.getByText("JSON", { exact: true }).click();
    await page.locator(".json-view .cm-content").waitFor();

    // Errors of the plugin, with the payload as a field's name and as a value: in the editor, its tooltips and the list.
    for (const text of PAYLOADS) {
      await paste(page, JSON.stringify({ TableName: text, [text]: 1, Select: text }));
      const { status } = await run(page, "Scan");
      assert.equal(status, 400, text);
      assert.ok((await page.locator(".failure").innerText()).includes("unknown field"), text);
      assert.equal(
        await page.locator(".failure *:not(h3,h4,p,strong,ul,li,button,span,dl,div,dt,dd,code)").count(),
        0,
        text,
      );
    }
    await page.locator(".input-editor .cm-lintRange-error").first().hover();

    // Errors of the service, and problems that something else sends.
    let next = 0;
    await page.route(`**/v1/datasources/${datasource}/actions/GetItem`, (route) => {
      const text = PAYLOADS[next++ % PAYLOADS.length];
      const problem = {
        type: text,
        title: text,
        status: 400,
        detail: text,
        case: "service",
        code: text,
        hint: text,
        remedy: text,
        rule: text,
        subject: text,
        limit: text,
        serviceRequestId: text,
        faults: [{ pointer: `/${text}`, message: text }],
        details: { [text]: [text] },
      };
      return route.fulfill({
        status: 400,
        contentType: "application/problem+json",
        headers: { "x-request-id": `payload-${next}` },
        body: JSON.stringify(problem),
      });
    });
    await openAction(page, "GetItem");
    for (const text of PAYLOADS) {
      await paste(page, JSON.stringify({ TableName: "payloads", Key: { id: text } }));
      await run(page, "GetItem");
      assert.ok((await page.locator(".failure").innerText()).length > 0, text);
    }

    // In the URL, in the history that they leave, and in the values of placeholders.
    await page.goto(
      `${server}/console/${queryHash({ action: "Scan", text: PAYLOADS[0], view: PAYLOADS[1], format: PAYLOADS[2], deadline: PAYLOADS[3] })}`,
    );
    await page.reload();
    await page.getByRole("button", { name: "History" }).click();
    await page.locator(".history-list li").first().waitFor();
    assert.ok((await page.locator(".history-list li").count()) > 30);
    await page.keyboard.press("Escape");
    for (const text of PAYLOADS.slice(0, 5)) await page.goto(`${server}/console/${queryHash({ action: text })}`);
    await page.waitForTimeout(500);

    assert.equal((await execute(datasource, "Scan", { TableName: "payloads" })).Count, 31);
    await closed();
  },
);

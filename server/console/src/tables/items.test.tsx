import { render } from "preact";
import { afterEach, expect, test, vi } from "vitest";
import type { Table } from "../api/types";
import { navigate } from "../app/route";
import { texts } from "../texts";
import { itemCount, withChange } from "./counts";
import { TablesView } from "./view";

afterEach(() => {
  render(null, document.body);
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  navigate("#/", true);
});

const users: Table = { name: "users", keys: [{ name: "id", role: "partition", type: "S" }], indexes: [], items: 1200 };

test("what was inserted and deleted is added to the service's count, until the service has counted again", () => {
  const counted = { text: "1,200", title: texts.tables.about };
  expect(itemCount(users, new Map())).toEqual(counted);
  const more = withChange(withChange(new Map(), users, 1), users, 1);
  expect(itemCount(users, more)).toEqual({ text: "~1,202", title: texts.tables.adjusted("1,200") });
  expect(itemCount({ ...users, items: 1202 }, more)?.text).toBe("1,202");
  expect(itemCount({ ...users, items: 1202 }, withChange(more, { ...users, items: 1202 }, -2))?.text).toBe("~1,200");
  expect(itemCount(users, withChange(more, users, -2))).toEqual(counted);
  const { items, ...unknown } = users;
  expect(itemCount(unknown, withChange(new Map(), unknown, 1))).toBeUndefined();
  expect(itemCount({ ...users, items: 0 }, withChange(new Map(), { ...users, items: 0 }, -1))?.text).toBe("~0");
});

/** Shows the items of the table `users`, whose pages are given. `calls` gets each action with its input. */
async function show(pages: string[]) {
  const calls: [action: string, input: string][] = [];
  vi.stubGlobal("fetch", async (url: string, { body }: { body: string | null }) => {
    const path = url.split("?")[0] ?? "";
    if (path === "/v1/datasources/local/structure") return Response.json({ tables: [users], more: false });
    if (path === "/v1/datasources/local/actions") {
      const listed = ["Scan", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"].map((name) => ({ name, access: "write", allowed: true, reason: null }));
      return Response.json({ actions: listed, policy: { access: "write", tables: null } });
    }
    const action = path.replace("/v1/datasources/local/actions/", "");
    calls.push([action, body ?? ""]);
    return new Response(action === "Scan" ? pages[Math.min(calls.filter(([name]) => name === "Scan").length, pages.length) - 1] : "{}");
  });
  navigate("#/d/local/tables/users", true);
  document.body.innerHTML = "";
  render(<TablesView datasource="local" />, document.body);
  const button = (label: string, within: ParentNode = document) => [...within.querySelectorAll("button")].find((one) => one.textContent === label);
  await vi.waitUntil(() => document.querySelector('[role="grid"]'));
  await vi.waitUntil(() => button(texts.tables.newItem)?.disabled === false);
  return { calls, button };
}

const PAGE = '{"Items":[{"id":{"S":"a"},"n":{"N":"1.50"}},{"id":{"S":"b"}},{"id":{"S":"c"}}],"ScannedCount":3}';

test("the count of a table follows what is inserted and deleted", async () => {
  const { calls, button } = await show([PAGE]);
  const counts = () => [document.querySelector(".pane-facts > .muted")?.textContent, document.querySelector(".table-list .number")?.textContent];
  expect(counts()).toEqual(["1,200 items", "1,200"]);
  const dialog = () => document.querySelector("dialog");

  button(texts.tables.newItem)?.click();
  const value = await vi.waitUntil(() => dialog()?.querySelector<HTMLInputElement>('[aria-label="id: Value"]'));
  value.value = "d";
  value.dispatchEvent(new Event("input", { bubbles: true }));
  const insert = await vi.waitUntil(() => button(texts.tables.insert));
  await vi.waitUntil(() => !insert.disabled);
  insert.click();
  await vi.waitUntil(() => dialog() === null);
  expect(counts()).toEqual(["~1,201 items", "~1,201"]);
  expect(document.querySelector(".pane-facts > .muted")?.getAttribute("title")).toBe(texts.tables.adjusted("1,200"));

  document.querySelector<HTMLElement>('[aria-rowindex="3"]')?.click();
  (await vi.waitUntil(() => button(texts.tables.delete, dialog() ?? document))).click();
  await vi.waitUntil(() => document.querySelector('[role="group"] .danger'));
  document.querySelector<HTMLElement>('[role="group"] .danger')?.click();
  await vi.waitUntil(() => dialog() === null);
  expect(counts()[0]).toBe("1,200 items");

  document.querySelector<HTMLInputElement>(`[aria-label="${texts.tables.selectAll}"]`)?.click();
  (await vi.waitUntil(() => button(texts.tables.deleteSelected))).click();
  await vi.waitUntil(() => dialog());
  button(texts.tables.delete, dialog() ?? document)?.click();
  await vi.waitUntil(() => dialog() === null);
  expect(counts()).toEqual(["~1,197 items", "~1,197"]);
  expect(calls.map(([action]) => action)).toEqual(["Scan", "PutItem", "DeleteItem", "BatchWriteItem"]);
});

/** What is downloaded, as names and texts. */
function downloads(): { name: string; text: Promise<string> }[] {
  const made: Blob[] = [];
  const all: { name: string; text: Promise<string> }[] = [];
  vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => `blob:${made.push(blob as Blob) - 1}`);
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    const blob = made[Number(this.href.replace("blob:", ""))];
    if (blob) all.push({ name: this.download, text: blob.text() });
  });
  return all;
}

test("the items that were found are exported as they are shown, or with all pages, each once", async () => {
  const first = PAGE.replace('"ScannedCount":3', '"LastEvaluatedKey":{"id":{"S":"c"}}');
  const { calls, button } = await show([first, '{"Items":[{"id":{"S":"\\u0063"}},{"id":{"S":"e"},"n":{"N":"-1"}}]}']);
  const files = downloads();
  const choose = async (label: string) => {
    (await vi.waitUntil(() => document.querySelector<HTMLElement>(".items-bar .menu > button"))).click();
    const entry = await vi.waitUntil(() => button(label));
    // As a mouse does.
    entry.focus();
    const before = files.length;
    entry.click();
    const file = await vi.waitUntil(() => files[before]);
    await vi.waitUntil(() => button(texts.query.toolbar.cancel) === undefined);
    expect(document.activeElement).toBe(document.querySelector(".items-bar .menu > button"));
    return { name: file.name, text: await file.text };
  };
  expect(await choose(texts.query.results.csvLoaded)).toEqual({ name: "local-users-part.csv", text: "\ufeffid,n\r\na,1.50\r\nb,\r\nc,\r\n" });
  expect(calls.length).toBe(1);
  const all = await choose(texts.query.results.ndjsonAll);
  expect(all.name).toBe("local-users-all.ndjson");
  expect(all.text).toBe('{"id":{"S":"a"},"n":{"N":"1.50"}}\n{"id":{"S":"b"}}\n{"id":{"S":"c"}}\n{"id":{"S":"e"},"n":{"N":"-1"}}\n');
  expect(JSON.parse(calls[1]?.[1] ?? "")).toEqual({ TableName: "users", Limit: 1000, ReturnConsumedCapacity: "TOTAL", ExclusiveStartKey: { id: { S: "c" } } });
  expect(document.querySelector(".items-bar .export-status")?.textContent).toBe(texts.query.results.exported(4));
});

test("when an export is cancelled, the button of the menu gets the focus", async () => {
  const { button } = await show([PAGE.replace('"ScannedCount":3', '"LastEvaluatedKey":{"id":{"S":"c"}}')]);
  const files = downloads();
  const answer = fetch;
  vi.stubGlobal("fetch", (url: string, options: RequestInit) =>
    url.endsWith("/Scan") ? new Promise((_, failed) => options.signal?.addEventListener("abort", () => failed(new Error()))) : answer(url, options),
  );
  (await vi.waitUntil(() => document.querySelector<HTMLElement>(".items-bar .menu > button"))).click();
  (await vi.waitUntil(() => button(texts.query.results.csvAll))).click();
  const cancel = await vi.waitUntil(() => button(texts.query.toolbar.cancel));
  cancel.focus();
  cancel.click();
  await vi.waitUntil(() => button(texts.query.toolbar.cancel) === undefined);
  expect(document.activeElement).toBe(document.querySelector(".items-bar .menu > button"));
  expect(document.querySelector(".items-bar .export-status")?.textContent).toBe(texts.query.results.exportCancelled);
  expect(files).toEqual([]);
});

test("what a batch leaves is kept, however its keys are written, and only that is deleted again", async () => {
  const { calls, button } = await show([PAGE]);
  const fetched = globalThis.fetch;
  let left = true;
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    const response = await fetched(url, init);
    if (!url.includes("BatchWriteItem") || !left) return response;
    left = false;
    return new Response('{"UnprocessedItems":{"users":[{"DeleteRequest":{"Key":{"id":{"S":"\\u0062"}}}}]}}');
  });
  document.querySelector<HTMLInputElement>(`[aria-label="${texts.tables.selectAll}"]`)?.click();
  (await vi.waitUntil(() => button(texts.tables.deleteSelected))).click();
  const dialog = await vi.waitUntil(() => document.querySelector("dialog"));
  const again = () => button(texts.tables.delete, dialog);
  again()?.click();
  await vi.waitUntil(() => dialog.querySelector(".problem"));
  expect(dialog.querySelector("h2")?.textContent).toBe(texts.tables.deleteItems(1));
  expect(document.querySelector('[role="grid"]')?.getAttribute("aria-rowcount")).toBe("2");
  await vi.waitUntil(() => again()?.disabled === false);
  again()?.click();
  await vi.waitUntil(() => document.querySelector("dialog") === null);
  const deleted = calls.filter(([action]) => action === "BatchWriteItem").map(([, input]) => input.match(/DeleteRequest/g)?.length);
  expect(deleted).toEqual([3, 1]);
  expect(document.querySelector(".table-list .number")?.textContent).toBe("~1,197");
});

test("after a search that failed, the items are said to be those of the one before, and no more are read", async () => {
  const first = PAGE.replace('"ScannedCount":3', '"LastEvaluatedKey":{"id":{"S":"c"}}');
  const { calls, button } = await show([first]);
  const fetched = globalThis.fetch;
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    if (url.includes("Query")) return Response.json({ case: "service", status: 400, title: "", detail: "no" }, { status: 400 });
    return fetched(url, init);
  });
  navigate("#/d/local/tables/users?pk=a", true);
  await vi.waitUntil(() => document.querySelector(".items .problem"));
  expect(document.querySelector(".items-bar [role=status]")?.textContent).toBe(texts.tables.notRun);
  const more = button(texts.tables.nextPage);
  expect(more?.getAttribute("aria-disabled")).toBe("true");
  more?.click();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(calls.map(([action]) => action)).toEqual(["Scan"]);
});

test("a click on Stop stops, and begins no other search", async () => {
  const { button } = await show([PAGE]);
  const fetched = globalThis.fetch;
  let queries = 0;
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
    if (!url.includes("Query")) return fetched(url, init);
    queries += 1;
    return new Promise((_, reject) => init.signal?.addEventListener("abort", () => reject(init.signal?.reason)));
  });
  navigate("#/d/local/tables/users?pk=a", true);
  const stop = await vi.waitUntil(() => button(texts.tables.stop));
  stop.click();
  const run = await vi.waitUntil(() => button(texts.tables.run));
  expect(run).not.toBe(stop);
  expect(stop.isConnected).toBe(false);
  expect(queries).toBe(1);
});

test("a text may grow while it is typed, in the same field", async () => {
  const { button } = await show([PAGE]);
  button(texts.tables.newItem)?.click();
  const find = () => document.querySelector<HTMLInputElement>('dialog [aria-label="id: Value"]');
  const field = await vi.waitUntil(find);
  field.value = "x".repeat(100);
  field.dispatchEvent(new Event("input", { bubbles: true }));
  await vi.waitUntil(() => find()?.value.length === 100);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(find()).toBe(field);
});

test("a field of an item names its fault, and the name of an attribute its own", async () => {
  const { button } = await show([PAGE]);
  button(texts.tables.newItem)?.click();
  const dialog = await vi.waitUntil(() => document.querySelector("dialog"));
  button(texts.tables.addAttribute, dialog)?.click();
  await vi.waitUntil(() => dialog.querySelectorAll(".attribute").length === 2);
  button(texts.tables.insert, dialog)?.click();
  await vi.waitUntil(() => dialog.querySelectorAll(".fault").length === 2);
  const described = [...dialog.querySelectorAll('[aria-invalid="true"]')].map((field) => document.getElementById(field.getAttribute("aria-describedby") ?? "")?.textContent);
  expect(described).toEqual([texts.tables.noValue, texts.tables.noName]);
});

test("a text with a carriage return is shown as JSON, with the reason", async () => {
  await show(['{"Items":[{"id":{"S":"a"},"note":{"S":"one\\r\\ntwo"}}],"ScannedCount":1}']);
  document.querySelector<HTMLElement>('[aria-rowindex="2"]')?.click();
  const field = await vi.waitUntil(() => document.querySelector<HTMLInputElement>('dialog [aria-label="note: Value"]'));
  expect(field.value).toBe('"one\\r\\ntwo"');
  expect(document.getElementById(field.getAttribute("aria-describedby") ?? "")?.textContent).toBe(texts.tables.textAsJson);
});

test("a field of the search names its fault", async () => {
  const { button } = await show([PAGE]);
  button(texts.tables.addFilter)?.click();
  await vi.waitUntil(() => document.querySelector(".filter"));
  button(texts.tables.run)?.click();
  const fault = await vi.waitUntil(() => document.querySelector(".filter .fault"));
  expect(fault.textContent).toBe(texts.tables.noAttribute);
  const fields = [...document.querySelectorAll(".filter input")];
  expect(fields.map((field) => field.getAttribute("aria-describedby"))).toEqual([fault.id, fault.id]);
});

import { render } from "preact";
import { afterEach, expect, test, vi } from "vitest";
import type { Access, Datasource } from "../api/types";
import { type JsonObject, stringify } from "../api/json";
import { datasources } from "../app/datasources";
import { href, navigate, route } from "../app/route";
import { texts } from "../texts";
import { demoActions } from "./demo";
import { TablesView } from "./view";

afterEach(() => {
  render(null, document.body);
  vi.unstubAllGlobals();
  datasources.value = { loading: false };
  navigate(href([]), true);
});

test("the demo's tables are what their actions accept: batches of at most 25 items, each with the key of its table", () => {
  const keys: Record<string, string[]> = {};
  const items: [table: string, item: JsonObject][] = [];
  for (const [action, input] of demoActions()) {
    if (action === "CreateTable") {
      keys[String(input["TableName"])] = (input["KeySchema"] as JsonObject[]).map((key) => String(key["AttributeName"]));
    } else if (action === "PutItem") {
      items.push([String(input["TableName"]), input["Item"] as JsonObject]);
    } else {
      expect(action).toBe("BatchWriteItem");
      for (const [table, requests] of Object.entries(input["RequestItems"] as Record<string, JsonObject[]>)) {
        expect(requests.length).toBeLessThanOrEqual(25);
        items.push(...requests.map((one): [string, JsonObject] => [table, (one["PutRequest"] as JsonObject)["Item"] as JsonObject]));
      }
    }
  }
  expect(Object.keys(keys)).toEqual(["orders", "users"]);
  const ids = items.map(([table, item]) => `${table} ${(keys[table] ?? []).map((key) => stringify(item[key] ?? null)).join(" ")}`);
  expect(new Set(ids).size).toBe(123);
  expect(ids.join()).not.toContain("null");
});

/** Shows the tables of a datasource, of which `calls` gets each action that is sent. `fails` is the action that fails. */
function show({ embedded, access = "admin", fails }: { embedded: boolean; access?: Access; fails?: string }) {
  const calls: string[] = [];
  const made: string[] = [];
  const source: Datasource = { name: "local", origin: "policy", plugin: "dynamodb", access, actions: null, state: "connected" };
  datasources.value = { list: { operator: true, datasources: [embedded ? { ...source, embedded } : source] }, loading: false };
  vi.stubGlobal("fetch", async (url: string, { body }: { body: string | null }) => {
    const path = url.split("?")[0] ?? "";
    if (path === "/v1/datasources/local/structure") {
      return Response.json({ tables: made.map((name) => ({ name, keys: [], indexes: [] })), more: false });
    }
    if (path === "/v1/datasources/local/actions") {
      const listed = ["CreateTable", "BatchWriteItem", "PutItem"].map((name) => ({ name, access: "write", allowed: access === "admin" || name !== "CreateTable", reason: null }));
      return Response.json({ actions: listed, policy: { access, tables: null } });
    }
    const action = path.replace("/v1/datasources/local/actions/", "");
    calls.push(action);
    if (action === fails) return Response.json({ case: "service", status: 400, title: "", detail: `${action} failed` }, { status: 400 });
    if (action === "CreateTable") made.push(JSON.parse(body ?? "").TableName);
    return Response.json({});
  });
  document.body.innerHTML = "";
  render(
    <div id="main" tabIndex={-1}>
      <TablesView datasource="local" />
    </div>,
    document.body,
  );
  const button = (label: string) => [...document.querySelectorAll("button")].find((one) => one.textContent === label);
  return { calls, button };
}

test("an empty embedded database gets the demo's tables, and shows the first of them", async () => {
  const { calls, button } = show({ embedded: true });
  const demo = await vi.waitUntil(() => button(texts.tables.demo));
  expect(button(texts.tables.create)).toBeDefined();
  demo.focus();
  demo.click();
  await vi.waitUntil(() => document.querySelectorAll(".table-list li").length === 2);
  const created = demoActions().map(([action]) => action);
  expect(calls.slice(0, created.length)).toEqual(created);
  expect(route.value.path).toEqual(["d", "local", "tables", "orders"]);
  expect(document.querySelector(".table-list")?.textContent).toContain("users");
  const said = [...document.querySelectorAll(".table-pane [role=status]")].map((one) => one.textContent);
  expect(said).toContain(texts.tables.demoCreated);
  expect(button(texts.tables.demo)).toBeUndefined();
  expect(document.activeElement?.id).toBe("main");
});

test("what fails is shown, and the list has what was created before", async () => {
  const { calls, button } = show({ embedded: true, fails: "BatchWriteItem" });
  (await vi.waitUntil(() => button(texts.tables.demo))).click();
  await vi.waitUntil(() => document.querySelectorAll(".table-list li").length === 2);
  expect(calls).toEqual(["CreateTable", "CreateTable", "BatchWriteItem"]);
  expect(document.querySelector(".problem")?.textContent).toContain("BatchWriteItem failed");
});

test("nobody else's database is offered the demo's tables", async () => {
  for (const options of [{ embedded: false }, { embedded: true, access: "write" as const }]) {
    const { button } = show(options);
    await vi.waitUntil(() => document.querySelector(".table-pane .empty"));
    if (options.access === undefined) await vi.waitUntil(() => button(texts.tables.create));
    // Until the actions are known, nothing is offered at all.
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(button(texts.tables.demo)).toBeUndefined();
    render(null, document.body);
  }
});

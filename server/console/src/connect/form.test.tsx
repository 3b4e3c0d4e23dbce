import { render } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Problem } from "../api/problem";
import type { Template } from "../api/types";
import { datasources, forgetDatasources } from "../app/datasources";
import { texts } from "../texts";
import { ConnectForm } from "./form";

const template: Template = {
  name: "tenants",
  plugin: "dynamodb",
  title: null,
  tenant: false,
  settings: { type: "object", properties: {} },
  credentials: { from: "nowhere" },
  access: "read",
  actions: null,
  tables: null,
};

/** The names under which the form has asked the server to save. */
let saved: string[] = [];
/** What the server says to saving instead of doing it. */
let refusal: Partial<Problem> | undefined;

beforeEach(() => {
  saved = [];
  refusal = undefined;
  datasources.value = { list: { datasources: [], store: { state: "ready" } }, loading: false };
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    if (url === "/v1/datasources:test") return Response.json({ ok: true, message: "" });
    if (init.method === "PUT" && refusal) return Response.json({ title: "", ...refusal }, { status: refusal.status ?? 500 });
    if (init.method === "PUT") saved.push(url.replace("/v1/datasources/", ""));
    return Response.json({ datasources: [] });
  });
});

afterEach(() => {
  render(null, document.body);
  forgetDatasources();
  vi.unstubAllGlobals();
  location.hash = "";
});

function button(text: string): HTMLButtonElement {
  return [...document.querySelectorAll("button")].find((one) => one.textContent === text) as HTMLButtonElement;
}

function enterName(name: string) {
  const input = document.querySelector("#name") as HTMLInputElement;
  input.value = name;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Shows the form for a new datasource, tests it, and saves it under this name. */
async function save(name: string) {
  render(<ConnectForm template={template} existing={undefined} etag={undefined} saved={() => {}} reload={() => {}} />, document.body);
  enterName(name);
  button(texts.connect.test).click();
  await vi.waitUntil(() => !button(texts.connect.save).disabled);
  button(texts.connect.save).click();
}

const nameFault = () => document.querySelector("#name ~ .fault")?.textContent;

test("a name that the server would refuse is refused with the rule, and nothing is sent", async () => {
  await save("Orders");
  await vi.waitUntil(() => nameFault() !== undefined);
  expect(nameFault()).toBe(texts.connect.nameFault);
  expect(nameFault()).toContain("1 to 64 lower-case letters");
  expect(saved).toEqual([]);
  enterName("orders");
  await vi.waitUntil(() => nameFault() === undefined);
  button(texts.connect.save).click();
  await vi.waitUntil(() => saved.length > 0);
  expect(saved).toEqual(["orders"]);
});

// These are the problems of the server: `about_name` in `server/src/api/managed.rs`, and `of_store` in
// `server/src/api/problem/mod.rs`.
test.each([
  ['the name "orders" is taken', "choose another name: the tenants of a server share one space of names"],
  [
    'the policy has a datasource "orders", and names in the policy win',
    "save it under another name; what was saved under this one is unavailable until the policy's datasource has another name",
  ],
])("what the server says about a name is said at the name: %s", async (detail, remedy) => {
  refusal = { case: "conflict", status: 409, detail, remedy, faults: [{ pointer: "/name", message: `${detail}; ${remedy}` }] };
  await save("orders");
  await vi.waitUntil(() => nameFault() !== undefined);
  expect(nameFault()).toBe(`${detail}; ${remedy}`);
  expect(document.querySelector(".problem")).toBeNull();
  await vi.waitUntil(() => document.activeElement?.id === "name");
});

test("a limit on datasources is said with its remedy, and not at the name", async () => {
  refusal = { case: "conflict", status: 409, detail: "there are 2 datasources already, as many as one tenant may have", remedy: "delete some; an operator can raise server.store.per-tenant" };
  await save("orders");
  await vi.waitUntil(() => document.querySelector(".problem"));
  expect(document.querySelector(".problem-detail")?.textContent).toBe(refusal.detail);
  expect(document.querySelector(".problem-remedy")?.textContent).toBe(refusal.remedy);
  expect(nameFault()).toBeUndefined();
  expect(document.querySelector("#name")?.getAttribute("aria-invalid")).toBe("false");
});

test("a name that the tenant has already is said at the name", async () => {
  refusal = { case: "precondition", status: 412, detail: 'the datasource has the ETag "1", which is not what If-Match or If-None-Match expects' };
  await save("orders");
  await vi.waitUntil(() => nameFault() !== undefined);
  expect(nameFault()).toBe(texts.connect.nameTaken);
});

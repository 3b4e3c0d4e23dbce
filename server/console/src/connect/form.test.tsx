import { render } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Problem } from "../api/problem";
import type { Template } from "../api/types";
import { datasources, forgetDatasources } from "../app/datasources";
import { session } from "../api/session";
import { texts } from "../texts";
import { sentence } from "../app/prose";
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
/** What the server says to a test instead of doing it. */
let untestable: Partial<Problem> | undefined;
/** What the server says to saving instead of doing it. */
let refusal: Partial<Problem> | undefined;

beforeEach(() => {
  saved = [];
  refusal = undefined;
  untestable = undefined;
  datasources.value = { list: { operator: false, datasources: [], store: { state: "ready" } }, loading: false };
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    if (url === "/v1/datasources:test" && untestable) return Response.json({ title: "", ...untestable }, { status: untestable.status ?? 500 });
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
  session.value = { token: undefined, tenant: undefined };
});

function button(text: string): HTMLButtonElement {
  return [...document.querySelectorAll("button")].find((one) => one.textContent === text) as HTMLButtonElement;
}

/** Enters a text or chooses a value, and waits until the form shows it. */
async function enter(input: HTMLInputElement | HTMLSelectElement, value: string) {
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  input.dispatchEvent(new Event("change", { bubbles: true }));
  await new Promise((resolve) => setTimeout(resolve, 20));
}

const enterName = (name: string) => enter(document.querySelector("#name") as HTMLInputElement, name);

function show(shown = template) {
  render(<ConnectForm template={shown} existing={undefined} etag={undefined} saved={() => {}} reload={() => {}} />, document.body);
}

/** Clicks as a person does: the button has the focus. */
function click(text: string) {
  button(text).focus();
  button(text).click();
}

const isReady = () => button(texts.connect.save).getAttribute("aria-disabled") === "false";

/** Shows the form for a new datasource, tests it, and saves it under this name. */
async function save(name: string) {
  show();
  click(texts.connect.test);
  await vi.waitUntil(isReady);
  await enterName(name);
  click(texts.connect.save);
}

const nameFault = () => document.querySelector("#name ~ .fault")?.textContent;

test("a name that the server would refuse is refused with the rule, and nothing is sent", async () => {
  await save("Orders");
  await vi.waitUntil(() => nameFault() !== undefined);
  expect(nameFault()).toBe(texts.connect.nameFault);
  expect(nameFault()).toContain("1 to 64 lower-case letters");
  expect(saved).toEqual([]);
  await enterName("orders");
  await vi.waitUntil(() => nameFault() === undefined);
  click(texts.connect.save);
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
  ['the token of "acme" may not manage a datasource "orders"', 'server.tokens.acme.manage must list "orders"'],
])("what the server says about a name is said at the name: %s", async (detail, remedy) => {
  refusal = { case: "conflict", status: 409, detail, remedy, faults: [{ pointer: "/name", message: `${detail}; ${remedy}` }] };
  await save("orders");
  await vi.waitUntil(() => nameFault() !== undefined);
  expect(nameFault()).toBe(sentence(`${detail}; ${remedy}`));
  const described = document.querySelector("#name")?.getAttribute("aria-describedby")?.split(" ") ?? [];
  expect(described.map((id) => document.getElementById(id)?.className)).toEqual(["help", "fault"]);
  expect(document.querySelector(".problem")).toBeNull();
  await vi.waitUntil(() => document.activeElement?.id === "name");
});

test("a limit on datasources is said with its remedy, and not at the name", async () => {
  refusal = { case: "conflict", status: 409, detail: "there are 2 datasources already, as many as one tenant may have", remedy: "delete some; an operator can raise server.store.per-tenant" };
  await save("orders");
  await vi.waitUntil(() => document.querySelector(".problem"));
  expect(document.querySelector(".problem-detail")?.textContent).toBe(sentence(refusal.detail ?? ""));
  expect(document.querySelector(".problem-remedy")?.textContent).toBe(sentence(refusal.remedy ?? ""));
  expect(document.activeElement).toBe(button(texts.connect.save));
  expect(nameFault()).toBeUndefined();
  expect(document.querySelector("#name")?.getAttribute("aria-invalid")).toBe("false");
});

test("a name that the tenant has already is said at the name", async () => {
  refusal = { case: "precondition", status: 412, detail: 'the datasource has the ETag "1", which is not what If-Match or If-None-Match expects' };
  await save("orders");
  await vi.waitUntil(() => nameFault() !== undefined);
  expect(nameFault()).toBe(texts.connect.nameTaken);
});

test("a wrong name is said when its field is left, and a test says it too; without a name, one can test", async () => {
  show();
  await enterName("Orders");
  document.querySelector("#name")?.dispatchEvent(new FocusEvent("blur"));
  await vi.waitUntil(() => nameFault() !== undefined);
  expect(nameFault()).toBe(texts.connect.nameFault);
  await enterName("Orders 2");
  await vi.waitUntil(() => nameFault() === undefined);
  click(texts.connect.test);
  await vi.waitUntil(() => nameFault() !== undefined);
  expect(isReady()).toBe(false);
  await enterName("");
  click(texts.connect.test);
  await vi.waitUntil(isReady);
  click(texts.connect.save);
  await vi.waitUntil(() => nameFault() !== undefined);
  expect(nameFault()).toBe(texts.connect.required);
});

test("the focus stays on the button, whether a test passes or fails", async () => {
  untestable = { case: "service", status: 502, detail: "cannot connect" };
  show();
  click(texts.connect.test);
  await vi.waitUntil(() => document.querySelector(".problem"));
  expect(document.activeElement).toBe(button(texts.connect.test));
  expect(button(texts.connect.saveUntested)).toBeDefined();
  untestable = undefined;
  click(texts.connect.test);
  await vi.waitUntil(() => document.querySelector(".notice.ok"));
  expect(document.activeElement).toBe(button(texts.connect.test));
});

// The refusal is that of `Caller::tenant` in `server/src/auth.rs`.
test("a tenant that is not the token's is said at the tenant, and the session does not keep it", async () => {
  untestable = {
    case: "forbidden",
    status: 403,
    detail: 'the token of "acme" is that of another tenant',
    remedy: "leave out the header x-portcullis-tenant: the token says whose it is",
  };
  show({ ...template, tenant: true });
  const input = document.querySelector("#tenant") as HTMLInputElement;
  await enter(input, "globex");
  expect(session.value.tenant).toBe("globex");
  click(texts.connect.test);
  await vi.waitUntil(() => document.querySelector("#tenant-fault"));
  expect(document.querySelector("#tenant-fault")?.textContent).toBe("Your token is for another tenant. Leave this empty.");
  expect(document.querySelector(".problem")).toBeNull();
  await vi.waitUntil(() => document.activeElement?.id === "tenant");
  expect(input.value).toBe("globex");
  expect(session.value.tenant).toBeUndefined();
});

test("another region than those of the list is a text of its own, which has its fault and the focus", async () => {
  const region = { type: "string", title: "Region", description: "The AWS region, such as eu-west-1, or local for a server on this machine.", anyOf: [{ const: "eu-west-1" }, { type: "string", pattern: "^us-.+$" }] };
  show({ ...template, settings: { type: "object", required: ["region"], properties: { region } } });
  expect(document.getElementById("settings.region-help")?.textContent).toBe("The AWS region.");
  const select = document.getElementById("settings.region") as HTMLSelectElement;
  await enter(select, [...select.options].find((option) => option.text === texts.connect.other)?.value ?? "");
  const other = () => document.querySelector(`[aria-label="${texts.connect.otherOf("Region")}"]`) as HTMLInputElement;
  expect(other().value).toBe("");
  await enter(other(), "mars");
  click(texts.connect.test);
  await vi.waitUntil(() => document.activeElement === other());
  expect(other().getAttribute("aria-invalid")).toBe("true");
  expect(select.getAttribute("aria-invalid")).toBe("false");
  expect(document.getElementById("settings.region-fault")?.textContent).toContain("us-");
});

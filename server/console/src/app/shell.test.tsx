import { render } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { session, signInNeeded } from "../api/session";
import { texts } from "../texts";
import { forgetDatasources } from "./datasources";
import { href, navigate } from "./route";
import { Shell } from "./shell";

/** The names of the tokens that the server accepts. */
let accepted: Record<string, string> = {};
/** The tokens with which something was inserted. */
let inserted: string[] = [];

beforeEach(() => {
  accepted = { first: "ann" };
  inserted = [];
  session.value = { token: "first", tenant: undefined };
  vi.stubGlobal("fetch", async (url: string, { method, headers }: { method: string; headers: Record<string, string> }) => {
    const token = (headers["authorization"] ?? "").replace("Bearer ", "");
    const caller = accepted[token];
    if (caller === undefined) return Response.json({ case: "unauthorized", status: 401, title: "", detail: "nobody has this token" }, { status: 401 });
    const path = url.split("?")[0] ?? "";
    if (path === "/v1/datasources") {
      const source = { name: "local", origin: "policy", plugin: "dynamodb", access: "write", state: "connected" };
      return Response.json({ operator: false, caller, tenant: headers["x-portcullis-tenant"] ?? null, datasources: [source] });
    }
    if (path.endsWith("/structure")) return Response.json({ tables: [{ name: "users", keys: [{ name: "id", role: "partition", type: "S" }], indexes: [] }], more: false });
    if (path.endsWith("/actions")) {
      const actions = ["Scan", "PutItem"].map((name) => ({ name, access: "write", allowed: true, reason: null }));
      return Response.json({ actions, policy: { access: "write", tables: null } });
    }
    if (path.endsWith("/PutItem") && method === "POST") inserted.push(token);
    return Response.json({ Items: [] });
  });
  navigate(href(["d", "local", "tables", "users"]), true);
});

afterEach(() => {
  render(null, document.body);
  vi.unstubAllGlobals();
  forgetDatasources();
  signInNeeded.value = false;
  session.value = { token: undefined, tenant: undefined };
  navigate(href([]), true);
});

const button = (label: string) => [...document.querySelectorAll("button")].find((one) => one.textContent === label && !one.disabled);
const typed = () => document.querySelector<HTMLInputElement>('[aria-label="id: Value"]');
const again = () => document.querySelector<HTMLDialogElement>("dialog.sign-in-again");

function enter(field: HTMLInputElement | null | undefined, value: string) {
  if (!field) throw new Error("there is no such field");
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Types the value of a new item, and inserts it after the token has expired. */
async function insertWithExpiredToken() {
  render(<Shell />, document.body);
  const newItem = await vi.waitUntil(() => button(texts.tables.newItem), { timeout: 5000 });
  newItem.click();
  enter(await vi.waitUntil(typed), "what was typed");
  const insert = await vi.waitUntil(() => button(texts.tables.insert));
  accepted = {};
  insert.click();
  await vi.waitUntil(again);
  expect(document.querySelector(".shell")?.hasAttribute("inert")).toBe(true);
  expect(typed()?.value).toBe("what was typed");
  expect(again()?.textContent).toContain(texts.signIn.expired);
}

async function signInWith(token: string, tenant = "") {
  enter(again()?.querySelector<HTMLInputElement>("#token"), token);
  enter(again()?.querySelector<HTMLInputElement>("#sign-in-tenant"), tenant);
  await vi.waitUntil(() => again()?.querySelector("button")?.getAttribute("aria-disabled") === "false");
  again()?.querySelector("button")?.click();
}

test("after an expired token, what was typed is still there for another token of the same name", async () => {
  await insertWithExpiredToken();
  await signInWith("mistyped");
  await vi.waitUntil(() => again()?.querySelector(".problem"));
  expect(again()?.querySelector(".problem")?.textContent).toBe(texts.signIn.refused);
  expect(typed()?.value).toBe("what was typed");

  accepted = { second: "ann" };
  await signInWith("second");
  await vi.waitUntil(() => again() === null);
  expect(document.querySelector(".shell")?.hasAttribute("inert")).toBe(false);
  expect(typed()?.value).toBe("what was typed");
  (await vi.waitUntil(() => button(texts.tables.insert))).click();
  await vi.waitUntil(() => document.querySelector("dialog") === null);
  expect(inserted).toEqual(["second"]);
});

test.each([
  ["name", "bob", ""],
  ["tenant", "ann", "acme"],
])("a token of another %s gets a view of its own", async (_, name, tenant) => {
  await insertWithExpiredToken();
  accepted = { second: name };
  await signInWith("second", tenant);
  await vi.waitUntil(() => again() === null);
  expect(typed()).toBeNull();
  expect(await vi.waitUntil(() => button(texts.tables.newItem), { timeout: 5000 })).toBeDefined();
});

test("Escape closes neither the form for the token nor what is open below it", async () => {
  await insertWithExpiredToken();
  const key = new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true });
  again()?.querySelector("#token")?.dispatchEvent(key);
  expect(key.defaultPrevented).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(again()).not.toBeNull();
  expect(typed()?.value).toBe("what was typed");
  expect(document.querySelector('[role="alertdialog"]')).toBeNull();
});

test("what was refused because of an expired token is loaded again", async () => {
  render(<Shell />, document.body);
  await vi.waitUntil(() => button(texts.tables.newItem), { timeout: 5000 });
  accepted = {};
  button(texts.rules.show)?.click();
  await vi.waitUntil(again);
  accepted = { second: "ann" };
  await signInWith("second");
  await vi.waitUntil(() => document.querySelector("dialog .policy"));
  expect(document.querySelector("dialog .problem")).toBeNull();
});

test("without a token there is only the form, and after signing out nothing of the view is left", async () => {
  session.value = { token: undefined, tenant: undefined };
  render(<Shell />, document.body);
  await vi.waitUntil(() => document.querySelector("main.sign-in"));
  expect(document.querySelector(".shell")).toBeNull();
  enter(document.querySelector<HTMLInputElement>("#token"), "first");
  await vi.waitUntil(() => document.querySelector("main.sign-in button")?.getAttribute("aria-disabled") === "false");
  document.querySelector<HTMLElement>("main.sign-in button")?.click();
  (await vi.waitUntil(() => button(texts.app.signOut))).click();
  await vi.waitUntil(() => document.querySelector("main.sign-in"));
  expect(document.querySelector(".shell")).toBeNull();
  expect(again()).toBeNull();
});

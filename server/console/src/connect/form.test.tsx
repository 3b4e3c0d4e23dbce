import { render } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
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

beforeEach(() => {
  saved = [];
  datasources.value = { list: { datasources: [], store: { state: "ready" } }, loading: false };
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    if (url === "/v1/datasources:test") return Response.json({ ok: true, message: "" });
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

import { render } from "preact";
import { afterEach, expect, test, vi } from "vitest";
import type { Datasource, DatasourceActions, Template } from "../api/types";
import { RulesButton } from "../app/rules";
import { texts } from "../texts";
import { PolicyInWords } from "./policy";
import { readRules, type Rules } from "./rules";

afterEach(() => {
  render(null, document.body);
  vi.unstubAllGlobals();
});

const ofPolicy: Datasource = { name: "orders", origin: "policy", plugin: "dynamodb", access: "read", actions: ["GetItem", "Query"], state: "idle" };
const saved: Datasource = { ...ofPolicy, origin: "store", access: "write", actions: null, template: "tenants", tenant: "acme", settings: { region: "eu-west-1", tries: 3 } };
const template: Template = {
  name: "tenants",
  plugin: "dynamodb",
  title: null,
  tenant: true,
  settings: {},
  credentials: { from: "caller" },
  access: "write",
  actions: null,
  tables: ["{tenant}-*", "shared-{region}"],
  egress: ["https://dynamodb.{region}.amazonaws.com"],
};
const listed: DatasourceActions = {
  actions: ["GetItem", "Query", "PutItem"].map((name) => ({ name, access: "read", allowed: name === "GetItem", reason: null })),
  policy: { access: "read", tables: ["orders"] },
};

/** Responds with what is there, and to everything else as the server does to those who may not know. */
function serve(there: { datasource: Datasource; actions?: DatasourceActions; template?: Template }) {
  vi.stubGlobal("fetch", async (url: string) => {
    const paths: Record<string, unknown> = {
      "/v1/datasources/orders": there.datasource,
      "/v1/datasources/orders/actions": there.actions,
      "/v1/templates/tenants": there.template,
    };
    const body = paths[url];
    return body === undefined ? Response.json({ case: "forbidden", status: 403, title: "", detail: `no ${url}` }, { status: 403 }) : Response.json(body);
  });
}

test("of a datasource of the policy, people see what is in effect, and only operators where requests go", async () => {
  serve({ datasource: ofPolicy, actions: listed });
  const known = await readRules("orders");
  expect(known.rules).toEqual({ access: "read", actions: ["GetItem", "Query"], tables: ["orders"], region: undefined, egress: undefined, embedded: false });
  expect(known.actions).toEqual({ allowed: 1, all: 3 });
  expect(known.problem).toBeUndefined();
  serve({ datasource: ofPolicy, actions: { ...listed, policy: { ...listed.policy, egress: ["https://a.example"] } } });
  expect((await readRules("orders")).rules?.egress).toEqual(["https://a.example"]);
});

test("of a saved datasource, the template is filled in with its settings and its tenant", async () => {
  serve({ datasource: saved, template });
  const known = await readRules("orders");
  expect(known.rules).toEqual({
    access: "write",
    actions: null,
    tables: ["acme-*", "shared-eu-west-1"],
    region: "eu-west-1",
    egress: ["https://dynamodb.eu-west-1.amazonaws.com"],
    embedded: false,
  });
  expect(known.problem).toBeUndefined();
});

test("who may not see the template sees what is in effect", async () => {
  serve({ datasource: saved, actions: { ...listed, policy: { access: "write", tables: ["acme-*"] } } });
  expect((await readRules("orders")).rules).toMatchObject({ access: "write", actions: null, tables: ["acme-*"], region: "eu-west-1" });
});

test("what is not known is not invented", async () => {
  serve({ datasource: ofPolicy });
  const known = await readRules("orders");
  expect(known.rules?.tables).toBeUndefined();
  expect(known.actions).toBeUndefined();
  expect(known.problem?.detail).toContain("/actions");
  serve({ datasource: { ...saved, access: null } });
  expect((await readRules("orders")).rules).toBeUndefined();
});

test("rules become sentences", () => {
  const words = (rules: Partial<Rules>) => {
    render(<PolicyInWords rules={{ access: "read", actions: null, tables: null, region: undefined, egress: undefined, embedded: false, ...rules }} />, document.body);
    return document.body.textContent;
  };
  expect(words({})).toBe("read It may read all tables.Nothing else leaves this server.");
  expect(words({ access: "write", tables: ["a", "b-*"], region: "eu-west-1", actions: ["GetItem", "PutItem"], egress: ["https://a.example"] })).toBe(
    "write It may read and write the tables a, b-* in eu-west-1, only with GetItem, PutItem.Requests go only to https://a.example.Nothing else leaves this server.",
  );
  expect(words({ tables: undefined })).toContain("It may read the tables that its policy allows.");
  expect(words({ tables: [], actions: [] })).toContain("It may read no tables, with no action at all.");
  expect(words({ egress: [] })).toBe(`read It may read all tables.${texts.connect.goesNowhere}`);
  // The address of the embedded database is one where nothing listens.
  expect(words({ access: "admin", egress: ["http://127.0.0.1:8000"], embedded: true })).toBe(`admin It may read, write and manage all tables.${texts.connect.embedded}`);
});

test("a dialog shows the rules, and gives the focus back", async () => {
  serve({ datasource: ofPolicy, actions: listed });
  render(<RulesButton datasource="orders" label={texts.rules.of("orders")} />, document.body);
  const button = document.querySelector("button") as HTMLButtonElement;
  expect(button.getAttribute("aria-label")).toContain(button.textContent);
  button.focus();
  button.click();
  await vi.waitUntil(() => document.querySelector("dialog .policy"), { timeout: 5000 });
  const dialog = document.querySelector("dialog") as HTMLDialogElement;
  expect(dialog.open).toBe(true);
  expect(dialog.textContent).toContain("It may read the tables orders, only with GetItem, Query.");
  expect(dialog.textContent).toContain(texts.rules.actions(1, 3));
  expect(dialog.textContent).toContain(texts.rules.byPolicy);
  dialog.dispatchEvent(new Event("cancel", { cancelable: true }));
  await vi.waitUntil(() => document.querySelector("dialog") === null);
  expect(document.activeElement).toBe(button);
});

import { render } from "preact";
import { afterEach, expect, test } from "vitest";
import { session } from "../api/session";
import type { Datasource, DatasourceList } from "../api/types";
import { texts } from "../texts";
import { Home } from "./home";

afterEach(() => {
  render(null, document.body);
  session.value = { token: undefined, tenant: undefined };
});

const saved = (name: string, tenant: string | null): Datasource => ({ name, origin: "store", plugin: "dynamodb", access: "read", state: "idle", template: "t", tenant });

/** The names of the datasources that have all buttons, when the list is shown. */
function usable(list: Partial<DatasourceList>): string[] {
  render(null, document.body);
  render(<Home list={{ operator: true, datasources: [], store: { state: "ready" }, ...list }} />, document.body);
  const names = (list.datasources ?? []).map(({ name }) => name);
  const labelled = (label: string) => document.querySelector(`[aria-label="${label}"]`);
  for (const name of names) expect(labelled(texts.rules.of(name))).not.toBeNull();
  return names.filter((name) => {
    const buttons = [texts.home.testOf, texts.home.queryOf, texts.home.editOf, texts.home.deleteOf].map((of) => labelled(of(name)) !== null);
    expect(new Set(buttons).size).toBe(1);
    return buttons[0];
  });
}

test("an operator has buttons for the datasources of the session's tenant, and none that would fail", () => {
  const datasources = [saved("a", "acme"), saved("b", "other"), saved("c", null)];
  expect(usable({ datasources, tenant: null })).toEqual(["c"]);
  expect(document.body.textContent).toContain("acme");
  // The token may say the tenant, or the session.
  expect(usable({ datasources, tenant: "acme" })).toEqual(["a"]);
  session.value = { token: "t", tenant: "other" };
  expect(usable({ datasources, tenant: null })).toEqual(["b"]);
});

test("others have buttons for all datasources that they see", () => {
  expect(usable({ operator: false, datasources: [saved("a", "acme")] })).toEqual(["a"]);
});

test("a datasource of the policy and a saved one of its name are two rows", () => {
  const inPolicy: Datasource = { name: "a", origin: "policy", plugin: "dynamodb", access: "read", state: "idle" };
  const list: DatasourceList = { operator: true, datasources: [inPolicy, saved("a", null)], store: { state: "ready" } };
  render(<Home list={list} />, document.body);
  render(<Home list={{ ...list, datasources: [...list.datasources].reverse() }} />, document.body);
  const from = [...document.querySelectorAll("tbody tr")].map((row) => row.querySelectorAll("td")[2]?.textContent);
  expect(from).toEqual([texts.home.template("t"), texts.home.policy]);
});

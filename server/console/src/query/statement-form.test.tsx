import { render } from "preact";
import { afterEach, expect, test, vi } from "vitest";
import type { Knowledge } from "../schema/complete";
import { StatementForm } from "./statement-form";

afterEach(() => {
  render(null, document.body);
});

test("a parameter names its fault", async () => {
  const knowledge = { format: "typed", tables: [] } as unknown as Knowledge;
  const text = '{"Statement": "SELECT * FROM t WHERE a = ? AND b = ?", "Parameters": [{"S": "x"}, {"S": "y"}]}';
  const faults = [{ pointer: "/Parameters/1", message: "this is wrong" }];
  render(<StatementForm text={text} faults={faults} knowledge={knowledge} onChange={() => {}} onRun={() => {}} onCancel={() => false} />, document.body);
  const fields = await vi.waitUntil(() => [...document.querySelectorAll(".parameter input")]);
  const described = fields.map((field) => document.getElementById(field.getAttribute("aria-describedby") ?? "")?.textContent);
  expect(described).toEqual([undefined, "this is wrong"]);
});

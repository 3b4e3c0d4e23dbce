import { render } from "preact";
import { afterEach, expect, test, vi } from "vitest";
import { texts } from "../texts";
import { addToHistory, browserStorage, clearHistory, markFailed } from "./history";
import { HistoryMenu } from "./history-menu";
import { DEFAULT_OPTIONS } from "./request";

afterEach(() => {
  render(null, document.body);
  clearHistory(browserStorage());
});

test("the history says in a word which queries failed", async () => {
  for (const [at, action] of ["Scan", "Query"].entries()) {
    const entry = { datasource: "local", action, text: "{}", values: new Map(), options: DEFAULT_OPTIONS, at };
    addToHistory(browserStorage(), entry, undefined);
    if (action === "Scan") markFailed(browserStorage(), entry);
  }
  document.body.innerHTML = "";
  render(<HistoryMenu datasource="local" restore={() => {}} />, document.body);
  document.querySelector("button")?.click();
  const lines = await vi.waitUntil(() => {
    const found = [...document.querySelectorAll(".history-line > :first-child")];
    return found.length === 2 && found.map((one) => one.textContent);
  });
  expect(lines).toEqual(["Query", `Scan ${texts.query.history.failed}`]);
});

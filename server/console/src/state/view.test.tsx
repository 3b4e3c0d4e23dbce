import { render } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StateView } from "./view";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});

afterEach(() => {
  render(null, document.body);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Shows the view. `respond` lets the server respond to what it was asked for its metrics. */
function show(refusals: object[] = []) {
  const waiting: (() => void)[] = [];
  const signals: AbortSignal[] = [];
  vi.stubGlobal("fetch", async (url: string, { signal }: { signal: AbortSignal }) => {
    if (url.startsWith("/v1/refusals")) return Response.json({ refusals });
    if (url.startsWith("/v1/datasources")) return Response.json({ operator: true, datasources: [] });
    signals.push(signal);
    await new Promise<void>((resolve) => waiting.push(resolve));
    return new Response("");
  });
  render(<StateView />, document.body);
  return { signals, respond: () => waiting.splice(0).forEach((one) => one()) };
}

const rows = () => document.querySelector(".server-facts");
/** Lets what is due in the page happen. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 20));

test("a read that is slower than the interval is shown, and the next one begins only after it", async () => {
  const { signals, respond } = show();
  await vi.waitUntil(() => signals.length === 1);
  vi.advanceTimersByTime(12_000);
  await settle();
  expect(signals.length).toBe(1);
  expect(signals[0]?.aborted).toBe(false);
  respond();
  await vi.waitUntil(rows);
  vi.advanceTimersByTime(5000);
  await vi.waitUntil(() => signals.length === 2);
  vi.advanceTimersByTime(5000);
  await settle();
  expect(signals.length).toBe(2);
});

test("a refusal that no line of the policy would allow has none", async () => {
  const refusal = { time: "2026-01-01T00:00:00Z", datasource: "a", rule: "memory", remedy: null };
  const { signals, respond } = show([refusal, { ...refusal, rule: "tables", remedy: 'tables = ["t"]' }]);
  await vi.waitUntil(() => signals.length === 1);
  respond();
  await vi.waitUntil(rows);
  expect([...document.querySelectorAll("code")].map((code) => code.textContent)).toEqual(['tables = ["t"]']);
});

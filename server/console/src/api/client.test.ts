import { afterEach, expect, test, vi } from "vitest";
import { attemptsIn, type Call, send } from "./client";
import { ProblemError } from "./problem";
import { session, signInNeeded } from "./session";

afterEach(() => {
  vi.unstubAllGlobals();
  session.value = { token: undefined, tenant: undefined };
  signInNeeded.value = false;
});

test("a number of attempts is read, and anything else is no number", () => {
  expect(attemptsIn("1")).toBe(1);
  expect(attemptsIn("12")).toBe(12);
  for (const header of [null, "", "-1", "1.5", "1, 2", "0x2", " 3", "many", "1".repeat(10)]) expect(attemptsIn(header)).toBeUndefined();
});

test("a response says how often its call was sent to the service, if the server tells", async () => {
  const headers = { "x-portcullis-attempts": "3", "x-request-id": "r-1" };
  vi.stubGlobal("fetch", async () => new Response("{}", { headers }));
  expect(await send({ path: ["v1"] })).toMatchObject({ status: 200, text: "{}", requestId: "r-1", attempts: 3 });
  vi.stubGlobal("fetch", async () => new Response("{}"));
  expect((await send({ path: ["v1"] })).attempts).toBeUndefined();
});

/** The problem with which a call fails. */
async function problemOfCall(call: Call) {
  const error = await send(call).catch((error: unknown) => error);
  return error instanceof ProblemError ? error.problem : undefined;
}

test("a write whose response is lost, or breaks off, may have been applied, and a read may not", async () => {
  const brokenOff = () => new ReadableStream({ start: (stream) => stream.error(new TypeError("network error")) });
  for (const respond of [() => Promise.reject(new TypeError("Failed to fetch")), async () => new Response(brokenOff())]) {
    vi.stubGlobal("fetch", respond);
    for (const method of ["POST", "PUT", "DELETE"] as const) {
      expect(await problemOfCall({ method, path: ["v1"] })).toMatchObject({ case: "unreachable", maybeApplied: true });
    }
    for (const call of [{ path: ["v1"] }, { method: "GET" as const, path: ["v1"] }]) {
      const problem = await problemOfCall(call);
      expect(problem?.case).toBe("unreachable");
      expect(problem?.maybeApplied).toBeUndefined();
    }
  }
});

test("a write that was ended on purpose is no problem, but an aborted request", async () => {
  const abort = new AbortController();
  vi.stubGlobal("fetch", (_: string, { signal }: RequestInit) => new Promise((_, failed) => signal?.addEventListener("abort", () => failed(signal.reason))));
  const sent = send({ method: "POST", path: ["v1"], signal: abort.signal });
  abort.abort();
  await expect(sent).rejects.toMatchObject({ name: "AbortError" });
});

test("a late refusal of the token before does not ask for a token again", async () => {
  vi.stubGlobal("fetch", async () => new Response("", { status: 401 }));
  session.value = { token: "old", tenant: undefined };
  const late = problemOfCall({ path: ["v1"] });
  session.value = { token: "new", tenant: undefined };
  expect((await late)?.status).toBe(401);
  expect(signInNeeded.value).toBe(false);
  await problemOfCall({ path: ["v1"] });
  expect(signInNeeded.value).toBe(true);
});

import { afterEach, expect, test, vi } from "vitest";
import { attemptsIn, send } from "./client";

afterEach(() => {
  vi.unstubAllGlobals();
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

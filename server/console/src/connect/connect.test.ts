import { expect, test } from "vitest";
import type { Schema } from "../api/types";
import { locate } from "./faults";
import { fieldsOf, read } from "./fields";
import { filled } from "./rules";

const settings: Schema = {
  type: "object",
  required: ["region"],
  properties: {
    tries: { type: "integer", minimum: 1, maximum: 10 },
    share: { type: "number", minimum: 0.5, maximum: 2 },
    useFips: { type: "boolean" },
    endpoint: { type: "string", anyOf: [{ const: "http://a.example" }] },
    region: { type: "string", title: "Region", anyOf: [{ const: "eu-west-1", title: "Ireland" }, { type: "string", pattern: "^us-.+$" }, { type: "string", pattern: "^a\\.b\\/.+$" }] },
  },
};

const credentials: Schema = {
  type: "object",
  required: ["accessKeyId", "secretAccessKey"],
  properties: { accessKeyId: { type: "string" }, secretAccessKey: { type: "string", writeOnly: true }, sessionToken: { type: "string", writeOnly: true } },
};

test("a schema becomes fields, required ones first, with known values and free text", () => {
  const fields = fieldsOf(settings);
  expect(fields.map((field) => [field.name, field.kind])).toEqual([
    ["region", "choice"],
    ["tries", "number"],
    ["share", "number"],
    ["useFips", "boolean"],
    ["endpoint", "choice"],
  ]);
  expect(fields[0]?.choices).toEqual([{ value: "eu-west-1", title: "Ireland" }]);
  expect(fields[0]?.free.map((free) => free.prefix)).toEqual(["us-", "a.b/"]);
  expect(fieldsOf(credentials).map((field) => field.secret)).toEqual([false, true, true]);
});

test("what was entered becomes settings of the right types", () => {
  const { values, faults } = read(fieldsOf(settings), { region: " us-east-9 ", tries: "3", share: "0.75", useFips: "false", endpoint: "" });
  expect(faults).toEqual({});
  expect(values).toEqual({ region: "us-east-9", tries: 3, share: 0.75, useFips: false });
});

test("each wrong value is a fault of its own field that says what is expected", () => {
  const { values, faults } = read(fieldsOf(settings), { region: "mars", tries: "1.5", share: "3", endpoint: "http://b.example" });
  expect(values).toEqual({});
  expect(Object.keys(faults).sort()).toEqual(["endpoint", "region", "share", "tries"]);
  expect(faults["region"]).toContain("us-");
  expect(faults["endpoint"]).toContain("http://a.example");
  expect(read(fieldsOf(settings), {}).faults).toHaveProperty("region");
});

test("faults of the server are put next to their fields", () => {
  const base = { case: "bad-request", status: 400, title: "", detail: "the settings do not fit" };
  const place = (more: object) => locate({ ...base, ...more }, fieldsOf(settings), fieldsOf(credentials));
  expect(place({ faults: [{ pointer: "/settings/region", message: "no" }] })).toEqual({ located: { "settings.region": "no" }, rest: false });
  expect(place({ faults: [{ pointer: "/credentials", message: "both" }] }).located).toEqual({ "credentials.accessKeyId": "both" });
  expect(place({ faults: [{ pointer: "/settings/unknown", message: "x" }] })).toEqual({ located: {}, rest: true });
  expect(place({ case: "conflict", faults: [{ pointer: "/name", message: "taken" }] })).toEqual({ located: { name: "taken" }, rest: false });
  expect(place({ code: "InvalidSignatureException", hint: "check the secret" })).toEqual({ located: { "credentials.secretAccessKey": "check the secret" }, rest: true });
  expect(place({ rule: "networks" }).located).toHaveProperty("settings.endpoint");
  expect(place({ rule: "signing" }).located).toHaveProperty("settings.region");
});

test("placeholders of the policy are filled in, and open ones are named", () => {
  expect(filled("https://dynamodb.{region}.amazonaws.com", { region: "eu-west-1" }, undefined)).toBe("https://dynamodb.eu-west-1.amazonaws.com");
  expect(filled("{tenant}_*", {}, "acme")).toBe("acme_*");
  expect(filled("{tenant}_*", {}, undefined)).toContain("your tenant's name");
  expect(filled("{region}", {}, undefined)).toBe("‹region›");
});

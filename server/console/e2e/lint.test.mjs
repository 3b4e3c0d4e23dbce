// The editor's own check finds the same faults, at the same places, as the plugin does: in the examples of all actions and
// in thousands of variants of them.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { createServer } from "vite";
import { datasource, server, token } from "./browser.mjs";

const headers = { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) };
/** The plugin reports at most so many faults. */
const MOST_FAULTS = 20;
/** So many variants of each example. */
const VARIANTS = 150;

test("the editor finds exactly the faults that the plugin finds", { timeout: 300_000 }, async () => {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const vite = await createServer({
    root,
    configFile: false,
    appType: "custom",
    server: { middlewareMode: true, watch: null },
  });
  const { lint } = await vite.ssrLoadModule("/src/schema/lint.ts");
  const { parseDocument } = await vite.ssrLoadModule("/src/schema/document.ts");
  let [sent, refused] = [0, 0];
  const { actions } = await get("/v1/actions");
  for (const { name } of actions) {
    const { example, input } = await get(`/v1/actions/${name}`);
    const all = [example, ...variants(example)];
    const step = Math.max(1, Math.floor(all.length / VARIANTS));
    for (let index = 0; index < all.length; index += step) {
      const text = JSON.stringify(all[index]);
      for (const format of index % 3 === 0 ? ["typed", "plain"] : ["typed"]) {
        const path = `/v1/datasources/${datasource}/actions/${name}?format=${format}&deadline=2s`;
        const response = await fetch(server + path, { method: "POST", headers, body: text });
        const body = await response.json();
        const faults = body.case === "invalid-input" ? body.faults.map(({ pointer }) => pointer) : [];
        sent++;
        if (faults.length > 0) refused++;
        if (faults.length >= MOST_FAULTS) continue;
        const found = lint(parseDocument(text), input, format).map(({ pointer }) => pointer);
        assert.deepEqual([...new Set(found)].sort(), [...new Set(faults)].sort(), `${name} ${format} ${text}`);
      }
    }
  }
  await vite.close();
  console.log(`${sent} inputs, of which the plugin refused ${refused}`);
  assert.ok(sent > 3000 && refused > 1000 && sent - refused > 500);
});

async function get(path) {
  const response = await fetch(server + path, { headers });
  assert.equal(response.status, 200, path);
  return response.json();
}

/** A value with one part of it replaced, left out or added. */
function* variants(value) {
  yield* REPLACEMENTS;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      for (const one of variants(item)) yield value.map((old, at) => (at === index ? one : old));
    }
  } else if (typeof value === "object" && value !== null) {
    for (const name of Object.keys(value)) {
      for (const one of variants(value[name])) yield { ...value, [name]: one };
      const { [name]: _, ...rest } = value;
      yield rest;
    }
    yield { ...value, extraField: 1 };
  }
}

const REPLACEMENTS = [
  null,
  5,
  "x",
  "",
  true,
  {},
  [],
  [5],
  { x: 1 },
  { S: "a" },
  { S: 5 },
  { N: "x" },
  { SS: [] },
  { S: "a", N: "1" },
  { M: { a: "b" } },
  { L: [1] },
  { B: 5 },
];

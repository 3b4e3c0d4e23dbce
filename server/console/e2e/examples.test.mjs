// The 41 documented examples, pasted into the editor, end as they do with `portcullis execute`, with errors in place.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { open } from "./browser.mjs";
import { createTable, openAction, paste, required, run } from "./harness.mjs";

const portcullis = required("PORTCULLIS_BIN");
const examples = JSON.parse(
  await readFile(new URL("../../../tests/fixtures/reference-examples.json", import.meta.url), "utf8"),
);
const KEYS = [
  ["team_id", "S"],
  ["employee_id", "S"],
];
/** The examples that cannot be sent, with the text that is underlined. */
const UNDERLINED = {
  RestoreTableFromBackup: '""',
  UpdateTableReplicaAutoScaling: '"ProvisionedWriteCapacityAutoScalingUpdate"',
};

let folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "portcullis-examples-"));
});
after(async () => {
  await rm(folder, { recursive: true, force: true });
});

test("each documented example ends in the console as it does with execute", { timeout: 300_000 }, async () => {
  assert.equal(examples.length, 41);
  await createTable("users", KEYS);
  const definitions = KEYS.map(([AttributeName, AttributeType]) => ({ AttributeName, AttributeType }));
  const schema = KEYS.map(([AttributeName], index) => ({ AttributeName, KeyType: index === 0 ? "HASH" : "RANGE" }));
  const table = {
    TableName: "users",
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: definitions,
    KeySchema: schema,
  };
  await execute("CreateTable", JSON.stringify(table));

  const { page, closed } = await open();
  const underlined = {};
  let succeeded = 0;
  // The example that deletes the table runs last.
  const isDelete = ({ action }) => action === "DeleteTable";
  for (const { action, body } of [...examples.filter((one) => !isDelete(one)), ...examples.filter(isDelete)]) {
    const expected = await execute(action, body);
    await openAction(page, action, { as: "json", view: "json" });
    await paste(page, body);
    // The editor complains before sending if, and only if, the plugin would.
    const isInvalid = expected.stderr.includes("the input cannot be sent");
    await page.waitForTimeout(400);
    assert.equal(
      (await page.locator(".findings li").count()) > 0,
      isInvalid,
      `${action}: ${await page.locator(".findings").innerText()}`,
    );
    const response = await run(page, action);
    const shown = page.locator(".failure");
    if (expected.code === 0) {
      assert.equal(response.status, 200, `${action}: ${response.text}`);
      assert.deepEqual(stable(JSON.parse(response.text)), stable(JSON.parse(expected.stdout)), action);
      assert.equal(await shown.count(), 0, action);
      succeeded++;
      continue;
    }
    const text = await shown.innerText();
    for (const line of messages(expected.stderr))
      assert.ok(text.includes(line), `${action}: ${line} is not in ${text}`);
    if (isInvalid) {
      await page.locator(".cm-lintRange-error").first().waitFor();
      underlined[action] = await page.locator(".cm-lintRange-error").first().innerText();
    }
  }
  assert.deepEqual(underlined, UNDERLINED);
  assert.ok(succeeded >= 15, `${succeeded} examples succeed`);
  await closed();
});

/** Runs an action with the command line, on its own database. */
function execute(action, input) {
  const words = [
    "execute",
    "--local",
    join(folder, "reference.db"),
    "--output",
    "json",
    action,
    ...(input === "" ? [] : [input]),
  ];
  const env = { PATH: process.env.PATH, HOME: folder };
  return new Promise((resolve, reject) => {
    execFile(portcullis, words, { env }, (error, stdout, stderr) => {
      if (error && typeof error.code !== "number") reject(error);
      else resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

/** What the command line says about an error, without what differs in every run. */
function messages(stderr) {
  return stderr
    .split("\n")
    .filter((line) => line.trim() !== "" && !/request id/.test(line) && !/the input cannot be sent/.test(line))
    .flatMap((line) => {
      const text = line.replace(/^\s*(error|hint): /, "").trim();
      // The place of a fault is a link of its own.
      const fault = /^(\/\S*): (.*)$/.exec(text);
      return fault ? [fault[1], fault[2]] : [text];
    });
}

/** A response without what differs in every run: ids and times. Of lists without an order, only the length counts. */
function stable(value) {
  if (Array.isArray(value)) return value.map(stable);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([name]) => !/(DateTime|Timestamp|Id|ItemCount|SizeBytes)$/.test(name));
  return Object.fromEntries(
    fields.map(([name, one]) => [name, name === "TableNames" ? one.includes("users") : stable(one)]),
  );
}

// Servers that a test starts itself, of the command line in PORTCULLIS_BIN.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** The command line. */
export function program() {
  const name = process.env.PORTCULLIS_BIN;
  if (!name) throw new Error("set PORTCULLIS_BIN to the command line; e2e/README.md says more");
  return name;
}

/**
 * Starts `portcullis serve` in a folder, with further arguments. By default the port is any free one. `wire` has the
 * separate DynamoDB endpoints, and `stop` returns once the process has ended.
 */
export async function serve(folder, { address = "127.0.0.1:0", more = [] } = {}) {
  const child = spawn(program(), ["serve", "--listen", address, ...more], {
    cwd: folder,
    // For datasources of the policy.
    env: { ...process.env, AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "serving/7MDENG+bPxRfiCYEXAMPLEKEY0000000" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (text) => {
    errors += text;
  });
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
  };
  let url;
  const wire = [];
  for await (const line of createInterface(child.stdout)) {
    const first = line.split(" ")[0];
    if (line.includes("the JSON API")) url = first;
    else if (line.startsWith("http")) wire.push(first);
    // The last line says whether there are tokens.
    if (url !== undefined && line.includes("token")) {
      child.stdout.resume();
      return { url, wire, stop };
    }
  }
  throw new Error(`the server does not start: ${errors}`);
}

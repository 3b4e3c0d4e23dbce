// The demo's tables. The command line creates the same ones for `portcullis demo --open`.

import { execute } from "../api/calls";
import { type JsonObject, parse, stringify } from "../api/json";
import text from "./demo-tables.json?raw";

/** The actions that create the tables, each with its input. */
export function demoActions(): [action: string, input: JsonObject][] {
  return parse(text) as unknown as [string, JsonObject][];
}

/** Creates the tables, with their items, and returns the name of the first one. It ends at the first action that fails. */
export async function createDemoTables(datasource: string): Promise<string> {
  for (const [action, input] of demoActions()) {
    await execute(datasource, action, stringify(input), action === "BatchWriteItem" ? { resubmit: "true" } : {});
  }
  const [, first] = demoActions().find(([action]) => action === "CreateTable") ?? [];
  return String(first?.["TableName"]);
}

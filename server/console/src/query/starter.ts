// A first input for an action: its example, with a table of the datasource in place of the example's.

import type { Action, Key, Structure, Table } from "../api/types";
import { reformat } from "./reformat";

/** The input that an action begins with. `preferred` is the table that was used last. */
export function starter(
  action: Action,
  structure: Structure | undefined,
  preferred: string | undefined,
  format: "typed" | "plain",
): string {
  const tables = structure?.tables ?? [];
  // The policy may hide tables of the list: an example with one of them would be refused.
  const shown = tables.find(({ error }) => error === undefined) ?? tables[0];
  const table = tables.find(({ name }) => name === preferred) ?? shown;
  const own = table && inputFor(action.name, table, format);
  const tellsCapacity = own && action.input.properties?.["ReturnConsumedCapacity"] !== undefined;
  const example = tellsCapacity ? { ...own, ReturnConsumedCapacity: "TOTAL" } : (own ?? withTable(action, table));
  const text = JSON.stringify(example, null, 2);
  return reformat(text) ?? text;
}

function withTable({ example, input }: Action, table: Table | undefined): unknown {
  const hasTable = typeof example === "object" && example !== null && "TableName" in example;
  if (!table || !hasTable || !input.properties?.["TableName"]) return example ?? {};
  return { ...example, TableName: table.name };
}

/** An input for the actions that are used most. */
function inputFor(action: string, table: Table, format: "typed" | "plain"): object | undefined {
  const TableName = table.name;
  const key = Object.fromEntries(table.keys.map((one) => [one.name, valueFor(one, format)]));
  const partition = table.keys.find(({ role }) => role === "partition");
  switch (action) {
    case "Scan":
      return { TableName, Limit: 100 };
    case "Query":
      return (
        partition && {
          TableName,
          KeyConditionExpression: "#key = :key",
          ExpressionAttributeNames: { "#key": partition.name },
          ExpressionAttributeValues: { ":key": valueFor(partition, format) },
          Limit: 100,
        }
      );
    case "GetItem":
    case "DeleteItem":
      return { TableName, Key: key };
    case "PutItem":
      return { TableName, Item: key };
    case "UpdateItem":
      return {
        TableName,
        Key: key,
        UpdateExpression: "SET #name = :value",
        ExpressionAttributeNames: { "#name": "attribute" },
        ExpressionAttributeValues: { ":value": format === "typed" ? { S: "text" } : "text" },
      };
    case "BatchGetItem":
      return { RequestItems: { [TableName]: { Keys: [key] } } };
    case "ExecuteStatement":
      return (
        partition && {
          Statement: `SELECT * FROM "${TableName.replaceAll('"', '""')}" WHERE "${partition.name.replaceAll('"', '""')}" = ?`,
          Parameters: [valueFor(partition, format)],
        }
      );
    default:
      return undefined;
  }
}

function valueFor({ type }: Key, format: "typed" | "plain"): unknown {
  if (format === "typed") return { [type]: type === "N" ? "1" : type === "B" ? "AA==" : "text" };
  return type === "N" ? 1 : type === "B" ? { $B: "AA==" } : "text";
}

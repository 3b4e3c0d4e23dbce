// Sends requests that are refused before their body was read, and allowed ones on the same connections.
// Prints one line for each request: what was sent, and the outcome. The token of the first argument may
// list the tables of the datasource `orders`, and nothing else.
const http = require("http");
const { DynamoDBClient, BatchWriteItemCommand, ListTablesCommand } = require("@aws-sdk/client-dynamodb");
const { NodeHttpHandler } = require("@smithy/node-http-handler");

const [token, url] = process.argv.slice(2);
const requestHandler = new NodeHttpHandler({ httpAgent: new http.Agent({ keepAlive: true, maxSockets: 2 }) });
const client = (datasource, accessKeyId) =>
  new DynamoDBClient({
    endpoint: `${url}/ddb/${datasource}/`,
    region: "us-east-1",
    credentials: { accessKeyId, secretAccessKey: "any" },
    maxAttempts: 1,
    requestHandler,
  });
const allowed = client("orders", token);
const refused = [client("users", token), client("orders", "unknown")];

async function outcome(what, sent) {
  try {
    await sent;
    console.log(what, "ok");
  } catch (error) {
    console.log(what, error.name);
  }
}

async function main() {
  for (const size of [100, 10_000, 300_000, 4_000_000]) {
    const items = [{ PutRequest: { Item: { id: { S: "1" }, x: { S: "x".repeat(size) } } } }];
    for (let time = 0; time < 20; time++) {
      const batch = new BatchWriteItemCommand({ RequestItems: { orders: items } });
      await outcome("refused", refused[time % 2].send(batch));
      await outcome("allowed", allowed.send(new ListTablesCommand({})));
      // Both at the same time.
      await Promise.all([
        outcome("refused", refused[time % 2].send(batch)),
        outcome("allowed", allowed.send(new ListTablesCommand({}))),
      ]);
    }
  }
}

main();

// Runs operations.json with the AWS SDK for JavaScript v3 against an endpoint, and prints each
// outcome.
//
// Usage: node js_client.cjs ENDPOINT
const path = require("node:path");
const sdk = require(path.join(process.env.SERVERS, "node_modules/@aws-sdk/client-dynamodb"));

const endpoint = process.argv[2];
const client = new sdk.DynamoDBClient({ endpoint, region: "us-east-1", maxAttempts: 1 });
const plain = (key, value) => (value instanceof Set ? [...value] : value);

async function main() {
  for (const [action, input] of require("./operations.json")) {
    let outcome;
    try {
      const { $metadata, ...response } = await client.send(new sdk[`${action}Command`](input));
      if (!$metadata.requestId) throw new Error("the response has no request id");
      outcome = { response };
    } catch (error) {
      const { $metadata, $response, $retryable, ...response } = error;
      const { name, message } = error;
      outcome = { error: error.constructor.name, name, message, response };
    }
    console.log(JSON.stringify([action, outcome], plain));
  }
}
main();

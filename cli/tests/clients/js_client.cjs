// Runs operations.json with the AWS SDK for JavaScript v3 against an endpoint, and prints each outcome: node js_client.cjs ENDPOINT
const path = require("node:path");
const sdk = require(path.join(process.env.SERVERS, "node_modules/@aws-sdk/client-dynamodb"));

const client = new sdk.DynamoDBClient({ endpoint: process.argv[2], region: "us-east-1", maxAttempts: 1 });
const plain = (key, value) => (value instanceof Set ? [...value] : value);

async function main() {
  for (const [action, input] of require("./operations.json")) {
    let outcome;
    try {
      const { $metadata, ...answer } = await client.send(new sdk[`${action}Command`](input));
      if (!$metadata.requestId) throw new Error("an answer has the id of its request");
      outcome = { answer };
    } catch (error) {
      const { $metadata, $response, $retryable, ...members } = error;
      outcome = { error: error.constructor.name, name: error.name, message: error.message, answer: members };
    }
    console.log(JSON.stringify([action, outcome], plain));
  }
}
main();

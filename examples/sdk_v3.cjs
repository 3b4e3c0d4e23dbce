// The AWS SDK for JavaScript v3 on the wire endpoint: it needs only an endpoint URL, and the token as the access key id.
const { DynamoDB } = require("@aws-sdk/client-dynamodb");

const url = process.env.PORTCULLIS_URL ?? "http://127.0.0.1:8700";
const dynamodb = new DynamoDB({
  endpoint: `${url}/ddb/${process.env.PORTCULLIS_DATASOURCE ?? "local"}/`,
  region: "us-east-1",
  credentials: { accessKeyId: process.env.PORTCULLIS_TOKEN ?? "none", secretAccessKey: "ignored" },
});

async function main() {
  const TableName = "users-js";
  await dynamodb.createTable({
    TableName,
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    BillingMode: "PAY_PER_REQUEST",
  });
  await dynamodb.putItem({ TableName, Item: { id: { S: "1" }, name: { S: "Anneke" } } });
  console.log((await dynamodb.getItem({ TableName, Key: { id: { S: "1" } } })).Item);
  await dynamodb.deleteTable({ TableName });
}
main();

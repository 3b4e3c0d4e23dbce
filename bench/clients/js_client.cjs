// Makes the calls of the comparison with AWS's SDK for JavaScript.
// Prints the latency of each call in microseconds, as a JSON list.
const { DynamoDB } = require("@aws-sdk/client-dynamodb");

const [endpoint, action, calls] = process.argv.slice(2);
const parameters = JSON.parse(require("fs").readFileSync(0, "utf8"));
const client = new DynamoDB({
  endpoint,
  region: "eu-west-1",
  credentials: {
    accessKeyId: "AKIDEXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  },
});
const methods = {
  GetItem: "getItem",
  Query: "query",
  Scan: "scan",
  BatchWriteItem: "batchWriteItem",
};

(async () => {
  const taken = [];
  for (let number = 0; number < Number(calls) + 200; number++) {
    const began = process.hrtime.bigint();
    await client[methods[action]](parameters);
    // The first 200 calls warm up the just-in-time compiler.
    if (number >= 200) taken.push(Number(process.hrtime.bigint() - began) / 1000);
  }
  console.log(JSON.stringify(taken));
})();

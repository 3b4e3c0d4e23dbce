// Node.js 18 or newer on the JSON API, without packages.
const { PORTCULLIS_URL: url = "http://127.0.0.1:8700", PORTCULLIS_DATASOURCE: name = "local", PORTCULLIS_TOKEN: token } = process.env;

/** Runs an action. Put user input into `values`: it fills the template's placeholders as JSON values, and cannot change the query. */
async function act(action, template, values = {}) {
  const response = await fetch(`${url}/v1/datasources/${name}/actions/${action}?format=plain`, {
    method: "POST",
    headers: { "Content-Type": "application/vnd.portcullis.bound+json", ...(token && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ template, values }),
  });
  const result = await response.json();
  if (!response.ok) throw new Error(`${result.case}: ${result.detail}${result.remedy ? `\nremedy: ${result.remedy}` : ""}`);
  return result;
}

await act("CreateTable", `{"TableName": "users-node", "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
  "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}`);
await act("PutItem", `{"TableName": "users-node", "Item": {"id": {{id}}, "name": {{name}}}}`, { id: "1", name: 'Anneke "the first"' });
console.log((await act("GetItem", `{"TableName": "users-node", "Key": {"id": {{id}}}}`, { id: "1" })).Item);
await act("DeleteTable", `{"TableName": "users-node"}`);

"""A platform whose users bring their own DynamoDB: they add a datasource by region and keys, test it, query it, change
it and delete it. Python without packages.

The server keeps the datasources, and seals their secrets. It needs a policy with a template, a store, and a token for
any tenant: see `tenants_platform.toml`. Which user is asking is for the platform's own login to say; here it is the
first argument of each function. A datasource's name begins with that of its tenant and `_`, which no tenant's name
contains: the template has `tables = ["{tenant}_*"]`, and refuses such a tenant.
"""

import json
import os
import urllib.error
import urllib.parse
import urllib.request

SERVER = os.environ.get("PORTCULLIS_URL", "http://127.0.0.1:8700")
TOKEN = os.environ.get("PORTCULLIS_TOKEN", "")
TEMPLATE = os.environ.get("PORTCULLIS_TEMPLATE", "tenant-dynamodb")


class Refused(Exception):
    """What the server refused, as a sentence for the user."""


def call(tenant, method, path, document=None, kind="application/json", **conditions):
    """Sends one request for a tenant to the server. Returns its result, and the ETag if it has one."""
    request = urllib.request.Request(
        f"{SERVER}/v1/datasources{path}",
        method=method,
        data=None if document is None else json.dumps(document).encode(),
        headers={
            "Content-Type": kind,
            "Authorization": f"Bearer {TOKEN}",
            "X-Portcullis-Tenant": tenant,
            **{name.replace("_", "-"): tag for name, tag in conditions.items()},
        },
    )
    try:
        with urllib.request.urlopen(request) as response:
            return json.loads(response.read() or b"null"), response.headers["ETag"]
    except urllib.error.HTTPError as error:
        problem = json.load(error)
        faults = "; ".join(f"{fault['pointer']}: {fault['message']}" for fault in problem.get("faults", []))
        raise Refused(f"{problem['detail']}{f' ({faults})' if faults else ''}") from None


def path(tenant, name):
    """The path of a datasource."""
    return f"/{urllib.parse.quote(f'{tenant}_{name}', safe='')}"


def add(tenant, name, region, access_key_id, secret_access_key, session_token=None):
    """Tests a datasource, and saves it if that succeeds and there is none of this name. Returns its ETag."""
    credentials = {"accessKeyId": access_key_id, "secretAccessKey": secret_access_key}
    if session_token:
        credentials["sessionToken"] = session_token
    document = {"template": TEMPLATE, "settings": {"region": region}, "credentials": credentials}
    call(tenant, "POST", ":test", document)
    return call(tenant, "PUT", path(tenant, name), document, If_None_Match="*")[1]


def update(tenant, name, tag, region):
    """Changes the region, if the datasource is still the one with this ETag. Returns the new ETag. The keys stay."""
    document = {"template": TEMPLATE, "settings": {"region": region}}
    return call(tenant, "PUT", path(tenant, name), document, If_Match=tag)[1]


def query(tenant, name, action, **values):
    """Runs an action on a datasource of the tenant. Each value replaces its placeholder as JSON."""
    action, template = action
    return call(tenant, "POST", f"{path(tenant, name)}/actions/{action}?format=plain",
                {"template": template, "values": values}, "application/vnd.portcullis.bound+json")[0]


def delete(tenant, name, tag):
    """Deletes a datasource, with its secret, if it is still the one with this ETag."""
    call(tenant, "DELETE", path(tenant, name), If_Match=tag)


CREATE = ("CreateTable", """{"TableName": {{table}}, "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}""")
PUT = ("PutItem", '{"TableName": {{table}}, "Item": {{item}}}')
DROP = ("DeleteTable", '{"TableName": {{table}}}')
GET = ("GetItem", '{"TableName": {{table}}, "Key": {"id": {{id}}}}')

if __name__ == "__main__":
    keys = (os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], os.environ.get("AWS_SESSION_TOKEN"))
    tag = add("acme", "orders", "us-east-1", *keys)
    query("acme", "orders", CREATE, table="acme_orders")
    query("acme", "orders", PUT, table="acme_orders", item={"id": "42", "total": 100.50})
    print(query("acme", "orders", GET, table="acme_orders", id="42")["Item"])
    query("acme", "orders", DROP, table="acme_orders")
    tag = update("acme", "orders", tag, "eu-west-1")
    delete("acme", "orders", tag)

"""A platform whose users bring their own DynamoDB: they add a datasource by region and keys, test it, query it and
delete it. Python without packages.

The platform keeps the datasources of its users, and sends the settings and credentials along with each call. It needs
a server whose policy has a template, and a token for any tenant: see `tenants_platform.toml`. Which user is asking is for the
platform's own login to say; here it is the first argument of each function.
"""

import json
import os
import urllib.error
import urllib.request

SERVER = os.environ.get("PORTCULLIS_URL", "http://127.0.0.1:8700")
TOKEN = os.environ.get("PORTCULLIS_TOKEN", "")
TEMPLATE = os.environ.get("PORTCULLIS_TEMPLATE", "tenant-dynamodb")

# A real platform has a database for this, which encrypts the secrets.
datasources = {}


class Refused(Exception):
    """What the server refused, as a sentence for the user."""


def call(tenant, path, settings, credentials, **more):
    """Sends one call for a tenant to the server."""
    document = {"settings": settings, "credentials": credentials, **more}
    request = urllib.request.Request(
        f"{SERVER}/v1/templates/{TEMPLATE}/{path}",
        data=json.dumps(document).encode(),
        headers={
            "Content-Type": "application/vnd.portcullis.call+json",
            "Authorization": f"Bearer {TOKEN}",
            "X-Portcullis-Tenant": tenant,
        },
    )
    try:
        with urllib.request.urlopen(request) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        problem = json.load(error)
        faults = "; ".join(f"{fault['pointer']}: {fault['message']}" for fault in problem.get("faults", []))
        raise Refused(f"{problem['detail']}{f' ({faults})' if faults else ''}") from None


def add(tenant, name, region, access_key_id, secret_access_key, session_token=None):
    """Tests a datasource, and keeps it if that succeeds."""
    credentials = {"accessKeyId": access_key_id, "secretAccessKey": secret_access_key}
    if session_token:
        credentials["sessionToken"] = session_token
    call(tenant, "test", {"region": region}, credentials)
    datasources[tenant, name] = ({"region": region}, credentials)


def query(tenant, name, action, **values):
    """Runs an action on a datasource of the tenant. Each value replaces its placeholder as JSON."""
    if (tenant, name) not in datasources:
        raise Refused(f"there is no datasource {name!r}")
    settings, credentials = datasources[tenant, name]
    action, template = action
    return call(tenant, f"actions/{action}", settings, credentials, template=template, values=values,
                options={"format": "plain"})


def delete(tenant, name):
    """Forgets a datasource."""
    if datasources.pop((tenant, name), None) is None:
        raise Refused(f"there is no datasource {name!r}")


CREATE = ("CreateTable", """{"TableName": {{table}}, "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}""")
PUT = ("PutItem", '{"TableName": {{table}}, "Item": {{item}}}')
GET = ("GetItem", '{"TableName": {{table}}, "Key": {"id": {{id}}}}')

if __name__ == "__main__":
    keys = (os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], os.environ.get("AWS_SESSION_TOKEN"))
    add("acme", "orders", "us-east-1", *keys)
    query("acme", "orders", CREATE, table="acme_orders")
    query("acme", "orders", PUT, table="acme_orders", item={"id": "42", "total": 100.50})
    print(query("acme", "orders", GET, table="acme_orders", id="42")["Item"])
    delete("acme", "orders")

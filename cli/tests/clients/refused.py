"""Sends requests that are refused before their body was read, and allowed ones on the same connections.

Prints one line for each request: what was sent, and the outcome. The token of the first argument may list the tables of
the datasource `orders`, and nothing else. Uses boto3, and http.client, which writes all of a request before it reads.
"""

import http.client
import sys

import boto3
import botocore.config
import botocore.exceptions

token, url = sys.argv[1:]
SIZES = [100, 10_000, 300_000, 4_000_000]
JSON = {"Content-Type": "application/json"}


def client(datasource, key):
    return boto3.client(
        "dynamodb",
        endpoint_url=f"{url}/ddb/{datasource}/",
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key="any",
        config=botocore.config.Config(retries={"total_max_attempts": 1}),
    )


def outcome(what, call):
    try:
        print(what, call())
    except botocore.exceptions.ClientError as error:
        print(what, error.response["Error"]["Code"])
    except Exception as error:
        print(what, type(error).__name__, error)


def sdk():
    allowed = client("orders", token)
    refused = [client("users", token), client("orders", "unknown")]
    for size in SIZES:
        items = [{"PutRequest": {"Item": {"id": {"S": "1"}, "x": {"S": "x" * size}}}}]
        for time in range(20):
            outcome("refused", lambda: refused[time % 2].batch_write_item(RequestItems={"orders": items}))
            outcome("allowed", lambda: allowed.list_tables() and "ok")


def raw():
    connection = http.client.HTTPConnection(url.removeprefix("http://"))

    def send(datasource, key, body):
        path = f"/v1/datasources/{datasource}/actions/ListTables"
        connection.request("POST", path, body, {**JSON, "Authorization": f"Bearer {key}"})
        response = connection.getresponse()
        response.read()
        return "ok" if response.status == 200 else response.status

    for size in SIZES + [40_000_000]:
        for time in range(20 if size < 40_000_000 else 3):
            body = b" " * size
            outcome("refused", lambda: send("users", token, body))
            outcome("allowed", lambda: send("orders", token, b"{}"))
            outcome("refused", lambda: send("orders", "unknown", body))
            outcome("allowed", lambda: send("orders", token, b"{}"))


sdk()
raw()

"""Runs operations.json with boto3 against an endpoint, and prints each outcome.

Usage: python boto3_client.py ENDPOINT
"""

import json
import pathlib
import sys

import boto3
import botocore
from botocore.config import Config

client = boto3.client(
    "dynamodb",
    region_name="us-east-1",
    endpoint_url=sys.argv[1],
    config=Config(retries={"max_attempts": 1, "mode": "standard"}),
)
operations = json.loads((pathlib.Path(__file__).parent / "operations.json").read_text())
for action, arguments in operations:
    method = getattr(client, botocore.xform_name(action))
    try:
        response = method(**arguments)
        metadata = response.pop("ResponseMetadata")
        assert metadata["RequestId"], "the response has no request id"
        outcome = {"response": response}
    except botocore.exceptions.ClientError as error:
        # The class that the SDK gives the error, because programs catch errors by their class.
        fields = {k: v for k, v in error.response.items() if k != "ResponseMetadata"}
        outcome = {"error": type(error).__name__, "response": fields}
    print(json.dumps([action, outcome], default=str, sort_keys=True))

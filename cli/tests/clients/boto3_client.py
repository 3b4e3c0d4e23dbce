"""Runs operations.json with boto3 against an endpoint, and prints each outcome: python boto3_client.py ENDPOINT."""

import json
import pathlib
import sys

import boto3
import botocore
from botocore.config import Config

client = boto3.client(
    "dynamodb", region_name="us-east-1", endpoint_url=sys.argv[1], config=Config(retries={"max_attempts": 1, "mode": "standard"})
)
operations = json.loads((pathlib.Path(__file__).parent / "operations.json").read_text())
for action, arguments in operations:
    method = getattr(client, botocore.xform_name(action))
    try:
        answer = method(**arguments)
        metadata = answer.pop("ResponseMetadata")
        assert metadata["RequestId"], "an answer has the id of its request"
        outcome = {"answer": answer}
    except botocore.exceptions.ClientError as error:
        # By the class that the SDK made of it, which is what programs catch.
        outcome = {"error": type(error).__name__, "answer": {k: v for k, v in error.response.items() if k != "ResponseMetadata"}}
    print(json.dumps([action, outcome], default=str, sort_keys=True))

"""Makes the calls of the comparison with boto3.

Prints the latency of each call in microseconds, as a JSON list. The first 20 calls warm up.
"""

import json
import sys
import time

import boto3
from botocore.config import Config

endpoint, action, calls, text = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.stdin.read()
client = boto3.client(
    "dynamodb",
    endpoint_url=endpoint,
    region_name="eu-west-1",
    aws_access_key_id="AKIDEXAMPLE",
    aws_secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    config=Config(parameter_validation=True),
)
methods = {
    "GetItem": client.get_item,
    "Query": client.query,
    "Scan": client.scan,
    "BatchWriteItem": client.batch_write_item,
}
method = methods[action]
parameters = json.loads(text)
taken = []
for number in range(calls + 20):
    began = time.perf_counter()
    method(**parameters)
    if number >= 20:
        taken.append((time.perf_counter() - began) * 1e6)
print(json.dumps(taken))

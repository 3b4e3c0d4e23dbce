"""Starts moto on loopback with IAM checks.

Prints its port and the credentials of a user and of a role as one line of JSON, and ends when
standard input is closed.
"""

import json
import sys
import urllib.request

import boto3
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
url = f"http://127.0.0.1:{port}"


def client(service):
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="setup",
        aws_secret_access_key="setup",
    )


iam = client("iam")
allow_all = {"Effect": "Allow", "Action": "*", "Resource": "*"}
everything = json.dumps({"Version": "2012-10-17", "Statement": [allow_all]})
allow_assume = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
trust = json.dumps({"Version": "2012-10-17", "Statement": [allow_assume]})
iam.create_user(UserName="tester")
iam.put_user_policy(UserName="tester", PolicyName="everything", PolicyDocument=everything)
user = iam.create_access_key(UserName="tester")["AccessKey"]
role = iam.create_role(RoleName="tester", AssumeRolePolicyDocument=trust)["Role"]
iam.put_role_policy(RoleName="tester", PolicyName="everything", PolicyDocument=everything)
session = client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="tests")["Credentials"]

# From now on moto checks every request: `0` is the number of requests that it does not check.
reset = urllib.request.Request(
    f"{url}/moto-api/reset-auth",
    data=b"0",
    headers={"Content-Type": "text/plain"},
    method="POST",
)
urllib.request.urlopen(reset).read()

keep = ("AccessKeyId", "SecretAccessKey", "SessionToken")
started = {
    "port": port,
    "user": {k: user[k] for k in keep if k in user},
    "role": {k: session[k] for k in keep},
}
print(json.dumps(started), flush=True)
sys.stdin.read()
server.stop()

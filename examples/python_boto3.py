"""boto3 on the wire endpoint: it needs only an endpoint URL, and the token as the access key id."""

import os

import boto3

url = os.environ.get("PORTCULLIS_URL", "http://127.0.0.1:8700")
dynamodb = boto3.resource(
    "dynamodb",
    endpoint_url=f"{url}/ddb/{os.environ.get('PORTCULLIS_DATASOURCE', 'local')}/",
    region_name="us-east-1",
    aws_access_key_id=os.environ.get("PORTCULLIS_TOKEN", "none"),
    aws_secret_access_key="ignored",
)
table = dynamodb.create_table(
    TableName="users-boto3",
    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    BillingMode="PAY_PER_REQUEST",
)
table.put_item(Item={"id": "1", "name": "Anneke"})
print(table.get_item(Key={"id": "1"})["Item"])
table.delete()

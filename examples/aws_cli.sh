#!/bin/sh
# The AWS CLI on the wire endpoint: it needs only an endpoint URL, and the token as the access key id.
set -eu
export AWS_ENDPOINT_URL="${PORTCULLIS_URL:-http://127.0.0.1:8700}/ddb/${PORTCULLIS_DATASOURCE:-local}/"
export AWS_ACCESS_KEY_ID="${PORTCULLIS_TOKEN:-none}" AWS_SECRET_ACCESS_KEY=ignored AWS_DEFAULT_REGION=us-east-1
aws dynamodb create-table --table-name users-cli --billing-mode PAY_PER_REQUEST \
  --attribute-definitions AttributeName=id,AttributeType=S --key-schema AttributeName=id,KeyType=HASH > /dev/null
aws dynamodb put-item --table-name users-cli --item '{"id": {"S": "1"}, "name": {"S": "Anneke"}}'
aws dynamodb get-item --table-name users-cli --key '{"id": {"S": "1"}}'
aws dynamodb delete-table --table-name users-cli > /dev/null

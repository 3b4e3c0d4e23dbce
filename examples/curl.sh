#!/bin/sh
# curl on the JSON API. GetItem sends a template: user input is filled in as a JSON value, and cannot change the query.
set -eu
url="${PORTCULLIS_URL:-http://127.0.0.1:8700}/v1/datasources/${PORTCULLIS_DATASOURCE:-local}/actions"
act() {
  curl --silent --show-error --fail-with-body --header "Authorization: Bearer ${PORTCULLIS_TOKEN:-none}" --header "Content-Type: $3" --data "$2" "$url/$1"
  echo
}
json=application/json
act CreateTable '{"TableName": "users-curl", "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
  "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}' $json > /dev/null
act PutItem '{"TableName": "users-curl", "Item": {"id": "1", "name": "Anneke"}}' $json
act 'GetItem?format=plain' '{"template": "{\"TableName\": \"users-curl\", \"Key\": {\"id\": {{id}}}}", "values": {"id": "1"}}' \
  application/vnd.portcullis.bound+json
act DeleteTable '{"TableName": "users-curl"}' $json > /dev/null

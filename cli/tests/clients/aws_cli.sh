#!/bin/sh
# Runs operations with the AWS CLI against an endpoint, and prints each outcome. Each line of
# standard input is an action and its input: ACTION INPUT
#
# Usage: aws_cli.sh AWS ENDPOINT
aws=$1
endpoint=$2
while read -r action input; do
  command=$(echo "$action" | sed 's/\([A-Z]\)/-\1/g; s/^-//' | tr '[:upper:]' '[:lower:]')
  echo "== $action"
  AWS_MAX_ATTEMPTS=1 "$aws" dynamodb "$command" --endpoint-url "$endpoint" --region us-east-1 \
    --no-paginate --cli-input-json "$input" 2>&1
  echo "exit $?"
done

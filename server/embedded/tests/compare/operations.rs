//! Requests that succeed.

use crate::sides::Sides;
use std::collections::BTreeSet;

/// What creates the tables `users` (key `id`) and `events` (key `id` and `at`, an index and a
/// stream), with a few items.
pub(crate) const SETUP: &[(&str, &str)] = &[
    (
        "CreateTable",
        r#"{"TableName": "users", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}"#,
    ),
    (
        "CreateTable",
        r#"{"TableName": "events", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"},
            {"AttributeName": "moment", "KeyType": "RANGE"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "moment", "AttributeType": "N"},
            {"AttributeName": "kind", "AttributeType": "S"}],
        "GlobalSecondaryIndexes": [{"IndexName": "by-kind",
            "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"}}],
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"}}"#,
    ),
    (
        "PutItem",
        r#"{"TableName": "users", "Item": {"id": {"S": "1"}, "name": {"S": "Ann"},
        "age": {"N": "40"}, "tags": {"SS": ["b", "a"]}, "scores": {"NS": ["10", "9", "1.5"]},
        "home": {"M": {"zip": {"L": [{"N": "1"}, {"NULL": true}, {"BOOL": false}]}}}}}"#,
    ),
    ("PutItem", r#"{"TableName": "users", "Item": {"id": {"S": "2"}, "raw": {"B": "AAEC"}}}"#),
    (
        "PutItem",
        r#"{"TableName": "events", "Item": {"id": {"S": "1"}, "moment": {"N": "1"},
        "kind": {"S": "login"}}}"#,
    ),
    (
        "PutItem",
        r#"{"TableName": "events", "Item": {"id": {"S": "1"}, "moment": {"N": "2"},
        "kind": {"S": "logout"}}}"#,
    ),
    (
        "CreateTable",
        r#"{"TableName": "vectors", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "VectorIndexes": [{"IndexName": "cosine", "Dimensions": 2, "DistanceFunction": "COSINE",
            "VectorAttribute": {"AttributeName": "moment"},
            "Projection": {"ProjectionType": "ALL"}}]}"#,
    ),
    (
        "PutItem",
        r#"{"TableName": "vectors", "Item": {"id": {"S": "1"},
        "moment": {"L": [{"N": "1"}, {"N": "0"}]}}}"#,
    ),
];

/// Requests that succeed after [`SETUP`], in this order.
pub(crate) const REQUESTS: &[(&str, &str)] = &[
    ("ListTables", r#"{"Limit": 10}"#),
    ("DescribeTable", r#"{"TableName": "events"}"#),
    (
        "GetItem",
        r##"{"TableName": "users", "Key": {"id": {"S": "1"}}, "ConsistentRead": true,
        "ProjectionExpression": "#n, home.zip[0]", "ExpressionAttributeNames": {"#n": "name"},
        "ReturnConsumedCapacity": "TOTAL"}"##,
    ),
    (
        "PutItem",
        r##"{"TableName": "users", "Item": {"id": {"S": "3"}, "age": {"N": "7"}},
        "ConditionExpression": "attribute_not_exists(#i) OR (age < :a AND NOT age = :a)",
        "ExpressionAttributeNames": {"#i": "id"}, "ExpressionAttributeValues": {":a": {"N": "1"}},
        "ReturnValues": "ALL_OLD", "ReturnConsumedCapacity": "INDEXES",
        "ReturnItemCollectionMetrics": "SIZE"}"##,
    ),
    (
        "PutItem",
        r#"{"TableName": "users", "Item": {"id": {"S": "3"}},
        "Expected": {"age": {"Exists": true, "Value": {"N": "7"}},
            "gone": {"Exists": false}}, "ConditionalOperator": "AND"}"#,
    ),
    (
        "UpdateItem",
        r##"{"TableName": "users", "Key": {"id": {"S": "3"}},
        "UpdateExpression": "SET #a = if_not_exists(#a, :z) + :o ADD hits :o REMOVE gone",
        "ExpressionAttributeNames": {"#a": "age"},
        "ExpressionAttributeValues": {":z": {"N": "0"}, ":o": {"N": "1"}},
        "ReturnValues": "ALL_NEW"}"##,
    ),
    (
        "UpdateItem",
        r#"{"TableName": "users", "Key": {"id": {"S": "3"}},
        "AttributeUpdates": {"old": {"Action": "PUT", "Value": {"S": "x"}}},
        "ReturnValues": "UPDATED_NEW"}"#,
    ),
    (
        "Query",
        r#"{"TableName": "events", "KeyConditionExpression": "id = :i AND moment BETWEEN :a AND :b",
        "FilterExpression": "contains(kind, :k)", "ScanIndexForward": false, "Limit": 5,
        "ExpressionAttributeValues": {":i": {"S": "1"}, ":a": {"N": "0"}, ":b": {"N": "9"},
            ":k": {"S": "log"}}, "Select": "ALL_ATTRIBUTES"}"#,
    ),
    (
        "Query",
        r#"{"TableName": "events", "IndexName": "by-kind",
        "KeyConditions": {"kind": {"ComparisonOperator": "EQ",
            "AttributeValueList": [{"S": "login"}]}},
        "QueryFilter": {"id": {"ComparisonOperator": "NE", "AttributeValueList": [{"S": "9"}]}}}"#,
    ),
    (
        "Query",
        r#"{"TableName": "events", "KeyConditionExpression": "id = :i", "Limit": 1,
        "ExpressionAttributeValues": {":i": {"S": "1"}},
        "ExclusiveStartKey": {"id": {"S": "1"}, "moment": {"N": "1"}}}"#,
    ),
    (
        "Scan",
        r#"{"TableName": "users", "FilterExpression": "attribute_exists(age)", "Limit": 50,
        "Segment": 0, "TotalSegments": 1, "Select": "COUNT"}"#,
    ),
    (
        "Scan",
        r#"{"TableName": "users", "ScanFilter": {"age": {"ComparisonOperator": "GT",
        "AttributeValueList": [{"N": "1"}]}}, "ExclusiveStartKey": {"id": {"S": "1"}}}"#,
    ),
    (
        "BatchGetItem",
        r##"{"RequestItems": {"users": {"Keys": [{"id": {"S": "1"}},
        {"id": {"S": "9"}}], "ProjectionExpression": "#i", "ConsistentRead": true,
        "ExpressionAttributeNames": {"#i": "id"}}}, "ReturnConsumedCapacity": "TOTAL"}"##,
    ),
    (
        "BatchWriteItem",
        r#"{"RequestItems": {"users": [
        {"PutRequest": {"Item": {"id": {"S": "4"}, "n": {"N": "4"}}}},
        {"DeleteRequest": {"Key": {"id": {"S": "2"}}}}]}}"#,
    ),
    (
        "TransactWriteItems",
        r#"{"ClientRequestToken": "one", "TransactItems": [
        {"Put": {"TableName": "users", "Item": {"id": {"S": "5"}, "n": {"N": "1"}},
            "ConditionExpression": "attribute_not_exists(id)"}},
        {"Update": {"TableName": "users", "Key": {"id": {"S": "4"}},
            "UpdateExpression": "SET n = :n",
            "ExpressionAttributeValues": {":n": {"N": "5"}}}},
        {"Delete": {"TableName": "users", "Key": {"id": {"S": "9"}}}},
        {"ConditionCheck": {"TableName": "users", "Key": {"id": {"S": "1"}},
            "ConditionExpression": "attribute_exists(id)"}}]}"#,
    ),
    (
        "TransactGetItems",
        r#"{"TransactItems": [
        {"Get": {"TableName": "users", "Key": {"id": {"S": "5"}}, "ProjectionExpression": "n"}},
        {"Get": {"TableName": "users", "Key": {"id": {"S": "8"}}}}]}"#,
    ),
    (
        "ExecuteStatement",
        r#"{"Statement": "SELECT * FROM \"users\" WHERE id = ? AND age > 1",
        "Parameters": [{"S": "1"}], "Limit": 5, "ConsistentRead": true,
        "ReturnConsumedCapacity": "TOTAL"}"#,
    ),
    ("ExecuteStatement", r#"{"Statement": "UPDATE users SET n = 6 WHERE id = '5'"}"#),
    (
        "ExecuteTransaction",
        r#"{"TransactStatements": [
        {"Statement": "INSERT INTO users VALUE {'id': '6', 'list': [1, {'a': 2}]}"},
        {"Statement": "DELETE FROM users WHERE id = ?", "Parameters": [{"S": "5"}]}],
        "ClientRequestToken": "two"}"#,
    ),
    (
        "BatchExecuteStatement",
        r#"{"Statements": [
        {"Statement": "SELECT * FROM users WHERE id = ?", "Parameters": [{"S": "6"}],
            "ConsistentRead": true},
        {"Statement": "SELECT * FROM nowhere WHERE id = '1'"}]}"#,
    ),
    (
        "DeleteItem",
        r#"{"TableName": "users", "Key": {"id": {"S": "6"}}, "ReturnValues": "ALL_OLD"}"#,
    ),
    (
        "UpdateTimeToLive",
        r#"{"TableName": "users",
        "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "expires"}}"#,
    ),
    ("DescribeTimeToLive", r#"{"TableName": "users"}"#),
    (
        "TagResource",
        r#"{"ResourceArn": "arn:aws:dynamodb:dynoxide:000000000000:table/users",
        "Tags": [{"Key": "team", "Value": "a"}, {"Key": "cost", "Value": "b"}]}"#,
    ),
    (
        "UntagResource",
        r#"{"ResourceArn": "arn:aws:dynamodb:dynoxide:000000000000:table/users",
        "TagKeys": ["cost"]}"#,
    ),
    (
        "ListTagsOfResource",
        r#"{"ResourceArn": "arn:aws:dynamodb:dynoxide:000000000000:table/users"}"#,
    ),
    ("ListStreams", r#"{"TableName": "events", "Limit": 5}"#),
    ("DescribeStream", r#"{"StreamArn": "$STREAM", "Limit": 5}"#),
    (
        "GetShardIterator",
        r#"{"StreamArn": "$STREAM", "ShardId": "shardId-00000001-events",
        "ShardIteratorType": "TRIM_HORIZON"}"#,
    ),
    (
        "UpdateTable",
        r#"{"TableName": "events",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "GlobalSecondaryIndexUpdates": [{"Create": {"IndexName": "by-id",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["kind"]}}}]}"#,
    ),
    (
        "CreateTable",
        r#"{"TableName": "things",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"},
            {"AttributeName": "moment", "KeyType": "RANGE"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "moment", "AttributeType": "N"},
            {"AttributeName": "size", "AttributeType": "N"}],
        "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
        "LocalSecondaryIndexes": [{"IndexName": "by-size",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"},
                {"AttributeName": "size", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"}}],
        "GlobalSecondaryIndexes": [{"IndexName": "all-by-size",
            "KeySchema": [{"AttributeName": "size", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
            "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}}],
        "Tags": [{"Key": "team", "Value": "a"}]}"#,
    ),
    ("DeleteTable", r#"{"TableName": "things"}"#),
];

#[tokio::test]
async fn every_operation_succeeds_with_the_response_of_dynoxides_server() {
    let mut sides = Sides::start().await;
    sides.fill().await;
    let mut operations = BTreeSet::new();
    for (operation, body) in SETUP.iter().chain(REQUESTS) {
        if REQUESTS.contains(&(*operation, *body)) {
            let answer = sides.compare(operation, body).await;
            assert_eq!(answer.status, 200, "{operation} {body}: {}", answer.body);
            let id = answer.headers.get("x-amzn-requestid").expect("it has an id");
            assert_eq!(id.len(), 52);
        }
        operations.insert(*operation);
    }
    let (search, body) = crate::wrong::SEARCH;
    assert_eq!(sides.compare(search, body).await.status, 200);
    operations.insert(search);
    let iterator = sides.compare(REQUESTS_ITERATOR.0, REQUESTS_ITERATOR.1).await;
    let iterator: serde_json::Value = serde_json::from_str(&iterator.body).expect("it is JSON");
    let body = serde_json::json!({"ShardIterator": iterator["ShardIterator"], "Limit": 10});
    let records = sides.compare("GetRecords", &body.to_string()).await;
    assert!(records.body.contains("\"login\""), "{}", records.body);
    operations.insert("GetRecords");
    assert!(operations.len() >= 24, "{operations:?}");
    sides.stop().await;
}

const REQUESTS_ITERATOR: (&str, &str) = (
    "GetShardIterator",
    r#"{"StreamArn": "$STREAM", "ShardId": "shardId-00000001-events",
        "ShardIteratorType": "TRIM_HORIZON"}"#,
);

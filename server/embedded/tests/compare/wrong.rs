//! Inputs that are wrong in what they mean.

use crate::sides::Sides;

/// A search, which succeeds.
pub(crate) const SEARCH: (&str, &str) = (
    "SearchVectors",
    r#"{"TableName": "vectors", "IndexName": "cosine", "SearchVector": [{"N": "1"}, {"N": "0"}],
        "TopK": 3}"#,
);

/// Keys that are wrong, for every operation that has one.
const KEYS: &[&str] = &[
    "{}",
    r#"{"id": {"N": "1"}}"#,
    r#"{"id": {"S": ""}}"#,
    r#"{"id": {"S": "1"}, "more": {"S": "1"}}"#,
    r#"{"other": {"S": "1"}}"#,
    r#"{"id": {"NULL": true}}"#,
    r#"{"id": {"X": "1"}}"#,
    r#"{"id": {}}"#,
    r#"{"id": {"S": "1", "N": "1"}}"#,
    r#"{"id": {"N": "one"}}"#,
    r#"{"id": {"SS": []}}"#,
    r#"{"id": {"B": "not base64!"}}"#,
    r#"{"": {"S": "1"}}"#,
];

/// Attribute values that are wrong, or close to it.
const VALUES: &[&str] = &[
    r#"{"N": ""}"#,
    r#"{"N": "abc"}"#,
    r#"{"N": " 1"}"#,
    r#"{"N": "1e400"}"#,
    r#"{"N": "1e-400"}"#,
    r#"{"N": "123456789012345678901234567890123456789"}"#,
    r#"{"N": 1}"#,
    r#"{"S": 1}"#,
    r#"{"S": null}"#,
    r#"{"S": true}"#,
    r#"{"S": ["x"]}"#,
    r#"{"BOOL": "true"}"#,
    r#"{"BOOL": "maybe"}"#,
    r#"{"BOOL": -0}"#,
    r#"{"BOOL": 11111111111111111111111}"#,
    r#"{"BOOL": 1.5}"#,
    r#"{"BOOL": []}"#,
    r#"{"NULL": false}"#,
    r#"{"NULL": "false"}"#,
    r#"{"NULL": "yes"}"#,
    r#"{"SS": []}"#,
    r#"{"SS": ["a", "a"]}"#,
    r#"{"SS": [1]}"#,
    r#"{"SS": "a"}"#,
    r#"{"NS": ["1", "1.0"]}"#,
    r#"{"NS": ["x"]}"#,
    r#"{"NS": []}"#,
    r#"{"BS": ["AA==", "AA=="]}"#,
    r#"{"BS": ["!"]}"#,
    r#"{"B": "AA"}"#,
    r#"{"L": {"S": "x"}}"#,
    r#"{"L": [{"N": ""}, {"BOOL": "true"}]}"#,
    r#"{"M": [{"S": "x"}]}"#,
    r#"{"M": {"a": {"N": "x"}, "b": {"S": "1", "N": ""}}}"#,
    r#"{"M": {"a": "x"}}"#,
    r#"{"S": "x", "M": {"a": {"S": "x"}}}"#,
];

/// Expressions that are wrong.
const EXPRESSIONS: &[&str] = &[
    "",
    " ",
    "id",
    "id =",
    "= :a",
    "id = :a AND",
    "id = :missing",
    "#missing = :a",
    "size(id) > :a",
    "size(:a) > :a",
    "attribute_exists(:a)",
    "attribute_type(id, :a)",
    "begins_with(id)",
    "begins_with(id, :a, :a)",
    "frobnicate(id)",
    "((id = :a))",
    "(id = :a",
    "id = :a)",
    "id IN ()",
    "id IN (:a, :a)",
    "id BETWEEN :a",
    "name = :a",
    "id <> :a OR NOT id = :a",
    "id = 'text'",
    "id = 1",
    "a.b[x] = :a",
    "a[-1] = :a",
    "a..b = :a",
    "SET id = :a",
    "SET a = :a, a = :a",
    "SET a = :a SET b = :a",
    "SET a = a + :a",
    "SET a = list_append(a, :a)",
    "REMOVE a, a.b",
    "ADD a :a",
    "DELETE a :a",
    "\u{e9} = :a",
    "id = :a \u{0}",
];

/// PartiQL statements that are wrong.
const STATEMENTS: &[&str] = &[
    "",
    " ",
    "SELECT",
    "SELECT * FROM",
    "SELECT * FROM nowhere",
    "SELECT * FROM users WHERE",
    "SELECT * FROM users WHERE id = ?",
    "SELECT * FROM users WHERE id = 'a",
    "SELECT * FROM users.missing WHERE id = '1'",
    "SELECT x(id) FROM users",
    "SELECT id, FROM users",
    "SELECT * FROM users; DROP TABLE users",
    "INSERT INTO users VALUE {}",
    "INSERT INTO users VALUE {'id': '1'}",
    "INSERT INTO users VALUE {'id': 1}",
    "INSERT INTO users VALUE {'id': '1'",
    "INSERT INTO users VALUE [1]",
    "UPDATE users SET id = '2' WHERE id = '1'",
    "UPDATE users SET a = 1",
    "UPDATE users SET a = 1 WHERE id = 'missing'",
    "UPDATE users REMOVE",
    "UPDATE users SET age = 1 WHERE id = '1' AND age = 99",
    "DELETE FROM users",
    "DELETE FROM users WHERE age = 1",
    "DELETE FROM users WHERE id = '1' AND age = 99",
    "CREATE TABLE x",
    "EXISTS(SELECT * FROM users WHERE id = '1')",
    "\u{e9}",
];

/// Requests that are wrong as a whole.
const REQUESTS: &[(&str, &str)] = &[
    ("CreateTable", r#"{"TableName": "users"}"#),
    ("CreateTable", r#"{"TableName": "a"}"#),
    ("CreateTable", r#"{"TableName": "a b c"}"#),
    ("CreateTable", r#"{"TableName": "new", "KeySchema": [], "AttributeDefinitions": []}"#),
    (
        "CreateTable",
        r#"{"TableName": "new", "BillingMode": "FREE",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}"#,
    ),
    (
        "CreateTable",
        r#"{"TableName": "new", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "RANGE"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "X"}]}"#,
    ),
    (
        "CreateTable",
        r#"{"TableName": "new", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "more", "AttributeType": "S"}]}"#,
    ),
    (
        "CreateTable",
        r#"{"TableName": "users", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}"#,
    ),
    ("DeleteTable", r#"{"TableName": "nowhere"}"#),
    ("DescribeTable", r#"{"TableName": "nowhere"}"#),
    ("DescribeTable", r#"{"TableName": "x"}"#),
    ("UpdateTable", r#"{"TableName": "users"}"#),
    ("UpdateTable", r#"{"TableName": "nowhere", "BillingMode": "PAY_PER_REQUEST"}"#),
    (
        "UpdateTable",
        r#"{"TableName": "events",
        "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "missing"}}]}"#,
    ),
    ("ListTables", r#"{"Limit": 0}"#),
    ("ListTables", r#"{"Limit": 101}"#),
    ("ListTables", r#"{"Limit": -1}"#),
    ("ListTables", r#"{"ExclusiveStartTableName": ""}"#),
    ("Scan", r#"{"TableName": "users", "Segment": 5, "TotalSegments": 2}"#),
    ("Scan", r#"{"TableName": "users", "Segment": 0}"#),
    ("Scan", r#"{"TableName": "users", "Limit": 0}"#),
    ("Scan", r#"{"TableName": "users", "Limit": "5"}"#),
    ("Scan", r#"{"TableName": "users", "Select": "NOTHING"}"#),
    ("Scan", r#"{"TableName": "users", "IndexName": "missing"}"#),
    ("Scan", r#"{"TableName": "users", "ConsistentRead": "yes"}"#),
    ("Scan", r#"{"TableName": "users", "ConsistentRead": "perhaps"}"#),
    ("Scan", r#"{"TableName": "users", "ReturnConsumedCapacity": "ALL"}"#),
    ("Query", r#"{"TableName": "events"}"#),
    (
        "Query",
        r#"{"TableName": "events", "IndexName": "missing", "KeyConditionExpression": "id = :i",
        "ExpressionAttributeValues": {":i": {"S": "1"}}}"#,
    ),
    (
        "Query",
        r#"{"TableName": "events", "KeyConditionExpression": "moment = :i",
        "ExpressionAttributeValues": {":i": {"N": "1"}}}"#,
    ),
    (
        "Query",
        r#"{"TableName": "events", "KeyConditionExpression": "id > :i",
        "ExpressionAttributeValues": {":i": {"S": "1"}}}"#,
    ),
    (
        "Query",
        r#"{"TableName": "events", "KeyConditionExpression": "id = :i", "KeyConditions": {},
        "ExpressionAttributeValues": {":i": {"S": "1"}, ":unused": {"S": "1"}}}"#,
    ),
    ("BatchGetItem", r#"{"RequestItems": {}}"#),
    ("BatchGetItem", r#"{"RequestItems": {"nowhere": {"Keys": [{"id": {"S": "1"}}]}}}"#),
    ("BatchGetItem", r#"{"RequestItems": {"users": {"Keys": []}}}"#),
    (
        "BatchGetItem",
        r#"{"RequestItems": {"users": {"Keys": [{"id": {"S": "1"}}, {"id": {"S": "1"}}]}}}"#,
    ),
    ("BatchWriteItem", r#"{"RequestItems": {}}"#),
    ("BatchWriteItem", r#"{"RequestItems": {"users": []}}"#),
    ("BatchWriteItem", r#"{"RequestItems": {"users": [{}]}}"#),
    ("BatchWriteItem", r#"{"RequestItems": {"users": [{"PutRequest": {"Item": {}}}]}}"#),
    ("TransactWriteItems", r#"{"TransactItems": []}"#),
    ("TransactWriteItems", r#"{"TransactItems": [{}]}"#),
    (
        "TransactWriteItems",
        r#"{"TransactItems": [{"ConditionCheck": {"TableName": "users",
        "Key": {"id": {"S": "1"}}, "ConditionExpression": "attribute_not_exists(id)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}}]}"#,
    ),
    (
        "TransactWriteItems",
        r#"{"TransactItems": [{"Put": {"TableName": "users",
        "Item": {"id": {"S": "9"}}}}],
        "ClientRequestToken": "1234567890123456789012345678901234567"}"#,
    ),
    ("TransactGetItems", r#"{"TransactItems": []}"#),
    ("TransactGetItems", r#"{"TransactItems": [{"Put": {}}]}"#),
    ("ExecuteTransaction", r#"{"TransactStatements": []}"#),
    ("BatchExecuteStatement", r#"{"Statements": []}"#),
    ("ExecuteStatement", r#"{"Statement": "SELECT * FROM users", "Limit": 0}"#),
    ("ExecuteStatement", r#"{"Statement": "SELECT * FROM users", "NextToken": "x"}"#),
    (
        "ExecuteStatement",
        r#"{"Statement": "DELETE FROM users WHERE id = '1' AND age = 99",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}"#,
    ),
    ("PutItem", r#"{"TableName": "users", "Item": {"id": {"S": "1"}}, "ReturnValues": "ALL_NEW"}"#),
    ("PutItem", r#"{"TableName": "users", "Item": {"id": {"S": "1"}}, "ReturnValues": "X"}"#),
    (
        "PutItem",
        r#"{"TableName": "users", "Item": {"id": {"S": "1"}},
        "ConditionExpression": "attribute_not_exists(id)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}"#,
    ),
    (
        "PutItem",
        r#"{"TableName": "users", "Item": {"id": {"S": "1"}},
        "Expected": {"id": {"Exists": "false"}}}"#,
    ),
    (
        "PutItem",
        r#"{"TableName": "users", "Item": {"id": {"S": "1"}},
        "Expected": {"id": {"Exists": "perhaps"}}}"#,
    ),
    (
        "UpdateItem",
        r#"{"TableName": "users", "Key": {"id": {"S": "1"}},
        "UpdateExpression": "SET a = b"}"#,
    ),
    (
        "UpdateItem",
        r#"{"TableName": "users", "Key": {"id": {"S": "1"}},
        "AttributeUpdates": {"a": {"Action": "MERGE", "Value": {"S": "x"}}}}"#,
    ),
    (
        "DeleteItem",
        r#"{"TableName": "users", "Key": {"id": {"S": "1"}}, "ReturnValues": "ALL_NEW"}"#,
    ),
    ("UpdateTimeToLive", r#"{"TableName": "users"}"#),
    (
        "UpdateTimeToLive",
        r#"{"TableName": "nowhere",
        "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "x"}}"#,
    ),
    ("DescribeTimeToLive", r#"{"TableName": "nowhere"}"#),
    ("TagResource", r#"{"ResourceArn": "users", "Tags": []}"#),
    (
        "TagResource",
        r#"{"ResourceArn": "arn:aws:dynamodb:a:b:table/nowhere",
        "Tags": [{"Key": "a", "Value": "b"}]}"#,
    ),
    ("UntagResource", r#"{"ResourceArn": "arn:aws:dynamodb:a:b:table/nowhere", "TagKeys": ["a"]}"#),
    ("ListTagsOfResource", "{}"),
    ("ListTagsOfResource", r#"{"ResourceArn": "x"}"#),
    ("DescribeStream", r#"{"StreamArn": "x"}"#),
    ("GetShardIterator", r#"{"StreamArn": "$STREAM", "ShardId": "x", "ShardIteratorType": "X"}"#),
    (
        "GetShardIterator",
        r#"{"StreamArn": "$STREAM", "ShardId": "x",
        "ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": "1"}"#,
    ),
    ("GetRecords", r#"{"ShardIterator": "x"}"#),
    (
        "SearchVectors",
        r#"{"TableName": "vectors", "IndexName": "cosine", "TopK": 1,
        "SearchVector": [{"N": "1"}]}"#,
    ),
    (
        "SearchVectors",
        r#"{"TableName": "vectors", "IndexName": "cosine", "TopK": 3.5,
        "SearchVector": [{"N": "1"}, {"N": "1"}]}"#,
    ),
    (
        "SearchVectors",
        r#"{"TableName": "vectors", "IndexName": "x", "TopK": 500,
        "SearchVector": []}"#,
    ),
];

/// All inputs of this file.
fn inputs() -> Vec<(&'static str, String)> {
    let mut all: Vec<_> =
        REQUESTS.iter().map(|(name, body)| (*name, (*body).to_string())).collect();
    for key in KEYS {
        for operation in ["GetItem", "DeleteItem", "UpdateItem"] {
            all.push((operation, format!(r#"{{"TableName": "users", "Key": {key}}}"#)));
        }
        all.push(("PutItem", format!(r#"{{"TableName": "users", "Item": {key}}}"#)));
        let batch = format!(r#"{{"RequestItems": {{"users": {{"Keys": [{key}]}}}}}}"#);
        all.push(("BatchGetItem", batch));
        let batch =
            format!(r#"{{"RequestItems": {{"users": [{{"DeleteRequest": {{"Key": {key}}}}}]}}}}"#);
        all.push(("BatchWriteItem", batch));
        for (operation, action) in [("TransactGetItems", "Get"), ("TransactWriteItems", "Delete")] {
            let item = format!(r#"{{"{action}": {{"TableName": "users", "Key": {key}}}}}"#);
            all.push((operation, format!(r#"{{"TransactItems": [{item}]}}"#)));
        }
        let scan = format!(r#"{{"TableName": "users", "ExclusiveStartKey": {key}}}"#);
        all.push(("Scan", scan));
    }
    for value in VALUES {
        let item = format!(r#"{{"id": {{"S": "v"}}, "a": {value}}}"#);
        all.push(("PutItem", format!(r#"{{"TableName": "users", "Item": {item}}}"#)));
        let put = format!(r#"[{{"PutRequest": {{"Item": {item}}}}}]"#);
        all.push(("BatchWriteItem", format!(r#"{{"RequestItems": {{"users": {put}}}}}"#)));
        let put = format!(r#"[{{"Put": {{"TableName": "users", "Item": {item}}}}}]"#);
        all.push(("TransactWriteItems", format!(r#"{{"TransactItems": {put}}}"#)));
        let parameters = format!(r#""Parameters": [{value}]"#);
        let statement = r#""Statement": "SELECT * FROM users WHERE id = ?""#;
        all.push(("ExecuteStatement", format!("{{{statement}, {parameters}}}")));
        let one = format!("[{{{statement}, {parameters}}}]");
        all.push(("BatchExecuteStatement", format!(r#"{{"Statements": {one}}}"#)));
        all.push(("ExecuteTransaction", format!(r#"{{"TransactStatements": {one}}}"#)));
        let values = format!(r#""ExpressionAttributeValues": {{":a": {value}}}"#);
        let update =
            r#""TableName": "users", "Key": {"id": {"S": "1"}}, "UpdateExpression": "SET a = :a""#;
        all.push(("UpdateItem", format!("{{{update}, {values}}}")));
        let scan = r#""TableName": "users", "FilterExpression": "a = :a""#;
        all.push(("Scan", format!("{{{scan}, {values}}}")));
        let query = r#""TableName": "users", "KeyConditionExpression": "id = :a""#;
        all.push(("Query", format!("{{{query}, {values}}}")));
        let condition = format!(r#"{{"a": {{"Value": {value}}}}}"#);
        let item = r#""TableName": "users", "Item": {"id": {"S": "1"}}"#;
        all.push(("PutItem", format!(r#"{{{item}, "Expected": {condition}}}"#)));
    }
    for expression in EXPRESSIONS {
        let mut body = serde_json::json!({
            "TableName": "users", "ExpressionAttributeValues": {":a": {"S": "1"}},
        });
        for (operation, member) in [
            ("Scan", "FilterExpression"),
            ("Scan", "ProjectionExpression"),
            ("Query", "KeyConditionExpression"),
        ] {
            let mut body = body.clone();
            body[member] = (*expression).into();
            all.push((operation, body.to_string()));
        }
        body["Key"] = serde_json::json!({"id": {"S": "1"}});
        for (operation, member) in
            [("UpdateItem", "UpdateExpression"), ("DeleteItem", "ConditionExpression")]
        {
            let mut body = body.clone();
            body[member] = (*expression).into();
            all.push((operation, body.to_string()));
        }
    }
    for statement in STATEMENTS {
        let one = serde_json::json!({"Statement": statement});
        all.push(("ExecuteStatement", one.to_string()));
        all.push(("BatchExecuteStatement", serde_json::json!({"Statements": [one]}).to_string()));
        let all_or_none = serde_json::json!({"TransactStatements": [one]});
        all.push(("ExecuteTransaction", all_or_none.to_string()));
    }
    all
}

#[tokio::test]
async fn wrong_inputs_get_the_same_response() {
    let mut sides = Sides::start().await;
    sides.fill().await;
    let mut refused = 0;
    for (operation, body) in inputs() {
        if sides.compare(operation, &body).await.status != 200 {
            refused += 1;
        }
    }
    assert!(refused >= 400, "only {refused} inputs were refused");
    sides.stop().await;
}

#[tokio::test]
async fn values_that_nest_too_deeply_get_the_same_response() {
    let mut sides = Sides::start().await;
    sides.fill().await;
    for levels in [30, 31, 32, 33, 60, 61, 62, 63, 64, 100, 1_999, 2_000, 2_001, 2_100, 20_000] {
        for (open, close) in [("{\"M\":{\"n\":", "}}"), ("{\"L\":[", "]}")] {
            let value = format!("{}{{\"S\":\"x\"}}{}", open.repeat(levels), close.repeat(levels));
            let key = format!(r#""Key":{{"id":{value}}}"#);
            let values = format!(r#""ExpressionAttributeValues":{{":v":{value}}}"#);
            let parameters =
                format!(r#""Statement":"SELECT * FROM users WHERE id = ?","Parameters":[{value}]"#);
            let conditions =
                format!(r#"{{"id":{{"ComparisonOperator":"EQ","AttributeValueList":[{value}]}}}}"#);
            for (operation, members) in [
                ("PutItem", format!(r#""Item":{{"id":{{"S":"1"}},"a":{value}}}"#)),
                (
                    "PutItem",
                    format!(
                        r#""Item":{{"id":{{"S":"1"}}}},"Expected":{{"a":{{"Value":{value}}}}}"#
                    ),
                ),
                ("GetItem", key.clone()),
                ("DeleteItem", key.clone()),
                ("UpdateItem", format!(r#"{key},"UpdateExpression":"SET a = :v",{values}"#)),
                (
                    "UpdateItem",
                    format!(
                        r#""Key":{{"id":{{"S":"1"}}}},"UpdateExpression":"SET a = :v",{values}"#
                    ),
                ),
                ("Scan", format!(r#""FilterExpression":"a = :v",{values}"#)),
                ("Scan", format!(r#""ExclusiveStartKey":{{"id":{value}}}"#)),
                ("Scan", format!(r#""ScanFilter":{conditions}"#)),
                ("Scan", format!(r#""Limit":"x","ExclusiveStartKey":{{"id":{value}}}"#)),
                ("Query", format!(r#""KeyConditions":{conditions}"#)),
                ("Query", format!(r#""ExclusiveStartKey":{{"id":{value}}}"#)),
                (
                    "BatchGetItem",
                    format!(r#""RequestItems":{{"users":{{"Keys":[{{"id":{value}}}]}}}}"#),
                ),
                (
                    "BatchWriteItem",
                    format!(r#""RequestItems":{{"users":[{{"DeleteRequest":{{{key}}}}}]}}"#),
                ),
                (
                    "TransactGetItems",
                    format!(r#""TransactItems":[{{"Get":{{"TableName":"users",{key}}}}}]"#),
                ),
                (
                    "TransactWriteItems",
                    format!(r#""TransactItems":[{{"Delete":{{"TableName":"users",{key}}}}}]"#),
                ),
                ("ExecuteStatement", parameters.clone()),
                ("BatchExecuteStatement", format!(r#""Statements":[{{{parameters}}}]"#)),
                ("ExecuteTransaction", format!(r#""TransactStatements":[{{{parameters}}}]"#)),
                ("ListTables", format!(r#""Other":{value}"#)),
                // Other mistakes come first.
                ("PutItem", format!(r#""ReturnValues":"X","Item":{{"id":{value}}}"#)),
                ("UpdateItem", format!(r#""ReturnValues":"X",{key}"#)),
                ("DeleteItem", format!(r#""ReturnValues":"X",{key}"#)),
                ("DeleteItem", format!(r#""ReturnValues":"ALL_NEW",{key}"#)),
                ("PutItem", format!(r#""ReturnConsumedCapacity":"X","Item":{{"id":{value}}}"#)),
                (
                    "BatchWriteItem",
                    format!(
                        r#""ReturnConsumedCapacity":"X",
                            "RequestItems":{{"users":[{{"DeleteRequest":{{{key}}}}}]}}"#
                    ),
                ),
                (
                    "TransactWriteItems",
                    format!(
                        r#""ReturnConsumedCapacity":"X",
                            "TransactItems":[{{"Delete":{{"TableName":"users",{key}}}}}]"#
                    ),
                ),
            ] {
                sides.compare(operation, &format!(r#"{{"TableName":"users",{members}}}"#)).await;
            }
        }
    }
    sides.stop().await;
}

//! What would harm the process: deep nesting, many callers, a stop in between.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use portcullis_embedded::EmbeddedDatabase;
use serde_json::json;

const TABLE: &str = r#"{"TableName": "users", "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}"#;

struct Client(SendRequest<Full<Bytes>>);

impl Client {
    async fn connect(database: &EmbeddedDatabase) -> Self {
        let (client, server) = tokio::io::duplex(64 * 1024);
        tokio::spawn(database.serve(server));
        let (sender, connection) = handshake(TokioIo::new(client)).await.expect("it speaks HTTP");
        tokio::spawn(connection);
        Self(sender)
    }

    /// The status and the body.
    async fn call(&mut self, operation: &str, body: impl Into<Bytes>) -> (u16, String) {
        let request = Request::post("/")
            .header("host", "local")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("x-amz-date", "20260101T000000Z")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=A, SignedHeaders=host, Signature=0",
            )
            .body(Full::new(body.into()))
            .expect("the request is valid");
        self.0.ready().await.expect("the connection is open");
        let response = self.0.send_request(request).await.expect("there is a response");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("the body is complete");
        (status, String::from_utf8(body.to_bytes().into()).expect("it is UTF-8"))
    }
}

#[tokio::test]
async fn expressions_that_nest_without_end_are_refused_and_the_process_lives() {
    let database = EmbeddedDatabase::open(None, true).expect("it opens");
    let mut client = Client::connect(&database).await;
    assert_eq!(client.call("CreateTable", TABLE).await.0, 200);
    let key = json!({"id": {"S": "1"}});
    let values = json!({":a": {"S": "1"}});
    for levels in [400, 2_000, 4_000, 100_000, 500_000] {
        for expression in [
            "(".repeat(levels),
            "NOT (".repeat(levels),
            format!("{}id = :a{}", "(id = :a AND ".repeat(levels), ")".repeat(levels)),
            "[".repeat(levels),
            format!("SET a = {}", "if_not_exists(a, ".repeat(levels)),
            format!("SELECT * FROM users WHERE {}", "(".repeat(levels)),
            format!("INSERT INTO users VALUE {{'id': {}", "[".repeat(levels)),
        ] {
            for (operation, body) in [
                (
                    "Scan",
                    json!({"TableName": "users", "FilterExpression": expression,
                    "ExpressionAttributeValues": values}),
                ),
                ("Scan", json!({"TableName": "users", "ProjectionExpression": expression})),
                (
                    "Query",
                    json!({"TableName": "users", "KeyConditionExpression": expression,
                    "ExpressionAttributeValues": values}),
                ),
                (
                    "DeleteItem",
                    json!({"TableName": "users", "ConditionExpression": expression,
                    "Key": key, "ExpressionAttributeValues": values}),
                ),
                (
                    "UpdateItem",
                    json!({"TableName": "users", "UpdateExpression": expression,
                    "Key": key, "ExpressionAttributeValues": values}),
                ),
                (
                    "TransactWriteItems",
                    json!({"TransactItems": [{"ConditionCheck": {
                    "TableName": "users", "Key": key, "ConditionExpression": expression}}]}),
                ),
                ("ExecuteStatement", json!({"Statement": expression})),
                ("ExecuteTransaction", json!({"TransactStatements": [{"Statement": expression}]})),
                ("BatchExecuteStatement", json!({"Statements": [{"Statement": expression}]})),
            ] {
                let (status, response) = client.call(operation, body.to_string()).await;
                let start: String = expression.chars().take(40).collect();
                assert_eq!(status, 400, "{operation} {start} {levels}: {response}");
                assert!(
                    response.contains("ValidationException"),
                    "{operation} {start}: {response}"
                );
            }
        }
    }
    database.stop().await;
}

#[tokio::test]
async fn long_expressions_without_nesting_do_not_overflow_either() {
    let database = EmbeddedDatabase::open(None, true).expect("it opens");
    let mut client = Client::connect(&database).await;
    assert_eq!(client.call("CreateTable", TABLE).await.0, 200);
    for times in [300, 1_000, 1_000_000] {
        for expression in [
            format!("{}id = :a", "NOT ".repeat(times)),
            format!("id = :a{}", " AND id = :a".repeat(times)),
            format!("id = :a{}", " OR id = :a".repeat(times)),
            format!("a{} = :a", ".b".repeat(times)),
            format!("a{} = :a", "[0]".repeat(times)),
            format!("SET a = :a{}", " + :a".repeat(times)),
            format!("SELECT * FROM users WHERE {}id = '1'", "NOT ".repeat(times)),
            format!("SELECT * FROM users WHERE id = '1'{}", " AND id = '1'".repeat(times)),
            format!("SELECT * FROM users WHERE id = {}1", "- ".repeat(times)),
        ] {
            let values = json!({":a": {"S": "1"}});
            for (operation, body) in [
                (
                    "Scan",
                    json!({"TableName": "users", "FilterExpression": expression,
                    "ExpressionAttributeValues": values}),
                ),
                ("Scan", json!({"TableName": "users", "ProjectionExpression": expression})),
                (
                    "Query",
                    json!({"TableName": "users", "KeyConditionExpression": expression,
                    "ExpressionAttributeValues": values}),
                ),
                (
                    "UpdateItem",
                    json!({"TableName": "users", "UpdateExpression": expression,
                    "Key": {"id": {"S": "1"}}, "ExpressionAttributeValues": values}),
                ),
                ("ExecuteStatement", json!({"Statement": expression})),
            ] {
                let (status, response) = client.call(operation, body.to_string()).await;
                assert!(status == 200 || status == 400, "{operation} {times}: {response}");
            }
        }
    }
    assert_eq!(client.call("ListTables", "{}").await, (200, r#"{"TableNames":["users"]}"#.into()));
    database.stop().await;
}

#[tokio::test]
async fn json_that_nests_without_end_is_refused_and_the_process_lives() {
    let database = EmbeddedDatabase::open(None, true).expect("it opens");
    let mut client = Client::connect(&database).await;
    assert_eq!(client.call("CreateTable", TABLE).await.0, 200);
    for levels in [100, 500, 100_000, 1_000_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("{\"L\":[", "]}")] {
            let inner = if open == "[" { "1" } else { "{\"S\":\"x\"}" };
            let value = format!("{}{inner}{}", open.repeat(levels), close.repeat(levels));
            for body in [
                format!(r#"{{"TableName":"users","Item":{{"id":{{"S":"1"}},"a":{value}}}}}"#),
                value.clone(),
                open.repeat(levels),
            ] {
                let (status, response) = client.call("PutItem", body).await;
                assert_eq!(status, 400, "{open} {levels}: {response}");
            }
        }
    }
    database.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_callers_at_once_are_served_and_nothing_is_lost() {
    let folder = tempfile::tempdir().expect("a folder can be created");
    let file = folder.path().join("data.db");
    let database = EmbeddedDatabase::open(Some(&file), true).expect("it opens");
    let mut client = Client::connect(&database).await;
    assert_eq!(client.call("CreateTable", TABLE).await.0, 200);
    let mut callers = Vec::new();
    for caller in 0..64 {
        let database = database.clone();
        callers.push(tokio::spawn(async move {
            let mut client = Client::connect(&database).await;
            for call in 0..10 {
                let item = json!({"id": {"S": format!("{caller}-{call}")}});
                let put = json!({"TableName": "users", "Item": item}).to_string();
                assert_eq!(client.call("PutItem", put).await, (200, "{}".to_string()));
                let count = json!({"TableName": "users", "Key": {"id": {"S": "count"}},
                    "UpdateExpression": "ADD n :one",
                    "ExpressionAttributeValues": {":one": {"N": "1"}}});
                assert_eq!(client.call("UpdateItem", count.to_string()).await.0, 200);
            }
        }));
    }
    for caller in callers {
        caller.await.expect("every call succeeds");
    }
    database.stop().await;

    // Everything is in the file: SQLite's log is gone.
    let files: Vec<_> = std::fs::read_dir(folder.path())
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").file_name())
        .collect();
    assert_eq!(files, ["data.db"]);
    let database = EmbeddedDatabase::open(Some(&file), false).expect("it opens again");
    let mut client = Client::connect(&database).await;
    let get = r#"{"TableName": "users", "Key": {"id": {"S": "count"}}}"#;
    let (_, response) = client.call("GetItem", get).await;
    assert!(response.contains(r#"{"N":"640"}"#), "{response}");
    let scan = r#"{"TableName": "users", "Select": "COUNT"}"#;
    let (_, response) = client.call("Scan", scan).await;
    assert!(response.contains(r#""Count":641"#), "{response}");
    database.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_connections_after_their_requests() {
    let database = EmbeddedDatabase::open(None, true).expect("it opens");
    let (client, server) = tokio::io::duplex(64 * 1024);
    let serving = tokio::spawn(database.serve(server));
    let (sender, connection) = handshake(TokioIo::new(client)).await.expect("it speaks HTTP");
    tokio::spawn(connection);
    assert_eq!(Client(sender).call("ListTables", "{}").await.0, 200);
    database.stop().await;
    serving.await.expect("the connection ends");
    // A stopped database is not a reason to wait.
    let (_, server) = tokio::io::duplex(64);
    database.serve(server).await;
    database.stop().await;
}

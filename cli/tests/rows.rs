//! Pages and rows: `--pages`, `--columns`, and the formats table, csv and ndjson.

mod support;

use portcullis_testkit::recorder::{self, RecordedRequest, Recorder, Response};
use std::path::Path;
use std::process::Output;
use support::command::{self, KEYS, err, out};

/// Runs a command with AWS's keys.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    command::run(folder, arguments, &KEYS)
}

/// A folder with a database that has five items, and a function that runs a command on it.
struct Database(tempfile::TempDir);

impl Database {
    fn new() -> Self {
        let database = Self(tempfile::tempdir().unwrap());
        database.succeed(&[
            "CreateTable",
            r#"{"TableName": "users", "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions":
                [{"AttributeName": "z", "AttributeType": "S"}, {"AttributeName": "b", "AttributeType": "N"}],
                "KeySchema": [{"AttributeName": "z", "KeyType": "HASH"}, {"AttributeName": "b", "KeyType": "RANGE"}]}"#,
        ]);
        for number in 1..=5 {
            let item = format!(
                r#"{{"TableName": "users", "Item": {{"name": "n{number}", "b": {number}, "a": "x", "z": "k"}}}}"#
            );
            database.succeed(&["PutItem", &item]);
        }
        database
    }

    fn run(&self, arguments: &[&str]) -> Output {
        run(self.0.path(), &[&["execute", "--local", "data.db"], arguments].concat())
    }

    /// What a command prints that succeeds.
    fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", err(&output));
        out(&output)
    }
}

#[test]
fn every_operation_with_pages_is_fetched_to_its_last_page() {
    let database = Database::new();
    let statement = r#"{"Statement": "SELECT * FROM \"users\"", "Limit": 2}"#;
    for (action, input) in [
        ("Scan", r#"{"TableName": "users", "Limit": 2}"#),
        (
            "Query",
            r#"{"TableName": "users", "Limit": 2, "KeyConditionExpression": "z = :z", "ExpressionAttributeValues": {":z": "k"}}"#,
        ),
        ("ExecuteStatement", statement),
    ] {
        let one = database.succeed(&[action, input, "-o", "ndjson"]);
        assert_eq!(one.lines().count(), 2, "{action}: {one}");
        let all = database.succeed(&[action, input, "-o", "ndjson", "--pages", "all"]);
        assert_eq!(all.lines().count(), 5, "{action}: {all}");
        let json = database.succeed(&[action, input, "-o", "json", "--pages", "all"]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["Items"].as_array().unwrap().len(), 5, "{action}: {json}");
        assert_eq!(json["Paging"]["StoppedBy"], "the last page", "{action}: {json}");
    }
    let note = database.run(&["ExecuteStatement", statement, "-o", "csv"]);
    assert!(err(&note).contains("--pages all"), "{}", err(&note));
}

#[test]
fn rows_of_batches_transactions_and_statements_are_unpacked() {
    let database = Database::new();
    let key = |number: u32| format!(r#"{{"z": "k", "b": {number}}}"#);
    let (first, second, none) = (key(1), key(2), key(77));
    let batch = format!(r#"{{"RequestItems": {{"users": {{"Keys": [{first}, {none}]}}}}}}"#);
    let get = |key: &str| format!(r#"{{"Get": {{"TableName": "users", "Key": {key}}}}}"#);
    let transaction =
        format!(r#"{{"TransactItems": [{}, {}, {}]}}"#, get(&first), get(&none), get(&second));
    let select = r#"SELECT * FROM \"users\" WHERE z = 'k' AND b = 1"#;
    let statements = format!(r#"{{"Statements": [{{"Statement": "{select}"}}]}}"#);
    let transact = format!(r#"{{"TransactStatements": [{{"Statement": "{select}"}}]}}"#);
    let update = format!(
        r#"{{"TableName": "users", "Key": {first}, "UpdateExpression": "SET a = :a", "ExpressionAttributeValues": {{":a": "x"}}, "ReturnValues": "ALL_NEW"}}"#
    );
    for (action, input, rows) in [
        ("BatchGetItem", &batch, "k,1,x,n1\n"),
        ("TransactGetItems", &transaction, "k,1,x,n1\nk,2,x,n2\n"),
        ("BatchExecuteStatement", &statements, "k,1,x,n1\n"),
        ("ExecuteTransaction", &transact, "k,1,x,n1\n"),
        ("UpdateItem", &update, "k,1,x,n1\n"),
    ] {
        let columns = ["--columns", "z,b,a,name"];
        let csv = database.succeed(&[&[action, input, "-o", "csv"], &columns[..]].concat());
        assert_eq!(csv, format!("z,b,a,name\n{rows}"), "{action}");
        let lines = database.succeed(&[action, input, "-o", "ndjson"]);
        assert_eq!(lines.lines().count(), rows.lines().count(), "{action}: {lines}");
        let table = database.succeed(&[action, input, "-o", "table"]);
        assert!(table.contains("n1") && !table.contains('{'), "{action}: {table}");
    }
}

#[test]
fn the_output_format_leaves_the_input_alone() {
    let database = Database::new();
    let put =
        r#"{"TableName": "users", "Item": {"z": {"S": "w"}, "b": {"N": "7"}, "m": {"L": []}}}"#;
    for format in ["csv", "table", "ndjson"] {
        database.succeed(&["PutItem", put, "-o", format]);
        let key = r#"{"TableName": "users", "Key": {"z": {"S": "w"}, "b": {"N": "7"}}}"#;
        let stored = database.succeed(&["GetItem", key, "-o", "json"]);
        assert!(stored.contains(r#""b":{"N":"7"}"#), "{format}: {stored}");
    }
    let misspelt = put.replace("\"S\"", "\"s\"");
    let output = database.run(&["PutItem", &misspelt, "-o", "csv"]);
    assert_eq!(output.status.code(), Some(5), "{}", err(&output));
    let filter = r#"{"TableName": "users", "FilterExpression": "b > :b", "ExpressionAttributeValues": {":b": {"N": "4"}}}"#;
    assert_eq!(
        database.succeed(&["Scan", filter, "-o", "csv"]),
        "z,b,a,m,name\nk,5,x,,n5\nw,7,,[],\n"
    );
    // In the plain format, values are as they are written.
    let plain =
        ["GetItem", r#"{"TableName": "users", "Key": {"z": "k", "b": 1}}"#, "--format", "plain"];
    assert_eq!(database.succeed(&[&plain[..], &["-o", "csv"]].concat()), "z,b,a,name\nk,1,x,n1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_was_not_done_is_never_a_success() {
    for (action, input, response, part) in [
        (
            "BatchWriteItem",
            r#"{"RequestItems": {"users": [{"DeleteRequest": {"Key": {"id": "1"}}}]}}"#,
            r#"{"UnprocessedItems":{"users":[{"DeleteRequest":{"Key":{"id":{"S":"1"}}}}]}}"#,
            "--resubmit",
        ),
        (
            "BatchExecuteStatement",
            r#"{"Statements": [{"Statement": "SELECT * FROM \"users\" WHERE id = 'x'"}]}"#,
            r#"{"Responses":[{"Error":{"Code":"ResourceNotFound","Message":"gone"}}]}"#,
            "statement 1 failed: ResourceNotFound: gone",
        ),
    ] {
        let service = recorder::start(Response::ok(response)).await;
        let folder = tempfile::tempdir().unwrap();
        let url = format!("http://{}", service.authority);
        for format in ["json", "pretty", "ndjson", "csv", "table"] {
            let target = ["execute", "--endpoint", &url, "--access", "write", action, input];
            let output = run(folder.path(), &[&target[..], &["-o", format]].concat());
            assert_eq!(output.status.code(), Some(8), "{action} {format}: {}", err(&output));
            assert!(err(&output).contains(part), "{action} {format}: {}", err(&output));
        }
    }
}

#[test]
fn counted_items_are_shown_as_their_number() {
    let database = Database::new();
    let count = r#"{"TableName": "users", "Select": "COUNT", "Limit": 2}"#;
    let all = ["--pages", "all"];
    for (format, expected) in
        [("csv", "Count,ScannedCount\n5,5\n"), ("ndjson", "{\"Count\":5,\"ScannedCount\":5}\n")]
    {
        let printed = database.succeed(&[&["Scan", count, "-o", format], &all[..]].concat());
        assert_eq!(printed, expected);
    }
    let one = database.succeed(&["Scan", count, "-o", "table"]);
    assert!(one.contains("ScannedCount") && one.contains('2'), "{one}");
}

#[test]
fn columns_are_keys_first_and_then_sorted_in_every_run() {
    let database = Database::new();
    for _ in 0..5 {
        for scan in [r#"{"TableName": "users"}"#, r#"{"TableName": "users", "Limit": 1}"#] {
            let csv = database.succeed(&["Scan", scan, "-o", "csv"]);
            assert!(csv.starts_with("z,b,a,name\n"), "{csv}");
        }
    }
    let chosen = ["Scan", r#"{"TableName": "users", "Limit": 1}"#, "--columns", "name,no,b", "-o"];
    assert_eq!(database.succeed(&[&chosen[..], &["csv"]].concat()), "name,no,b\nn1,,1\n");
    assert_eq!(
        database.succeed(&[&chosen[..], &["ndjson"]].concat()),
        "{\"name\":{\"S\":\"n1\"},\"b\":{\"N\":\"1\"}}\n"
    );
    let missing = database.run(&[&chosen[..], &["table"]].concat());
    assert!(err(&missing).contains("no item has the column no"), "{}", err(&missing));
}

#[test]
fn options_without_effect_are_wrong_usage() {
    let database = Database::new();
    for (arguments, parts) in [
        (&["GetItem", "{}", "--pages", "all"][..], ["GetItem has no pages", "ExecuteStatement"]),
        (
            &["DescribeTable", "{}", "--columns", "a", "-o", "csv"],
            ["returns no rows", "TransactGetItems"],
        ),
        (&["Scan", "{}", "--columns", "a"], ["--columns needs --output", "csv"]),
        (&["Scan", "{}", "--columns", "a,,b", "-o", "csv"], ["--columns", "value"]),
    ] {
        let output = database.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", err(&output));
        for part in parts {
            assert!(err(&output).contains(part), "{part} is missing in {}", err(&output));
        }
    }
}

/// A service whose pages have cursors from 1 to 3, and what it does after them.
async fn paged(
    after: impl Fn() -> Response + Send + Sync + 'static,
) -> (Recorder, tempfile::TempDir) {
    let respond = move |request: &RecordedRequest| {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let cursor = &body["ExclusiveStartKey"]["id"]["N"];
        let number: u32 = cursor.as_str().map_or(0, |number| number.parse().unwrap());
        if number == 3 {
            return after();
        }
        let next = number + 1;
        Response::ok(format!(
            r#"{{"Items":[{{"id":{{"N":"{next}"}}}}],"Count":1,"ScannedCount":1,"LastEvaluatedKey":{{"id":{{"N":"{next}"}}}}}}"#
        ))
    };
    let service = recorder::start_with("127.0.0.1", respond, None).await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{}", service.authority);
    let policy = format!(
        "[datasources.a]\nplugin = \"dynamodb\"\naccess = \"read\"\nactions = [\"Scan\"]\n\
         settings = {{ region = \"eu-west-1\", endpoint = \"{url}\", maxAttempts = 2 }}\n\
         egress = [\"{url}\"]\nnetworks = {{ \"{url}\" = [\"127.0.0.0/8\"] }}\n\
         credentials = {{ from = \"env\" }}\n"
    );
    std::fs::write(folder.path().join("portcullis.toml"), policy).unwrap();
    (service, folder)
}

const SCAN: [&str; 5] = ["execute", "Scan", r#"{"TableName": "users"}"#, "--pages", "all"];

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_after_the_first_page_is_never_a_success() {
    let throttled = || Response {
        status: 400,
        headers: Vec::new(),
        body: r#"{"__type":"x#ThrottlingException","message":"slow down"}"#.into(),
    };
    let (_service, folder) = paged(throttled).await;
    for format in ["json", "pretty", "ndjson", "csv", "table"] {
        let output = run(folder.path(), &[&SCAN[..], &["-o", format]].concat());
        assert_eq!(output.status.code(), Some(8), "{format}: {}", err(&output));
        assert!(out(&output).contains('3'), "{format}: what was fetched is printed");
        assert!(err(&output).contains("ThrottlingException: slow down"), "{}", err(&output));
    }
    // The caller's own limit is no failure.
    for format in ["json", "ndjson"] {
        let limited = [&SCAN[..], &["--max-items", "2", "-o", format]].concat();
        let output = run(folder.path(), &limited);
        assert!(output.status.success(), "{format}: {}", err(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paging_ends_at_once_at_a_cursor_that_does_not_move_or_is_empty() {
    let page = |cursor: &'static str| {
        move || Response::ok(format!(r#"{{"Items":[],"Count":0,"LastEvaluatedKey":{cursor}}}"#))
    };
    let (stuck, folder) = paged(page(r#"{"id":{"N":"3"}}"#)).await;
    for format in ["json", "ndjson"] {
        stuck.forget();
        let output = run(folder.path(), &[&SCAN[..], &["-o", format]].concat());
        assert_eq!(output.status.code(), Some(8), "{format}: {}", err(&output));
        assert!(err(&output).contains("a cursor that did not move"), "{}", err(&output));
        assert_eq!(stuck.requests().len(), 4, "{format}: no request follows");
    }
    let (ended, folder) = paged(page("{}")).await;
    for format in ["json", "ndjson"] {
        ended.forget();
        let output = run(folder.path(), &[&SCAN[..], &["-o", format]].concat());
        assert!(output.status.success(), "{format}: {}", err(&output));
        assert_eq!(ended.requests().len(), 4, "{format}");
    }
}

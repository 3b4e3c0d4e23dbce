//! The documented examples of a low-code platform, byte for byte. Each succeeds, or ends with an
//! error that names the JSON path and the remedy.

use portcullis::{Error, PluginError};
use portcullis_testkit::recorder::Response;
use portcullis_testkit::{dynoxide, recorder};
use serde_json::Value;
use tests::{oracle, plugins};

struct Example {
    action: String,
    body: String,
    strict_json: bool,
}

fn examples() -> Vec<Example> {
    let all: Vec<Value> =
        serde_json::from_str(include_str!("../fixtures/reference-examples.json")).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_string();
    let examples: Vec<Example> = all
        .iter()
        .map(|example| Example {
            action: text(&example["action"]),
            body: text(&example["body"]),
            strict_json: example["strict_json"].as_bool().unwrap(),
        })
        .collect();
    assert_eq!(examples.len(), 41);
    assert_eq!(examples.iter().filter(|example| !example.strict_json).count(), 5);
    examples
}

/// Examples that cannot be sent, with the JSON Pointer of the problem.
const INVALID: [(&str, &str); 2] = [
    ("RestoreTableFromBackup", "/TargetTableName"),
    ("UpdateTableReplicaAutoScaling", "/ProvisionedWriteCapacityAutoScalingUpdate"),
];

#[tokio::test]
async fn each_example_is_sent_with_its_action_its_body_and_a_correct_signature() {
    let server = recorder::start(Response::ok("{}")).await;
    let datasource = plugins::datasource(&server.authority, "").await;
    let mut sent = 0;
    for example in examples() {
        let result = datasource.execute(&example.action, &example.body).await;
        if let Some((_, pointer)) = INVALID.iter().find(|(action, _)| *action == example.action) {
            let Err(Error::Plugin(PluginError::InvalidInput(problems))) = result else {
                panic!("{}: {result:?}", example.action)
            };
            assert_eq!(problems[0].pointer, *pointer, "{}", example.action);
            assert!(
                problems[0].message.contains("expected"),
                "{}: {}",
                example.action,
                problems[0]
            );
            continue;
        }
        assert_eq!(result.as_deref().ok(), Some("{}"), "{}: {result:?}", example.action);
        sent += 1;
        let requests = server.requests();
        assert_eq!(requests.len(), sent, "{}", example.action);
        let request = requests.last().unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/"));
        assert_eq!(request.header("x-amz-target"), format!("DynamoDB_20120810.{}", example.action));
        assert_eq!(request.header("content-type"), "application/x-amz-json-1.0");
        assert_eq!(request.header("host"), server.authority);
        check_body(&example, std::str::from_utf8(&request.body).unwrap());
        let (carried, computed) =
            oracle::signatures(request, plugins::ACCESS_KEY_ID, plugins::SECRET, None, "us-east-1");
        assert_eq!(carried, computed, "{}", example.action);
    }
    assert_eq!(sent, 39);
    assert_eq!(server.connections(), 1, "all calls use one pooled connection");
}

/// Compares the body that reached the service with the one in the example.
fn check_body(example: &Example, body: &str) {
    match (example.action.as_str(), example.strict_json) {
        (_, true) if example.body.is_empty() => assert_eq!(body, "{}"),
        // The example has a key in ordinary JSON.
        ("GetItem", _) => {
            assert_eq!(
                body,
                example
                    .body
                    .replace("\"team_1\"", "{\"S\":\"team_1\"}")
                    .replace("\"emp_1\"", "{\"S\":\"emp_1\"}")
            );
        }
        // The plugin adds an idempotency token.
        ("TransactWriteItems", _) => {
            let mut sent: Value = serde_json::from_str(body).unwrap();
            assert!(sent.as_object_mut().unwrap().remove("ClientRequestToken").is_some());
            assert_eq!(sent, relaxed(&example.body));
        }
        (_, true) => assert_eq!(body, example.body, "{}", example.action),
        (_, false) => assert_eq!(
            serde_json::from_str::<Value>(body).unwrap(),
            relaxed(&example.body),
            "{}",
            example.action
        ),
    }
}

/// Parses an example with line comments and trailing commas. None of the five such examples
/// contains one within a string.
fn relaxed(text: &str) -> Value {
    let lines: String =
        text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("");
    serde_json::from_str(&lines.replace(",}", "}").replace(",]", "]")).unwrap()
}

#[tokio::test]
async fn each_example_has_the_expected_result_on_the_embedded_server() {
    let server = dynoxide::start().await;
    let datasource = plugins::datasource(&server.authority, "").await;
    let table = r#"{"TableName": "users",
        "AttributeDefinitions": [
            {"AttributeName": "team_id", "AttributeType": "S"},
            {"AttributeName": "employee_id", "AttributeType": "S"}],
        "KeySchema": [
            {"AttributeName": "team_id", "KeyType": "HASH"},
            {"AttributeName": "employee_id", "KeyType": "RANGE"}],
        "BillingMode": "PAY_PER_REQUEST"}"#;
    datasource.execute("CreateTable", table).await.unwrap();

    let mut outcomes = Vec::new();
    // The example that deletes the table runs last.
    let (delete, rest): (Vec<Example>, Vec<Example>) =
        examples().into_iter().partition(|example| example.action == "DeleteTable");
    for example in rest.into_iter().chain(delete) {
        let outcome = match datasource.execute(&example.action, &example.body).await {
            Ok(_) => "ok".to_string(),
            Err(Error::Plugin(PluginError::Service(error))) => {
                let hint = if error.hint.is_some() { " with a hint" } else { "" };
                format!("{}{hint}", error.code)
            }
            Err(Error::Plugin(PluginError::InvalidInput(problems))) => {
                format!("problem at {}", problems[0].pointer)
            }
            Err(error) => panic!("{}: {error}", example.action),
        };
        // The test above covers the operations that this server does not know.
        if !outcome.starts_with("UnknownOperation") {
            outcomes.push(format!("{}: {outcome}", example.action));
        }
    }
    let expected = include_str!("../fixtures/reference-outcomes.txt");
    assert_eq!(outcomes.join("\n"), expected.trim_end());
}

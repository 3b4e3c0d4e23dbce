//! Sends every operation of the API model to servers. The table of results is
//! `docs/operations.md`.

use dynamodb_plugin::catalogue::{OPERATIONS, Shape};
use portcullis_testkit::dynoxide;
use portcullis_testkit::recorder::{self, Response};
use serde_json::{Map, Value, json};
use tests::matrix::{self, Outcomes};
use tests::{oracle, plugins};

#[tokio::test]
async fn embedded_server_gives_the_documented_results() {
    let server = dynoxide::start().await;
    let datasource = plugins::connect(&server.authority, "", ",\"maxAttempts\":1").await.unwrap();
    let outcomes = matrix::run(&datasource).await;
    assert_eq!(outcomes.len(), OPERATIONS.len());
    assert!(outcomes.values().filter(|outcome| *outcome == "ok").count() >= 20, "{outcomes:?}");
    matrix::check("dynoxide", &outcomes);
}

#[tokio::test]
async fn every_operation_is_sent_correctly_and_its_response_is_decoded() {
    let mut outcomes = Outcomes::new();
    for operation in &OPERATIONS {
        let typed = sample(operation.output, false).to_string();
        let plain = sample(operation.output, true);
        let server = recorder::start(Response::ok(typed.clone())).await;
        let datasource = plugins::datasource(&server.authority, "").await;
        assert_eq!(
            datasource.execute(operation.name, operation.example).await.unwrap(),
            typed,
            "{}",
            operation.name
        );
        let response = datasource
            .execute_with(operation.name, &untyped(operation.example), "{\"format\":\"plain\"}")
            .await
            .unwrap();
        assert_eq!(serde_json::from_str::<Value>(&response).unwrap(), plain, "{}", operation.name);
        let requests = server.requests();
        for request in &requests {
            assert_eq!(
                request.header("x-amz-target"),
                format!("DynamoDB_20120810.{}", operation.name)
            );
            let (carried, computed) = oracle::signatures(
                request,
                plugins::ACCESS_KEY_ID,
                plugins::SECRET,
                None,
                "us-east-1",
            );
            assert_eq!(carried, computed, "{}", operation.name);
        }
        // Both formats send the same body, except for the idempotency token of each call.
        let sent = |index: usize| {
            let mut body: Value = serde_json::from_slice(&requests[index].body).unwrap();
            if let (Some(token), Some(members)) = (operation.token, body.as_object_mut()) {
                assert!(members.remove(token).is_some(), "{}", operation.name);
            }
            body
        };
        assert_eq!(sent(0), serde_json::from_str::<Value>(operation.example).unwrap());
        assert_eq!(sent(0), sent(1), "{}", operation.name);
        outcomes.insert(operation.name.to_string(), "ok".to_string());
    }
    matrix::check("recorder", &outcomes);
}

/// Returns a sample response for a shape, in DynamoDB JSON or in ordinary JSON.
fn sample(shape: &Shape, plain: bool) -> Value {
    match shape {
        Shape::Structure(members) => Value::Object(
            members
                .iter()
                .map(|member| (member.name.to_string(), sample(member.shape, plain)))
                .collect(),
        ),
        Shape::List { member, .. } => json!([sample(member, plain), sample(member, plain)]),
        Shape::Map { value, .. } => {
            json!({"S": sample(value, plain), "other": sample(value, plain)})
        }
        Shape::AttributeValue if plain => {
            json!({"text": "a", "n": 1.5, "l": [null, {"$SS": ["x"]}], "b": {"$B": "AP8="}})
        }
        Shape::AttributeValue => {
            json!({"M": {
                "text": {"S": "a"},
                "n": {"N": "1.5"},
                "l": {"L": [{"NULL": true}, {"SS": ["x"]}]},
                "b": {"B": "AP8="},
            }})
        }
        _ => json!("any value"),
    }
}

/// Replaces the typed strings of an example by plain ones. The examples contain no other attribute
/// values.
fn untyped(example: &str) -> String {
    fn walk(value: Value) -> Value {
        match value {
            Value::Object(members) if members.len() == 1 && members.contains_key("S") => {
                members["S"].clone()
            }
            Value::Object(members) => Value::Object(
                members.into_iter().map(|(name, value)| (name, walk(value))).collect::<Map<_, _>>(),
            ),
            Value::Array(elements) => Value::Array(elements.into_iter().map(walk).collect()),
            other => other,
        }
    }
    walk(serde_json::from_str(example).unwrap()).to_string()
}

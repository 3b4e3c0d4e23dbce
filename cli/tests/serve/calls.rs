//! Calls: numbers, templates with values, and what the other paths return.

use super::policy::ADMIN;
use super::support::{Serve, TABLE, datasource};
use portcullis_testkit::dynoxide;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn actions_run_over_http_and_numbers_keep_every_digit() {
    let upstream = dynoxide::start().await;
    let serve = Serve::start(&datasource("orders", &upstream.authority, ADMIN), &[]);
    assert_eq!(serve.act("CreateTable", TABLE).0, 200);
    // With trailing commas and a comment.
    let item =
        r#"{"TableName": "orders", "Item": {"id": "1", "n": 12345678901234567890.12,},} // x"#;
    assert_eq!(serve.act("PutItem", item), (200, json!({})));
    let key = r#"{"TableName": "orders", "Key": {"id": "1"}}"#;
    let typed = serve.send(
        "POST",
        "/v1/datasources/orders/actions/GetItem",
        &[("content-type", "application/json; charset=utf-8")],
        key.as_bytes(),
    );
    assert_eq!(typed.json()["Item"]["n"]["N"], "12345678901234567890.12");
    assert_eq!(typed.header("x-portcullis-attempts"), "1");
    let plain = serve.send(
        "POST",
        "/v1/datasources/orders/actions/GetItem?format=plain",
        &[("content-type", "application/json")],
        key.as_bytes(),
    );
    assert!(String::from_utf8(plain.body).unwrap().contains("\"n\":12345678901234567890.12"));
    let (status, list) = serve.get("/v1/datasources");
    assert_eq!((status, list["datasources"][0]["name"].as_str()), (200, Some("orders")));
    assert_eq!(list["datasources"][0].get("embedded"), None);
    // Without tokens, everyone is an operator.
    assert_eq!(list["operator"], true);
    assert_eq!((list["caller"].as_str(), list["tenant"].as_str()), (None, None));
    assert_eq!(serve.get("/v1/datasources/orders/test").1["ok"], true);
    assert_eq!(
        serve.get("/v1/datasources/orders/structure?prefix=ord").1["tables"][0]["name"],
        "orders"
    );
    let looks_like_a_number = TABLE.replace("\"orders\"", "\"007-agents\"");
    assert_eq!(serve.act("CreateTable", &looks_like_a_number).0, 200);
    assert_eq!(
        serve.get("/v1/datasources/orders/structure?prefix=007").1["tables"][0]["name"],
        "007-agents"
    );
    assert_eq!(
        serve.get("/v1/actions/GetItem").1["input"]["required"],
        json!(["Key", "TableName"])
    );
    let text = String::from_utf8(serve.send("GET", "/metrics", &[], &[]).body).unwrap();
    assert!(
        text.contains("portcullis_calls_total{datasource=\"orders\",outcome=\"ok\"} 8"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bound_values_cannot_change_the_template() {
    let upstream = dynoxide::start().await;
    let serve = Serve::start(&datasource("orders", &upstream.authority, ADMIN), &[]);
    serve.act("CreateTable", TABLE);
    let bound = |action: &str, body: Value| {
        let path = format!("/v1/datasources/orders/actions/{action}");
        let response = serve.send(
            "POST",
            &path,
            &[("content-type", "application/vnd.portcullis.bound+json")],
            body.to_string().as_bytes(),
        );
        (response.status, response.json())
    };
    let injected = r#"x"}, "admin": {"BOOL": true}, "y": {"S": ""#;
    let template = r#"{"TableName": "orders", "Item": {"id": {{id}}, "note": {{note}}}}"#;
    assert_eq!(
        bound("PutItem", json!({"template": template, "values": {"id": "1", "note": injected}})).0,
        200
    );
    let (_, got) = serve.act("GetItem", r#"{"TableName": "orders", "Key": {"id": "1"}}"#);
    assert_eq!(
        got["Item"],
        json!({"id": {"S": "1"}, "note": {"S": injected}}),
        "the value stays a string"
    );
    let (status, problem) = bound(
        "PutItem",
        json!({"template": "{\"a\": {{a}}, \"b\": \"{{b}}\"}", "values": {"b": 1, "c": 2}}),
    );
    assert_eq!((status, problem["faults"].as_array().unwrap().len()), (400, 3), "{problem}");
    assert_eq!(problem["faults"][2]["pointer"], "/values/c");
    assert_eq!(bound("PutItem", json!({"template": 1})).0, 400);
    let grows = json!({"template": "[{{v}}, {{v}}]", "values": {"v": "v".repeat(9_000_000)}});
    let (status, problem) = bound("PutItem", grows);
    assert_eq!((status, problem["case"].as_str()), (413, Some("too-large")), "{problem}");
    let twice = br#"{"template": "{\"TableName\": {{a}}}", "values": {"a": "x", "a": "y"}}"#;
    let response = serve.send(
        "POST",
        "/v1/datasources/orders/actions/Scan",
        &[("content-type", "application/vnd.portcullis.bound+json")],
        twice,
    );
    assert_eq!(
        (response.status, &response.json()["faults"][0]["pointer"]),
        (400, &json!("/values/a"))
    );
}

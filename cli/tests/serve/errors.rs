//! What callers are told when a call fails.

use super::policy::ADMIN;
use super::support::{Serve, datasource};
use portcullis_testkit::closed::ClosedPort;
use portcullis_testkit::scripted::AfterBytes;
use portcullis_testkit::{dynoxide, recorder, scripted};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_problem_documents_with_pointer_and_remedy() {
    let upstream = dynoxide::start().await;
    let serve = Serve::start(&datasource("orders", &upstream.authority, "access = \"read\""), &[]);
    let (status, denied) = serve.act("DeleteTable", r#"{"TableName": "orders"}"#);
    assert_eq!(
        (status, denied["case"].as_str(), denied["remedy"].as_str()),
        (403, Some("denied"), Some("access = \"admin\""))
    );
    let (status, input) = serve.act("GetItem", r#"{"TableNam": "orders"}"#);
    assert_eq!((status, input["faults"][0]["pointer"].as_str()), (400, Some("/TableNam")));
    let (status, service) = serve.act("Scan", r#"{"TableName": "nothing"}"#);
    assert_eq!((status, service["code"].as_str()), (400, Some("ResourceNotFoundException")));
    let (status, unknown) = serve.act("Getitem", "{}");
    assert_eq!((status, unknown["case"].as_str()), (404, Some("unknown-action")));
    assert_eq!(serve.post("/v1/datasources/other/actions/Scan", "{}").0, 404);
    assert_eq!(serve.get("/v1/datasources/orders/actions/Scan").0, 405);
    assert_eq!(
        serve.post("/v1/datasources/orders/actions/Scan?format=plain&format=typed", "{}").0,
        400
    );
    let (_, deadline) = serve.post("/v1/datasources/orders/actions/Scan?deadline=soon", "{}");
    assert_eq!(deadline["faults"][0]["pointer"], "/deadline");
    let response = serve.send(
        "POST",
        "/v1/datasources/orders/actions/Scan",
        &[("content-type", "application/json"), ("x-request-id", "mine-1")],
        b"{",
    );
    assert_eq!(
        (response.status, response.header("x-request-id"), response.header("content-type")),
        (400, "mine-1", "application/problem+json")
    );
    serve.wait_for_log("\"request\":\"mine-1\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_wire_requests_get_the_errors_of_dynamodb() {
    let upstream = dynoxide::start().await;
    let serve = Serve::start(&datasource("orders", &upstream.authority, "access = \"read\""), &[]);
    let wire = |target: &str, body: &str| {
        let response =
            serve.send("POST", "/ddb/orders", &[("x-amz-target", target)], body.as_bytes());
        assert_eq!(response.header("x-amz-crc32"), crc32fast::hash(&response.body).to_string());
        assert!(!response.header("x-amzn-requestid").is_empty());
        let json = response.json();
        let message =
            json["message"].as_str().or(json["Message"].as_str()).unwrap_or_default().to_string();
        (
            json["__type"].as_str().unwrap_or_default().rsplit('#').next().unwrap().to_string(),
            message,
        )
    };
    for target in [
        "",
        "DynamoDB_20120810",
        "DynamoDB_20120810.",
        "DynamoDB_20111205.GetItem",
        "Kinesis_20131202.PutRecord",
        "DynamoDB_20120810.Get Item",
    ] {
        assert_eq!(wire(target, "{}").0, "UnknownOperationException", "{target}");
    }
    let (code, message) = wire("DynamoDBStreams_20120810.ListStreams", "{}");
    assert!(code == "UnknownOperationException" && message.contains("Streams"), "{message}");
    let (code, message) = wire("DynamoDB_20120810.DeleteTable", "{}");
    assert!(
        code == "AccessDeniedException"
            && message.contains("rule access")
            && message.contains("access = \"admin\""),
        "{message}"
    );
    assert_eq!(
        wire("DynamoDB_20120810.GetItem", "{").0,
        "SerializationException",
        "JSON is checked before the operation"
    );
    assert!(serve.send("GET", "/ddb/orders/", &[], &[]).body.starts_with(b"healthy"));
    let put = serve.send(
        "PUT",
        "/ddb/orders/",
        &[("x-amz-target", "DynamoDB_20120810.ListTables")],
        b"{}",
    );
    assert_eq!((put.status, &*put.body), (404, &b"<UnknownOperationException/>\n"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn upstream_failures_have_distinct_errors_and_later_calls_succeed() {
    let healthy = dynoxide::start().await;
    let reset =
        scripted::start(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", AfterBytes::Close)
            .await;
    let garbage =
        scripted::start(b"\x16\x03\x01 this is not HTTP\r\n\r\n", AfterBytes::Close).await;
    let silent = scripted::start(b"", AfterBytes::Hang).await;
    let failing = recorder::start(recorder::Response {
        status: 500,
        headers: vec![],
        body: r#"{"__type":"x#InternalServerError"}"#.into(),
    })
    .await;
    let throttled = recorder::Response {
        status: 400,
        headers: vec![],
        body: r#"{"__type":"x#ProvisionedThroughputExceededException","message":"slow down"}"#
            .into(),
    };
    let throttled = recorder::start(throttled).await;
    let closed = ClosedPort::reserve();
    let mut policy = datasource("orders", &healthy.authority, ADMIN);
    for (name, authority) in [
        ("reset", &reset.authority),
        ("garbage", &garbage.authority),
        ("silent", &silent.authority),
        ("failing", &failing.authority),
        ("throttled", &throttled.authority),
        ("down", &format!("127.0.0.1:{}", closed.port)),
    ] {
        policy += &datasource(name, authority, ADMIN);
    }
    let serve = Serve::start(&policy, &[]);
    for (name, status, case, maybe_applied, code) in [
        ("down", 502, "transport", json!(false), "ServiceUnavailableException"),
        ("reset", 502, "transport", json!(true), "InternalServerError"),
        ("garbage", 502, "transport", json!(true), "InternalServerError"),
        ("failing", 502, "service", Value::Null, "InternalServerError"),
        ("throttled", 400, "service", Value::Null, "ProvisionedThroughputExceededException"),
        ("silent", 504, "", json!(true), "InternalServerError"),
    ] {
        let (got, problem) =
            serve.post(&format!("/v1/datasources/{name}/actions/ListTables?deadline=400ms"), "{}");
        assert_eq!((got, &problem["maybeApplied"]), (status, &maybe_applied), "{name}: {problem}");
        assert!(case.is_empty() || problem["case"] == case, "{name}: {problem}");
        if name != "silent" {
            let response = serve.send(
                "POST",
                &format!("/ddb/{name}/"),
                &[("x-amz-target", "DynamoDB_20120810.ListTables")],
                b"{}",
            );
            assert_eq!(
                response.json()["__type"].as_str().unwrap().rsplit('#').next(),
                Some(code),
                "{name}"
            );
        }
        assert_eq!(serve.act("ListTables", "{}").0, 200, "a call succeeds after {name}");
    }
}

//! What `portcullis serve` records and logs about requests that it refuses.

mod support;

use portcullis_testkit::{recorder, scripted};
use serde_json::Value;
use std::time::Duration;
use support::{Serve, datasource, token};

const ADMIN: &str = "access = \"admin\"";
const JSON: &str = "application/json";

/// A server with the tokens `pcl_app`, `pcl_old` (expired) and `pcl_ops`.
fn start(upstream: &recorder::Recorder) -> Serve {
    let policy = datasource("orders", &upstream.authority, ADMIN)
        + "[audit]\nfile = \"audit.jsonl\"\n"
        + &token("app", "pcl_app", "datasources = [\"orders\"]\nactions = [\"ListTables\"]")
        + &token("old", "pcl_old", "datasources = [\"orders\"]\nexpires = 2020-01-01T00:00:00Z")
        + &token("ops", "pcl_ops", "datasources = [\"*\"]\noperator = true");
    Serve::start(&policy, &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn f11_each_refusal_at_the_edge_is_recorded_with_caller_and_peer() {
    let upstream = recorder::start(recorder::Response::ok("{\"TableNames\": []}")).await;
    let serve = start(&upstream);
    let send = |method: &str, path: &str, token: &str, media_type: &str| {
        let authorization = format!("Bearer {token}");
        let headers = [
            ("content-type", media_type),
            ("x-amz-target", "DynamoDB_20120810.ListTables"),
            ("authorization", &*authorization),
            ("x-request-id", "mine"),
        ];
        let body: &[u8] = if method == "POST" { b"{}" } else { b"" };
        serve.send(method, path, &headers, body)
    };
    let act = "/v1/datasources/orders/actions/ListTables";
    for (method, path, token, media_type, status, caller, rule) in [
        ("POST", act, "pcl_other", JSON, 401, None, "unauthorized"),
        ("POST", act, "pcl_old", JSON, 401, None, "unauthorized"),
        (
            "POST",
            "/v1/datasources/users/actions/Scan",
            "pcl_app",
            JSON,
            403,
            Some("app"),
            "forbidden",
        ),
        (
            "POST",
            "/v1/datasources/orders/actions/Scan",
            "pcl_app",
            JSON,
            403,
            Some("app"),
            "forbidden",
        ),
        ("POST", "/v1/reload", "pcl_app", JSON, 403, Some("app"), "forbidden"),
        ("POST", act, "pcl_app", "text/plain", 415, Some("app"), "media-type"),
        ("GET", act, "pcl_app", JSON, 405, Some("app"), "method-not-allowed"),
        ("GET", "/nothing", "pcl_app", JSON, 404, None, "not-found"),
        ("POST", "/ddb/users/", "pcl_app", JSON, 400, Some("app"), "forbidden"),
        ("POST", "/ddb/orders/", "pcl_other", JSON, 400, None, "unauthorized"),
    ] {
        let before = serve.audit().len();
        let response = send(method, path, token, media_type);
        assert_eq!(response.status, status, "{path}");
        assert_eq!(response.header("x-request-id"), "mine", "{path}");
        let records = serve.audit();
        assert_eq!(records.len(), before + 1, "{path} {token}: {records:?}");
        let last = records.last().unwrap();
        assert_eq!(
            (last["event"].as_str(), last["rule"].as_str(), last["caller"].as_str()),
            (Some("request"), Some(rule), caller),
            "{path}: {last}"
        );
        assert_eq!((&last["peer"], &last["request"]), (&"127.0.0.1".into(), &"mine".into()));
        // Not to exceed ten a second.
        std::thread::sleep(Duration::from_millis(150));
    }
    assert_eq!(send("POST", act, "pcl_app", JSON).status, 200);
    let records = serve.audit();
    let call = records.last().unwrap();
    assert_eq!(
        (&call["event"], &call["caller"], &call["peer"]),
        (&"call".into(), &"app".into(), &"127.0.0.1".into())
    );
    let numbers: Vec<u64> =
        records.iter().map(|record| record["sequence"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    let text = serve.log() + &records.iter().map(Value::to_string).collect::<String>();
    assert!(!text.contains("pcl_"), "a token is in the log or the audit:\n{text}");
    for path in ["/healthz", "/readyz", "/openapi.json", "/nothing"] {
        let response = send("GET", path, "pcl_app", JSON);
        assert_eq!(response.header("x-request-id"), "mine", "{path}");
    }
    let metrics = String::from_utf8(send("GET", "/metrics", "pcl_ops", JSON).body).unwrap();
    for route in ["/healthz", "/readyz", "/openapi.json"] {
        let line = format!("portcullis_http_requests_total{{route=\"{route}\",status=\"200\"}} 1");
        assert!(metrics.contains(&line), "{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f11_a_flood_of_refusals_is_counted_and_does_not_fill_the_audit() {
    let upstream = recorder::start(recorder::Response::ok("{}")).await;
    let serve = start(&upstream);
    let flood = 200;
    for _ in 0..flood {
        assert_eq!(serve.act("ListTables", "{}").0, 401);
    }
    std::thread::sleep(Duration::from_millis(2500));
    let records = serve.audit();
    let refusals: Vec<&Value> =
        records.iter().filter(|record| record["event"] == "request").collect();
    assert!(refusals.len() <= 60, "{}", refusals.len());
    let recorded = refusals.iter().filter(|record| record["rule"] == "unauthorized").count() as u64;
    let left_out: u64 = refusals.iter().filter_map(|record| record["unrecorded"].as_u64()).sum();
    assert_eq!(recorded + left_out, flood, "{refusals:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f11_what_is_not_http_is_recorded() {
    let upstream = recorder::start(recorder::Response::ok("{}")).await;
    let serve = start(&upstream);
    assert!(serve.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").contains(" 400 "));
    let end = std::time::Instant::now() + Duration::from_secs(5);
    while serve.audit().is_empty() {
        assert!(std::time::Instant::now() < end, "there is no record");
        std::thread::sleep(Duration::from_millis(20));
    }
    let records = serve.audit();
    let last = records.last().unwrap();
    assert_eq!(
        (&last["event"], &last["rule"], &last["peer"]),
        (&"request".into(), &"malformed-request".into(), &"127.0.0.1".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn client_that_leaves_is_logged() {
    let upstream = scripted::start(b"", scripted::AfterBytes::Hang).await;
    let serve = Serve::start(&datasource("orders", &upstream.authority, ADMIN), &[]);
    let request = "POST /v1/datasources/orders/actions/ListTables HTTP/1.1\r\nHost: localhost\r\n\
                   Content-Type: application/json\r\nX-Request-Id: gone\r\nContent-Length: 2\r\n\r\n{}";
    // It leaves after 1.5 seconds of silence.
    assert_eq!(serve.raw(request.as_bytes()), "");
    serve.wait_for_log("\"status\":499");
    let line =
        serve.log().lines().find(|line| line.contains("\"status\":499")).unwrap().to_string();
    assert!(
        line.contains("\"request\":\"gone\"") && line.contains("\"peer\":\"127.0.0.1\""),
        "{line}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_in_json_contain_no_debug_text() {
    let upstream = recorder::start(recorder::Response::ok("{}")).await;
    let serve = start(&upstream);
    serve.act("ListTables", "{}");
    serve.raw(b"nonsense\r\n\r\n");
    serve.signal("HUP");
    serve.wait_for_log("the policy was reloaded");
    serve.write_policy("nonsense");
    serve.signal("HUP");
    serve.wait_for_log("the previous one stays in force");
    for line in serve.log().lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        for (name, value) in entry.as_object().unwrap() {
            let text = value.as_str().unwrap_or_default();
            for sign in ["Some(", "None", "Ok(", "Err(", "\\\"", "[\""] {
                assert!(!text.contains(sign), "{name} is written as in Rust: {line}");
            }
        }
    }
}

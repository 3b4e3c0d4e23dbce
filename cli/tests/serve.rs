//! Tests of `portcullis serve`, run as a process.

mod support;

use portcullis_testkit::scripted::AfterBytes;
use portcullis_testkit::{dynoxide, recorder, scripted, tls::CertificateAuthority};
use serde_json::{Value, json};
use std::io::Write;
use std::time::{Duration, Instant};
use support::{SECRET, Serve, TABLE, datasource, read, try_send};
use tokio::task::block_in_place;

const ADMIN: &str = "access = \"admin\"";

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
    let plain = serve.send(
        "POST",
        "/v1/datasources/orders/actions/GetItem?format=plain",
        &[("content-type", "application/json")],
        key.as_bytes(),
    );
    assert!(String::from_utf8(plain.body).unwrap().contains("\"n\":12345678901234567890.12"));
    let (status, list) = serve.get("/v1/datasources");
    assert_eq!((status, list["datasources"][0]["name"].as_str()), (200, Some("orders")));
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

const TOKENS: &str = "
[server.tokens.app]
sha256 = \"cc13a62a2ab73d0dfc61dc94b9a47bad75d2e0f2ee1a9e2cbe7bd0b8a2e1d5a1\"
datasources = [\"orders\"]
actions = [\"Scan\", \"ListTables\"]
[server.tokens.ops]
sha256 = \"OPS\"
datasources = [\"*\"]
operator = true
";

/// Returns the policy lines for the tokens `pcl_app` and `pcl_ops`.
fn tokens() -> String {
    let digest = |token: &str| hex::encode(<sha2::Sha256 as sha2::Digest>::digest(token));
    let app = "cc13a62a2ab73d0dfc61dc94b9a47bad75d2e0f2ee1a9e2cbe7bd0b8a2e1d5a1";
    TOKENS.replace(app, &digest("pcl_app")).replace("OPS", &digest("pcl_ops"))
}

/// Returns the `Authorization` header of an AWS SDK that has the token as its access key id.
fn signed(token: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={token}/20260101/us-east-1/dynamodb/aws4_request, \
         SignedHeaders=host, Signature=00"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn f1_requests_need_a_token_for_their_datasource_and_action() {
    let upstream = dynoxide::start().await;
    let policy = datasource("orders", &upstream.authority, ADMIN)
        + &datasource("users", &upstream.authority, ADMIN)
        + &tokens();
    let serve = Serve::start(&policy, &[]);
    let scan = |datasource: &str, action: &str, authorization: Option<&str>| {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(authorization.map(|value| ("authorization", value)));
        let response = serve.send(
            "POST",
            &format!("/v1/datasources/{datasource}/actions/{action}"),
            &headers,
            b"{}",
        );
        (response.status, response.header("www-authenticate").to_string())
    };
    assert_eq!(scan("orders", "ListTables", Some("Bearer pcl_app")).0, 200);
    for wrong in [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer pcl_ap"),
        Some("Bearer pcl_app2"),
        Some("pcl_app"),
        Some("Basic pcl_app"),
    ] {
        assert_eq!(scan("orders", "ListTables", wrong), (401, "Bearer".to_string()), "{wrong:?}");
    }
    assert_eq!(
        scan("users", "ListTables", Some("Bearer pcl_app")).0,
        403,
        "the token is for another datasource"
    );
    assert_eq!(
        scan("nothing", "ListTables", Some("Bearer pcl_app")).0,
        403,
        "the response does not tell which datasources exist"
    );
    assert_eq!(scan("orders", "DeleteTable", Some("Bearer pcl_app")).0, 403);
    assert_eq!(scan("nothing", "ListTables", Some("Bearer pcl_ops")).0, 404);
    let as_app = |method: &str, path: &str| {
        serve.send(method, path, &[("authorization", "Bearer pcl_app")], &[]).status
    };
    assert_eq!(
        (as_app("GET", "/metrics"), as_app("POST", "/v1/reload"), as_app("GET", "/v1/actions")),
        (403, 403, 200)
    );
    let listed =
        serve.send("GET", "/v1/datasources", &[("authorization", "Bearer pcl_app")], &[]).json();
    assert_eq!(listed["datasources"].as_array().unwrap().len(), 1);
    assert_eq!(
        (serve.get("/v1/actions").0, serve.get("/healthz").0, serve.get("/readyz").0),
        (401, 200, 200)
    );

    let wire = |datasource: &str, action: &str, authorization: &str| {
        let target = format!("DynamoDB_20120810.{action}");
        let response = serve.send(
            "POST",
            &format!("/ddb/{datasource}/"),
            &[("authorization", authorization), ("x-amz-target", &target)],
            b"{}",
        );
        (
            response.status,
            response.json()["__type"]
                .as_str()
                .unwrap_or_default()
                .rsplit('#')
                .next()
                .unwrap()
                .to_string(),
        )
    };
    assert_eq!(wire("orders", "ListTables", &signed("pcl_app")).0, 200);
    assert_eq!(wire("orders", "ListTables", "Bearer pcl_app").0, 200);
    for (datasource, action, authorization, code) in [
        ("orders", "ListTables", String::new(), "MissingAuthenticationTokenException"),
        ("orders", "ListTables", signed("AKIDEXAMPLE"), "UnrecognizedClientException"),
        ("users", "ListTables", signed("pcl_app"), "AccessDeniedException"),
        ("orders", "DeleteTable", signed("pcl_app"), "AccessDeniedException"),
    ] {
        assert_eq!(wire(datasource, action, &authorization), (400, code.to_string()));
    }
    let log = serve.log();
    assert!(!log.contains("pcl_") && !log.contains(SECRET), "a secret is in the log:\n{log}");
    assert!(log.contains("\"holder\":\"app\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_path_traversal_and_unusual_encodings_reach_no_datasource() {
    let upstream = dynoxide::start().await;
    let serve = Serve::start(&datasource("orders", &upstream.authority, ADMIN), &[]);
    for path in [
        "/v1/datasources/..%2F..%2Fetc%2Fpasswd/actions/ListTables",
        "/v1/datasources/%2e%2e/actions/ListTables",
        "/v1/datasources/orders%00/actions/ListTables",
        "/v1/datasources/%ff%fe/actions/ListTables",
        "/v1/datasources/orders/actions/List%54ables%2f..",
        "/v1/datasources/orders/actions/..%5c",
        "/v1/datasources/ORDERS/actions/ListTables",
        "/v1/datasources//actions/ListTables",
        "//v1/datasources/orders/actions/ListTables",
        "/v1/../v1/datasources/orders/actions/ListTables",
        "/ddb/..%2f/",
    ] {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
             X-Amz-Target: DynamoDB_20120810.ListTables\r\nContent-Length: 2\r\n\
             Connection: close\r\n\r\n{{}}"
        );
        let response = serve.raw(request.as_bytes());
        let status = response.split(' ').nth(1).unwrap_or_default();
        assert!(status == "400" || status == "404", "{path}: {response}");
    }
    assert_eq!(serve.act("ListTables", "{}").0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn f3_oversized_and_slow_clients_are_disconnected_and_others_are_served() {
    let upstream = dynoxide::start().await;
    let limits = "
[server]
header-timeout = \"300ms\"
body-timeout = \"300ms\"
body-bytes = \"64 KiB\"
connections = 40
";
    let serve = Serve::start(&(datasource("orders", &upstream.authority, ADMIN) + limits), &[]);
    assert_eq!(serve.act("CreateTable", TABLE).0, 200);
    let large = format!("{{\"x\": \"{}\"}}", "x".repeat(70_000));
    assert_eq!(serve.act("Scan", &large), (413, serve.act("Scan", &large).1));
    let head = "POST /v1/datasources/orders/actions/ListTables HTTP/1.1\r\nHost: localhost\r\n\
                Content-Type: application/json\r\n";
    let chunked = format!(
        "{head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n{}",
        format!("8000\r\n{:32768}\r\n", "").repeat(3)
    );
    assert!(
        serve.raw(chunked.as_bytes()).contains(" 413 "),
        "the limit applies to a body without a length too"
    );
    // If the client is still writing when the response arrives, the connection may be reset and the
    // response lost.
    let refused = serve.raw(format!("{head}X-Long: {}\r\n\r\n", "x".repeat(1_000_000)).as_bytes());
    assert!(refused.is_empty() || refused.contains(" 431 "), "headers of 1 MB: {refused}");
    assert!(
        serve.raw(format!("{head}Content-Length: 9\r\n\r\n{{").as_bytes()).contains(" 408 "),
        "a body that does not arrive"
    );
    assert!(
        serve
            .raw(format!("{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}").as_bytes())
            .contains(" 400 ")
    );
    let began = Instant::now();
    assert_eq!(serve.raw(head.as_bytes()), "", "headers that do not end");
    assert!(
        began.elapsed() < Duration::from_millis(1400),
        "the server closes the connection before the client gives up: {:?}",
        began.elapsed()
    );
    // Silent connections use up all 40 connections. They are closed after the time limit, and then
    // other calls succeed.
    let silent: Vec<_> = (0..40).map(|_| serve.connect()).collect();
    assert_eq!(serve.act("ListTables", "{}").0, 200);
    drop(silent);
    // A client that does not read its response is disconnected too.
    for number in 0..200 {
        let item = format!(
            r#"{{"TableName": "orders", "Item": {{"id": "{number}", "text": "{}"}}}}"#,
            "x".repeat(60_000)
        );
        assert_eq!(serve.act("PutItem", &item).0, 200);
    }
    let scan = format!(
        "{}Content-Length: 23\r\n\r\n{{\"TableName\": \"orders\"}}",
        head.replace("ListTables", "Scan?pages=all")
    );
    let mut not_reading: Vec<_> = (0..4).map(|_| serve.connect()).collect();
    for stream in &mut not_reading {
        stream.write_all(scan.as_bytes()).unwrap();
    }
    // Waits until every response has started, and until the time limit for reading it is over.
    let end = Instant::now() + Duration::from_secs(30);
    while !not_reading.iter().all(|stream| stream.peek(&mut [0]).is_ok_and(|length| length == 1)) {
        assert!(Instant::now() < end, "the responses do not start");
    }
    std::thread::sleep(Duration::from_millis(1500));
    let whole = serve.send(
        "POST",
        "/v1/datasources/orders/actions/Scan?pages=all",
        &[("content-type", "application/json")],
        br#"{"TableName": "orders"}"#,
    );
    assert!(
        whole.status == 200 && whole.body.len() > 10_000_000,
        "the response is larger than the buffers of a socket: {}",
        whole.body.len()
    );
    let got: Vec<usize> = not_reading.iter_mut().map(|stream| read(stream).len()).collect();
    assert!(
        got.iter().all(|got| *got < whole.body.len()),
        "no client gets the whole response of {} bytes: {got:?}",
        whole.body.len()
    );
    let one = format!("{head}Content-Length: 2\r\n\r\n{{}}");
    let pipelined =
        serve.raw(format!("{one}GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n{one}").as_bytes());
    let bodies =
        ["{\"TableNames\":[\"orders\"]}", "{\"status\":\"ok\"}", "{\"TableNames\":[\"orders\"]}"];
    let offsets: Vec<_> = pipelined.match_indices("HTTP/1.1 200").map(|(at, _)| at).collect();
    assert_eq!(offsets.len(), 3, "{pipelined}");
    for (offset, body) in offsets.iter().zip(bodies) {
        assert!(
            pipelined[*offset..].split("\r\n\r\n").nth(1).unwrap().starts_with(body),
            "responses arrive in order: {pipelined}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f4_the_callers_headers_are_not_sent_to_the_service() {
    let response = recorder::Response {
        status: 400,
        headers: vec![
            ("x-amzn-requestid", "UPSTREAM".to_string()),
            ("x-amz-crc32", "1".to_string()),
            ("set-cookie", "a=b".to_string()),
        ],
        body: concat!(
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","#,
            r#" "Item" : {}}"#
        )
        .into(),
    };
    let upstream = recorder::start(response.clone()).await;
    let serve =
        Serve::start(&datasource("orders", &upstream.authority, ADMIN), &["--wire", "127.0.0.1:0"]);
    let body = "{ \"TableName\": \"orders\", \"x\": 1.0 }";
    for url in
        [format!("{}/ddb/orders/", serve.url), serve.wire[serve.wire.len() - 1].clone() + "/"]
    {
        upstream.forget();
        let headers = [
            ("authorization", &*signed("AKIDOFTHECALLER")),
            ("x-amz-target", "DynamoDB_20120810.PutItem"),
            ("x-amz-security-token", "TOKENOFTHECALLER"),
            ("x-forwarded-for", "10.0.0.1"),
            ("cookie", "c=d"),
        ];
        let got = support::send("POST", &url, &headers, body.as_bytes());
        assert_eq!(
            (got.status, &*got.body),
            (400, &*response.body),
            "the service's status and body are returned unchanged"
        );
        assert_eq!(
            (got.header("x-amzn-requestid"), got.header("x-amz-crc32"), got.header("set-cookie")),
            ("UPSTREAM", "1", "")
        );
        let seen = &upstream.requests()[0];
        assert_eq!((&*seen.body, seen.header("host")), (body.as_bytes(), &*upstream.authority));
        let all = format!("{:?}", seen.headers);
        for part in ["OFTHECALLER", "x-forwarded-for", "cookie"] {
            assert!(!all.contains(part), "{part} was sent to the service: {all}");
        }
        assert!(
            seen.header("authorization").contains("Credential=AKIDEXAMPLE/"),
            "the request is signed with the host's identity"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f5_browser_pages_and_other_host_names_are_refused() {
    let upstream = recorder::start(recorder::Response::ok("{}")).await;
    let serve = Serve::start(&datasource("orders", &upstream.authority, ADMIN), &[]);
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("host", "evil.example"),
        ("host", "127.0.0.1.evil.example:8700"),
        ("origin", "null"),
    ] {
        for path in ["/v1/datasources/orders/actions/ListTables", "/ddb/orders/"] {
            let headers = [
                ("content-type", "application/json"),
                ("x-amz-target", "DynamoDB_20120810.ListTables"),
                (name, value),
            ];
            let response = serve.send("POST", path, &headers, b"{}");
            assert!(
                response.status == 403
                    || response.json()["__type"]
                        .as_str()
                        .is_some_and(|code| code.ends_with("AccessDeniedException"))
            );
        }
    }
    // A form in a page may send these media types to any site, without a preflight request.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        assert_eq!(
            serve
                .send(
                    "POST",
                    "/v1/datasources/orders/actions/ListTables",
                    &[("content-type", kind)],
                    b"{}"
                )
                .status,
            415
        );
    }
    assert!(upstream.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn f6_requests_cannot_forge_log_lines() {
    let upstream = dynoxide::start().await;
    let serve = Serve::start(&datasource("orders", &upstream.authority, ADMIN), &[]);
    let name = "a%0A%7B%22level%22:%22forged%22%7D%1b%5B31m";
    serve.post(&format!("/v1/datasources/{name}/actions/{name}"), "{}");
    serve.post(&format!("/v1/datasources/orders/actions/{name}"), "{}");
    let request = format!(
        "POST /ddb/{name}/ HTTP/1.1\r\nHost: localhost\r\n\
         X-Amz-Target: DynamoDB_20120810.forged\x1b\r\nConnection: close\r\n\r\n"
    );
    serve.raw(request.as_bytes());
    serve.send(
        "GET",
        "/v1/actions",
        &[("x-request-id", "a {\"forged\""), ("user-agent", "forged")],
        &[],
    );
    assert_eq!(serve.get("/healthz").0, 200);
    serve.wait_for_log("/v1/actions");
    for line in serve.log().lines() {
        let line: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["level"] != "forged" && !line.to_string().contains('\u{1b}'), "{line}");
    }
    assert!(!serve.log().contains("forged"), "{}", serve.log());
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
async fn reload_is_all_or_nothing() {
    let upstream = dynoxide::start().await;
    let orders = datasource("orders", &upstream.authority, ADMIN);
    let serve = Serve::start(&orders, &[]);
    assert_eq!(serve.act("ListTables", "{}").0, 200);
    for (bad, detail) in [
        ("[datasources.orders", "portcullis.toml"),
        (&*datasource("orders", &upstream.authority, "acess = \"read\""), "did you mean `access`"),
        (&*(orders.clone() + "[datasources.users]\nplugin = \"nothing\""), "datasource: users"),
        (&*(orders.clone() + "[server]\nconnections = 3"), "server.connections has changed"),
        (&*(orders.clone() + "[audit]\nfile = \"a\""), "audit has changed"),
        (
            &*(orders.clone()
                + "[datasources.users]\nplugin = \"dynamodb\"\nsettings = { regin = \"x\" }"),
            "/regin",
        ),
    ] {
        serve.write_policy(bad);
        let (status, problem) = serve.post("/v1/reload", "");
        assert!(status == 409 && problem["detail"].as_str().unwrap().contains(detail), "{problem}");
        assert_eq!(serve.act("ListTables", "{}").0, 200, "the old policy is in use");
    }
    serve.write_policy(
        &(datasource("orders", &upstream.authority, "access = \"read\"")
            + &datasource("users", &upstream.authority, ADMIN)),
    );
    let (status, changes) = serve.post("/v1/reload", "");
    assert_eq!(
        (status, changes),
        (
            200,
            json!({
                "added": ["users"], "changed": ["orders"], "removed": [], "unchanged": 0,
                "tokens": {"added": [], "changed": [], "removed": []},
            })
        )
    );
    assert_eq!(serve.act("DeleteTable", r#"{"TableName": "orders"}"#).0, 403);
    serve.write_policy(&orders);
    serve.signal("HUP");
    serve.wait_for_log("datasources: 0 added, 1 changed, 1 removed, 0 unchanged");
    assert_eq!(
        (
            serve.act("CreateTable", TABLE).0,
            serve.post("/v1/datasources/users/actions/ListTables", "{}").0
        ),
        (200, 404)
    );
}

/// Starts an upstream that responds after 700 ms.
async fn slow() -> recorder::Recorder {
    let respond = |_: &recorder::RecordedRequest| {
        std::thread::sleep(Duration::from_millis(700));
        recorder::Response::ok("{\"TableNames\":[\"slow\"]}")
    };
    recorder::start_with("127.0.0.1", respond, None).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn running_calls_end_under_the_policy_they_started_with() {
    let upstream = slow().await;
    let orders = datasource("orders", &upstream.authority, ADMIN);
    let serve = Serve::start(&orders, &[]);
    block_in_place(|| {
        std::thread::scope(|scope| {
            let running = scope.spawn(|| serve.act("ListTables", "{}"));
            std::thread::sleep(Duration::from_millis(200));
            serve.write_policy(&datasource("users", &upstream.authority, ADMIN));
            assert_eq!(serve.post("/v1/reload", "").0, 200);
            assert_eq!(serve.act("ListTables", "{}").0, 404);
            assert_eq!(running.join().unwrap(), (200, json!({"TableNames": ["slow"]})));
        });
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn server_waits_for_running_calls_before_it_stops() {
    let upstream = slow().await;
    let mut serve = Serve::start(&datasource("orders", &upstream.authority, ADMIN), &[]);
    block_in_place(|| {
        std::thread::scope(|scope| {
            let running = scope.spawn(|| serve.act("ListTables", "{}"));
            std::thread::sleep(Duration::from_millis(200));
            serve.signal("TERM");
            std::thread::sleep(Duration::from_millis(150));
            let refused = try_send("GET", &format!("{}/readyz", serve.url), &[], &[]);
            assert!(refused.is_err(), "new connections are refused: {refused:?}");
            assert_eq!(running.join().unwrap().0, 200);
        });
        assert!(serve.wait().success());
    });
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
    let closed =
        std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut policy = datasource("orders", &healthy.authority, ADMIN);
    for (name, authority) in [
        ("reset", &reset.authority),
        ("garbage", &garbage.authority),
        ("silent", &silent.authority),
        ("failing", &failing.authority),
        ("throttled", &throttled.authority),
        ("down", &closed),
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

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_cannot_be_recorded_are_refused_and_the_server_keeps_running() {
    let upstream = dynoxide::start().await;
    let serve = Serve::start(
        &(datasource("orders", &upstream.authority, ADMIN) + "[audit]\nfile = \"/dev/full\""),
        &[],
    );
    let (status, problem) = serve.act("ListTables", "{}");
    assert_eq!((status, problem["case"].as_str()), (503, Some("audit")), "{problem}");
    assert_eq!((serve.get("/healthz").0, serve.get("/v1/actions").0), (200, 200));
    let passing = datasource("orders", &upstream.authority, ADMIN)
        + "[audit]\nfile = \"/dev/full\"\nwhen-full = \"pass\"";
    assert_eq!(Serve::start(&passing, &[]).act("ListTables", "{}").0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn request_id_is_in_the_audit_records() {
    let upstream = dynoxide::start().await;
    let serve = Serve::start(
        &(datasource("orders", &upstream.authority, "access = \"read\"")
            + "[audit]\nfile = \"audit.jsonl\""),
        &[],
    );
    let act = |action: &str, id: &str| {
        let headers = [("content-type", "application/json"), ("x-request-id", id)];
        serve
            .send("POST", &format!("/v1/datasources/orders/actions/{action}"), &headers, b"{}")
            .status
    };
    assert_eq!((act("ListTables", "mine-1"), act("DeleteTable", "mine-2")), (200, 403));
    let wire = [("x-amz-target", "DynamoDB_20120810.ListTables"), ("x-request-id", "mine-3")];
    assert_eq!(serve.send("POST", "/ddb/orders/", &wire, b"{}").status, 200);
    let audit = std::fs::read_to_string(serve.path("audit.jsonl")).unwrap();
    let records: Vec<Value> =
        audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seen: Vec<_> = records
        .iter()
        .map(|record| (record["request"].as_str().unwrap(), record["event"].as_str().unwrap()))
        .collect();
    assert_eq!(
        seen,
        [("mine-1", "call"), ("mine-2", "refusal"), ("mine-2", "call"), ("mine-3", "call")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_reads_the_certificate_again() {
    let upstream = dynoxide::start().await;
    let folder = tempfile::tempdir().unwrap();
    let write = |authority: &CertificateAuthority| {
        let identity = authority.identity("localhost");
        std::fs::write(folder.path().join("server.pem"), identity.certificate).unwrap();
        let key = folder.path().join("key.pem");
        std::fs::write(&key, identity.key).unwrap();
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
    };
    let (first, second) = (CertificateAuthority::new(), CertificateAuthority::new());
    write(&first);
    let path = folder.path().to_path_buf();
    let policy = datasource("orders", &upstream.authority, ADMIN)
        + "[server]\ntls = { certificate = \"server.pem\", key = \"key.pem\" }";
    let serve = Serve::start_in(folder, &policy, &[]);
    let succeeds = |authority: &CertificateAuthority, path: &str| {
        let ca = ureq::tls::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
        let tls = ureq::tls::TlsConfig::builder()
            .root_certs(ureq::tls::RootCerts::new_with_certs(&[ca]))
            .build();
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .build()
            .into();
        let url = format!("{}{path}", serve.url.replace("127.0.0.1", "localhost"));
        block_in_place(|| {
            if path == "/v1/reload" {
                agent.post(&url).send_empty()
            } else {
                agent.get(&url).call()
            }
            .is_ok_and(|response| response.status() == 200)
        })
    };
    assert!(succeeds(&first, "/readyz") && !succeeds(&second, "/readyz"));
    let identity = second.identity("localhost");
    std::fs::write(path.join("server.pem"), "nonsense").unwrap();
    assert!(
        !succeeds(&first, "/v1/reload") && succeeds(&first, "/readyz"),
        "with an unreadable certificate, the old one stays in use"
    );
    std::fs::write(path.join("server.pem"), identity.certificate).unwrap();
    std::fs::write(path.join("key.pem"), identity.key).unwrap();
    assert!(succeeds(&first, "/v1/reload"));
    assert!(succeeds(&second, "/readyz") && !succeeds(&first, "/readyz"));
}

#[test]
fn server_for_other_machines_requires_tokens_and_tls() {
    for arguments in [
        &["serve", "--local", "--listen", "0.0.0.0:0"][..],
        &["serve", "--local", "--public", "--wire", "0.0.0.0:0"],
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(arguments)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(2) && text.contains("a token") && text.contains("tls ="),
            "{text}"
        );
    }
}

/// Runs a command against a server.
fn run_command(serve: &Serve, token: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command
        .args(arguments)
        .args(["--server", &serve.url])
        .env("PORTCULLIS_TOKEN", token)
        .env_remove("PORTCULLIS_SERVER");
    let output = block_in_place(|| command.output()).unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_use_a_server_like_a_local_datasource() {
    let upstream = dynoxide::start().await;
    let serve = Serve::start(
        &(datasource("orders", &upstream.authority, "access = \"read\"") + &tokens()),
        &[],
    );
    let run = |arguments: &[&str]| run_command(&serve, "pcl_ops", arguments);
    assert_eq!(
        run(&["execute", "ListTables"]),
        (Some(0), "{\"TableNames\":[]}\n".to_string(), String::new())
    );
    assert_eq!((run(&["test", "orders"]).0, run(&["structure"]).0), (Some(0), Some(0)));
    for (arguments, code, text) in [
        (&["execute", "DeleteTable", "{\"TableName\": \"orders\"}"][..], 7, "access = \"admin\""),
        (&["execute", "GetItem", "{\"TableNam\": \"orders\"}"], 5, "/TableNam"),
        (&["execute", "Scan", "{\"TableName\": \"nothing\"}"], 8, "ResourceNotFoundException"),
        (&["execute", "Getitem"], 4, "did you mean GetItem?"),
        (&["execute", "Scan", "-d", "other"], 3, "no datasource"),
    ] {
        let (got, _, message) = run(arguments);
        assert!(got == Some(code) && message.contains(text), "{got:?} {message}");
    }
    assert_eq!(run_command(&serve, "pcl_wrong", &["execute", "ListTables"]).0, Some(7));
    let mut far = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"));
    far.args(["execute", "ListTables", "--server", "http://192.0.2.1:8700"])
        .env("PORTCULLIS_TOKEN", "pcl_ops");
    let far = block_in_place(|| far.output()).unwrap();
    assert!(
        far.status.code() == Some(2)
            && String::from_utf8(far.stderr).unwrap().contains("use https"),
        "a token is not sent unencrypted"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupt_between_pages_prints_complete_items_and_the_cursor() {
    let pages = std::sync::atomic::AtomicU32::new(0);
    let page = move |_: &recorder::RecordedRequest| {
        std::thread::sleep(Duration::from_millis(20));
        let number = pages.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        recorder::Response::ok(format!(
            r#"{{"Items":[{{"id":{{"S":"1"}}}},{{"id":{{"S":"2"}}}}],"Count":2,"LastEvaluatedKey":{{"id":{{"S":"{number}"}}}}}}"#
        ))
    };
    let upstream = recorder::start_with("127.0.0.1", page, None).await;
    let serve = Serve::start(&datasource("orders", &upstream.authority, ADMIN), &[]);
    for (output, policy) in [("ndjson", false), ("csv", false), ("ndjson", true)] {
        upstream.forget();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args([
            "execute",
            "Scan",
            r#"{"TableName": "orders"}"#,
            "--pages",
            "all",
            "--output",
            output,
        ]);
        let here = serve.path("portcullis.toml");
        if policy {
            command
                .arg("--policy")
                .arg(here)
                .env("AWS_ACCESS_KEY_ID", "A")
                .env("AWS_SECRET_ACCESS_KEY", "B");
        } else {
            command.args(["--server", &serve.url]);
        }
        let child = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let output = block_in_place(|| {
            let end = Instant::now() + Duration::from_secs(20);
            while upstream.requests().len() < 6 {
                assert!(Instant::now() < end, "fewer than 6 pages were fetched");
                std::thread::sleep(Duration::from_millis(10));
            }
            assert!(
                std::process::Command::new("kill")
                    .args(["-INT", &child.id().to_string()])
                    .status()
                    .unwrap()
                    .success()
            );
            child.wait_with_output().unwrap()
        });
        let (lines, message) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(130), "{message}");
        let typed = message.contains("\"ExclusiveStartKey\": {\"id\":{\"S\":\"");
        assert!(typed || message.contains("\"ExclusiveStartKey\": {\"id\":\""), "{message}");
        assert!(lines.ends_with('\n') && lines.lines().count() > 3, "{lines}");
        assert!(
            lines.lines().all(|line| line.starts_with("{\"id\":{\"S\":") && line.ends_with("}}")
                || !line.contains('{')),
            "{lines}"
        );
    }
}

#[test]
fn threat_model_lists_every_attack_on_the_server() {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/threat-model.md"))
            .unwrap();
    let programs = [
        include_str!("serve.rs"),
        include_str!("edge.rs"),
        include_str!("availability.rs"),
        include_str!("passed_on.rs"),
        include_str!("records.rs"),
        include_str!("bodies.rs"),
        include_str!("clients.rs"),
    ];
    let lines = programs.iter().flat_map(|program| program.lines());
    let names = lines.filter_map(|line| line.strip_prefix("async fn ")?.split_once('('));
    // The row, such as f1, and the sentence.
    let is_attack = |name: &&str| {
        name.split_once('_').is_some_and(|(row, _)| {
            row.starts_with(['d', 'f']) && row.len() > 1 && row[1..].parse::<u8>().is_ok()
        })
    };
    let names: Vec<&str> = names.map(|(name, _)| name).filter(is_attack).collect();
    assert_eq!(names.len(), 23, "{names:?}");
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "{name} is missing in docs/threat-model.md");
    }
}

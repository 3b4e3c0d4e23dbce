//! Attacks on the server: rows F1 to F6 of the threat model.

use super::policy::{ADMIN, tokens};
use super::support::{self, SECRET, Serve, TABLE, datasource, read};
use portcullis_testkit::{dynoxide, recorder};
use serde_json::Value;
use std::io::Write;
use std::time::{Duration, Instant};

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
            ("x-of-the-caller", "10.0.0.1"),
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
        for part in ["OFTHECALLER", "x-of-the-caller", "cookie"] {
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
        ("x-forwarded-for", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
        ("via", "1.1 proxy"),
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

/// Returns the `Authorization` header of an AWS SDK that has the token as its access key id.
fn signed(token: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={token}/20260101/us-east-1/dynamodb/aws4_request, \
         SignedHeaders=host, Signature=00"
    )
}

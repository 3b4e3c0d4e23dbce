//! The endpoint for AWS SDKs responds like DynamoDB where DynamoDB itself would refuse a request.

mod support;

use portcullis_testkit::recorder;
use support::{Response, Serve, datasource, token};

const AMZ: &str = "application/x-amz-json-1.0";
const LIST: &str = "DynamoDB_20120810.ListTables";

fn code(response: &Response) -> String {
    let code = response.json()["__type"].as_str().unwrap_or_default().to_string();
    code.rsplit('#').next().unwrap_or_default().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_dynamodb_refuses_get_its_responses() {
    let upstream = recorder::start(recorder::Response::ok("{\"TableNames\": []}")).await;
    let serve = Serve::start(&datasource("orders", &upstream.authority, "access = \"read\""), &[]);
    let send = |method: &str, media_type: &str, target: &str, body: &str| {
        let headers = [("content-type", media_type), ("x-amz-target", target)];
        serve.send(method, "/ddb/orders/", &headers, body.as_bytes())
    };
    // https://github.com/architect/dynalite reproduces what the service does with these.
    for (method, media_type) in [
        ("PUT", AMZ),
        ("DELETE", AMZ),
        ("PATCH", AMZ),
        ("POST", "text/plain"),
        ("POST", "application/x-www-form-urlencoded"),
        ("POST", "application/jsonp"),
    ] {
        let response = send(method, media_type, LIST, "{}");
        assert_eq!(
            (response.status, &*response.body, response.header("x-amz-crc32")),
            (404, &b"<UnknownOperationException/>\n"[..], "3552371480"),
            "{method} {media_type}"
        );
    }
    for body in ["", "{", "[]", "null", "\"a\"", "{\"a\": 1,}", "{} {}", "{\"a\": \u{0}}"] {
        let response = send("POST", AMZ, LIST, body);
        assert_eq!((response.status, &*code(&response)), (400, "SerializationException"), "{body}");
        assert!(response.json().get("Message").is_none(), "the service says no more");
    }
    for target in [
        "DynamoDB_20120810.GetItems",
        "DynamoDB_20120810.getItem",
        "DynamoDB_20120810.",
        "DynamoDB_20120810",
        "",
        "x.ListTables",
        "DynamoDB_20111205.ListTables",
    ] {
        let response = send("POST", AMZ, target, "{}");
        assert_eq!((response.status, &*code(&response)), (400, "UnknownOperationException"));
        let message = response.json()["Message"].as_str().map(str::to_string);
        assert_ne!(message.as_deref(), Some(""), "{target}");
        assert!(!message.unwrap_or_default().contains("actions ="), "{target}");
    }
    let unknown = send("POST", AMZ, "DynamoDB_20120810.GetItems", "{");
    assert_eq!(code(&unknown), "SerializationException", "JSON comes before the operation");
    assert!(upstream.requests().is_empty(), "nothing was sent");
    assert_eq!(send("POST", AMZ, LIST, "{}").status, 200);
    assert_eq!(send("POST", "application/json", LIST, "{}").status, 200);
    assert_eq!(send("GET", AMZ, "", "").body, b"healthy: portcullis");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sdk_whose_url_lacks_the_datasource_is_told_the_right_one() {
    let upstream = recorder::start(recorder::Response::ok("{}")).await;
    let policy = datasource("orders", &upstream.authority, "")
        + &datasource("users", &upstream.authority, "")
        + &token("app", "pcl_app", "datasources = [\"orders\"]")
        + &token("all", "pcl_all", "datasources = [\"*\"]");
    let serve = Serve::start(&policy, &[]);
    let send = |path: &str, token: &str| {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={token}/20260101/us-east-1/dynamodb/aws4_request, \
             SignedHeaders=host, Signature=00"
        );
        let headers =
            [("content-type", AMZ), ("x-amz-target", LIST), ("authorization", &*authorization)];
        serve.send("POST", path, &headers, b"{}")
    };
    let orders = format!("{}/ddb/orders/", serve.url);
    for path in ["/", "/ddb", "/ddb/", "/dynamodb"] {
        let response = send(path, "pcl_app");
        assert_eq!((response.status, &*code(&response)), (400, "UnknownOperationException"));
        let message = response.json()["Message"].to_string();
        assert!(message.contains(&orders) && !message.contains("users"), "{path}: {message}");
    }
    let message = send("/", "pcl_all").json()["Message"].to_string();
    assert!(message.contains(&orders) && message.contains("/ddb/users/"), "{message}");
    let unknown = send("/", "pcl_other");
    assert_eq!(code(&unknown), "UnrecognizedClientException");
    assert!(!unknown.json().to_string().contains("orders"));
    assert_eq!(serve.post("/", "{}").0, 404, "this is no SDK");
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_without_a_body_or_of_another_media_type_are_passed_on() {
    // The service has no body for TagResource, and proxies respond with pages.
    for (status, media_type, body) in [
        (200, Some(AMZ), ""),
        (200, None, ""),
        (400, Some(AMZ), ""),
        (503, None, ""),
        (403, Some("text/html"), "<html>no</html>"),
    ] {
        let headers = media_type.map(|value| ("content-type", value.to_string()));
        let response = recorder::Response {
            status,
            headers: headers.into_iter().collect(),
            body: body.into(),
        };
        let upstream = recorder::start(response).await;
        let serve =
            Serve::start(&datasource("orders", &upstream.authority, "access = \"read\""), &[]);
        let headers = [("content-type", AMZ), ("x-amz-target", LIST)];
        let passed = serve.send("POST", "/ddb/orders/", &headers, b"{}");
        assert_eq!((passed.status, &*passed.body), (status, body.as_bytes()), "{passed:?}");
    }
    let broken = recorder::Response {
        status: 200,
        headers: vec![("content-type", AMZ.to_string())],
        body: "{\"TableNames\":".into(),
    };
    let upstream = recorder::start(broken).await;
    let serve = Serve::start(&datasource("orders", &upstream.authority, "access = \"read\""), &[]);
    let headers = [("content-type", AMZ), ("x-amz-target", LIST)];
    assert_eq!(serve.send("POST", "/ddb/orders/", &headers, b"{}").status, 502);
}

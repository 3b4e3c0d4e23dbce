//! What `portcullis serve` passes on of a plugin's responses.

mod support;

use portcullis_testkit::recorder;
use std::fmt::Write;
use support::{Serve, datasource};
use tests::plugins::{HOSTILE, HOSTILE_MANIFEST};

/// Statuses, numbers of headers and results of a hostile plugin.
const RESPONSES: [(&str, u16); 13] = [
    ("200 0 {}", 200),
    ("400 40 {}", 400),
    ("599 0 {}", 599),
    ("100 0 {}", 502),
    ("101 0 {}", 502),
    ("199 0 {}", 502),
    ("600 0 {}", 502),
    ("0 0 {}", 502),
    ("65535 0 {}", 502),
    ("200 100 {}", 502),
    ("200 24576 {}", 400),
    ("200 0 <html>", 502),
    ("204 0 {}", 204),
];

#[tokio::test(flavor = "multi_thread")]
async fn f10_only_responses_that_are_valid_http_are_passed_on() {
    let upstream = recorder::start(recorder::Response::ok("{}")).await;
    let authority = &upstream.authority;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hostile.wasm"), HOSTILE).unwrap();
    std::fs::write(folder.path().join("hostile.toml"), HOSTILE_MANIFEST).unwrap();
    let mut policy = datasource("orders", authority, "access = \"read\"");
    for (index, (arguments, _)) in RESPONSES.iter().enumerate() {
        let settings = format!("odd_response {authority} {arguments}");
        std::fs::write(folder.path().join(format!("{index}.txt")), settings).unwrap();
        write!(
            policy,
            "[datasources.odd{index}]\nplugin = {{ file = \"hostile.wasm\", manifest = \
             \"hostile.toml\" }}\nsettings-file = \"{index}.txt\"\n"
        )
        .unwrap();
    }
    let serve = Serve::start_in(folder, &policy, &[]);
    for (index, (arguments, expected)) in RESPONSES.iter().enumerate() {
        let request = format!(
            "POST /ddb/odd{index}/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: \
             application/x-amz-json-1.0\r\nX-Amz-Target: DynamoDB_20120810.GetItem\r\n\
             Content-Length: 2\r\n\r\n{{}}GET /healthz HTTP/1.1\r\nHost: localhost\r\n\
             Connection: close\r\n\r\n"
        );
        // The next response on the connection shows where this one ends.
        let both = serve.raw(request.as_bytes());
        assert!(both.starts_with(&format!("HTTP/1.1 {expected} ")), "{arguments}: {both}");
        let (first, rest) = both.split_once("\r\n\r\n").unwrap();
        let health = rest.find("HTTP/1.1 200 OK").unwrap_or_else(|| panic!("{arguments}: {both}"));
        assert!(rest.contains("{\"status\":\"ok\"}"), "{arguments}: {both}");
        if *expected == 204 {
            let first = first.to_ascii_lowercase();
            assert_eq!(health, 0, "no body: {both}");
            assert!(!first.contains("content-length") && !first.contains("crc32"), "{both}");
        }
        if *expected == 502 {
            assert!(rest.contains("#InternalServerError"), "{arguments}: {both}");
        }
    }
    for (name, status) in [("odd0", 200), ("odd11", 502)] {
        let (got, result) = serve.post(&format!("/v1/datasources/{name}/actions/GetItem"), "{}");
        assert_eq!(got, status, "{result}");
        assert!(status == 200 || result["detail"].as_str().unwrap().contains("not JSON"));
    }
    assert_eq!(serve.act("GetItem", r#"{"TableName": "a", "Key": {"id": "1"}}"#).0, 200);
}

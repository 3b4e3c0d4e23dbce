//! The memory of bodies that `portcullis serve` holds for its clients.
#![cfg(target_os = "linux")]

mod support;

use portcullis_testkit::recorder::{self, Response};
use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use support::{Serve, datasource, read, token};
use tokio::task::block_in_place;

/// The memory that the server may use, in KiB. Its limit for calls and bodies is half of it, and
/// that of one token an eighth.
const MEMORY: u64 = 1 << 20;

fn policy(authority: &str) -> String {
    datasource("orders", authority, "access = \"write\"\nlimits = { concurrent-calls = 2 }")
        + &token("app", "pcl_app", "datasources = [\"orders\"]")
        + &token("other", "pcl_other", "datasources = [\"orders\"]")
        + &token("ops", "pcl_ops", "datasources = []\noperator = true")
}

/// The memory that calls and bodies take, according to the server.
fn used(serve: &Serve) -> u64 {
    let headers = [("authorization", "Bearer pcl_ops")];
    let text = String::from_utf8(serve.send("GET", "/metrics", &headers, &[]).body).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("portcullis_memory_bytes ")).unwrap();
    line.parse().unwrap()
}

fn get_item(serve: &Serve, token: &str) -> u16 {
    let authorization = format!("Bearer {token}");
    let headers = [("content-type", "application/json"), ("authorization", &*authorization)];
    let key = br#"{"TableName": "orders", "Key": {"id": "1"}}"#;
    serve.send("POST", "/v1/datasources/orders/actions/GetItem", &headers, key).status
}

#[tokio::test(flavor = "multi_thread")]
async fn d16_bodies_that_arrive_count_against_the_memory_limit() {
    let upstream = recorder::start(Response::ok("{}")).await;
    let serve = Serve::start_with_memory(
        tempfile::tempdir().unwrap(),
        &policy(&upstream.authority),
        MEMORY,
    );
    let head = |stated: &str| {
        format!(
            "POST /v1/datasources/orders/actions/PutItem HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Bearer pcl_app\r\nContent-Type: application/json\r\n{stated}\r\n\r\n"
        )
    };
    block_in_place(|| {
        // A stated length counts at once: eight times 15 MB fit into the share of the token.
        let mut kept = Vec::new();
        for _ in 0..8 {
            let mut stream = serve.connect();
            stream.write_all(head("Content-Length: 15000000").as_bytes()).unwrap();
            kept.push(stream);
        }
        let end = Instant::now() + Duration::from_secs(5);
        while used(&serve) < 8 * 15_000_000 {
            assert!(Instant::now() < end, "{}", used(&serve));
            std::thread::sleep(Duration::from_millis(20));
        }
        let refused = serve.raw(head("Content-Length: 15000000").as_bytes()).to_ascii_lowercase();
        assert!(
            refused.contains(" 503 ")
                && refused.contains("retry-after: 1")
                && refused.contains("\"case\":\"busy\"")
                && refused.contains("\"maybeapplied\":false"),
            "{refused}"
        );
        let wire = "POST /ddb/orders/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer pcl_app\r\n\
                    Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: \
                    DynamoDB_20120810.PutItem\r\nContent-Length: 15000000\r\n\r\n";
        let refused = serve.raw(wire.as_bytes());
        assert!(refused.contains(" 400 ") && refused.contains("#ThrottlingException"), "{refused}");
        assert_eq!(get_item(&serve, "pcl_other"), 200, "another token has its own share");
        drop(kept);
        // Without a stated length, bytes count as they arrive.
        let mut kept = Vec::new();
        for _ in 0..12 {
            let mut stream = serve.connect();
            stream.write_all(head("Transfer-Encoding: chunked").as_bytes()).unwrap();
            let chunk = format!("{:x}\r\n{}", 15_000_000, " ".repeat(15_000_000));
            // It fails for those that are refused.
            let _ = stream.write_all(chunk.as_bytes());
            kept.push(stream);
        }
        let refused = kept.iter_mut().map(read).filter(|text| !text.is_empty());
        let refused: Vec<String> = refused.collect();
        assert!(refused.len() >= 4, "{refused:?}");
        assert!(refused.iter().all(|text| text.contains(" 503 ")), "{refused:?}");
        drop(kept);
        let end = Instant::now() + Duration::from_secs(10);
        while used(&serve) > 16_000_000 {
            assert!(Instant::now() < end, "the memory is released: {}", used(&serve));
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(get_item(&serve, "pcl_app"), 200);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn d16_a_flood_of_large_bodies_does_not_end_the_server() {
    let slow = |request: &recorder::RecordedRequest| {
        if request.header("x-amz-target").ends_with("PutItem") {
            std::thread::sleep(Duration::from_millis(300));
        }
        Response::ok("{}")
    };
    let upstream = recorder::start_with("127.0.0.1", slow, None).await;
    let serve = Serve::start_with_memory(
        tempfile::tempdir().unwrap(),
        &policy(&upstream.authority),
        MEMORY,
    );
    let body = format!(
        r#"{{"TableName": "orders", "Item": {{"id": "1", "x": "{}"}}}}"#,
        "x".repeat(15_000_000)
    );
    let (sent, refused) = (AtomicU32::new(0), AtomicU32::new(0));
    block_in_place(|| {
        std::thread::scope(|scope| {
            for _ in 0..100 {
                scope.spawn(|| {
                    let headers =
                        [("content-type", "application/json"), ("authorization", "Bearer pcl_app")];
                    let path = "/v1/datasources/orders/actions/PutItem";
                    let response = serve.send("POST", path, &headers, body.as_bytes());
                    match response.status {
                        200 => sent.fetch_add(1, Ordering::Relaxed),
                        429 | 503 => refused.fetch_add(1, Ordering::Relaxed),
                        other => panic!("{other}: {:?}", response.json()),
                    };
                });
            }
            for _ in 0..20 {
                assert_eq!(get_item(&serve, "pcl_other"), 200);
            }
        });
    });
    let peak = serve.peak_memory() / 1024;
    println!("{sent:?} were sent, {refused:?} refused; {peak} MiB at most");
    assert!(sent.into_inner() > 0 && refused.into_inner() > 0);
    assert!(peak < 600, "{peak} MiB");
}

//! Limits on time and size: a call that reaches one ends with an error that names it.

use portcullis::{Busy, Error, LimitKind, PluginError};
use portcullis_testkit::recorder::{self, Response};
use portcullis_testkit::scripted::{self, AfterBytes};
use std::time::{Duration, Instant};
use tests::plugins;

fn limit<T: std::fmt::Debug>(result: Result<T, Error>) -> LimitKind {
    match result {
        Err(Error::Limit(limit)) => limit.which,
        other => panic!("expected a limit, got {other:?}"),
    }
}

#[tokio::test]
async fn request_and_response_bytes_are_limited() {
    let server =
        recorder::start(Response::ok(format!("{{\"x\":\"{}\"}}", "x".repeat(100_000)))).await;
    let small = plugins::datasource(
        &server.authority,
        "limits = { response-bytes = \"64 KiB\", request-bytes = \"1 KiB\" }",
    )
    .await;
    assert_eq!(limit(small.execute("ListTables", "").await), LimitKind::ResponseBytes);
    let item = format!(r#"{{"TableName":"t","Item":{{"a":"{}"}}}}"#, "x".repeat(2000));
    assert_eq!(limit(small.execute("PutItem", &item).await), LimitKind::RequestBytes);
    let tables = plugins::datasource(
        &server.authority,
        "tables = [\"t\"]\nlimits = { request-bytes = \"1 KiB\" }",
    )
    .await;
    assert_eq!(limit(tables.execute("PutItem", &item).await), LimitKind::RequestBytes);
    assert!(
        plugins::datasource(&server.authority, "").await.execute("PutItem", &item).await.is_ok()
    );
}

#[tokio::test]
async fn endless_response_ends_at_the_deadline() {
    let server = scripted::start(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n \r\n",
        AfterBytes::Drip,
    )
    .await;
    let datasource =
        plugins::datasource(&server.authority, "limits = { deadline = \"400ms\" }").await;
    let started = Instant::now();
    let error = datasource.execute("ListTables", "").await.unwrap_err();
    assert!(error.is_timeout() || error.to_string().contains("middle of the response"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn response_of_16_megabytes_and_item_of_400_kilobytes_are_accepted() {
    let items: Vec<String> = (0..16 * 1024)
        .map(|id| format!(r#"{{"id":{{"N":"{id}"}},"text":{{"S":"{}"}}}}"#, "x".repeat(1000)))
        .collect();
    let page = format!("{{\"Items\":[{}],\"Count\":16384}}", items.join(","));
    assert!(page.len() > 16_000_000);
    let server = recorder::start(Response::ok(page.clone())).await;
    let datasource = plugins::datasource(&server.authority, "").await;
    assert!(datasource.execute("Scan", r#"{"TableName":"t"}"#).await.unwrap() == page);
    let plain = datasource
        .execute_with("Scan", r#"{"TableName":"t"}"#, r#"{"format":"plain"}"#)
        .await
        .unwrap();
    assert!(plain.len() > 16_000_000 && !plain.contains("\"S\""));
    let item =
        format!(r#"{{"TableName":"t","Item":{{"id":"1","text":"{}"}}}}"#, "y".repeat(400 * 1024));
    datasource.execute("PutItem", &item).await.unwrap();
    assert!(server.requests().last().unwrap().body.len() > 400 * 1024);
}

#[tokio::test]
async fn dropped_call_leaves_nothing_running() {
    let server = scripted::start(b"", AfterBytes::Hang).await;
    let datasource =
        plugins::datasource(&server.authority, "limits = { concurrent-calls = 1 }").await;
    let dropped =
        tokio::time::timeout(Duration::from_millis(100), datasource.execute("ListTables", ""))
            .await;
    assert!(dropped.is_err());
    assert_eq!(datasource.counters().running, 0);
    // Its permit is free again: the next call reaches the server too.
    let again =
        tokio::time::timeout(Duration::from_millis(100), datasource.execute("ListTables", ""))
            .await;
    assert!(again.is_err());
}

#[tokio::test]
async fn calls_over_the_concurrency_limit_wait_until_their_deadline() {
    let server = scripted::start(b"", AfterBytes::Hang).await;
    let datasource =
        plugins::datasource(&server.authority, "limits = { concurrent-calls = 1 }").await;
    // The first call ends long after the second, so that its permit does not become free in time.
    let running = datasource.clone().within(Duration::from_secs(2));
    let waiting = datasource.within(Duration::from_millis(300));
    let (running, waiting) =
        tokio::join!(running.execute("ListTables", ""), waiting.execute("ListTables", ""));
    assert!(matches!(running, Err(Error::Plugin(PluginError::Timeout(_)))), "{running:?}");
    assert!(matches!(waiting, Err(Error::Busy(Busy::Calls { running: 1 }))), "{waiting:?}");
}

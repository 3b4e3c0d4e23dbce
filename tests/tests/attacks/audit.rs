//! Audit records: what they contain, and what happens if they cannot be written.

use super::support::{honest, server};
use portcullis::policy::WhenFull;
use portcullis::{Error, ErrorKind, Host, JsonLines, Outcome};
use portcullis_testkit::scripted::{self, AfterBytes};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tests::attack::{Attack, Behaviour, RECORDS};
use tests::plugins::{HOSTILE, HOSTILE_MANIFEST};

pub(crate) async fn each_call_and_each_refusal_writes_one_record() {
    let server = server().await;
    let datasource = honest(&server).await;
    datasource.execute("GetItem", r#"{"TableName": "a-table-name"}"#).await.unwrap();
    let records = RECORDS.for_datasource(datasource.name());
    assert_eq!(records.len(), 1, "{records:?}");
    let call = &records[0];
    for (key, value) in [
        ("event", "call"),
        ("plugin", "hostile"),
        ("export", "execute"),
        ("action", "GetItem"),
        ("decision", "allowed"),
        ("outcome", "ok"),
        ("origin", &format!("http://{}", server.authority)),
        ("address", "127.0.0.1"),
    ] {
        assert_eq!(call[key], value, "{key}: {call}");
    }
    assert_eq!((call["attempts"].as_u64(), call["bytes_sent"].as_u64()), (Some(1), Some(29)));
    assert!(!call.to_string().contains("a-table-name"), "a record contains nothing of the body");
    let silent = scripted::start(b"", AfterBytes::Hang).await;
    let waiting = Attack::new(Behaviour::honest, &silent.authority, "").connect().await.unwrap();
    let dropped =
        tokio::time::timeout(Duration::from_millis(100), waiting.execute("GetItem", "{}")).await;
    assert!(dropped.is_err());
    assert_eq!(RECORDS.for_datasource(waiting.name())[0]["outcome"], "dropped");
    let refused =
        Attack::new(Behaviour::other_operation, &server.authority, "").connect().await.unwrap();
    assert!(refused.execute("GetItem", "{}").await.is_err());
    let records = RECORDS.for_datasource(refused.name());
    let events: Vec<_> =
        records.iter().map(|record| (record["event"].as_str(), record["rule"].as_str())).collect();
    assert_eq!(events, [(Some("refusal"), Some("binding")), (Some("call"), Some("binding"))]);
    let counters = refused.counters();
    assert_eq!(
        (counters.calls[&Outcome::Error(ErrorKind::Denied)], counters.refusals["binding"]),
        (1, 1)
    );
}

pub(crate) async fn calls_are_refused_if_the_audit_log_cannot_be_written() {
    let server = server().await;
    // A file that reports a full disk at every write.
    let full = Arc::new(JsonLines::open(Path::new("/dev/full")).unwrap());
    for when_full in [WhenFull::Refuse, WhenFull::Pass] {
        let host = Host::builder().audit(full.clone(), when_full).build().unwrap();
        let plugin = host.load(HOSTILE, HOSTILE_MANIFEST, None).unwrap();
        let datasource = Attack::new(Behaviour::honest, &server.authority, "")
            .connect_on(&host, &plugin)
            .await
            .unwrap();
        let before = server.requests().len();
        let (first, second) =
            (datasource.execute("GetItem", "{}").await, datasource.execute("GetItem", "{}").await);
        if when_full == WhenFull::Pass {
            assert!(first.is_ok() && second.is_ok());
            continue;
        }
        // The first call had already begun when writing failed. The second one does not begin.
        assert!(server.requests().len() - before <= 1);
        for result in [first, second] {
            assert!(matches!(&result, Err(Error::Audit { .. })), "{result:?}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let host = Host::builder()
        .audit(Arc::new(JsonLines::open(&path).unwrap()), WhenFull::Refuse)
        .build()
        .unwrap();
    let plugin = host.load(HOSTILE, HOSTILE_MANIFEST, None).unwrap();
    let datasource = Attack::new(Behaviour::honest, &server.authority, "")
        .connect_on(&host, &plugin)
        .await
        .unwrap();
    for _ in 0..3 {
        datasource.execute("GetItem", "{}").await.unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        text.lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()).count(),
        3
    );
}

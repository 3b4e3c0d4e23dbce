//! Audit records: what they contain, and what happens if they cannot be written.

use super::support::{honest, server};
use portcullis::policy::WhenFull;
use portcullis::{
    Datasource, Error, ErrorKind, Host, JsonLines, OperatorAction, Outcome, RefusedRequest,
};
use portcullis_testkit::recorder::Recorder;
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

/// Connects a datasource on a host of its own, whose records and times are only those of the test.
async fn connected(host: &Host, behaviour: Behaviour, server: &Recorder) -> Datasource {
    let plugin = host.load(HOSTILE, HOSTILE_MANIFEST, None).unwrap();
    Attack::new(behaviour, &server.authority, "").connect_on(host, &plugin).await.unwrap()
}

pub(crate) async fn records_are_numbered_without_gaps_and_name_the_caller() {
    let server = server().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let file = Arc::new(JsonLines::open(&path).unwrap());
    let host = Host::builder().audit(file, WhenFull::Refuse).build().unwrap();
    let datasource = connected(&host, Behaviour::honest, &server).await;
    host.record_operator(&OperatorAction::new("start", true));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..16 {
        let peer = [192, 0, 2, task].into();
        let caller = datasource.clone().for_request("req-7").for_caller("app", Some(peer));
        let host = host.clone();
        tasks.spawn(async move {
            for _ in 0..4 {
                caller.execute("GetItem", "{}").await.unwrap();
                host.record_refused_request(&RefusedRequest::new("token"));
            }
        });
    }
    tasks.join_all().await;
    datasource.for_caller("", None).execute("GetItem", "{}").await.unwrap();
    let refused = connected(&host, Behaviour::other_operation, &server).await;
    let peer = "2001:db8::7".parse().unwrap();
    let refused = refused.for_caller("app", Some(peer)).execute("GetItem", "{}").await;
    assert!(refused.is_err());
    let text = std::fs::read_to_string(&path).unwrap();
    let records: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let sequences: Vec<u64> =
        records.iter().map(|record| record["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, (1..=1 + 2 * 64 + 3).collect::<Vec<u64>>());
    let [start, among @ .., nobody, refusal, call] = &records[..] else { panic!("{records:?}") };
    assert_eq!((&start["event"], &start["action"]), (&"operator".into(), &"start".into()));
    for event in ["call", "request"] {
        let events = among.iter().filter(|record| record["event"] == event);
        assert_eq!(events.count(), 64, "{event}");
    }
    for task in 0..16 {
        let peer = format!("192.0.2.{task}");
        let calls: Vec<_> = among.iter().filter(|record| record["peer"] == peer).collect();
        assert_eq!(calls.len(), 4, "{peer}");
        for call in calls {
            assert_eq!((&call["caller"], &call["request"]), (&"app".into(), &"req-7".into()));
        }
    }
    assert!(nobody.get("caller").is_none() && nobody.get("peer").is_none(), "{nobody}");
    for (record, event) in [(refusal, "refusal"), (call, "call")] {
        assert_eq!((&record["event"], &record["caller"]), (&event.into(), &"app".into()));
        assert_eq!(record["peer"], "2001:db8::7");
    }
}

pub(crate) async fn times_are_counted_by_action_and_outcome() {
    let server = server().await;
    let host = Host::new().unwrap();
    assert!(host.latencies().is_empty());
    let datasource = connected(&host, Behaviour::honest, &server).await;
    for _ in 0..3 {
        datasource.execute("GetItem", "{}").await.unwrap();
    }
    datasource.relay("GetItem", b"{}").await.unwrap();
    datasource.structure("{}").await.unwrap();
    // The hostile plugin sends another action in its test.
    assert!(datasource.test().await.is_err());
    let unknown = [
        datasource.execute("Unheard", "{}").await,
        datasource.execute("not a name", "{}").await,
        datasource.execute("AlsoUnheard", "{}").await,
    ];
    assert!(unknown.iter().all(Result::is_err), "{unknown:?}");
    let refused = connected(&host, Behaviour::other_operation, &server).await;
    assert!(refused.execute("GetItem", "{}").await.is_err());
    let all = host.latencies();
    let mut counts: Vec<(&str, &str, u64)> = all
        .iter()
        .map(|(action, outcome, times)| (action.as_str(), outcome.as_str(), times.count()))
        .collect();
    counts.sort_unstable();
    assert_eq!(
        counts,
        [
            ("GetItem", "denied", 1),
            ("GetItem", "ok", 4),
            ("other", "denied", 2),
            ("other", "unknown-action", 1),
            ("structure", "ok", 1),
            ("test", "denied", 1),
        ]
    );
    let latency = datasource.counters().latency;
    assert_eq!(latency.count(), 9, "whatever the outcome");
    assert!(latency.sum() > Duration::ZERO && latency.sum() < Duration::from_mins(1));
    assert_eq!(latency.sum(), Duration::from_micros(datasource.counters().micros));
    let (_, within) = latency.buckets().last().unwrap();
    assert_eq!(within, 9, "no call took longer than 30 s");
}

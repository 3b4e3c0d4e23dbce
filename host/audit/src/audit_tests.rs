use super::*;
use crate::record::{Decision, Event, Outcome};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::Once;

/// Keeps records as JSON, and fails while it is told to.
#[derive(Default)]
struct Sink {
    records: Mutex<Vec<Value>>,
    is_full: Mutex<bool>,
}

impl AuditSink for Sink {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        if *self.is_full.lock() {
            return Err(io::Error::other("the disk is full"));
        }
        self.records.lock().push(serde_json::to_value(record)?);
        Ok(())
    }
}

fn audit() -> (Arc<Sink>, Audit) {
    let sink = Arc::new(Sink::default());
    (sink.clone(), Audit::new(sink, WhenFull::Refuse))
}

fn sequences(sink: &Sink) -> Vec<u64> {
    sink.records.lock().iter().map(|record| record["sequence"].as_u64().unwrap()).collect()
}

#[test]
fn records_of_many_threads_arrive_in_order_without_gaps() {
    let (sink, audit) = audit();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..250 {
                    audit.write(Record::new(Event::Call, Decision::Allowed)).unwrap();
                }
            });
        }
    });
    assert_eq!(sequences(&sink), (1..=2000).collect::<Vec<u64>>());
    let records = sink.records.lock();
    assert!(records.is_sorted_by_key(|record| record["time"].as_str().unwrap().to_string()));
}

#[test]
fn a_record_that_cannot_be_written_leaves_a_gap() {
    let (sink, audit) = audit();
    audit.record_operator(&OperatorAction::new("start", true));
    *sink.is_full.lock() = true;
    audit.record_operator(&OperatorAction::new("reload", true));
    audit.write(Record::new(Event::Call, Decision::Allowed)).unwrap_err();
    *sink.is_full.lock() = false;
    audit.record_operator(&OperatorAction::new("stop", true));
    assert_eq!(sequences(&sink), [1, 4]);
}

/// The fields of a record but the time, which must be there.
fn fields(sink: &Sink) -> Value {
    let mut record = sink.records.lock().pop().unwrap();
    let time = record.as_object_mut().unwrap().remove("time").unwrap();
    assert!(humantime::parse_rfc3339(time.as_str().unwrap()).is_ok(), "{time}");
    record
}

#[test]
fn a_refused_request_has_no_fields_of_a_call() {
    let (sink, audit) = audit();
    audit.record_refused_request(&RefusedRequest::new("token"));
    assert_eq!(
        fields(&sink),
        json!({"sequence": 1, "event": "request", "decision": "denied", "rule": "token"})
    );
    let mut refused = RefusedRequest::new("actions");
    refused.request = Some("req-7");
    refused.caller = Some("app");
    refused.peer = Some([192, 0, 2, 7].into());
    refused.datasource = Some("orders");
    refused.action = Some("DeleteTable");
    refused.subject = Some("DeleteTable");
    refused.unrecorded = Some(3);
    audit.record_refused_request(&refused);
    assert_eq!(
        fields(&sink),
        json!({
            "sequence": 2, "event": "request", "decision": "denied", "rule": "actions",
            "request": "req-7", "caller": "app", "peer": "192.0.2.7", "datasource": "orders",
            "action": "DeleteTable", "subject": "DeleteTable", "unrecorded": 3,
        })
    );
}

#[test]
fn an_action_of_an_operator_says_how_it_ended() {
    let (sink, audit) = audit();
    audit.record_operator(&OperatorAction::new("start", true));
    assert_eq!(
        fields(&sink),
        json!({
            "sequence": 1, "event": "operator", "decision": "allowed", "action": "start",
            "outcome": "ok",
        })
    );
    let mut reload = OperatorAction::new("reload", false);
    reload.request = Some("req-8");
    reload.caller = Some("deployment");
    reload.peer = Some("2001:db8::7".parse().unwrap());
    reload.subject = Some("the file cannot be read");
    audit.record_operator(&reload);
    assert_eq!(
        fields(&sink),
        json!({
            "sequence": 2, "event": "operator", "decision": "allowed", "action": "reload",
            "outcome": "failed", "request": "req-8", "caller": "deployment",
            "peer": "2001:db8::7", "subject": "the file cannot be read",
        })
    );
    assert_eq!(Outcome::Failed.to_string(), "failed");
}

#[test]
fn texts_of_requests_are_short_and_stay_in_their_line() {
    let (sink, audit) = audit();
    let long = format!("{}\n{}", "é".repeat(299), "x".repeat(1000));
    let mut refused = RefusedRequest::new("origin");
    for field in [
        &mut refused.request,
        &mut refused.caller,
        &mut refused.datasource,
        &mut refused.action,
        &mut refused.subject,
    ] {
        *field = Some(&long);
    }
    audit.record_refused_request(&refused);
    let record = fields(&sink);
    for field in ["request", "caller", "datasource", "action", "subject"] {
        assert_eq!(record[field], format!("{}\n", "é".repeat(299)), "{field}");
    }
    assert_eq!(record.to_string().lines().count(), 1);
}

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a JSON log has of the records and failures that `write` causes, without the time.
fn logged(write: impl FnOnce()) -> Vec<Value> {
    static DEFAULT: Once = Once::new();
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    // Tests that run at the same time have no subscriber, and what they find would be cached for all.
    // With a default that wants everything, they find that it is wanted.
    DEFAULT.call_once(|| {
        let all = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
        let _ = tracing::subscriber::set_global_default(all.with_writer(io::sink).finish());
    });
    tracing::subscriber::with_default(subscriber, write);
    let text = String::from_utf8(log.0.lock().clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_json_log_has_the_fields_of_each_record_that_have_a_value() {
    let audit = Audit::default();
    let lines = logged(|| {
        let mut call = Record::new(Event::Call, Decision::Allowed);
        call.call = Some(7);
        call.peer = Some([192, 0, 2, 7].into());
        call.outcome = Some(Outcome::Dropped);
        audit.write(call).unwrap();
        let mut refusal = Record::new(Event::Refusal, Decision::Observed);
        refusal.rule = Some("tables");
        refusal.subject = Some("users".to_string());
        audit.write(refusal).unwrap();
        let mut refused = RefusedRequest::new("token");
        refused.unrecorded = Some(2);
        audit.record_refused_request(&refused);
        audit.record_operator(&OperatorAction::new("stop", false));
    });
    let target = "portcullis::audit";
    assert_eq!(
        lines,
        [
            json!({
                "level": "INFO", "target": target, "message": "call", "sequence": 1, "call": 7,
                "peer": "192.0.2.7", "outcome": "dropped",
            }),
            json!({
                "level": "WARN", "target": target, "message": "refusal", "sequence": 2,
                "rule": "tables", "subject": "users", "decision": "observed",
            }),
            json!({
                "level": "WARN", "target": target, "message": "request", "sequence": 3,
                "rule": "token", "unrecorded": 2,
            }),
            json!({
                "level": "INFO", "target": target, "message": "operator", "sequence": 4,
                "action": "stop", "outcome": "failed",
            }),
        ]
    );
}

#[test]
fn a_failure_to_write_is_logged_in_words() {
    let (sink, audit) = audit();
    *sink.is_full.lock() = true;
    let lines = logged(|| audit.record_operator(&OperatorAction::new("start", true)));
    assert_eq!(lines[1]["message"], "an audit record cannot be written: the disk is full");
    assert_eq!(lines[1]["level"], "ERROR");
}

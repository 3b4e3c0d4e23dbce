mod attempts;
mod pages;

use super::*;
use crate::response::Response;
use crate::sigv4::{Scope, derive_key};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use core::cell::{Cell, RefCell};

const NOW_MS: i64 = 1_440_938_160_000;

/// The headers and body of a request.
type Sent = (Vec<(String, String)>, String);

/// A platform with a scripted service, and a clock that only moves when a test sets it.
struct ScriptedPlatform {
    now_ms: Cell<i64>,
    deadline_ns: Cell<u64>,
    offset_ms: Cell<i64>,
    quota: Cell<u32>,
    responses: RefCell<VecDeque<Result<Response, SendError>>>,
    sent: RefCell<Vec<Sent>>,
    slept_ms: RefCell<Vec<u64>>,
    keys: Cell<u32>,
    /// How many bodies the platform hashed.
    hashed: Cell<u32>,
    key: fn(&Scope) -> Result<SigningMaterial, SigningError>,
}

impl ScriptedPlatform {
    fn new(responses: impl IntoIterator<Item = Result<Response, SendError>>) -> Self {
        Self {
            now_ms: Cell::new(NOW_MS),
            deadline_ns: Cell::new(60_000_000_000),
            offset_ms: Cell::new(0),
            quota: Cell::new(500),
            responses: RefCell::new(responses.into_iter().collect()),
            sent: RefCell::default(),
            slept_ms: RefCell::default(),
            keys: Cell::new(0),
            hashed: Cell::new(0),
            key: |scope| {
                let key = derive_key("SECRET", scope).to_vec();
                Ok(SigningMaterial {
                    access_key_id: "AKIDEXAMPLE".to_string(),
                    session_token: None,
                    key,
                    expires: u64::MAX,
                })
            },
        }
    }
}

impl Platform for &ScriptedPlatform {
    fn now(&self) -> Moment {
        Moment {
            unix_ms: self.now_ms.get(),
            clock_offset_ms: self.offset_ms.get(),
            remaining_ns: self.deadline_ns.get(),
        }
    }
    fn random(&self) -> u64 {
        u64::MAX
    }
    fn sleep_ms(&self, ms: u64) {
        self.slept_ms.borrow_mut().push(ms);
        self.deadline_ns.set(self.deadline_ns.get().saturating_sub(ms * 1_000_000));
    }
    fn report_clock(&self, offset_ms: i64) {
        self.offset_ms.set(offset_ms);
    }
    fn take_retry(&self, cost: u32) -> bool {
        let left = self.quota.get().checked_sub(cost);
        left.inspect(|left| self.quota.set(*left)).is_some()
    }
    fn return_retry(&self, cost: u32) {
        self.quota.set((self.quota.get() + cost).min(500));
    }
    fn derive_key(&self, scope: &Scope) -> Result<SigningMaterial, SigningError> {
        self.keys.set(self.keys.get() + 1);
        (self.key)(scope)
    }
    fn payload_hash(&self, body: &[u8]) -> [u8; 32] {
        self.hashed.set(self.hashed.get() + 1);
        crate::sigv4::payload_hash(body)
    }
    fn send(&self, request: &Request) -> Result<Response, SendError> {
        let authority = [("authority", request.authority)];
        let headers = authority
            .iter()
            .chain(request.headers)
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        self.sent.borrow_mut().push((headers, String::from_utf8(request.body.to_vec()).unwrap()));
        self.responses
            .borrow_mut()
            .pop_front()
            .expect("the platform has a response for every request")
    }
}

#[expect(clippy::unnecessary_wraps, reason = "an entry of a platform is a response or an error")]
fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Result<Response, SendError> {
    let headers =
        headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let body = body.as_bytes().to_vec();
    Ok(Response { status, headers, crc32: crc32fast::hash(&body), body })
}

fn throttled() -> Result<Response, SendError> {
    response(
        400,
        &[],
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"slow down"}"#,
    )
}

fn unavailable() -> Result<Response, SendError> {
    response(503, &[], "")
}

fn call(
    platform: &ScriptedPlatform,
    settings: &str,
    action: &str,
    input: &str,
) -> Result<String, Error> {
    let connection =
        Connection::open(&format!("{{\"region\":\"us-east-1\"{settings}}}"), platform).unwrap();
    connection.execute(action, input, None)
}

fn header(sent: &Sent, name: &str) -> String {
    sent.0
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.clone())
        .unwrap_or_default()
}

#[test]
fn a_successful_call_sends_one_request_with_the_target_header() {
    let platform = ScriptedPlatform::new([response(200, &[], "{\"TableNames\":[]}")]);
    assert_eq!(call(&platform, "", "ListTables", "").unwrap(), "{\"TableNames\":[]}");
    let sent = platform.sent.borrow();
    assert_eq!(sent.len(), 1);
    assert_eq!(header(&sent[0], "x-amz-target"), "DynamoDB_20120810.ListTables");
    assert_eq!(header(&sent[0], "content-length"), "2");
    assert!(header(&sent[0], "authorization").contains("20150830/us-east-1/dynamodb/aws4_request"));
}

#[test]
fn throttling_ends_after_four_attempts_with_growing_delays() {
    let platform = ScriptedPlatform::new([throttled(), throttled(), throttled(), throttled()]);
    let Error::Service(error) = call(&platform, "", "ListTables", "").unwrap_err() else {
        panic!("a service error")
    };
    assert_eq!(
        (error.code.as_str(), error.attempts, error.retryable),
        ("ThrottlingException", 4, true)
    );
    assert_eq!(*platform.slept_ms.borrow(), [999, 1999, 3999]);
    assert_eq!(platform.quota.get(), 500 - 3 * 5);
}

#[test]
fn a_success_after_a_retry_returns_its_tokens_to_the_quota() {
    let platform = ScriptedPlatform::new([unavailable(), response(200, &[], "{}")]);
    assert!(call(&platform, "", "ListTables", "").is_ok());
    assert_eq!(
        (platform.quota.get(), platform.slept_ms.borrow().as_slice()),
        (500, [24].as_slice())
    );
}

#[test]
fn no_retry_is_made_without_tokens_in_the_quota() {
    let platform = ScriptedPlatform::new([unavailable()]);
    platform.quota.set(13);
    assert!(matches!(
        call(&platform, "", "ListTables", ""),
        Err(Error::Service(error)) if error.attempts == 1
    ));
}

#[test]
fn max_attempts_of_one_turns_retries_off() {
    let platform = ScriptedPlatform::new([unavailable()]);
    assert!(matches!(
        call(&platform, ",\"maxAttempts\":1", "ListTables", ""),
        Err(Error::Service(error)) if error.attempts == 1
    ));
}

#[test]
fn no_retry_is_started_that_would_exceed_the_deadline() {
    let platform = ScriptedPlatform::new([throttled()]);
    platform.deadline_ns.set(500_000_000);
    assert!(matches!(call(&platform, "", "ListTables", ""), Err(Error::Service(_))));
    assert!(platform.slept_ms.borrow().is_empty());
}

#[test]
fn nothing_is_sent_after_the_deadline() {
    let platform = ScriptedPlatform::new([]);
    platform.deadline_ns.set(0);
    assert!(matches!(
        call(&platform, "", "ListTables", ""),
        Err(Error::Timeout(error)) if error.attempts == 0 && !error.maybe_applied
    ));
}

#[test]
fn a_lost_response_sets_maybe_applied() {
    let failed = |reached| Err(SendError::Failed { message: "gone".to_string(), reached });
    let platform = ScriptedPlatform::new([failed(true), failed(false)]);
    let error = call(&platform, ",\"maxAttempts\":2", "ListTables", "").unwrap_err();
    assert_eq!(
        error,
        Error::Transport(TransportError {
            message: "gone".to_string(),
            maybe_applied: true,
            attempts: 2
        })
    );
    let platform = ScriptedPlatform::new([failed(false)]);
    assert!(matches!(
        call(&platform, ",\"maxAttempts\":1", "ListTables", ""),
        Err(Error::Transport(error)) if !error.maybe_applied
    ));
}

#[test]
fn refusals_are_not_retried() {
    let platform = ScriptedPlatform::new([Err(SendError::Refused("no".to_string()))]);
    assert_eq!(call(&platform, "", "ListTables", ""), Err(Error::Refused("no".to_string())));
    let conditional =
        response(400, &[], r#"{"__type":"x#ConditionalCheckFailedException","message":"m"}"#);
    let platform = ScriptedPlatform::new([conditional]);
    assert!(matches!(
        call(&platform, "", "ListTables", ""),
        Err(Error::Service(error)) if !error.retryable
    ));
}

#[test]
fn a_response_with_a_wrong_checksum_is_retried() {
    let damaged = || response(200, &[("x-amz-crc32", "1")], "{}");
    let platform =
        ScriptedPlatform::new([damaged(), response(200, &[("x-amz-crc32", "2745614147")], "{}")]);
    assert_eq!(call(&platform, "", "ListTables", "").unwrap(), "{}");
    let platform = ScriptedPlatform::new([damaged()]);
    assert!(call(&platform, ",\"verifyChecksums\":false", "ListTables", "").is_ok());
}

#[test]
fn only_large_bodies_are_hashed_by_the_platform() {
    for (length, hashed) in [(10, 0), (400, 0), (512, 1), (2000, 1)] {
        let platform = ScriptedPlatform::new([response(200, &[], "{}")]);
        let input = format!(r#"{{"TableName":"t","Key":{{"id":"{}"}}}}"#, "a".repeat(length));
        call(&platform, "", "GetItem", &input).unwrap();
        assert_eq!(platform.hashed.get(), hashed, "{length}");
    }
}

#[test]
fn clock_skew_is_corrected_once_and_the_retry_uses_the_services_time() {
    let skewed = || {
        response(
            400,
            &[("date", "Sun, 30 Aug 2015 13:36:00 GMT")],
            r#"{"__type":"x#InvalidSignatureException","message":"expired"}"#,
        )
    };
    let platform = ScriptedPlatform::new([skewed(), response(200, &[], "{}")]);
    assert!(call(&platform, "", "ListTables", "").is_ok());
    assert_eq!(platform.offset_ms.get(), 3_600_000);
    let sent = platform.sent.borrow();
    assert_eq!(
        (header(&sent[0], "x-amz-date"), header(&sent[1], "x-amz-date")),
        ("20150830T123600Z".into(), "20150830T133600Z".into())
    );
    assert_ne!(header(&sent[0], "authorization"), header(&sent[1], "authorization"));

    let platform = ScriptedPlatform::new([skewed(), skewed()]);
    assert!(call(&platform, "", "ListTables", "").is_err());
    let platform = ScriptedPlatform::new([skewed()]);
    assert!(call(&platform, ",\"correctClock\":false", "ListTables", "").is_err());
}

#[test]
fn a_wrong_signature_without_clock_skew_is_not_retried() {
    let wrong = response(
        400,
        &[("date", "Sun, 30 Aug 2015 12:38:00 GMT")],
        r#"{"__type":"x#InvalidSignatureException","message":"m"}"#,
    );
    let platform = ScriptedPlatform::new([wrong]);
    assert!(call(&platform, "", "ListTables", "").is_err());
    assert_eq!(platform.offset_ms.get(), 0);
}

#[test]
fn the_date_of_a_cached_response_does_not_correct_the_clock() {
    let cached = response(
        400,
        &[("date", "Sun, 30 Aug 2015 13:36:00 GMT"), ("age", "3600")],
        r#"{"__type":"x#InvalidSignatureException"}"#,
    );
    let platform = ScriptedPlatform::new([cached]);
    assert!(call(&platform, "", "ListTables", "").is_err());
    assert_eq!(platform.offset_ms.get(), 0);
}

#[test]
fn all_attempts_of_a_call_use_the_same_idempotency_token() {
    let input = r#"{"TransactItems":[{"Delete":{"TableName":"t","Key":{"a":"b"}}}]}"#;
    let platform = ScriptedPlatform::new([unavailable(), response(200, &[], "{}")]);
    call(&platform, "", "TransactWriteItems", input).unwrap();
    let sent = platform.sent.borrow();
    assert_eq!(sent[0].1, sent[1].1);
    let token =
        serde_json::from_str::<serde_json::Value>(&sent[0].1).unwrap()["ClientRequestToken"]
            .clone();
    assert_eq!(token.as_str().unwrap().len(), 36);
}

#[test]
fn the_callers_idempotency_token_is_kept_and_a_setting_turns_tokens_off() {
    let input = |own: &str| {
        format!(r#"{{{own}"TransactItems":[{{"Delete":{{"TableName":"t","Key":{{"a":"b"}}}}}}]}}"#)
    };
    let platform = ScriptedPlatform::new([response(200, &[], "{}")]);
    call(&platform, "", "TransactWriteItems", &input(r#""ClientRequestToken":"mine","#)).unwrap();
    assert!(platform.sent.borrow()[0].1.starts_with(r#"{"ClientRequestToken":"mine","#));
    let platform = ScriptedPlatform::new([response(200, &[], "{}")]);
    call(&platform, "", "TransactWriteItems", &input(r#""ClientRequestToken":null,"#)).unwrap();
    let body = platform.sent.borrow()[0].1.clone();
    assert!(body.matches("ClientRequestToken").count() == 1 && !body.contains("null"), "{body}");
    let platform = ScriptedPlatform::new([response(200, &[], "{}")]);
    call(&platform, ",\"idempotencyTokens\":false", "TransactWriteItems", &input("")).unwrap();
    assert!(!platform.sent.borrow()[0].1.contains("ClientRequestToken"));
}

#[test]
fn the_signing_key_is_derived_once_per_day_and_again_after_expiry() {
    let platform = ScriptedPlatform::new((0..4).map(|_| response(200, &[], "{}")));
    let connection = Connection::open("{\"region\":\"us-east-1\"}", &platform).unwrap();
    connection.execute("ListTables", "", None).unwrap();
    connection.execute("ListTables", "", None).unwrap();
    assert_eq!(platform.keys.get(), 1);
    platform.now_ms.set(NOW_MS + 24 * 3_600_000);
    connection.execute("ListTables", "", None).unwrap();
    assert_eq!(platform.keys.get(), 2);

    let mut platform = ScriptedPlatform::new((0..2).map(|_| response(200, &[], "{}")));
    platform.key = |_| {
        Ok(SigningMaterial {
            access_key_id: "A".into(),
            session_token: Some("T".into()),
            key: vec![0; 32],
            expires: 1,
        })
    };
    let connection = Connection::open("{\"region\":\"us-east-1\"}", &platform).unwrap();
    connection.execute("ListTables", "", None).unwrap();
    connection.execute("ListTables", "", None).unwrap();
    assert_eq!(platform.keys.get(), 2);
    let sent = platform.sent.borrow();
    assert_eq!(header(&sent[0], "x-amz-security-token"), "T");
    assert!(
        header(&sent[0], "authorization").contains("x-amz-date;x-amz-security-token;x-amz-target")
    );
}

#[test]
fn missing_credentials_and_refused_scopes_are_different_errors() {
    let mut platform = ScriptedPlatform::new([]);
    platform.key = |_| Err(SigningError::Unavailable("none".to_string()));
    assert_eq!(call(&platform, "", "ListTables", ""), Err(Error::Credentials("none".to_string())));
    platform.key = |_| Err(SigningError::Refused("region".to_string()));
    assert_eq!(call(&platform, "", "ListTables", ""), Err(Error::Refused("region".to_string())));
}

#[test]
fn an_unknown_action_suggests_the_closest_name() {
    let platform = ScriptedPlatform::new([]);
    let Error::UnknownAction(message) = call(&platform, "", "getItem", "").unwrap_err() else {
        panic!("an unknown action")
    };
    assert!(message.contains("did you mean GetItem?"), "{message}");
}

#[test]
fn an_empty_response_becomes_an_empty_object() {
    let platform = ScriptedPlatform::new([response(200, &[], "")]);
    let input =
        r#"{"ResourceArn":"arn:aws:dynamodb:us-east-1:123456789012:table/users","TagKeys":["a"]}"#;
    assert_eq!(call(&platform, "", "UntagResource", input).unwrap(), "{}");
}

#[test]
fn relay_sends_and_returns_bytes_unchanged_in_one_attempt() {
    let platform = ScriptedPlatform::new([response(503, &[("x-a", "b")], "\u{1}not json")]);
    let connection = Connection::open("{\"region\":\"us-east-1\"}", &platform).unwrap();
    let relayed = connection.relay("ActionOfTomorrow", b"any bytes").unwrap();
    assert_eq!(
        (relayed.status, relayed.body.as_slice(), relayed.header("x-a")),
        (503, "\u{1}not json".as_bytes(), Some("b"))
    );
    assert_eq!(platform.sent.borrow()[0].1, "any bytes");
    assert!(matches!(connection.relay("Get Item", b""), Err(Error::UnknownAction(_))));
}

#[test]
fn relay_corrects_the_clock_for_later_requests_and_returns_the_response() {
    let body = r#"{"__type":"x#InvalidSignatureException","message":"expired"}"#;
    let skewed = || response(400, &[("date", "Sun, 30 Aug 2015 13:36:00 GMT")], body);
    let platform = ScriptedPlatform::new([skewed(), response(200, &[], "{}")]);
    let connection = Connection::open("{\"region\":\"us-east-1\"}", &platform).unwrap();
    assert_eq!(connection.relay("ListTables", b"{}"), Ok(skewed().unwrap()));
    assert_eq!((platform.sent.borrow().len(), platform.offset_ms.get()), (1, 3_600_000));
    connection.relay("ListTables", b"{}").unwrap();
    assert_eq!(header(&platform.sent.borrow()[1], "x-amz-date"), "20150830T133600Z");

    let platform = ScriptedPlatform::new([skewed()]);
    let settings = "{\"region\":\"us-east-1\",\"correctClock\":false}";
    Connection::open(settings, &platform).unwrap().relay("ListTables", b"{}").unwrap();
    assert_eq!(platform.offset_ms.get(), 0);
}

#[test]
fn a_byte_order_mark_in_a_response_is_left_out_of_the_result_but_relayed() {
    let table = "\u{feff}{\"Table\":{}}";
    let item = "\u{feff}{\"Item\":{\"a\":{\"S\":\"\u{feff}x\"}}}";
    let page = "\u{feff}{\"TableNames\":[\"t\"]}";
    let get = "{\"TableName\":\"t\",\"Key\":{\"a\":\"x\"}}";
    let platform = ScriptedPlatform::new([]);
    let connection = |body: &str| {
        platform.responses.borrow_mut().push_back(response(200, &[], body));
        Connection::open("{\"region\":\"us-east-1\"}", &platform).unwrap()
    };
    for (body, action, input, options, expected) in [
        (table, "DescribeTable", "{\"TableName\":\"t\"}", "{}", "{\"Table\":{}}"),
        (item, "GetItem", get, "{}", "{\"Item\":{\"a\":{\"S\":\"\u{feff}x\"}}}"),
        (item, "GetItem", get, "{\"format\":\"plain\"}", "{\"Item\":{\"a\":\"\u{feff}x\"}}"),
        ("\u{feff}{}", "GetItem", get, "{\"format\":\"plain\"}", "{}"),
        ("\u{feff}", "ListTables", "", "{}", "{}"),
    ] {
        let result = connection(body).execute(action, input, Some(options));
        assert_eq!(result.as_deref(), Ok(expected), "{body}");
    }
    let all = connection(page).execute("ListTables", "", Some("{\"pages\":\"all\"}")).unwrap();
    assert!(all.starts_with("{\"TableNames\":[\"t\"],"), "{all}");
    assert_eq!(connection(page).relay("ListTables", b"").unwrap().body, page.as_bytes());
}

#[test]
fn responses_that_are_not_json_are_errors() {
    for body in ["<html>", "{", ""] {
        let platform = ScriptedPlatform::new([response(200, &[], body)]);
        let result = call(&platform, "", "ListTables", "");
        assert_eq!(result.is_ok(), body.is_empty(), "{body}");
    }
    let platform = ScriptedPlatform::new([Ok(Response {
        status: 200,
        body: vec![0xff],
        ..Response::default()
    })]);
    assert!(matches!(call(&platform, "", "ListTables", ""), Err(Error::Other(_))));
}

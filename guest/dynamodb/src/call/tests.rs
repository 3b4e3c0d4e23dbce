use super::*;
use crate::sigv4::derive_key;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use core::cell::{Cell, RefCell};

const NOW_MS: i64 = 1_440_938_160_000;

/// Headers and body of a request.
type Sent = (Vec<(String, String)>, String);

/// A world with a scripted service and a clock that only moves when told.
struct Script {
    now_ms: Cell<i64>,
    deadline_ns: Cell<u64>,
    offset_ms: Cell<i64>,
    quota: Cell<u32>,
    answers: RefCell<VecDeque<Result<Answer, SendError>>>,
    sent: RefCell<Vec<Sent>>,
    slept_ms: RefCell<Vec<u64>>,
    keys: Cell<u32>,
    key: fn(&Scope) -> Result<SigningMaterial, SigningError>,
}

impl Script {
    fn new(answers: impl IntoIterator<Item = Result<Answer, SendError>>) -> Self {
        Self {
            now_ms: Cell::new(NOW_MS),
            deadline_ns: Cell::new(60_000_000_000),
            offset_ms: Cell::new(0),
            quota: Cell::new(500),
            answers: RefCell::new(answers.into_iter().collect()),
            sent: RefCell::default(),
            slept_ms: RefCell::default(),
            keys: Cell::new(0),
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

impl Platform for &Script {
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
    fn send(&self, request: &Request) -> Result<Answer, SendError> {
        let authority = [("authority", request.authority)];
        let headers = authority
            .iter()
            .chain(request.headers)
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        self.sent.borrow_mut().push((headers, String::from_utf8(request.body.to_vec()).unwrap()));
        self.answers.borrow_mut().pop_front().expect("the script has an answer for every request")
    }
}

#[expect(clippy::unnecessary_wraps, reason = "an entry of a script is an answer or an error")]
fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Result<Answer, SendError> {
    let headers =
        headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    Ok(Answer::new(status, headers, body.as_bytes().to_vec()))
}

fn throttled() -> Result<Answer, SendError> {
    answer(
        400,
        &[],
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"slow down"}"#,
    )
}

fn unavailable() -> Result<Answer, SendError> {
    answer(503, &[], "")
}

fn call(script: &Script, settings: &str, action: &str, input: &str) -> Result<String, Error> {
    let connection =
        Connection::open(&format!("{{\"region\":\"us-east-1\"{settings}}}"), script).unwrap();
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
fn a_success_is_one_request_with_the_actions_target() {
    let script = Script::new([answer(200, &[], "{\"TableNames\":[]}")]);
    assert_eq!(call(&script, "", "ListTables", "").unwrap(), "{\"TableNames\":[]}");
    let sent = script.sent.borrow();
    assert_eq!(sent.len(), 1);
    assert_eq!(header(&sent[0], "x-amz-target"), "DynamoDB_20120810.ListTables");
    assert_eq!(header(&sent[0], "content-length"), "2");
    assert!(header(&sent[0], "authorization").contains("20150830/us-east-1/dynamodb/aws4_request"));
}

#[test]
fn throttling_is_retried_four_times_with_growing_delays() {
    let script = Script::new([throttled(), throttled(), throttled(), throttled()]);
    let Error::Service(error) = call(&script, "", "ListTables", "").unwrap_err() else {
        panic!("a service error")
    };
    assert_eq!(
        (error.code.as_str(), error.attempts, error.retryable),
        ("ThrottlingException", 4, true)
    );
    assert_eq!(*script.slept_ms.borrow(), [999, 1999, 3999]);
    assert_eq!(script.quota.get(), 500 - 3 * 5);
}

#[test]
fn a_success_after_a_retry_gives_its_cost_back() {
    let script = Script::new([unavailable(), answer(200, &[], "{}")]);
    assert!(call(&script, "", "ListTables", "").is_ok());
    assert_eq!((script.quota.get(), script.slept_ms.borrow().as_slice()), (500, [24].as_slice()));
}

#[test]
fn an_empty_quota_ends_the_retries() {
    let script = Script::new([unavailable()]);
    script.quota.set(13);
    assert!(
        matches!(call(&script, "", "ListTables", ""), Err(Error::Service(error)) if error.attempts == 1)
    );
}

#[test]
fn one_attempt_turns_retries_off() {
    let script = Script::new([unavailable()]);
    assert!(
        matches!(call(&script, ",\"maxAttempts\":1", "ListTables", ""), Err(Error::Service(error)) if error.attempts == 1)
    );
}

#[test]
fn a_retry_that_the_deadline_would_end_is_not_begun() {
    let script = Script::new([throttled()]);
    script.deadline_ns.set(500_000_000);
    assert!(matches!(call(&script, "", "ListTables", ""), Err(Error::Service(_))));
    assert!(script.slept_ms.borrow().is_empty());
}

#[test]
fn a_passed_deadline_sends_nothing() {
    let script = Script::new([]);
    script.deadline_ns.set(0);
    assert!(
        matches!(call(&script, "", "ListTables", ""), Err(Error::Timeout(end)) if end.attempts == 0 && !end.maybe_applied)
    );
}

#[test]
fn a_lost_answer_says_that_the_action_may_have_been_applied() {
    let failed = |reached| Err(SendError::Failed { message: "gone".to_string(), reached });
    let script = Script::new([failed(true), failed(false)]);
    let error = call(&script, ",\"maxAttempts\":2", "ListTables", "").unwrap_err();
    assert_eq!(
        error,
        Error::Transport(Interruption {
            message: "gone".to_string(),
            maybe_applied: true,
            attempts: 2
        })
    );
    let script = Script::new([failed(false)]);
    assert!(
        matches!(call(&script, ",\"maxAttempts\":1", "ListTables", ""), Err(Error::Transport(end)) if !end.maybe_applied)
    );
}

#[test]
fn refusals_are_not_retried() {
    let script = Script::new([Err(SendError::Refused("no".to_string()))]);
    assert_eq!(call(&script, "", "ListTables", ""), Err(Error::Refused("no".to_string())));
    let conditional =
        answer(400, &[], r#"{"__type":"x#ConditionalCheckFailedException","message":"m"}"#);
    let script = Script::new([conditional]);
    assert!(
        matches!(call(&script, "", "ListTables", ""), Err(Error::Service(error)) if !error.retryable)
    );
}

#[test]
fn a_damaged_answer_is_fetched_again() {
    let damaged = || answer(200, &[("x-amz-crc32", "1")], "{}");
    let script = Script::new([damaged(), answer(200, &[("x-amz-crc32", "2745614147")], "{}")]);
    assert_eq!(call(&script, "", "ListTables", "").unwrap(), "{}");
    let script = Script::new([damaged()]);
    assert!(call(&script, ",\"verifyChecksums\":false", "ListTables", "").is_ok());
}

#[test]
fn a_wrong_clock_is_corrected_once_and_the_retry_is_signed_with_the_services_time() {
    let skewed = || {
        answer(
            400,
            &[("date", "Sun, 30 Aug 2015 13:36:00 GMT")],
            r#"{"__type":"x#InvalidSignatureException","message":"expired"}"#,
        )
    };
    let script = Script::new([skewed(), answer(200, &[], "{}")]);
    assert!(call(&script, "", "ListTables", "").is_ok());
    assert_eq!(script.offset_ms.get(), 3_600_000);
    let sent = script.sent.borrow();
    assert_eq!(
        (header(&sent[0], "x-amz-date"), header(&sent[1], "x-amz-date")),
        ("20150830T123600Z".into(), "20150830T133600Z".into())
    );
    assert_ne!(header(&sent[0], "authorization"), header(&sent[1], "authorization"));

    let script = Script::new([skewed(), skewed()]);
    assert!(call(&script, "", "ListTables", "").is_err());
    let script = Script::new([skewed()]);
    assert!(call(&script, ",\"correctClock\":false", "ListTables", "").is_err());
}

#[test]
fn a_right_clock_with_a_wrong_signature_is_not_retried() {
    let wrong = answer(
        400,
        &[("date", "Sun, 30 Aug 2015 12:38:00 GMT")],
        r#"{"__type":"x#InvalidSignatureException","message":"m"}"#,
    );
    let script = Script::new([wrong]);
    assert!(call(&script, "", "ListTables", "").is_err());
    assert_eq!(script.offset_ms.get(), 0);
}

#[test]
fn the_clock_of_a_cached_or_late_answer_says_nothing() {
    let cached = answer(
        400,
        &[("date", "Sun, 30 Aug 2015 13:36:00 GMT"), ("age", "3600")],
        r#"{"__type":"x#InvalidSignatureException"}"#,
    );
    let script = Script::new([cached]);
    assert!(call(&script, "", "ListTables", "").is_err());
    assert_eq!(script.offset_ms.get(), 0);
}

#[test]
fn one_idempotency_token_serves_all_attempts() {
    let input = r#"{"TransactItems":[{"Delete":{"TableName":"t","Key":{"a":"b"}}}]}"#;
    let script = Script::new([unavailable(), answer(200, &[], "{}")]);
    call(&script, "", "TransactWriteItems", input).unwrap();
    let sent = script.sent.borrow();
    assert_eq!(sent[0].1, sent[1].1);
    let token =
        serde_json::from_str::<serde_json::Value>(&sent[0].1).unwrap()["ClientRequestToken"]
            .clone();
    assert_eq!(token.as_str().unwrap().len(), 36);
}

#[test]
fn a_callers_own_token_is_kept_and_the_setting_turns_tokens_off() {
    let input = |own: &str| {
        format!(r#"{{{own}"TransactItems":[{{"Delete":{{"TableName":"t","Key":{{"a":"b"}}}}}}]}}"#)
    };
    let script = Script::new([answer(200, &[], "{}")]);
    call(&script, "", "TransactWriteItems", &input(r#""ClientRequestToken":"mine","#)).unwrap();
    assert!(script.sent.borrow()[0].1.starts_with(r#"{"ClientRequestToken":"mine","#));
    let script = Script::new([answer(200, &[], "{}")]);
    call(&script, "", "TransactWriteItems", &input(r#""ClientRequestToken":null,"#)).unwrap();
    let body = script.sent.borrow()[0].1.clone();
    assert!(body.matches("ClientRequestToken").count() == 1 && !body.contains("null"), "{body}");
    let script = Script::new([answer(200, &[], "{}")]);
    call(&script, ",\"idempotencyTokens\":false", "TransactWriteItems", &input("")).unwrap();
    assert!(!script.sent.borrow()[0].1.contains("ClientRequestToken"));
}

#[test]
fn the_signing_key_is_asked_for_once_a_day_and_again_when_it_expires() {
    let script = Script::new((0..4).map(|_| answer(200, &[], "{}")));
    let connection = Connection::open("{\"region\":\"us-east-1\"}", &script).unwrap();
    connection.execute("ListTables", "", None).unwrap();
    connection.execute("ListTables", "", None).unwrap();
    assert_eq!(script.keys.get(), 1);
    script.now_ms.set(NOW_MS + 24 * 3_600_000);
    connection.execute("ListTables", "", None).unwrap();
    assert_eq!(script.keys.get(), 2);

    let mut script = Script::new((0..2).map(|_| answer(200, &[], "{}")));
    script.key = |_| {
        Ok(SigningMaterial {
            access_key_id: "A".into(),
            session_token: Some("T".into()),
            key: vec![0; 32],
            expires: 1,
        })
    };
    let connection = Connection::open("{\"region\":\"us-east-1\"}", &script).unwrap();
    connection.execute("ListTables", "", None).unwrap();
    connection.execute("ListTables", "", None).unwrap();
    assert_eq!(script.keys.get(), 2);
    let sent = script.sent.borrow();
    assert_eq!(header(&sent[0], "x-amz-security-token"), "T");
    assert!(
        header(&sent[0], "authorization").contains("x-amz-date;x-amz-security-token;x-amz-target")
    );
}

#[test]
fn missing_credentials_and_refused_scopes_are_told_apart() {
    let mut script = Script::new([]);
    script.key = |_| Err(SigningError::Unavailable("none".to_string()));
    assert_eq!(call(&script, "", "ListTables", ""), Err(Error::Credentials("none".to_string())));
    script.key = |_| Err(SigningError::Refused("region".to_string()));
    assert_eq!(call(&script, "", "ListTables", ""), Err(Error::Refused("region".to_string())));
}

#[test]
fn an_unknown_action_names_the_nearest() {
    let script = Script::new([]);
    let Error::UnknownAction(message) = call(&script, "", "getItem", "").unwrap_err() else {
        panic!("an unknown action")
    };
    assert!(message.contains("did you mean GetItem?"), "{message}");
}

#[test]
fn an_empty_answer_is_an_empty_object() {
    let script = Script::new([answer(200, &[], "")]);
    let input =
        r#"{"ResourceArn":"arn:aws:dynamodb:us-east-1:123456789012:table/users","TagKeys":["a"]}"#;
    assert_eq!(call(&script, "", "UntagResource", input).unwrap(), "{}");
}

#[test]
fn relay_passes_bytes_both_ways_in_one_attempt() {
    let script = Script::new([answer(503, &[("x-a", "b")], "\u{1}not json")]);
    let connection = Connection::open("{\"region\":\"us-east-1\"}", &script).unwrap();
    let relayed = connection.relay("ActionOfTomorrow", b"any bytes").unwrap();
    assert_eq!(
        (relayed.status, relayed.body.as_slice(), relayed.header("x-a")),
        (503, "\u{1}not json".as_bytes(), Some("b"))
    );
    assert_eq!(script.sent.borrow()[0].1, "any bytes");
    assert!(matches!(connection.relay("Get Item", b""), Err(Error::UnknownAction(_))));
}

#[test]
fn answers_that_are_not_the_protocol_are_errors() {
    for body in ["<html>", "{", ""] {
        let script = Script::new([answer(200, &[], body)]);
        let result = call(&script, "", "ListTables", "");
        assert_eq!(result.is_ok(), body.is_empty(), "{body}");
    }
    let script = Script::new([Ok(Answer::new(200, vec![], vec![0xff]))]);
    assert!(matches!(call(&script, "", "ListTables", ""), Err(Error::Other(_))));
}

fn call_with(
    script: &Script,
    action: &str,
    input: &str,
    options: &str,
) -> Result<serde_json::Value, Error> {
    let connection = Connection::open("{\"region\":\"us-east-1\"}", script).unwrap();
    connection
        .execute(action, input, Some(options))
        .map(|answer| serde_json::from_str(&answer).unwrap())
}

fn page(id: u32, next: bool) -> Result<Answer, SendError> {
    let cursor = if next {
        format!(",\"LastEvaluatedKey\":{{\"id\":{{\"N\":\"{id}\"}}}}")
    } else {
        String::new()
    };
    answer(
        200,
        &[],
        &format!(
            "{{\"Items\":[{{\"id\":{{\"N\":\"{id}\"}}}}],\"Count\":1,\"ScannedCount\":2{cursor}}}"
        ),
    )
}

const SCAN: &str = r#"{"TableName":"t","ExclusiveStartKey":{"id":{"N":"0"}}}"#;

#[test]
fn all_pages_are_one_answer() {
    let empty = answer(
        200,
        &[],
        r#"{"Items":[],"Count":0,"ScannedCount":2,"LastEvaluatedKey":{"id":{"N":"2"}}}"#,
    );
    let script = Script::new([page(1, true), empty, page(3, false)]);
    let input = SCAN.replace(r#"{"N":"0"}"#, "0");
    let answer = call_with(&script, "Scan", &input, r#"{"pages":"all","format":"plain"}"#).unwrap();
    assert_eq!(
        answer,
        serde_json::json!({"Items": [{"id": 1}, {"id": 3}], "Count": 2, "ScannedCount": 6, "Paging": {"Pages": 3, "StoppedBy": "the last page"}})
    );
    let sent = script.sent.borrow();
    assert!(sent[0].1.contains(r#""ExclusiveStartKey":{"id":{"N":"0"}}"#));
    assert_eq!(sent[1].1, r#"{"ExclusiveStartKey":{"id":{"N":"1"}},"TableName":"t"}"#);
    assert_eq!(sent[2].1, r#"{"ExclusiveStartKey":{"id":{"N":"2"}},"TableName":"t"}"#);
}

#[test]
fn one_page_is_the_default_and_comes_as_it_is() {
    let script = Script::new([page(1, true)]);
    let answer = call_with(&script, "Scan", SCAN, "{}").unwrap();
    assert!(answer["Paging"].is_null() && answer["LastEvaluatedKey"].is_object());
}

#[test]
fn bounds_stop_paging_early_and_the_cursor_says_where_to_go_on() {
    for (options, stop) in [
        (r#"{"pages":"all","maxItems":2}"#, "maxItems"),
        (r#"{"pages":"all","maxBytes":60}"#, "maxBytes"),
    ] {
        let script = Script::new([page(1, true), page(2, true)]);
        let answer = call_with(&script, "Scan", SCAN, options).unwrap();
        assert_eq!(answer["Paging"], serde_json::json!({"Pages": 2, "StoppedBy": stop}));
        assert_eq!(answer["LastEvaluatedKey"]["id"]["N"], "2");
    }
}

#[test]
fn a_page_that_fails_does_not_lose_those_before_it() {
    let refused =
        || answer(400, &[], r#"{"__type":"x#ResourceNotFoundException","message":"gone"}"#);
    let script = Script::new([page(1, true), refused()]);
    let answer = call_with(&script, "Scan", SCAN, r#"{"pages":"all"}"#).unwrap();
    assert_eq!(answer["Paging"]["StoppedBy"], "ResourceNotFoundException: gone");
    assert_eq!(
        (&answer["Count"], &answer["LastEvaluatedKey"]["id"]["N"]),
        (&serde_json::json!(1), &serde_json::json!("1"))
    );
    let script = Script::new([refused()]);
    assert!(call_with(&script, "Scan", SCAN, r#"{"pages":"all"}"#).is_err());
}

#[test]
fn lists_of_names_are_paged_by_their_own_cursor() {
    let script = Script::new([
        answer(200, &[], r#"{"TableNames":["a","b"],"LastEvaluatedTableName":"b"}"#),
        answer(200, &[], r#"{"TableNames":["c"]}"#),
    ]);
    let answer = call_with(&script, "ListTables", "", r#"{"pages":"all"}"#).unwrap();
    assert_eq!(answer["TableNames"], serde_json::json!(["a", "b", "c"]));
    assert_eq!(script.sent.borrow()[1].1, r#"{"ExclusiveStartTableName":"b"}"#);
}

#[test]
fn what_a_batch_leaves_is_sent_again_and_what_is_left_at_the_end_is_returned() {
    let input = r#"{"RequestItems":{"t":{"Keys":[{"id":"1"},{"id":"2"}]}}}"#;
    let left = r#"{"t":{"Keys":[{"id":{"S":"2"}}]}}"#;
    let first = || {
        answer(
            200,
            &[],
            &format!(
                "{{\"Responses\":{{\"t\":[{{\"id\":{{\"S\":\"1\"}}}}]}},\"UnprocessedKeys\":{left}}}"
            ),
        )
    };
    let script = Script::new([
        first(),
        answer(200, &[], r#"{"Responses":{"t":[{"id":{"S":"2"}}]},"UnprocessedKeys":{}}"#),
    ]);
    let whole =
        call_with(&script, "BatchGetItem", input, r#"{"resubmit":true,"format":"plain"}"#).unwrap();
    assert_eq!(whole["Responses"], serde_json::json!({"t": [{"id": "1"}, {"id": "2"}]}));
    assert_eq!(whole["UnprocessedKeys"], serde_json::json!({}));
    assert_eq!(script.sent.borrow()[1].1, format!("{{\"RequestItems\":{left}}}"));
    assert_eq!(script.slept_ms.borrow().len(), 1);

    let script = Script::new([
        first(),
        answer(400, &[], r#"{"__type":"x#AccessDeniedException","message":"no"}"#),
    ]);
    let part = call_with(&script, "BatchGetItem", input, r#"{"resubmit":true}"#).unwrap();
    assert_eq!(part["UnprocessedKeys"], serde_json::from_str::<serde_json::Value>(left).unwrap());
    assert!(
        part["Resubmission"]["StoppedBy"].as_str().unwrap().starts_with("AccessDeniedException")
    );

    let script = Script::new([first()]);
    script.deadline_ns.set(1);
    let late = call_with(&script, "BatchGetItem", input, r#"{"resubmit":true}"#).unwrap();
    assert_eq!(late["Resubmission"]["StoppedBy"], "the deadline");
}

#[test]
fn the_connection_test_tells_bad_keys_from_missing_permissions() {
    let denied = answer(
        400,
        &[],
        r#"{"__type":"x#AccessDeniedException","Message":"not authorized to perform: dynamodb:ListTables"}"#,
    );
    let script = Script::new([denied]);
    let connection = Connection::open("{\"region\":\"us-east-1\"}", &script).unwrap();
    let tested: serde_json::Value = serde_json::from_str(&connection.test().unwrap()).unwrap();
    assert_eq!(
        (&tested["ok"], &tested["missing"]),
        (&serde_json::json!(true), &serde_json::json!("dynamodb:ListTables"))
    );
    for code in
        ["UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException"]
    {
        let script = Script::new([answer(
            400,
            &[],
            &format!("{{\"__type\":\"x#{code}\",\"message\":\"m\"}}"),
        )]);
        let connection = Connection::open("{\"region\":\"us-east-1\"}", &script).unwrap();
        assert!(
            matches!(connection.test(), Err(Error::Service(error)) if error.code == code && error.hint.is_some())
        );
    }
    let script = Script::new([Err(SendError::Refused("no".to_string()))]);
    assert!(matches!(
        Connection::open("{\"region\":\"us-east-1\"}", &script).unwrap().test(),
        Err(Error::Refused(_))
    ));
}

#[test]
fn the_structure_lists_all_pages_within_its_bounds() {
    let table = r#"{"Table":{"TableName":"b","TableStatus":"ACTIVE","KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],
        "AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"},{"AttributeName":"at","AttributeType":"N"}],
        "GlobalSecondaryIndexes":[{"IndexName":"by-at","KeySchema":[{"AttributeName":"at","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}}]}}"#;
    let names =
        |names: &str, last: &str| answer(200, &[], &format!("{{\"TableNames\":{names}{last}}}"));
    let gone = answer(400, &[], r#"{"__type":"x#ResourceNotFoundException","message":"gone"}"#);
    let script = Script::new([
        names("[\"a\"]", ",\"LastEvaluatedTableName\":\"a\""),
        gone,
        names("[\"b\",\"c\"]", ""),
        answer(200, &[], table),
    ]);
    let connection = Connection::open("{\"region\":\"us-east-1\"}", &script).unwrap();
    let found: serde_json::Value =
        serde_json::from_str(&connection.structure("{\"limit\":2}").unwrap()).unwrap();
    assert_eq!(
        (found["tables"].as_array().unwrap().len(), &found["more"]),
        (2, &serde_json::json!(true))
    );
    assert!(found["tables"][0]["error"].as_str().unwrap().starts_with("ResourceNotFoundException"));
    assert_eq!(
        found["tables"][1]["indexes"][0]["keys"],
        serde_json::json!([{"name": "at", "type": "N", "role": "partition"}])
    );
    assert!(matches!(connection.structure("{\"limt\":2}"), Err(Error::InvalidInput(_))));
}

#[test]
fn vectors_are_searched_at_their_own_endpoint() {
    let script = Script::new([answer(200, &[], "{}")]);
    call(
        &script,
        "",
        "SearchVectors",
        r#"{"TableName":"t","IndexName":"idx","SearchVector":[1],"TopK":1}"#,
    )
    .unwrap();
    assert_eq!(
        header(&script.sent.borrow()[0], "authority"),
        "search-dynamodb.us-east-1.amazonaws.com"
    );
}

proptest::proptest! {
    #[test]
    fn relay_hands_back_any_status_headers_and_bytes(
        status in 100u16..600,
        headers in proptest::collection::vec(("[a-z][a-z0-9-]{0,20}", "[ -~]{0,40}"), 0..6),
        body in proptest::collection::vec(proptest::num::u8::ANY, 0..300),
        sent in "[ -~]{0,200}",
    ) {
        let upstream = Answer::new(status, headers, body);
        let script = Script::new([Ok(upstream.clone())]);
        let connection = Connection::open("{\"region\":\"us-east-1\"}", &script).unwrap();
        proptest::prop_assert_eq!(connection.relay("GetItem", sent.as_bytes()).unwrap(), upstream);
        proptest::prop_assert_eq!(&script.sent.borrow()[0].1, &sent);
    }
}

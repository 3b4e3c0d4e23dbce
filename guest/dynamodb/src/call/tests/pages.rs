//! Calls that send several requests: pages, batches, the connection test, the structure.

use super::*;

fn call_with(
    platform: &ScriptedPlatform,
    action: &str,
    input: &str,
    options: &str,
) -> Result<serde_json::Value, Error> {
    let connection = Connection::open("{\"region\":\"us-east-1\"}", platform).unwrap();
    connection
        .execute(action, input, Some(options))
        .map(|response| serde_json::from_str(&response).unwrap())
}

fn page(id: u32, next: bool) -> Result<Response, SendError> {
    let cursor = if next {
        format!(",\"LastEvaluatedKey\":{{\"id\":{{\"N\":\"{id}\"}}}}")
    } else {
        String::new()
    };
    response(
        200,
        &[],
        &format!(
            "{{\"Items\":[{{\"id\":{{\"N\":\"{id}\"}}}}],\"Count\":1,\"ScannedCount\":2{cursor}}}"
        ),
    )
}

const SCAN: &str = r#"{"TableName":"t","ExclusiveStartKey":{"id":{"N":"0"}}}"#;

#[test]
fn all_pages_are_merged_into_one_result() {
    let empty = response(
        200,
        &[],
        r#"{"Items":[],"Count":0,"ScannedCount":2,"LastEvaluatedKey":{"id":{"N":"2"}}}"#,
    );
    let platform = ScriptedPlatform::new([page(1, true), empty, page(3, false)]);
    let input = SCAN.replace(r#"{"N":"0"}"#, "0");
    let response =
        call_with(&platform, "Scan", &input, r#"{"pages":"all","format":"plain"}"#).unwrap();
    assert_eq!(
        response,
        serde_json::json!({
            "Items": [{"id": 1}, {"id": 3}],
            "Count": 2,
            "ScannedCount": 6,
            "Paging": {"Pages": 3, "StoppedBy": "the last page"},
        })
    );
    let sent = platform.sent.borrow();
    assert!(sent[0].1.contains(r#""ExclusiveStartKey":{"id":{"N":"0"}}"#));
    assert_eq!(sent[1].1, r#"{"ExclusiveStartKey":{"id":{"N":"1"}},"TableName":"t"}"#);
    assert_eq!(sent[2].1, r#"{"ExclusiveStartKey":{"id":{"N":"2"}},"TableName":"t"}"#);
}

#[test]
fn one_page_is_the_default_and_is_returned_unchanged() {
    let platform = ScriptedPlatform::new([page(1, true)]);
    let response = call_with(&platform, "Scan", SCAN, "{}").unwrap();
    assert!(response["Paging"].is_null() && response["LastEvaluatedKey"].is_object());
}

#[test]
fn limits_stop_paging_and_the_cursor_is_returned() {
    for (options, stop) in [
        (r#"{"pages":"all","maxItems":2}"#, "the limit maxItems"),
        (r#"{"pages":"all","maxBytes":60}"#, "the limit maxBytes"),
    ] {
        let platform = ScriptedPlatform::new([page(1, true), page(2, true)]);
        let response = call_with(&platform, "Scan", SCAN, options).unwrap();
        assert_eq!(response["Paging"], serde_json::json!({"Pages": 2, "StoppedBy": stop}));
        assert_eq!(response["LastEvaluatedKey"]["id"]["N"], "2");
    }
}

#[test]
fn a_failed_page_does_not_lose_the_pages_before_it() {
    let refused =
        || response(400, &[], r#"{"__type":"x#ResourceNotFoundException","message":"gone"}"#);
    let platform = ScriptedPlatform::new([page(1, true), refused()]);
    let response = call_with(&platform, "Scan", SCAN, r#"{"pages":"all"}"#).unwrap();
    assert_eq!(
        response["Paging"],
        serde_json::json!({
            "Pages": 1,
            "StoppedBy": "an error",
            "Error": {"case": "service", "code": "ResourceNotFoundException", "message": "gone"},
        })
    );
    assert_eq!(
        (&response["Count"], &response["LastEvaluatedKey"]["id"]["N"]),
        (&serde_json::json!(1), &serde_json::json!("1"))
    );
    let platform = ScriptedPlatform::new([refused()]);
    assert!(call_with(&platform, "Scan", SCAN, r#"{"pages":"all"}"#).is_err());
}

#[test]
fn an_empty_cursor_is_the_end_and_one_that_does_not_move_stops_paging() {
    let with_cursor = |cursor: &str| {
        response(200, &[], &format!(r#"{{"Items":[],"Count":0,"LastEvaluatedKey":{cursor}}}"#))
    };
    for end in ["{}", "null", "{ }", "\"\""] {
        let platform = ScriptedPlatform::new([with_cursor(end)]);
        let response = call_with(&platform, "Scan", SCAN, r#"{"pages":"all"}"#).unwrap();
        let paging = serde_json::json!({"Pages": 1, "StoppedBy": "the last page"});
        assert_eq!(response["Paging"], paging, "{end}");
        assert!(response["LastEvaluatedKey"].is_null());
    }
    let platform = ScriptedPlatform::new([
        with_cursor(r#"{"id":{"N":"1"},"at":{"N":"2"}}"#),
        with_cursor(r#"{"at": {"N":"2"}, "id": {"N":"1"}}"#),
    ]);
    let response = call_with(&platform, "Scan", SCAN, r#"{"pages":"all"}"#).unwrap();
    let paging = serde_json::json!({"Pages": 2, "StoppedBy": "a cursor that did not move"});
    assert_eq!(response["Paging"], paging);
    assert_eq!(response["LastEvaluatedKey"]["id"]["N"], "1");
}

#[test]
fn a_statement_is_paged_by_its_token_and_keeps_no_key_of_a_page() {
    let platform = ScriptedPlatform::new([
        response(
            200,
            &[],
            r#"{"Items":[{"id":{"N":"1"}}],"NextToken":"n","LastEvaluatedKey":{"id":{"N":"1"}}}"#,
        ),
        response(200, &[], r#"{"Items":[{"id":{"N":"2"}}]}"#),
    ]);
    let input = r#"{"Statement":"SELECT * FROM \"t\""}"#;
    let options = r#"{"pages":"all","format":"plain"}"#;
    let response = call_with(&platform, "ExecuteStatement", input, options).unwrap();
    assert_eq!(
        response,
        serde_json::json!({
            "Items": [{"id": 1}, {"id": 2}],
            "Paging": {"Pages": 2, "StoppedBy": "the last page"},
        })
    );
    assert!(platform.sent.borrow()[1].1.contains(r#""NextToken":"n""#));
}

#[test]
fn list_tables_is_paged_with_its_own_cursor() {
    let platform = ScriptedPlatform::new([
        response(200, &[], r#"{"TableNames":["a","b"],"LastEvaluatedTableName":"b"}"#),
        response(200, &[], r#"{"TableNames":["c"]}"#),
    ]);
    let response = call_with(&platform, "ListTables", "", r#"{"pages":"all"}"#).unwrap();
    assert_eq!(response["TableNames"], serde_json::json!(["a", "b", "c"]));
    assert_eq!(platform.sent.borrow()[1].1, r#"{"ExclusiveStartTableName":"b"}"#);
}

#[test]
fn unprocessed_entries_are_sent_again_and_the_rest_is_returned() {
    let input = r#"{"RequestItems":{"t":{"Keys":[{"id":"1"},{"id":"2"}]}}}"#;
    let left = r#"{"t":{"Keys":[{"id":{"S":"2"}}]}}"#;
    let first = || {
        response(
            200,
            &[],
            &format!(
                "{{\"Responses\":{{\"t\":[{{\"id\":{{\"S\":\"1\"}}}}]}},\"UnprocessedKeys\":{left}}}"
            ),
        )
    };
    let platform = ScriptedPlatform::new([
        first(),
        response(200, &[], r#"{"Responses":{"t":[{"id":{"S":"2"}}]},"UnprocessedKeys":{}}"#),
    ]);
    let whole =
        call_with(&platform, "BatchGetItem", input, r#"{"resubmit":true,"format":"plain"}"#)
            .unwrap();
    assert_eq!(whole["Responses"], serde_json::json!({"t": [{"id": "1"}, {"id": "2"}]}));
    assert_eq!(whole["UnprocessedKeys"], serde_json::json!({}));
    assert_eq!(platform.sent.borrow()[1].1, format!("{{\"RequestItems\":{left}}}"));
    assert_eq!(platform.slept_ms.borrow().len(), 1);

    let platform = ScriptedPlatform::new([
        first(),
        response(400, &[], r#"{"__type":"x#AccessDeniedException","message":"no"}"#),
    ]);
    let part = call_with(&platform, "BatchGetItem", input, r#"{"resubmit":true}"#).unwrap();
    assert_eq!(part["UnprocessedKeys"], serde_json::from_str::<serde_json::Value>(left).unwrap());
    assert_eq!(part["Resubmission"]["StoppedBy"], "an error");
    assert_eq!(part["Resubmission"]["Error"]["code"], "AccessDeniedException");

    let platform = ScriptedPlatform::new([first()]);
    platform.deadline_ns.set(1);
    let late = call_with(&platform, "BatchGetItem", input, r#"{"resubmit":true}"#).unwrap();
    assert_eq!(late["Resubmission"]["StoppedBy"], "the deadline");
}

#[test]
fn unprocessed_entries_of_null_or_empty_lists_are_not_sent_again() {
    let write = r#"{"RequestItems":{"t":[{"DeleteRequest":{"Key":{"id":"1"}}}]}}"#;
    let get = r#"{"RequestItems":{"t":{"Keys":[{"id":"1"}]}}}"#;
    for (action, field, input, left) in [
        ("BatchWriteItem", "UnprocessedItems", write, "null"),
        ("BatchWriteItem", "UnprocessedItems", write, r#"{"t":[],"u":[ ]}"#),
        ("BatchWriteItem", "UnprocessedItems", write, r#"{"t":null}"#),
        ("BatchGetItem", "UnprocessedKeys", get, "null"),
        ("BatchGetItem", "UnprocessedKeys", get, r#"{"t":{"ConsistentRead":true,"Keys":[]}}"#),
    ] {
        let body = format!("{{\"{field}\":{left}}}");
        let platform = ScriptedPlatform::new([response(200, &[], &body)]);
        let whole = call_with(&platform, action, input, r#"{"resubmit":true}"#).unwrap();
        assert_eq!(whole["Resubmission"]["StoppedBy"], "nothing is left", "{left}");
        assert_eq!(whole[field], serde_json::json!({}), "{left}");
    }
}

#[test]
fn the_connection_test_distinguishes_bad_keys_from_missing_permissions() {
    let denied = response(
        400,
        &[],
        r#"{"__type":"x#AccessDeniedException","Message":"not authorized to perform: dynamodb:ListTables"}"#,
    );
    let platform = ScriptedPlatform::new([denied]);
    let connection = Connection::open("{\"region\":\"us-east-1\"}", &platform).unwrap();
    let tested: serde_json::Value = serde_json::from_str(&connection.test().unwrap()).unwrap();
    assert_eq!(
        (&tested["ok"], &tested["missing"]),
        (&serde_json::json!(true), &serde_json::json!("dynamodb:ListTables"))
    );
    for code in
        ["UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException"]
    {
        let platform = ScriptedPlatform::new([response(
            400,
            &[],
            &format!("{{\"__type\":\"x#{code}\",\"message\":\"m\"}}"),
        )]);
        let connection = Connection::open("{\"region\":\"us-east-1\"}", &platform).unwrap();
        assert!(matches!(
            connection.test(),
            Err(Error::Service(error)) if error.code == code && error.hint.is_some()
        ));
    }
    let platform = ScriptedPlatform::new([Err(SendError::Refused("no".to_string()))]);
    assert!(matches!(
        Connection::open("{\"region\":\"us-east-1\"}", &platform).unwrap().test(),
        Err(Error::Refused(_))
    ));
}

#[test]
fn structure_lists_the_tables_of_all_pages_up_to_its_limit() {
    let table = r#"{"Table":{"TableName":"b","TableStatus":"ACTIVE","KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],
        "AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"},{"AttributeName":"at","AttributeType":"N"}],
        "GlobalSecondaryIndexes":[{"IndexName":"by-at","KeySchema":[{"AttributeName":"at","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}}]}}"#;
    let names =
        |names: &str, last: &str| response(200, &[], &format!("{{\"TableNames\":{names}{last}}}"));
    let gone = response(400, &[], r#"{"__type":"x#ResourceNotFoundException","message":"gone"}"#);
    let platform = ScriptedPlatform::new([
        names("[\"a\"]", ",\"LastEvaluatedTableName\":\"a\""),
        gone,
        names("[\"b\",\"c\"]", ""),
        response(200, &[], table),
    ]);
    let connection = Connection::open("{\"region\":\"us-east-1\"}", &platform).unwrap();
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
fn search_vectors_uses_its_own_endpoint() {
    let platform = ScriptedPlatform::new([response(200, &[], "{}")]);
    call(
        &platform,
        "",
        "SearchVectors",
        r#"{"TableName":"t","IndexName":"idx","SearchVector":[1],"TopK":1}"#,
    )
    .unwrap();
    assert_eq!(
        header(&platform.sent.borrow()[0], "authority"),
        "search-dynamodb.us-east-1.amazonaws.com"
    );
}

proptest::proptest! {
    #[test]
    fn relay_returns_any_status_headers_and_body_unchanged(
        status in 100u16..600,
        headers in proptest::collection::vec(("[a-z][a-z0-9-]{0,20}", "[ -~]{0,40}"), 0..6),
        body in proptest::collection::vec(proptest::num::u8::ANY, 0..300),
        sent in "[ -~]{0,200}",
    ) {
        let upstream = Response { status, headers, crc32: 0, body };
        let platform = ScriptedPlatform::new([Ok(upstream.clone())]);
        let connection = Connection::open("{\"region\":\"us-east-1\"}", &platform).unwrap();
        proptest::prop_assert_eq!(connection.relay("GetItem", sent.as_bytes()).unwrap(), upstream);
        proptest::prop_assert_eq!(&platform.sent.borrow()[0].1, &sent);
    }
}

//! Services that answer badly, or not at all.

use portcullis::{Connect, Error, Interruption, LimitKind, PluginError};
use portcullis_testkit::raw::{self, Then};
use portcullis_testkit::recorder::{self, Answer};
use tests::plugins::{self, host};

fn interruption(result: Result<String, Error>) -> Interruption {
    match result {
        Err(Error::Plugin(PluginError::Transport(end) | PluginError::Timeout(end))) => end,
        other => panic!("expected an interruption, and got {other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_told_with_the_attempts_made() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let datasource = plugins::datasource(&format!("127.0.0.1:{port}"), "").await;
    let end =
        interruption(datasource.execute("PutItem", r#"{"TableName":"t","Item":{"a":"b"}}"#).await);
    assert!(end.message.contains("connection refused"), "{}", end.message);
    assert!(end.attempts >= 1 && !end.maybe_applied, "{end:?}");
}

#[tokio::test]
async fn the_connection_test_tells_nobody_answers_from_the_host_refused() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let authority = format!("127.0.0.1:{port}");
    let nobody = plugins::datasource(&authority, "").await.test().await;
    assert!(interruption(nobody).message.contains("nobody answers"));
    let settings = format!("{{\"region\":\"us-east-1\",\"endpoint\":\"http://{authority}\"}}");
    let policy = portcullis::Policy::default();
    let connect = Connect {
        settings: &settings,
        settings_are_trusted: true,
        policy,
        credentials: Some(plugins::credentials()),
        ..Connect::default()
    };
    assert!(
        host()
            .connect(plugins::dynamodb(), connect)
            .await
            .unwrap()
            .test()
            .await
            .unwrap_err()
            .is_denied()
    );
    let without = Connect {
        settings: &settings,
        settings_are_trusted: true,
        policy: plugins::policy(&authority, ""),
        credentials: None,
        ..Connect::default()
    };
    let error =
        host().connect(plugins::dynamodb(), without).await.unwrap().test().await.unwrap_err();
    assert!(matches!(error, Error::Plugin(PluginError::Credentials(_))), "{error:?}");
}

#[tokio::test]
async fn a_server_killed_in_the_middle_of_its_answer_may_have_applied_the_action() {
    let server =
        raw::start(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"Item\":", Then::Close).await;
    let datasource = plugins::connect(&server.authority, "", ",\"maxAttempts\":1").await.unwrap();
    let end =
        interruption(datasource.execute("PutItem", r#"{"TableName":"t","Item":{"a":"b"}}"#).await);
    assert_eq!((end.maybe_applied, end.attempts), (true, 1));
    assert!(end.message.contains("middle of the answer"), "{}", end.message);
}

#[tokio::test]
async fn a_server_that_says_nothing_ends_at_the_deadline() {
    for (bytes, then) in
        [(&b""[..], Then::Hang), (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{", Then::Hang)]
    {
        let server = raw::start(bytes, then).await;
        let datasource =
            plugins::datasource(&server.authority, "limits = { deadline = \"300ms\" }").await;
        let result = datasource.execute("ListTables", "").await;
        assert!(result.as_ref().unwrap_err().is_timeout(), "{result:?}");
        assert!(interruption(result).maybe_applied);
    }
}

#[tokio::test]
async fn garbage_and_early_ends_are_errors_and_not_crashes() {
    for bytes in [
        &b""[..],
        b"\0\0\0\0\0\0\0\0",
        b"HTTP/1.1 200",
        b"220 smtp.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let server = raw::start(bytes, Then::Close).await;
        let datasource =
            plugins::connect(&server.authority, "", ",\"maxAttempts\":1").await.unwrap();
        let result = datasource.execute("ListTables", "").await;
        assert!(
            matches!(result, Err(Error::Plugin(PluginError::Transport(_)))),
            "{bytes:?}: {result:?}"
        );
    }
}

#[tokio::test]
async fn a_length_that_no_memory_holds_is_beyond_the_limit_however_it_is_written() {
    for length in [
        "70368744177664",
        "70368744177664, 70368744177664",
        "9223372036854775808, 9223372036854775808",
        "18446744073709551613",
    ] {
        let bytes = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{{");
        let server = raw::start(bytes.into_bytes().leak(), Then::Close).await;
        let datasource =
            plugins::connect(&server.authority, "", ",\"maxAttempts\":1").await.unwrap();
        let result = datasource.execute("ListTables", "").await;
        assert!(
            matches!(&result, Err(Error::Limit(limit)) if limit.which == LimitKind::ResponseBytes),
            "{length}: {result:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_comes_before_the_request_is_written_is_read() {
    // More than the buffers of a connection hold: the answer is there before the request is written to its end.
    let server =
        raw::start(b"HTTP/1.1 413 Payload Too Large\r\ncontent-length: 2\r\n\r\n{}", Then::Hang)
            .await;
    let datasource = plugins::connect(&server.authority, "", ",\"maxAttempts\":1").await.unwrap();
    let input = format!(
        "{{\"TableName\": \"t\", \"Item\": {{\"a\": {{\"S\": \"{}\"}}}}}}",
        "x".repeat(12_000_000)
    );
    for _ in 0..2 {
        let result = datasource.execute("PutItem", &input).await;
        assert!(
            matches!(&result, Err(Error::Plugin(PluginError::Service(error))) if error.http_status == 413),
            "{result:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_not_json_is_told() {
    for body in ["<html></html>", "{\"Item\":", "\u{0}"] {
        let server = recorder::start(Answer::ok(body)).await;
        let result =
            plugins::datasource(&server.authority, "").await.execute("ListTables", "").await;
        assert!(
            matches!(&result, Err(Error::Plugin(PluginError::Other(message))) if message.contains("not JSON")),
            "{result:?}"
        );
    }
    let server = recorder::start(Answer::ok(&b"{\"a\":\"\xff\"}"[..])).await;
    let result = plugins::datasource(&server.authority, "").await.execute("ListTables", "").await;
    assert!(
        matches!(&result, Err(Error::Plugin(PluginError::Other(message))) if message.contains("UTF-8")),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_pooled_connection_that_was_closed_is_replaced() {
    let server = raw::start(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", Then::Close).await;
    let datasource = plugins::datasource(&server.authority, "").await;
    for _ in 0..5 {
        assert_eq!(datasource.execute("ListTables", "").await.unwrap(), "{}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn relay_passes_status_headers_and_bytes() {
    let answer = Answer {
        status: 400,
        headers: vec![("x-amzn-requestid", "R1".to_string())],
        body: (&b"\x00\xff bytes"[..]).into(),
    };
    let server = recorder::start(answer).await;
    let datasource = plugins::datasource(&server.authority, "").await;
    let relayed = datasource.relay("GetItem", b"\xfe not json").await.unwrap();
    assert_eq!((relayed.status, relayed.body.as_slice()), (400, &b"\x00\xff bytes"[..]));
    assert!(relayed.headers.contains(&("x-amzn-requestid".to_string(), "R1".to_string())));
    assert_eq!(&server.requests()[0].body[..], b"\xfe not json");
}

#[tokio::test]
async fn missing_credentials_say_where_to_put_them() {
    let server = recorder::start(Answer::ok("{}")).await;
    let settings =
        format!("{{\"region\":\"us-east-1\",\"endpoint\":\"http://{}\"}}", server.authority);
    let connect = Connect {
        settings: &settings,
        settings_are_trusted: true,
        policy: plugins::policy(&server.authority, ""),
        credentials: None,
        ..Connect::default()
    };
    let result =
        host().connect(plugins::dynamodb(), connect).await.unwrap().execute("ListTables", "").await;
    assert!(
        matches!(&result, Err(Error::Plugin(PluginError::Credentials(message))) if message.contains("credentials = {")),
        "{result:?}"
    );
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_session_token_is_sent_and_signed() {
    let server = recorder::start(Answer::ok("{}")).await;
    let settings =
        format!("{{\"region\":\"eu-west-1\",\"endpoint\":\"http://{}\"}}", server.authority);
    let credentials = portcullis::Credentials {
        access_key_id: "ASIAEXAMPLE".to_string(),
        secret_access_key: portcullis::Secret::new("secret"),
        session_token: Some(portcullis::Secret::new("the+session/token==")),
        expires: None,
    };
    let provider = std::sync::Arc::new(portcullis::Fixed::new(credentials));
    let connect = Connect {
        settings: &settings,
        settings_are_trusted: true,
        policy: plugins::policy(&server.authority, ""),
        credentials: Some(provider),
        ..Connect::default()
    };
    host()
        .connect(plugins::dynamodb(), connect)
        .await
        .unwrap()
        .execute("ListTables", "")
        .await
        .unwrap();
    let request = &server.requests()[0];
    assert_eq!(request.header("x-amz-security-token"), "the+session/token==");
    let (carried, computed) = tests::oracle::signatures(
        request,
        "ASIAEXAMPLE",
        "secret",
        Some("the+session/token=="),
        "eu-west-1",
    );
    assert_eq!(carried, computed);
}

//! Services that respond incorrectly, or not at all.

use portcullis::{DatasourceConfig, Error, LimitKind, PluginError, Settings, TransportError};
use portcullis_testkit::closed::ClosedPort;
use portcullis_testkit::recorder::{self, Response};
use portcullis_testkit::scripted::{self, AfterBytes};
use tests::plugins::{self, host};

fn transport_error(result: Result<String, Error>) -> TransportError {
    match result {
        Err(Error::Plugin(PluginError::Transport(error) | PluginError::Timeout(error))) => error,
        other => panic!("expected a transport error, got {other:?}"),
    }
}

#[tokio::test]
async fn unreachable_server_is_reported_with_the_number_of_attempts() {
    let closed = ClosedPort::reserve();
    let port = closed.port;
    let datasource = plugins::datasource(&format!("127.0.0.1:{port}"), "").await;
    let error = transport_error(
        datasource.execute("PutItem", r#"{"TableName":"t","Item":{"a":"b"}}"#).await,
    );
    assert!(error.message.contains("connection refused"), "{}", error.message);
    assert!(error.attempts >= 1 && !error.maybe_applied, "{error:?}");
}

#[tokio::test]
async fn connection_test_distinguishes_unreachable_denied_and_missing_credentials() {
    let closed = ClosedPort::reserve();
    let port = closed.port;
    let authority = format!("127.0.0.1:{port}");
    let unreachable = plugins::datasource(&authority, "").await.test().await;
    assert!(
        transport_error(unreachable).message.contains(&format!("cannot connect to {authority}"))
    );
    let settings = format!("{{\"region\":\"us-east-1\",\"endpoint\":\"http://{authority}\"}}");
    let policy = portcullis::Policy::default();
    let connect = DatasourceConfig::new("datasource")
        .policy(policy)
        .settings(Settings::Trusted(&settings))
        .shared_credentials(plugins::credentials());
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
    let without = DatasourceConfig::new("datasource")
        .policy(plugins::policy(&authority, ""))
        .settings(Settings::Trusted(&settings));
    let error =
        host().connect(plugins::dynamodb(), without).await.unwrap().test().await.unwrap_err();
    assert!(matches!(error, Error::Plugin(PluginError::Credentials(_))), "{error:?}");
}

#[tokio::test]
async fn connection_lost_during_the_response_may_have_applied_the_action() {
    let server = scripted::start(
        b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"Item\":",
        AfterBytes::Close,
    )
    .await;
    let datasource = plugins::connect(&server.authority, "", ",\"maxAttempts\":1").await.unwrap();
    let error = transport_error(
        datasource.execute("PutItem", r#"{"TableName":"t","Item":{"a":"b"}}"#).await,
    );
    assert_eq!((error.maybe_applied, error.attempts), (true, 1));
    assert!(error.message.contains("middle of the response"), "{}", error.message);
}

#[tokio::test]
async fn silent_server_ends_at_the_deadline() {
    for (bytes, after) in [
        (&b""[..], AfterBytes::Hang),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{", AfterBytes::Hang),
    ] {
        let server = scripted::start(bytes, after).await;
        let datasource =
            plugins::datasource(&server.authority, "limits = { deadline = \"300ms\" }").await;
        let result = datasource.execute("ListTables", "").await;
        assert!(result.as_ref().unwrap_err().is_timeout(), "{result:?}");
        assert!(transport_error(result).maybe_applied);
    }
}

#[tokio::test]
async fn invalid_and_truncated_responses_are_transport_errors() {
    for bytes in [
        &b""[..],
        b"\0\0\0\0\0\0\0\0",
        b"HTTP/1.1 200",
        b"220 smtp.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let server = scripted::start(bytes, AfterBytes::Close).await;
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
async fn huge_content_length_exceeds_the_limit_in_every_notation() {
    for length in [
        "70368744177664",
        "70368744177664, 70368744177664",
        "9223372036854775808, 9223372036854775808",
        "18446744073709551613",
    ] {
        let bytes = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{{");
        let server = scripted::start(bytes.into_bytes().leak(), AfterBytes::Close).await;
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
async fn response_before_the_end_of_the_request_is_read() {
    // The request is larger than the buffers of a connection, so the response arrives before the
    // request has been written completely.
    let server = scripted::start(
        b"HTTP/1.1 413 Payload Too Large\r\ncontent-length: 2\r\n\r\n{}",
        AfterBytes::Hang,
    )
    .await;
    let datasource = plugins::connect(&server.authority, "", ",\"maxAttempts\":1").await.unwrap();
    let input = format!(
        "{{\"TableName\": \"t\", \"Item\": {{\"a\": {{\"S\": \"{}\"}}}}}}",
        "x".repeat(12_000_000)
    );
    for _ in 0..2 {
        let result = datasource.execute("PutItem", &input).await;
        let Err(Error::Plugin(PluginError::Service(error))) = &result else {
            panic!("expected a service error, got {result:?}")
        };
        assert_eq!(error.http_status, 413);
    }
}

#[tokio::test]
async fn response_that_is_not_json_is_reported() {
    for body in ["<html></html>", "{\"Item\":", "\u{0}"] {
        let server = recorder::start(Response::ok(body)).await;
        let result =
            plugins::datasource(&server.authority, "").await.execute("ListTables", "").await;
        let Err(Error::Plugin(PluginError::Other(message))) = &result else {
            panic!("expected `PluginError::Other`, got {result:?}")
        };
        assert!(message.contains("not JSON"), "{message}");
    }
    let server = recorder::start(Response::ok(&b"{\"a\":\"\xff\"}"[..])).await;
    let result = plugins::datasource(&server.authority, "").await.execute("ListTables", "").await;
    let Err(Error::Plugin(PluginError::Other(message))) = &result else {
        panic!("expected `PluginError::Other`, got {result:?}")
    };
    assert!(message.contains("UTF-8"), "{message}");
}

#[tokio::test]
async fn closed_pooled_connection_is_replaced() {
    let server =
        scripted::start(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", AfterBytes::Close).await;
    let datasource = plugins::datasource(&server.authority, "").await;
    for _ in 0..5 {
        assert_eq!(datasource.execute("ListTables", "").await.unwrap(), "{}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn raw_response_keeps_status_headers_and_bytes() {
    let response = Response {
        status: 400,
        headers: vec![("x-amzn-requestid", "R1".to_string())],
        body: (&b"\x00\xff bytes"[..]).into(),
    };
    let server = recorder::start(response).await;
    let datasource = plugins::datasource(&server.authority, "").await;
    let raw = datasource.relay("GetItem", b"\xfe not json").await.unwrap();
    assert_eq!((raw.status, raw.body.as_slice()), (400, &b"\x00\xff bytes"[..]));
    assert!(raw.headers.contains(&("x-amzn-requestid".to_string(), "R1".to_string())));
    assert_eq!(&server.requests()[0].body[..], b"\xfe not json");
}

#[tokio::test]
async fn missing_credentials_error_says_where_to_configure_them() {
    let server = recorder::start(Response::ok("{}")).await;
    let settings =
        format!("{{\"region\":\"us-east-1\",\"endpoint\":\"http://{}\"}}", server.authority);
    let connect = DatasourceConfig::new("datasource")
        .policy(plugins::policy(&server.authority, ""))
        .settings(Settings::Trusted(&settings));
    let result =
        host().connect(plugins::dynamodb(), connect).await.unwrap().execute("ListTables", "").await;
    let Err(Error::Plugin(PluginError::Credentials(message))) = &result else {
        panic!("expected a credentials error, got {result:?}")
    };
    assert!(message.contains("credentials = {"), "{message}");
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn session_token_is_sent_and_signed() {
    let server = recorder::start(Response::ok("{}")).await;
    let settings =
        format!("{{\"region\":\"eu-west-1\",\"endpoint\":\"http://{}\"}}", server.authority);
    let credentials = portcullis::Credentials {
        access_key_id: "ASIAEXAMPLE".to_string(),
        secret_access_key: portcullis::Secret::new("secret"),
        session_token: Some(portcullis::Secret::new("the+session/token==")),
        expires: None,
    };
    let provider = std::sync::Arc::new(portcullis::StaticCredentials::new(credentials));
    let connect = DatasourceConfig::new("datasource")
        .policy(plugins::policy(&server.authority, ""))
        .settings(Settings::Trusted(&settings))
        .shared_credentials(provider);
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

//! What `--server` says when there is no connection to the server, or when TLS fails, and what the
//! server says about its datasources' connections.

mod support;

use portcullis_testkit::closed::ClosedPort;
use portcullis_testkit::recorder::{self, Recorder, Response};
use portcullis_testkit::scripted::{self, AfterBytes};
use portcullis_testkit::tls::rcgen::{self, CertificateParams, ExtendedKeyUsagePurpose, IsCa};
use portcullis_testkit::tls::{CertificateAuthority, TlsAcceptor, self_signed};
use serde_json::Value;
use std::process::Command;
use std::time::Instant;
use support::{Serve, datasource};

async fn serve(tls: Option<TlsAcceptor>) -> Recorder {
    recorder::start_at("127.0.0.1", Response::ok("{}"), tls).await
}

/// Calls an action on a server, and returns the exit code and the message.
async fn execute(url: &str, ca: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command
        .args(["execute", "PutItem", r#"{"TableName": "t", "Item": {}}"#, "-d", "orders"])
        .args(["--server", url])
        .current_dir(folder.path())
        .env_remove("PORTCULLIS_TOKEN");
    if !ca.is_empty() {
        std::fs::write(folder.path().join("ca.pem"), ca).unwrap();
        command.args(["--ca", "ca.pem"]);
    }
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Calls an action, which must fail before anything was sent. The message must have these parts.
async fn refused(url: &str, ca: &str, parts: &[&str]) {
    let (code, message) = execute(url, ca).await;
    // The message is wrapped to the width of a terminal.
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let port = url.rsplit(':').next().unwrap();
    let port = format!(":{port}");
    for part in [port.as_str(), "nothing was sent"].iter().chain(parts) {
        assert!(message.contains(part), "{part:?} is missing: {message}");
    }
    assert!(!message.contains("may have carried out"), "{message}");
    assert_eq!(code, Some(9), "{message}");
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    CertificateParams::new(names).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_of_a_server_that_is_not_accepted_has_a_reason_of_its_own() {
    let authority = CertificateAuthority::new();
    let (mut expired, mut future, mut for_clients) =
        (params(&["localhost"]), params(&["localhost"]), params(&["localhost"]));
    expired.not_before = rcgen::date_time_ymd(2020, 1, 1);
    expired.not_after = rcgen::date_time_ymd(2021, 2, 3);
    future.not_before = rcgen::date_time_ymd(3000, 5, 6);
    future.not_after = rcgen::date_time_ymd(3001, 1, 1);
    for_clients.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    for (host, params, parts) in [
        ("localhost", expired, &["certificate of localhost:", "expired on 2021-02-03T"][..]),
        ("localhost", future, &["not valid yet, only from 3000-05-06T"]),
        ("localhost", params(&["other.test"]), &["is for other.test, and not for localhost"]),
        ("127.0.0.1", params(&["localhost"]), &["not for the address 127.0.0.1", "in --server"]),
        ("localhost", for_clients, &["is not for servers"]),
    ] {
        let server = serve(Some(authority.acceptor_with(&params))).await;
        let url = format!("https://{host}:{}", server.port());
        refused(&url, &authority.pem(), parts).await;
        assert!(server.requests().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn server_with_an_unknown_authority_or_a_self_signed_certificate_is_told_apart() {
    let (authority, stranger) =
        (CertificateAuthority::new(), CertificateAuthority::named("Corp Proxy CA"));
    let server = serve(Some(stranger.acceptor("localhost", false))).await;
    let url = format!("https://localhost:{}", server.port());
    for ca in ["", &authority.pem()] {
        refused(&url, ca, &["unknown authority, \"Corp Proxy CA\"", "--ca FILE"]).await;
    }
    let (acceptor, pem) = self_signed(&params(&["localhost"]));
    let server = serve(Some(acceptor)).await;
    let url = format!("https://localhost:{}", server.port());
    refused(&url, "", &["is self-signed", "--ca FILE"]).await;
    assert_eq!(execute(&url, &pem).await.0, Some(0), "the remedy works");
    let mut own = params(&["localhost"]);
    own.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let (acceptor, pem) = self_signed(&own);
    let server = serve(Some(acceptor)).await;
    let url = format!("https://localhost:{}", server.port());
    refused(&url, &pem, &["self-signed and an authority's", "CA:FALSE"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_requires_a_client_certificate_says_so() {
    let authority = CertificateAuthority::new();
    let server = serve(Some(authority.acceptor_of_tls12("localhost"))).await;
    let url = format!("https://localhost:{}", server.port());
    refused(&url, &authority.pem(), &["requires a client certificate"]).await;
    assert!(server.requests().is_empty());
    // In TLS 1.3 the server checks it after the request was written, and its alert may be lost.
    let server = serve(Some(authority.acceptor("localhost", true))).await;
    let url = format!("https://localhost:{}", server.port());
    for _ in 0..5 {
        let (code, message) = execute(&url, &authority.pem()).await;
        assert!(code == Some(9) && message.contains("client"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scheme_that_does_not_fit_the_port_is_named() {
    let plain = serve(None).await;
    refused(&format!("https://{}", plain.authority), "", &["http:// in --server"]).await;
    let greeting = scripted::start(b"SSH-2.0-OpenSSH_9.6\r\n", AfterBytes::Hang).await;
    let parts = ["does not speak TLS", "http:// in --server"];
    refused(&format!("https://{}", greeting.authority), "", &parts).await;
    let authority = CertificateAuthority::new();
    let encrypted = serve(Some(authority.acceptor("localhost", false))).await;
    let (code, message) = execute(&format!("http://localhost:{}", encrypted.port()), "").await;
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(message.contains("https:// in --server"), "{message}");
    assert_eq!(code, Some(9), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stalled_handshake_with_a_server_is_not_a_missing_connection() {
    let server = scripted::start(b"", AfterBytes::Hang).await;
    let began = Instant::now();
    let parts = ["accepted the connection", "TLS handshake did not end within 10s"];
    refused(&format!("https://{}", server.authority), "", &parts).await;
    assert!((10..12).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_cannot_be_reached_is_named_with_the_reason() {
    let closed = ClosedPort::reserve();
    let port = closed.port;
    for scheme in ["http", "https"] {
        let expected = format!("cannot connect to localhost:{port}: connection refused");
        refused(&format!("{scheme}://localhost:{port}"), "", &[&expected]).await;
        let expected = format!("cannot connect to no-such-host.invalid:{port}: ");
        refused(&format!("{scheme}://no-such-host.invalid:{port}"), "", &[&expected]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn problem_document_names_host_port_and_reason_of_a_datasource() {
    let closed = ClosedPort::reserve();
    let port = closed.port;
    let serve = Serve::start(&datasource("orders", &format!("localhost:{port}"), ""), &[]);
    let url = format!("{}/v1/datasources/orders/actions/ListTables", serve.url);
    let problem: Value = tokio::task::spawn_blocking(move || {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let sent = ureq::Agent::from(config)
            .post(&url)
            .header("content-type", "application/json")
            .send("{}");
        serde_json::from_str(&sent.unwrap().body_mut().read_to_string().unwrap()).unwrap()
    })
    .await
    .unwrap();
    let detail = problem["detail"].as_str().unwrap();
    assert_eq!(problem["case"], "transport", "{problem}");
    let expected = format!("cannot connect to localhost:{port}: connection refused");
    assert!(detail.contains(&expected), "{detail}");
    assert!(detail.contains("nothing was done") && !detail.contains("127.0.0.1"), "{detail}");
}

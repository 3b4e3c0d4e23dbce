//! Clients of `portcullis serve` that are refused, silent, or too many.

mod support;

use portcullis_testkit::{dynoxide, recorder};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use support::{Serve, TABLE, datasource, token};
use tokio::task::block_in_place;

const ADMIN: &str = "access = \"admin\"";
const JSON: &str = "Content-Type: application/json";
const AMZ: &str = "Content-Type: application/x-amz-json-1.0";
const TOKEN: &str = "Authorization: Bearer pcl_app";

/// A client that keeps its connection as long as the server allows, and writes a whole request
/// before it reads the response, as `http.client` of Python does.
struct Client {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    fn new(serve: &Serve) -> Self {
        Self { address: serve.url.trim_start_matches("http://").parse().unwrap(), stream: None }
    }

    /// Sends a request. Returns the status and the body of the response.
    #[expect(clippy::disallowed_methods, reason = "the test is a client")]
    fn send(&mut self, head: &str, body: &[u8]) -> std::io::Result<(u16, String)> {
        let mut stream = if let Some(stream) = self.stream.take() {
            stream
        } else {
            let stream = TcpStream::connect(self.address)?;
            stream.set_read_timeout(Some(Duration::from_secs(20)))?;
            stream.set_write_timeout(Some(Duration::from_secs(20)))?;
            BufReader::new(stream)
        };
        let head = format!("{head}\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.get_mut().write_all(head.as_bytes())?;
        stream.get_mut().write_all(body)?;
        let (mut status, mut length, mut is_last) = (0, 0, false);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 {
                return Err(std::io::Error::other("the connection ended without a response"));
            }
            let line = line.trim_end().to_ascii_lowercase();
            match line.split_once(": ") {
                Some(("content-length", value)) => length = value.parse().unwrap(),
                Some(("connection", value)) => is_last = value == "close",
                None if line.is_empty() => break,
                None => status = line.split(' ').nth(1).unwrap().parse().unwrap(),
                _ => {}
            }
        }
        let mut text = vec![0; length];
        stream.read_exact(&mut text)?;
        self.stream = (!is_last).then_some(stream);
        Ok((status, String::from_utf8(text).unwrap()))
    }
}

/// The head of a request to an action of the JSON API.
fn act(datasource: &str, more: &str) -> String {
    format!("POST /v1/datasources/{datasource}/actions/ListTables HTTP/1.1\r\n{more}")
}

/// The head of a request in DynamoDB's protocol.
fn wire(datasource: &str, more: &str) -> String {
    format!(
        "POST /ddb/{datasource}/ HTTP/1.1\r\nX-Amz-Target: DynamoDB_20120810.ListTables\r\n{more}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_a_refusal_before_the_body_loses_neither_its_response_nor_the_next_request() {
    let upstream = dynoxide::start().await;
    let policy = datasource("orders", &upstream.authority, ADMIN)
        + &token("app", "pcl_app", "datasources = [\"orders\"]");
    let serve = Serve::start(&policy, &[]);
    let refused = [
        (act("orders", JSON), 401),
        (act("orders", &format!("{JSON}\r\nAuthorization: Bearer pcl_other")), 401),
        (act("users", &format!("{JSON}\r\n{TOKEN}")), 403),
        (act("orders", &format!("Content-Type: text/plain\r\n{TOKEN}")), 415),
        (wire("orders", AMZ), 400),
        (wire("users", &format!("{AMZ}\r\n{TOKEN}")), 400),
        (wire("orders", &format!("Content-Type: text/plain\r\n{TOKEN}")), 404),
        (format!("POST /v1/nothing HTTP/1.1\r\n{JSON}"), 404),
        (format!("DELETE /v1/datasources HTTP/1.1\r\n{JSON}\r\n{TOKEN}"), 405),
    ];
    let allowed = [
        act("orders", &format!("{JSON}\r\n{TOKEN}")),
        wire("orders", &format!("{AMZ}\r\n{TOKEN}")),
    ];
    block_in_place(|| {
        for size in [100, 10_000, 200_000, 300_000, 4_000_000] {
            let body = vec![b' '; size];
            for (head, expected) in &refused {
                let mut client = Client::new(&serve);
                for (time, next) in allowed.iter().cycle().take(20).enumerate() {
                    let place = format!("{head}\n{size} bytes, the {time}. time");
                    let got = client.send(head, &body).expect(&place);
                    assert_eq!(got.0, *expected, "{place}: {}", got.1);
                    let got = client.send(next, b"{}").expect(&place);
                    assert_eq!(got.0, 200, "{place}: {}", got.1);
                }
            }
        }
        // Beyond `server.body-bytes`.
        let body = vec![b' '; 40_000_000];
        let mut client = Client::new(&serve);
        for head in &allowed {
            for _ in 0..5 {
                assert_eq!(client.send(head, &body).expect("a response").0, 413);
                assert_eq!(client.send(head, b"{}").expect("a response").0, 200);
            }
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_a_client_that_asks_first_is_not_told_to_send_a_body_that_will_be_refused() {
    let upstream = dynoxide::start().await;
    let policy = datasource("orders", &upstream.authority, ADMIN)
        + &token("app", "pcl_app", "datasources = [\"orders\"]");
    let serve = Serve::start(&policy, &[]);
    let ask = |token: &str, length: u64| {
        serve.raw(
            format!(
                "{}\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n",
                act("orders", &format!("Content-Type: application/json\r\nAuthorization: {token}"))
            )
            .as_bytes(),
        )
    };
    for (token, length, status) in
        [("Bearer pcl_other", 100, " 401 "), ("Bearer pcl_app", 40_000_000, " 413 ")]
    {
        let response = ask(token, length);
        assert!(response.starts_with("HTTP/1.1") && response.contains(status), "{response}");
        assert!(
            !response.contains(" 100 ") && response.contains("connection: close"),
            "{response}"
        );
    }
    assert!(ask("Bearer pcl_app", 100).starts_with("HTTP/1.1 100 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn f8_silent_connections_keep_nobody_out() {
    let upstream = dynoxide::start().await;
    let limits = "[server]\nconnections = 100\nhealth = \"127.0.0.1:0\"\n";
    let policy = datasource("orders", &upstream.authority, ADMIN) + limits;
    let serve = Serve::start(&policy, &[]);
    block_in_place(|| {
        let mut client = Client::new(&serve);
        let get = |path: &str| format!("GET {path} HTTP/1.1");
        assert_eq!(client.send(&get("/healthz"), b"").unwrap().0, 200);
        // The first call waits until the plugin is compiled.
        assert_eq!(serve.act("ListTables", "{}").0, 200);
        let silent: Vec<TcpStream> = (0..300).map(|_| serve.connect()).collect();
        for _ in 0..20 {
            let began = Instant::now();
            assert_eq!(serve.get("/healthz").0, 200);
            assert_eq!(serve.act("ListTables", "{}").0, 200);
            assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        }
        assert_eq!(serve.health("/healthz").0, 200);
        assert_eq!(serve.health("/readyz").0, 200);
        assert_eq!(serve.health("/v1/datasources").0, 404);
        let metrics = String::from_utf8(serve.send("GET", "/metrics", &[], &[]).body).unwrap();
        assert!(metrics.contains("portcullis_evicted_connections_total 2"), "{metrics}");
        // None of them stays for longer than the first request may take.
        let began = Instant::now();
        for mut stream in silent {
            stream.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
            let read = stream.read(&mut [0]);
            assert!(!matches!(&read, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock));
        }
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_that_is_used_is_kept_while_silent_ones_come_and_go() {
    let upstream = dynoxide::start().await;
    let limits = "[server]\nconnections = 100\n";
    let serve = Serve::start(&(datasource("orders", &upstream.authority, ADMIN) + limits), &[]);
    block_in_place(|| {
        let mut client = Client::new(&serve);
        let list = act("orders", "Content-Type: application/json");
        assert_eq!(client.send(&list, b"{}").unwrap().0, 200);
        let first = client.stream.as_ref().unwrap().get_ref().local_addr().unwrap();
        let mut silent = Vec::new();
        for _ in 0..50 {
            silent.extend((0..10).map(|_| serve.connect()));
            assert_eq!(client.send(&list, b"{}").unwrap().0, 200);
        }
        assert_eq!(client.stream.as_ref().unwrap().get_ref().local_addr().unwrap(), first);
    });
}

/// The header of version 2 of the PROXY protocol, for a client with this address.
fn proxy_header(client: [u8; 4]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend(client);
    header.extend([127, 0, 0, 1, 0x30, 0x39, 0, 80]);
    header
}

#[tokio::test(flavor = "multi_thread")]
async fn f8_a_trusted_load_balancer_says_who_its_client_is_and_nobody_else_can() {
    let upstream = recorder::start(recorder::Response::ok("{\"TableNames\": []}")).await;
    let policy = |more: &str| {
        datasource("orders", &upstream.authority, ADMIN)
            + "[audit]\nfile = \"audit.jsonl\"\n[server]\n"
            + more
            + "\n"
            + &token("app", "pcl_app", "datasources = [\"orders\"]")
    };
    let request = |forwarded: &str, token: &str| {
        let head = act("orders", "Content-Type: application/json\r\nConnection: close");
        format!(
            "{head}\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{forwarded}\
             Content-Length: 2\r\n\r\n{{}}"
        )
    };
    let peers = |serve: &Serve| {
        serve
            .audit()
            .iter()
            .filter(|record| record["event"] == "call" || record["event"] == "request")
            .map(|record| format!("{} {}", record["event"].as_str().unwrap(), record["peer"]))
            .collect::<Vec<_>>()
    };
    let serve = Serve::start(&policy("trusted-proxies = [\"127.0.0.0/8\"]"), &[]);
    let mut proxied = proxy_header([192, 0, 2, 7]);
    proxied.extend(request("", "pcl_app").as_bytes());
    assert!(serve.raw(&proxied).contains(" 200 "));
    let forwarded = "X-Forwarded-For: 1.1.1.1, 203.0.113.9\r\n";
    assert!(serve.raw(request(forwarded, "pcl_app").as_bytes()).contains(" 200 "));
    assert!(serve.raw(request(forwarded, "pcl_other").as_bytes()).contains(" 401 "));
    let mut forged = proxy_header([192, 0, 2, 7]);
    forged[13] = 0x21;
    assert_eq!(serve.raw(&forged), "", "shorter than its addresses");
    assert_eq!(
        peers(&serve),
        [
            "call \"192.0.2.7\"",
            "call \"203.0.113.9\"",
            "request \"203.0.113.9\"",
            "request \"127.0.0.1\""
        ]
    );

    let serve = Serve::start(&policy(""), &[]);
    assert!(serve.raw(&proxied).contains(" 400 "), "nobody may send a PROXY header");
    assert!(serve.raw(request(forwarded, "pcl_app").as_bytes()).contains(" 200 "));
    assert_eq!(peers(&serve), ["request \"127.0.0.1\"", "call \"127.0.0.1\""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn f8_without_tokens_nobody_is_let_in_by_a_load_balancer_from_another_machine() {
    let upstream = recorder::start(recorder::Response::ok("{\"TableNames\": []}")).await;
    let policy = datasource("orders", &upstream.authority, ADMIN)
        + "[server]\ntrusted-proxies = [\"127.0.0.1\"]\n";
    let serve = Serve::start(&policy, &[]);
    for (client, path, expected) in [
        ([192, 0, 2, 7], "/v1/datasources/orders/test", " 403 "),
        ([192, 0, 2, 7], "/v1/datasources", " 403 "),
        ([10, 0, 0, 1], "/metrics", " 403 "),
        ([127, 0, 0, 2], "/v1/datasources/orders/test", " 200 "),
    ] {
        let mut request = proxy_header(client);
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        request.extend(head.as_bytes());
        let response = serve.raw(&request);
        assert!(response.contains(expected), "{client:?} {path}: {response}");
    }
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn f12_pages_that_only_send_are_refused_without_tokens() {
    let upstream = dynoxide::start().await;
    let serve = Serve::start(&datasource("orders", &upstream.authority, ADMIN), &[]);
    let own = serve.url.clone();
    for (headers, expected) in [
        (&[("sec-fetch-site", "cross-site")][..], 403),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")], 403),
        (&[("sec-fetch-site", "same-origin"), ("origin", &own)], 200),
        (&[("sec-fetch-site", "none")], 200),
        (&[("origin", "http://127.0.0.1:1")], 403),
    ] {
        let response = serve.send("GET", "/v1/datasources/orders/test", headers, &[]);
        assert_eq!(response.status, expected, "{headers:?}");
        assert_eq!(
            (
                response.header("x-content-type-options"),
                response.header("cross-origin-resource-policy")
            ),
            ("nosniff", "same-origin")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d11_a_template_is_never_larger_than_a_request_may_be() {
    let upstream = dynoxide::start().await;
    let serve = Serve::start(&datasource("orders", &upstream.authority, ADMIN), &[]);
    assert_eq!(serve.act("CreateTable", TABLE).0, 200);
    let template = format!("[{}]", vec!["{{a}}"; 3000].join(","));
    let value = "x".repeat(1 << 20);
    let body = serde_json::json!({"template": template, "values": {"a": value}}).to_string();
    let before = serve.memory();
    for _ in 0..3 {
        let response = serve.send(
            "POST",
            "/v1/datasources/orders/actions/PutItem",
            &[("content-type", "application/vnd.portcullis.bound+json")],
            body.as_bytes(),
        );
        assert_eq!((response.status, response.json()["case"].as_str()), (413, Some("too-large")));
    }
    let peak = serve.peak_memory();
    assert!(peak < before + 100 * 1024, "{before} KiB before, at most {peak} KiB");
}

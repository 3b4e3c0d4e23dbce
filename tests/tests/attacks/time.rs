//! Family D: attacks that take time.

use super::support::{
    ScriptedResolver, carry_out, denial, honest, limit, limited, server, stopped, tried,
};
use portcullis::{Busy, Error, Host, LimitKind, PluginError, Policy, Resolve, Rule};
use portcullis_testkit::recorder::{self, Response};
use portcullis_testkit::scripted::{self, AfterBytes};
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::{Duration, Instant};
use tests::attack::{Attack, Behaviour, RECORDS};
use tests::plugins::{self, HOSTILE, HOSTILE_MANIFEST};

/// A short deadline, so that the tests are short.
const SHORT: &str = "limits = { deadline = \"300ms\" }";
/// No limited call may take this long, even while other tests keep the machine busy. The default
/// timeouts are longer, so a test fails if its limit has no effect.
const LONG: Duration = Duration::from_millis(4500);

/// Carries out a behaviour that runs until the deadline. An honest call on another datasource must
/// succeed in the meantime.
async fn ends_at_the_deadline(behaviour: Behaviour) {
    let server = server().await;
    let honest = honest(&server).await;
    let started = Instant::now();
    let attack = Attack::new(behaviour, &server.authority, SHORT);
    let (_, response) = tokio::join!(
        limited(attack, "GetItem", LimitKind::Deadline),
        honest.execute("GetItem", "{}")
    );
    assert!(response.is_ok());
    assert!(started.elapsed() < LONG);
}

pub(crate) async fn loop_in_connect_ends_at_the_deadline() {
    ends_at_the_deadline(Behaviour::loop_in_connect).await;
}

pub(crate) async fn loop_in_execute_ends_at_the_deadline() {
    ends_at_the_deadline(Behaviour::loop_in_execute).await;
}

pub(crate) async fn loop_of_host_calls_ends_at_the_deadline() {
    ends_at_the_deadline(Behaviour::loop_of_host_calls).await;
}

pub(crate) async fn loop_of_hashes_ends_at_the_deadline() {
    ends_at_the_deadline(Behaviour::loop_of_hashes).await;
}

/// Guests that compute for a moment and then sleep leave the processor to a call that computes for
/// long. If they kept their permits while they sleep, it would wait for twelve sleeps at each slice.
pub(crate) async fn guests_that_sleep_do_not_keep_the_cpu_from_others() {
    const SLEEPERS: usize = 12;
    let host = Host::new().unwrap();
    let hostile = host.load(HOSTILE, HOSTILE_MANIFEST, None).unwrap();
    let item = r#"{"id":{"S":"1"},"count":{"N":"2"},"tags":{"L":[{"S":"a"},{"S":"b"}]}}"#;
    let items = vec![item; 60_000].join(",");
    let large = recorder::start(Response::ok(format!("{{\"Items\":[{items}]}}"))).await;
    let honest = plugins::datasource_on(&host, &large.authority, "").await;
    let scan = async || {
        let began = Instant::now();
        honest.execute("Scan", r#"{"TableName":"t"}"#).await.unwrap();
        began.elapsed()
    };
    scan().await;
    let alone = scan().await;
    let attack = Attack::new(
        Behaviour::compute_and_sleep,
        &large.authority,
        "limits = { deadline = \"4s\" }",
    );
    let attack = attack.connect_on(&host, &hostile).await.unwrap();
    let sleeping: Vec<_> = (0..SLEEPERS)
        .map(|_| {
            let attack = attack.clone();
            tried();
            tokio::spawn(async move { attack.execute("GetItem", "{}").await })
        })
        .collect();
    // Until all of them sleep.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let mut attacked = Duration::MAX;
    for _ in 0..3 {
        let took = scan().await;
        // One that outlasts them was not disturbed to its end.
        if sleeping.iter().all(|call| !call.is_finished()) {
            attacked = attacked.min(took);
        }
    }
    for call in sleeping {
        let ended = call.await.unwrap();
        assert!(matches!(&ended, Err(Error::Limit(limit)) if limit.which == LimitKind::Deadline));
        stopped();
    }
    let most = alone * 10 + Duration::from_millis(150);
    assert!(attacked < most, "{attacked:?} with them, {alone:?} without");
}

pub(crate) async fn loop_of_refused_calls_ends_at_the_deadline_with_few_records() {
    let server = server().await;
    let attack = Attack::new(Behaviour::refused_forever, &server.authority, SHORT);
    let name = attack.name.clone();
    let started = Instant::now();
    let refusal = denial(carry_out(attack, "GetItem").await);
    assert!(refusal.rule == Rule::Signing && started.elapsed() < LONG);
    let records = RECORDS.for_datasource(&name);
    assert_eq!(records.len(), 33, "32 refusals and the call");
    let call = records.last().unwrap();
    assert!(call["event"] == "call" && call["unrecorded"].as_u64() > Some(100), "{call}");
}

pub(crate) async fn endless_wait_ends_at_the_deadline() {
    ends_at_the_deadline(Behaviour::wait_forever).await;
}

pub(crate) async fn loop_in_the_start_function_ends_at_the_deadline() {
    let host = Host::new().unwrap();
    let stuck = plugins::with_module(HOSTILE, "(module (func $s (loop br 0)) (start $s))");
    let plugin = host.load(stuck.as_slice(), HOSTILE_MANIFEST, None).unwrap();
    let attack = Attack::new(Behaviour::honest, "127.0.0.1:1", SHORT);
    assert_eq!(limit(attack.connect_on(&host, &plugin).await).which, LimitKind::Deadline);
}

/// Calls a misbehaving server with the DynamoDB plugin, which must not retry, and returns the
/// error.
async fn transport_error(authority: &str, limits: &str) -> String {
    let started = Instant::now();
    tried();
    let datasource = plugins::connect(authority, limits, ",\"maxAttempts\":1").await.unwrap();
    let error = datasource.execute("ListTables", "").await.unwrap_err();
    let is_transport_error = matches!(
        error,
        Error::Plugin(PluginError::Transport(_) | PluginError::Timeout(_)) | Error::Limit(_)
    );
    assert!(is_transport_error, "{error:?}");
    assert!(started.elapsed() < LONG);
    stopped();
    error.to_string()
}

pub(crate) async fn endless_response_body_stops_at_the_limit() {
    let server = scripted::start(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        AfterBytes::Flood,
    )
    .await;
    let attack = Attack::new(
        Behaviour::read_response,
        &server.authority,
        "limits = { response-bytes = \"256 KiB\" }",
    );
    limited(attack, "GetItem", LimitKind::ResponseBytes).await;
    let datasource =
        plugins::connect(&server.authority, "limits = { response-bytes = \"256 KiB\" }", "")
            .await
            .unwrap();
    assert_eq!(limit(datasource.execute("ListTables", "").await).which, LimitKind::ResponseBytes);
}

pub(crate) async fn oversized_response_body_stops_at_the_limit() {
    let server = recorder::start(Response::ok("x".repeat(100_000))).await;
    let attack = |limit: &str| {
        Attack::new(
            Behaviour::read_response,
            &server.authority,
            &format!("limits = {{ response-bytes = \"{limit}\" }}"),
        )
    };
    assert!(limited(attack("64 KiB"), "GetItem", LimitKind::ResponseBytes).await.maybe_applied);
    assert_eq!(carry_out(attack("128 KiB"), "GetItem").await.unwrap(), "{\"read\": 100000}");
    // Lengths that hyper cannot count, and one that no computer can.
    let heads: [&[u8]; 3] = [
        b"HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551614\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n{",
    ];
    for head in heads {
        let server = scripted::start(head, AfterBytes::Hang).await;
        let attack = Attack::new(Behaviour::honest, &server.authority, "");
        limited(attack, "GetItem", LimitKind::ResponseBytes).await;
    }
}

pub(crate) async fn slow_response_body_ends_at_the_deadline() {
    let server =
        scripted::start(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{", AfterBytes::Drip)
            .await;
    transport_error(&server.authority, "limits = { deadline = \"400ms\" }").await;
    // Each byte arrives before the read timeout, so only the deadline ends the call.
    let attack = Attack::new(
        Behaviour::read_response,
        &server.authority,
        "limits = { deadline = \"400ms\", read-timeout = \"200ms\" }",
    );
    tried();
    let started = Instant::now();
    let result = carry_out(attack, "GetItem").await;
    assert!(started.elapsed() < LONG && (result.is_ok() || result.unwrap_err().is_timeout()));
    stopped();
}

pub(crate) async fn stalled_response_ends_at_its_timeout() {
    let silent = scripted::start(b"", AfterBytes::Hang).await;
    transport_error(&silent.authority, "limits = { first-byte-timeout = \"200ms\" }").await;
    let stopping =
        scripted::start(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{", AfterBytes::Hang).await;
    transport_error(&stopping.authority, "limits = { read-timeout = \"200ms\" }").await;
}

pub(crate) async fn huge_response_headers_stop_at_the_limit() {
    let endless = scripted::start(b"HTTP/1.1 200 OK\r\nx-filler: ", AfterBytes::Fill).await;
    limited(
        Attack::new(Behaviour::honest, &endless.authority, ""),
        "GetItem",
        LimitKind::HeaderBytes,
    )
    .await;
    let filler = "a".repeat(20_000);
    let long = recorder::start(Response {
        status: 200,
        headers: vec![("x-filler", filler)],
        body: "{}".into(),
    })
    .await;
    let attack = |limit: &str| {
        Attack::new(
            Behaviour::honest,
            &long.authority,
            &format!("limits = {{ header-bytes = \"{limit}\" }}"),
        )
    };
    limited(attack("16 KiB"), "GetItem", LimitKind::HeaderBytes).await;
    assert_eq!(carry_out(attack("64 KiB"), "GetItem").await.unwrap(), "{\"status\": 200}");
}

pub(crate) async fn slow_tls_handshake_ends_at_its_timeout() {
    let server = scripted::start(b"", AfterBytes::Hang).await;
    let (host, plugin) = host_with(ScriptedResolver::new(&[&["127.0.0.1"]]));
    let port = server.authority.rsplit(':').next().unwrap();
    let error = by_name(
        &host,
        &plugin,
        &format!("https://service.test:{port}"),
        "limits = { tls-timeout = \"200ms\" }",
    )
    .await;
    assert!(error.contains("ConnectionTimeout"), "{error}");
}

pub(crate) async fn slow_tcp_connect_ends_at_its_timeout() {
    // The accept queue of this server is full, so the next TCP handshake gets no reply.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(200), open(address)).await
    {
        queued.push(stream);
        assert!(queued.len() < 100, "the accept queue never became full");
    }
    let error =
        transport_error(&address.to_string(), "limits = { connect-timeout = \"200ms\" }").await;
    assert!(error.contains("time"), "{error}");
}

#[expect(clippy::disallowed_methods, reason = "these are connections of the test, not of a plugin")]
async fn open(address: std::net::SocketAddr) -> io::Result<tokio::net::TcpStream> {
    tokio::net::TcpStream::connect(address).await
}

/// A resolver that never responds.
struct SilentResolver;

impl Resolve for SilentResolver {
    fn resolve<'a>(
        &'a self,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
        Box::pin(std::future::pending())
    }
}

pub(crate) async fn slow_resolver_ends_at_the_connect_timeout() {
    let (host, plugin) = host_with(SilentResolver);
    let error =
        by_name(&host, &plugin, "http://service.test", "limits = { connect-timeout = \"200ms\" }")
            .await;
    assert!(error.contains("DnsTimeout"), "{error}");
}

fn host_with(resolver: impl Resolve + 'static) -> (Host, portcullis::Plugin) {
    let host = Host::builder().resolver(resolver).build().unwrap();
    let plugin = host.load(HOSTILE, HOSTILE_MANIFEST, None).unwrap();
    (host, plugin)
}

/// Sends a request to `origin`, which may resolve to any loopback address, and returns the error
/// that the plugin got.
async fn by_name(host: &Host, plugin: &portcullis::Plugin, origin: &str, limits: &str) -> String {
    let text = format!(
        "egress = [\"{origin}\"]\n\
         networks = {{ \"{origin}\" = [\"127.0.0.0/8\"] }}\n\
         signing = [\"us-east-1/dynamodb\"]\n\
         {limits}"
    );
    let policy: Policy = toml::from_str(&text).unwrap();
    let (scheme, authority) = origin.split_once("://").unwrap();
    let attack = Attack::new(Behaviour::send_elsewhere, "x", "")
        .with_arguments(&format!("{authority} {scheme}"))
        .with_policy(policy);
    let started = Instant::now();
    tried();
    let error =
        attack.connect_on(host, plugin).await.unwrap().execute("GetItem", "{}").await.unwrap_err();
    assert!(started.elapsed() < LONG);
    stopped();
    error.to_string()
}

pub(crate) async fn timeouts_set_by_the_plugin_have_no_effect() {
    let server = server().await;
    for nanoseconds in ["0", "1", "18446744073709551615"] {
        tried();
        let attack =
            Attack::new(Behaviour::own_timeouts, &server.authority, "").with_arguments(nanoseconds);
        assert_eq!(
            carry_out(attack, "GetItem").await.unwrap(),
            "{\"status\": 200}",
            "{nanoseconds}"
        );
        stopped();
    }
    let silent = scripted::start(b"", AfterBytes::Hang).await;
    let attack = Attack::new(Behaviour::own_timeouts, &silent.authority, SHORT)
        .with_arguments("18446744073709551615");
    tried();
    let started = Instant::now();
    assert!(carry_out(attack, "GetItem").await.is_err() && started.elapsed() < LONG);
    stopped();
}

pub(crate) async fn flood_on_one_datasource_does_not_block_another() {
    let server = server().await;
    let limits = "limits = { deadline = \"2s\", concurrent-calls = 16, queued-calls = 32 }";
    let flooded =
        Attack::new(Behaviour::loop_in_execute, &server.authority, limits).connect().await.unwrap();
    let mut flood = Vec::new();
    for _ in 0..200 {
        let flooded = flooded.clone();
        tried();
        flood.push(tokio::spawn(async move { flooded.execute("GetItem", "{}").await }));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let honest = honest(&server).await;
    for _ in 0..50 {
        honest.execute("GetItem", "{}").await.unwrap();
    }
    assert_eq!(flooded.counters().running, 16, "the flood still runs");
    let mut ends = [0; 3];
    for call in flood {
        let end = match call.await.unwrap() {
            Err(Error::Limit(limit)) if limit.which == LimitKind::Deadline => 0,
            Err(Error::Busy(Busy::Calls { running: 16 })) => 1,
            Err(Error::Busy(Busy::Queue { waiting: 32 })) => 2,
            other => panic!("{other:?}"),
        };
        stopped();
        ends[end] += 1;
    }
    assert!(ends[0] >= 16 && ends[2] >= 100, "{ends:?}");
}

pub(crate) async fn call_dropped_at_any_point_leaves_nothing_running() {
    let slow =
        scripted::start(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{", AfterBytes::Hang).await;
    let quick = server().await;
    for server in [&slow.authority, &quick.authority] {
        let policy = "isolation = \"reuse\"\nlimits = { concurrent-calls = 2 }";
        let datasource = Attack::new(Behaviour::honest, server, policy).connect().await.unwrap();
        tried();
        for point in 0..60 {
            let call = datasource.execute("GetItem", "{}");
            // The call may have ended before it was dropped: both are allowed.
            let _ = tokio::time::timeout(Duration::from_micros(point * 50), call).await;
        }
        assert_eq!((datasource.counters().running, datasource.counters().waiting), (0, 0));
        assert_eq!(
            datasource.counters().calls.values().sum::<u64>(),
            60,
            "each call is counted, dropped or not"
        );
        if *server == quick.authority {
            assert!(
                datasource.execute("GetItem", "{}").await.is_ok(),
                "the datasource still works"
            );
        }
        stopped();
    }
    for _ in 0..200 {
        if slow.open_connections() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{} connections are still open", slow.open_connections());
}

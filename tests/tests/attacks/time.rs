//! D: what takes time.

use super::place::Scripted;
use super::support::{bounded, carry_out, denial, honest, limit, server, stopped, tried};
use portcullis::{Busy, Error, Host, LimitKind, PluginError, Policy, Resolve, Rule};
use portcullis_testkit::raw::{self, Then};
use portcullis_testkit::recorder::{self, Answer};
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::{Duration, Instant};
use tests::attack::{Attack, Behaviour, RECORDS};
use tests::plugins::{self, HOSTILE, HOSTILE_MANIFEST};

/// A short call, so that tests are short too.
const SHORT: &str = "limits = { deadline = \"300ms\" }";
/// What no bounded call comes near, on a machine that is busy with other tests; the default bounds are longer.
const LONG: Duration = Duration::from_millis(4500);

/// A behaviour that goes on until the deadline, on another datasource than an honest call that must succeed meanwhile.
async fn ends_at_the_deadline(behaviour: Behaviour) {
    let server = server().await;
    let honest = honest(&server).await;
    let started = Instant::now();
    let attack = Attack::new(behaviour, &server.authority, SHORT);
    let (_, answered) = tokio::join!(
        bounded(attack, "GetItem", LimitKind::Deadline),
        honest.execute("GetItem", "{}")
    );
    assert!(answered.is_ok());
    assert!(started.elapsed() < LONG);
}

pub(crate) async fn a_loop_while_connecting_ends_at_the_deadline() {
    ends_at_the_deadline(Behaviour::loop_in_connect).await;
}

pub(crate) async fn an_endless_loop_ends_at_the_deadline() {
    ends_at_the_deadline(Behaviour::loop_in_execute).await;
}

pub(crate) async fn an_endless_loop_of_host_calls_ends_at_the_deadline() {
    ends_at_the_deadline(Behaviour::loop_of_host_calls).await;
}

pub(crate) async fn endless_refusals_end_at_the_deadline_and_leave_few_records() {
    let server = server().await;
    let attack = Attack::new(Behaviour::refused_forever, &server.authority, SHORT);
    let name = attack.name.clone();
    let started = Instant::now();
    let refusal = denial(carry_out(attack, "GetItem").await);
    assert!(refusal.rule == Rule::Signing && started.elapsed() < LONG);
    let records = RECORDS.of(&name);
    assert_eq!(records.len(), 33, "32 refusals and the call");
    let call = records.last().unwrap();
    assert!(call["event"] == "call" && call["unrecorded"].as_u64() > Some(100), "{call}");
}

pub(crate) async fn waiting_for_a_far_moment_ends_at_the_deadline() {
    ends_at_the_deadline(Behaviour::wait_forever).await;
}

pub(crate) async fn a_loop_at_the_start_ends_at_the_deadline() {
    let host = Host::new().unwrap();
    let stuck = plugins::with_module(HOSTILE, "(module (func $s (loop br 0)) (start $s))");
    let plugin = host.load(stuck.as_slice(), HOSTILE_MANIFEST, None).unwrap();
    let attack = Attack::new(Behaviour::honest, "127.0.0.1:1", SHORT);
    assert_eq!(limit(attack.connect_on(&host, &plugin).await).which, LimitKind::Deadline);
}

/// What the DynamoDB plugin, told to try once, says of a server that misbehaves.
async fn interrupted(authority: &str, limits: &str) -> String {
    let started = Instant::now();
    tried();
    let datasource = plugins::connect(authority, limits, ",\"maxAttempts\":1").await.unwrap();
    let error = datasource.execute("ListTables", "").await.unwrap_err();
    let interruption = matches!(
        error,
        Error::Plugin(PluginError::Transport(_) | PluginError::Timeout(_)) | Error::Limit(_)
    );
    assert!(interruption, "{error:?}");
    assert!(started.elapsed() < LONG);
    stopped();
    error.to_string()
}

pub(crate) async fn an_endless_answer_is_cut_at_the_limit() {
    let server =
        raw::start(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", Then::Flood).await;
    let attack = Attack::new(
        Behaviour::read_answer,
        &server.authority,
        "limits = { response-bytes = \"256 KiB\" }",
    );
    bounded(attack, "GetItem", LimitKind::ResponseBytes).await;
    let datasource =
        plugins::connect(&server.authority, "limits = { response-bytes = \"256 KiB\" }", "")
            .await
            .unwrap();
    assert_eq!(limit(datasource.execute("ListTables", "").await).which, LimitKind::ResponseBytes);
}

pub(crate) async fn an_answer_over_the_limit_is_cut_at_the_limit() {
    let server = recorder::start(Answer::ok("x".repeat(100_000))).await;
    let attack = |limit: &str| {
        Attack::new(
            Behaviour::read_answer,
            &server.authority,
            &format!("limits = {{ response-bytes = \"{limit}\" }}"),
        )
    };
    assert!(bounded(attack("64 KiB"), "GetItem", LimitKind::ResponseBytes).await.maybe_applied);
    assert_eq!(carry_out(attack("128 KiB"), "GetItem").await.unwrap(), "{\"read\": 100000}");
}

pub(crate) async fn a_dripping_answer_ends_at_the_deadline() {
    let server =
        raw::start(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{", Then::Drip).await;
    interrupted(&server.authority, "limits = { deadline = \"400ms\" }").await;
    // Each piece comes in time, so that only the deadline ends it.
    let attack = Attack::new(
        Behaviour::read_answer,
        &server.authority,
        "limits = { deadline = \"400ms\", read-timeout = \"200ms\" }",
    );
    tried();
    let started = Instant::now();
    let answer = carry_out(attack, "GetItem").await;
    assert!(started.elapsed() < LONG && (answer.is_ok() || answer.unwrap_err().is_timeout()));
    stopped();
}

pub(crate) async fn a_silent_answer_ends_at_its_timeout() {
    let silent = raw::start(b"", Then::Hang).await;
    interrupted(&silent.authority, "limits = { first-byte-timeout = \"200ms\" }").await;
    let stopping = raw::start(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{", Then::Hang).await;
    interrupted(&stopping.authority, "limits = { read-timeout = \"200ms\" }").await;
}

pub(crate) async fn a_huge_head_of_an_answer_is_cut_at_the_limit() {
    let endless = raw::start(b"HTTP/1.1 200 OK\r\nx-filler: ", Then::Fill).await;
    bounded(
        Attack::new(Behaviour::honest, &endless.authority, ""),
        "GetItem",
        LimitKind::HeaderBytes,
    )
    .await;
    let filler = "a".repeat(20_000);
    let long = recorder::start(Answer {
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
    bounded(attack("16 KiB"), "GetItem", LimitKind::HeaderBytes).await;
    assert_eq!(carry_out(attack("64 KiB"), "GetItem").await.unwrap(), "{\"status\": 200}");
}

pub(crate) async fn a_slow_tls_handshake_ends_at_its_timeout() {
    let server = raw::start(b"", Then::Hang).await;
    let (host, plugin) = host_with(Scripted::new(&[&["127.0.0.1"]]));
    let port = server.authority.rsplit(':').next().unwrap();
    let told = by_name(
        &host,
        &plugin,
        &format!("https://service.test:{port}"),
        "limits = { tls-timeout = \"200ms\" }",
    )
    .await;
    assert!(told.contains("ConnectionTimeout"), "{told}");
}

pub(crate) async fn a_slow_connect_ends_at_its_timeout() {
    // A server whose queue of connections is full: the next handshake of TCP is not answered.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(200), open(address)).await
    {
        queued.push(stream);
        assert!(queued.len() < 100, "the queue is full sooner or later");
    }
    let told = interrupted(&address.to_string(), "limits = { connect-timeout = \"200ms\" }").await;
    assert!(told.contains("time"), "{told}");
}

#[expect(clippy::disallowed_methods, reason = "the attacker's own connections")]
async fn open(address: std::net::SocketAddr) -> io::Result<tokio::net::TcpStream> {
    tokio::net::TcpStream::connect(address).await
}

/// A resolver that never answers.
struct Silent;

impl Resolve for Silent {
    fn resolve<'a>(
        &'a self,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
        Box::pin(std::future::pending())
    }
}

pub(crate) async fn a_slow_resolver_ends_at_the_connect_timeout() {
    let (host, plugin) = host_with(Silent);
    let told =
        by_name(&host, &plugin, "http://service.test", "limits = { connect-timeout = \"200ms\" }")
            .await;
    assert!(told.contains("ConnectionTimeout"), "{told}");
}

fn host_with(resolver: impl Resolve + 'static) -> (Host, portcullis::Plugin) {
    let host = Host::builder().resolver(resolver).build().unwrap();
    let plugin = host.load(HOSTILE, HOSTILE_MANIFEST, None).unwrap();
    (host, plugin)
}

/// What a guest is told of a request to `origin`, which may be at any address of this machine.
async fn by_name(host: &Host, plugin: &portcullis::Plugin, origin: &str, limits: &str) -> String {
    let text = format!(
        "egress = [\"{origin}\"]\nnetworks = {{ \"{origin}\" = [\"127.0.0.0/8\"] }}\nsigning = [\"us-east-1/dynamodb\"]\n{limits}"
    );
    let policy: Policy = toml::from_str(&text).unwrap();
    let (scheme, authority) = origin.split_once("://").unwrap();
    let attack = Attack::new(Behaviour::send_elsewhere, "x", "")
        .told(&format!("{authority} {scheme}"))
        .policy(policy);
    let started = Instant::now();
    tried();
    let error =
        attack.connect_on(host, plugin).await.unwrap().execute("GetItem", "{}").await.unwrap_err();
    assert!(started.elapsed() < LONG);
    stopped();
    error.to_string()
}

pub(crate) async fn timeouts_of_the_guests_own_change_nothing() {
    let server = server().await;
    for nanoseconds in ["0", "1", "18446744073709551615"] {
        tried();
        let attack = Attack::new(Behaviour::own_timeouts, &server.authority, "").told(nanoseconds);
        assert_eq!(
            carry_out(attack, "GetItem").await.unwrap(),
            "{\"status\": 200}",
            "{nanoseconds}"
        );
        stopped();
    }
    let silent = raw::start(b"", Then::Hang).await;
    let attack =
        Attack::new(Behaviour::own_timeouts, &silent.authority, SHORT).told("18446744073709551615");
    tried();
    let started = Instant::now();
    assert!(carry_out(attack, "GetItem").await.is_err() && started.elapsed() < LONG);
    stopped();
}

pub(crate) async fn a_flood_on_one_datasource_leaves_another_its_turns() {
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
    assert_eq!(flooded.counters().running, 16, "the flood was not over");
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

pub(crate) async fn a_call_dropped_at_any_point_leaves_nothing_running() {
    let slow = raw::start(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{", Then::Hang).await;
    let quick = server().await;
    for server in [&slow.authority, &quick.authority] {
        let policy = "isolation = \"reuse\"\nlimits = { concurrent-calls = 2 }";
        let datasource = Attack::new(Behaviour::honest, server, policy).connect().await.unwrap();
        tried();
        for point in 0..60 {
            let call = datasource.execute("GetItem", "{}");
            // Whether it was dropped, or was done before that, is all the same.
            let _ = tokio::time::timeout(Duration::from_micros(point * 50), call).await;
        }
        assert_eq!((datasource.counters().running, datasource.counters().waiting), (0, 0));
        assert_eq!(datasource.counters().calls.values().sum::<u64>(), 60, "each left its record");
        if *server == quick.authority {
            assert!(
                datasource.execute("GetItem", "{}").await.is_ok(),
                "the same datasource goes on"
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
    panic!("{} requests go on", slow.open_connections());
}

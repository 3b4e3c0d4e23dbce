//! Load test of the server: 64 clients, which check every response. For the second half of the time,
//! other clients and plugins attack the server.
//!
//! `make load` runs for five minutes, and `make test-all` for twenty seconds. The figures are
//! printed. The memory must stay below a limit and, if the test runs for a minute or longer, calls
//! must not become slow under attack.

#[path = "support/attackers.rs"]
mod attackers;
mod support;

use portcullis_testkit::dynoxide;
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::{Serve, SetOnDrop, TABLE, datasource, token};
use tokio::task::block_in_place;

const CLIENTS: usize = 64;
/// How much longer the p99 may be under attack than without attackers.
const LATENCY: f64 = 3.0;

fn seconds() -> u64 {
    std::env::var("LOAD_SECONDS").map_or(20, |text| text.parse().expect("LOAD_SECONDS is a number"))
}

/// A client that keeps its connection open.
struct Client {
    agent: ureq::Agent,
    url: String,
    number: usize,
    /// The number of calls with the status 200.
    count: u64,
}

/// The outcome of a call.
enum Outcome {
    /// The expected response.
    Right,
    /// A response to another request.
    Wrong(String),
    /// An error of the server, or of the load balancer.
    Problem(u16, String),
    /// No response.
    None,
}

impl Client {
    fn new(url: &str, number: usize) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_idle_connections_per_host(1)
            .build()
            .into();
        Self { agent, url: url.to_string(), number, count: 0 }
    }

    /// Writes an item that only this client uses, or reads it back. Every second pair of calls uses
    /// DynamoDB's protocol, and the others the JSON API.
    fn call(&mut self) -> Outcome {
        let round = self.count / 2;
        let id = format!("client-{}-{}", self.number, round % 50);
        let (action, body) = if self.count.is_multiple_of(2) {
            let item = json!({
                "id": {"S": id}, "round": {"N": round.to_string()}, "fill": {"S": "x".repeat(300)},
            });
            ("PutItem", json!({"TableName": "orders", "Item": item}))
        } else {
            let key = json!({"id": {"S": id}});
            let body = json!({
                "TableName": "orders", "Key": key, "ProjectionExpression": "id, round",
            });
            ("GetItem", body)
        };
        let wire = round % 2 == 1;
        let request = if wire {
            self.agent
                .post(format!("{}/ddb/orders/", self.url))
                .content_type("application/x-amz-json-1.0")
                .header("x-amz-target", format!("DynamoDB_20120810.{action}"))
        } else {
            self.agent
                .post(format!("{}/v1/datasources/orders/actions/{action}", self.url))
                .content_type("application/json")
        };
        let request = request.header("authorization", "Bearer pcl_app");
        let Ok(mut response) = request.send(body.to_string()) else { return Outcome::None };
        let status = response.status().as_u16();
        let Ok(text) = response.body_mut().read_to_string() else { return Outcome::None };
        if status != 200 {
            return Outcome::Problem(status, text);
        }
        let expected = if action == "PutItem" {
            json!({})
        } else {
            json!({"Item": {"id": {"S": id}, "round": {"N": round.to_string()}}})
        };
        self.count += 1;
        if serde_json::from_str::<Value>(&text).is_ok_and(|response| response == expected) {
            Outcome::Right
        } else {
            Outcome::Wrong(format!("{body} got {text}"))
        }
    }
}

/// Runs an action of `orders` with the token of the clients, and returns the status.
fn act(serve: &Serve, action: &str, input: &str) -> u16 {
    let headers = [("content-type", "application/json"), ("authorization", "Bearer pcl_app")];
    let path = format!("/v1/datasources/orders/actions/{action}");
    serve.send("POST", &path, &headers, input.as_bytes()).status
}

/// The outcomes of all clients.
#[derive(Default)]
struct Outcomes {
    right: AtomicU64,
    none: AtomicU64,
    problems: Mutex<Vec<(u16, String)>>,
    wrong: Mutex<Vec<String>>,
    /// The duration of each right call, in microseconds.
    micros: Mutex<Vec<u64>>,
}

impl Outcomes {
    /// Runs one client until `stop` is set.
    fn run(&self, url: &str, number: usize, stop: &AtomicBool) {
        let mut client = Client::new(url, number);
        let mut micros = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            match client.call() {
                Outcome::Right => {
                    self.right.fetch_add(1, Ordering::Relaxed);
                    micros.push(began.elapsed().as_micros() as u64);
                }
                Outcome::Wrong(text) => self.wrong.lock().unwrap().push(text),
                Outcome::Problem(status, text) => {
                    self.problems.lock().unwrap().push((status, text));
                }
                Outcome::None => {
                    self.none.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        }
        self.micros.lock().unwrap().extend(micros);
    }

    fn is_clean(&self) -> bool {
        self.wrong.lock().unwrap().is_empty()
            && self.problems.lock().unwrap().is_empty()
            && self.none.load(Ordering::Relaxed) == 0
    }

    /// Returns the duration that `percent` of the calls did not exceed.
    fn percentile(&self, percent: usize) -> Duration {
        let mut micros = self.micros.lock().unwrap();
        micros.sort_unstable();
        Duration::from_micros(micros[(micros.len() - 1) * percent / 100])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_response_is_lost_or_mixed_up_and_memory_does_not_grow() {
    let upstream = dynoxide::start().await;
    let folder = tempfile::tempdir().unwrap();
    let hostile = attackers::policy(folder.path(), &upstream.authority);
    let policy = |more: &str| {
        let audit = "[audit]\nfile = \"audit.jsonl\"\n";
        datasource(
            "orders",
            &upstream.authority,
            &format!("access = \"admin\"\n[datasources.orders.limits]\n{more}"),
        ) + audit
            + &token("app", "pcl_app", "datasources = [\"orders\"]\noperator = true")
            + &hostile
    };
    let mut serve = Serve::start_in(folder, &policy(""), &[]);
    assert_eq!(act(&serve, "CreateTable", TABLE), 200);
    let (quiet, outcomes) = (Outcomes::default(), Outcomes::default());
    let (warm, loud, stop) =
        (AtomicBool::new(false), AtomicBool::new(false), AtomicBool::new(false));
    let mut memory = Vec::new();
    let first = AtomicU64::new(0);
    block_in_place(|| {
        std::thread::scope(|scope| {
            let _ended = [&warm, &loud, &stop].map(SetOnDrop);
            for number in 0..CLIENTS {
                let (quiet, outcomes, url, count) = (&quiet, &outcomes, &serve.url, &first);
                let (warm, loud, stop) = (&warm, &loud, &stop);
                scope.spawn(move || {
                    // The first calls connect everything, and are not measured.
                    let first = Outcomes::default();
                    first.run(url, number, warm);
                    assert!(first.is_clean());
                    count.fetch_add(first.right.into_inner(), Ordering::Relaxed);
                    quiet.run(url, number, loud);
                    outcomes.run(url, number, stop);
                });
            }
            let attacked = AtomicBool::new(false);
            let attacks = std::sync::OnceLock::new();
            // The policy is replaced 20 times while calls are running.
            std::thread::scope(|inner| {
                let _ended = SetOnDrop(&attacked);
                for step in 0..20 {
                    std::thread::sleep(Duration::from_millis(seconds() * 50));
                    warm.store(true, Ordering::Relaxed);
                    if step == 9 {
                        loud.store(true, Ordering::Relaxed);
                        inner.spawn(|| attacks.set(attackers::attack(&serve, &attacked)));
                    }
                    serve.write_policy(&policy(if step % 2 == 0 {
                        "queued-calls = 2000"
                    } else {
                        ""
                    }));
                    serve.signal("HUP");
                    memory.push(serve.memory() / 1024);
                }
                attacked.store(true, Ordering::Relaxed);
            });
            println!("{:?} attacks in the second half", attacks.get());
            assert_eq!(
                outcomes.none.load(Ordering::Relaxed),
                0,
                "every call has a response while the server runs"
            );
            serve.signal("TERM");
            std::thread::sleep(Duration::from_secs(1));
            stop.store(true, Ordering::Relaxed);
        });
        assert!(
            serve.wait().success(),
            "{}",
            &serve.log()[serve.log().len().saturating_sub(2000)..]
        );
    });
    let audit = std::fs::read_to_string(serve.path("audit.jsonl")).unwrap();
    let is_call = |line: &&str| line.contains("\"event\":\"call\"") && line.contains("\"orders\"");
    let accepted = audit.lines().filter(is_call).count() as u64 - 1;
    let count = |outcomes: &Outcomes| outcomes.right.load(Ordering::Relaxed);
    let right = first.into_inner() + count(&quiet) + count(&outcomes);
    println!(
        "{right} calls of {CLIENTS} clients in {} s; quiet: p50 {:?}, p99 {:?}; attacked: p50 {:?}, \
         p99 {:?}; memory {memory:?} MiB",
        seconds(),
        quiet.percentile(50),
        quiet.percentile(99),
        outcomes.percentile(50),
        outcomes.percentile(99)
    );
    if seconds() >= 60 {
        let slower = outcomes.percentile(99).as_secs_f64() / quiet.percentile(99).as_secs_f64();
        assert!(slower <= LATENCY, "p99 is {slower:.2} times as long under attack");
    }
    assert!(quiet.is_clean(), "{:?} {:?}", quiet.wrong, quiet.problems);
    let (wrong, problems) = (outcomes.wrong.lock().unwrap(), outcomes.problems.lock().unwrap());
    assert!(wrong.is_empty() && problems.is_empty(), "{:?} {:?}", wrong.first(), problems.first());
    assert_eq!(right, accepted, "every call that the server accepted has a response at its client");
    let (early, late) = (memory[5], *memory.last().unwrap());
    assert!(late <= early + early / 4 + 16, "memory grows from {early} to {late} MiB: {memory:?}");
}

/// `HAProxy` with the configuration in `packaging/`. It is killed when the test ends.
struct Haproxy(Child);

impl Haproxy {
    fn start(serve: &Serve, port: u16, servers: [&str; 2]) -> Self {
        let example = std::fs::read_to_string(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../packaging/haproxy.cfg"
        ))
        .unwrap();
        let authority = |url: &str| url.trim_start_matches("http://").to_string();
        let config = example
            .replace("127.0.0.1:8600", &format!("127.0.0.1:{port}"))
            .replace("127.0.0.1:8701", &authority(servers[0]))
            .replace("127.0.0.1:8702", &authority(servers[1]));
        std::fs::write(serve.path("haproxy.cfg"), config).unwrap();
        let mut command = Command::new("haproxy");
        command
            .args(["-db", "-f"])
            .arg(serve.path("haproxy.cfg"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self(command.spawn().expect("haproxy is missing; install it with: make servers"))
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        // Fails if the process has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_one_of_two_servers_fails_only_its_running_calls() {
    let upstream = dynoxide::start().await;
    let policy = datasource("orders", &upstream.authority, "access = \"admin\"")
        + "[audit]\nfile = \"audit.jsonl\"\n[server]\ntrusted-proxies = [\"127.0.0.1\"]\n";
    let (first, second) = (Serve::start(&policy, &[]), Serve::start(&policy, &[]));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let _haproxy = Haproxy::start(&first, port, [&first.url, &second.url]);
    let url = format!("http://127.0.0.1:{port}");
    let end = Instant::now() + Duration::from_secs(10);
    while !support::try_send("GET", &format!("{url}/readyz"), &[], &[])
        .is_ok_and(|response| response.status == 200)
    {
        assert!(Instant::now() < end, "HAProxy does not respond");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(first.act("CreateTable", TABLE).0, 200);
    // From another address than HAProxy's own.
    let list = format!("{url}/v1/datasources/orders/test");
    let curl = Command::new("curl").args(["-sf", "--interface", "127.0.0.2", &list]).output();
    assert!(curl.expect("curl is installed").status.success());
    let peers = [&first, &second].map(Serve::audit);
    let is_client = |record: &Value| record["peer"] == "127.0.0.2" && record["event"] == "call";
    assert!(peers.iter().flatten().any(is_client), "{peers:?}");
    let (outcomes, stop) = (Outcomes::default(), AtomicBool::new(false));
    let mut shares = (0, 0);
    block_in_place(|| {
        std::thread::scope(|scope| {
            let _ended = SetOnDrop(&stop);
            for number in 0..CLIENTS {
                let (outcomes, stop, url) = (&outcomes, &stop, &url);
                scope.spawn(move || outcomes.run(url, number, stop));
            }
            std::thread::sleep(Duration::from_secs(3));
            shares = (calls(&first), calls(&second));
            first.signal("KILL");
            std::thread::sleep(Duration::from_secs(3));
            stop.store(true, Ordering::Relaxed);
        });
    });
    let (wrong, problems) = (outcomes.wrong.lock().unwrap(), outcomes.problems.lock().unwrap());
    let (after, none) = (calls(&second), outcomes.none.load(Ordering::Relaxed));
    println!(
        "calls of each server {shares:?}, of the second at the end {after}; {} calls failed",
        problems.len()
    );
    assert!(wrong.is_empty() && none == 0, "{none} {:?}", wrong.first());
    assert!(
        shares.0 > 100 && shares.1 > 100 && after > shares.1 + 100,
        "both servers run calls, and then only the second: {shares:?} {after}"
    );
    // A process that is being killed still accepts connections for a moment, so that a client may
    // fail twice.
    assert!(problems.len() <= 2 * CLIENTS, "only running calls fail: {}", problems.len());
    for (status, text) in problems.iter() {
        let problem: Value = serde_json::from_str(text).unwrap();
        assert_eq!((*status, problem["maybeApplied"].is_boolean()), (502, true), "{text}");
    }
}

/// Returns the number of a server's successful calls.
fn calls(serve: &Serve) -> u64 {
    let text = String::from_utf8(serve.send("GET", "/metrics", &[], &[]).body).unwrap();
    let line = text
        .lines()
        .find(|line| {
            line.starts_with("portcullis_calls_total{datasource=\"orders\",outcome=\"ok\"}")
        })
        .unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

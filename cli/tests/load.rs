//! Load test of the server: 64 clients, which check every response.
//!
//! `make load` runs for five minutes, and `make test-all` for twenty seconds. The figures are
//! printed. Only the memory must stay below a limit.

mod support;

use portcullis_testkit::dynoxide;
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::{Serve, TABLE, datasource};
use tokio::task::block_in_place;

const CLIENTS: usize = 64;

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
                .header("x-amz-target", format!("DynamoDB_20120810.{action}"))
        } else {
            self.agent
                .post(format!("{}/v1/datasources/orders/actions/{action}", self.url))
                .content_type("application/json")
        };
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
    let policy = |more: &str| {
        let audit = "[audit]\nfile = \"audit.jsonl\"\n";
        datasource(
            "orders",
            &upstream.authority,
            &format!("access = \"admin\"\n[datasources.orders.limits]\n{more}"),
        ) + audit
    };
    let mut serve = Serve::start(&policy(""), &[]);
    assert_eq!(serve.act("CreateTable", TABLE).0, 200);
    let (outcomes, stop) = (Outcomes::default(), AtomicBool::new(false));
    let mut memory = Vec::new();
    block_in_place(|| {
        std::thread::scope(|scope| {
            for number in 0..CLIENTS {
                let (outcomes, stop, url) = (&outcomes, &stop, &serve.url);
                scope.spawn(move || outcomes.run(url, number, stop));
            }
            // The policy is replaced 20 times while calls are running.
            for step in 0..20 {
                std::thread::sleep(Duration::from_millis(seconds() * 50));
                serve.write_policy(&policy(if step % 2 == 0 { "queued-calls = 2000" } else { "" }));
                serve.signal("HUP");
                memory.push(serve.memory() / 1024);
            }
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
    let accepted =
        audit.lines().filter(|line| line.contains("\"event\":\"call\"")).count() as u64 - 1;
    let right = outcomes.right.load(Ordering::Relaxed);
    println!(
        "{right} calls of {CLIENTS} clients in {} s, p50 {:?}, p99 {:?}; memory {memory:?} MiB",
        seconds(),
        outcomes.percentile(50),
        outcomes.percentile(99)
    );
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
    let policy = datasource("orders", &upstream.authority, "access = \"admin\"");
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
    let (outcomes, stop) = (Outcomes::default(), AtomicBool::new(false));
    let mut shares = (0, 0);
    block_in_place(|| {
        std::thread::scope(|scope| {
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

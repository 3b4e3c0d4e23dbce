//! The server under load: 64 clients, each of whose answers is compared with what it asked for.
//!
//! `make load` takes five minutes; in `make test-all` it is twenty seconds. The figures are printed; none of them is a bound but the memory's.

mod support;

use portcullis_testkit::dynoxide;
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::{Serve, datasource};
use tokio::task::block_in_place;

const CLIENTS: usize = 64;
const TABLE: &str = r#"{"TableName": "orders", "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}"#;

fn seconds() -> u64 {
    std::env::var("LOAD_SECONDS").map_or(20, |text| text.parse().expect("LOAD_SECONDS is a number"))
}

/// A client with a connection that it keeps.
struct Client {
    agent: ureq::Agent,
    url: String,
    number: usize,
    count: u64,
}

/// How a call ended.
enum End {
    /// As it should have.
    Right,
    /// With another answer than to what was asked.
    Wrong(String),
    /// With an error of the server's, or of what stands before it.
    Problem(u16, String),
    /// Without an answer.
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

    /// Writes an item of its own or reads it back, by the JSON API or by DynamoDB's protocol.
    fn call(&mut self) -> End {
        let round = self.count / 2;
        let id = format!("client-{}-{}", self.number, round % 50);
        let (action, body) = if self.count.is_multiple_of(2) {
            (
                "PutItem",
                json!({"TableName": "orders", "Item": {"id": {"S": id}, "round": {"N": round.to_string()}, "fill": {"S": "x".repeat(300)}}}),
            )
        } else {
            (
                "GetItem",
                json!({"TableName": "orders", "Key": {"id": {"S": id}}, "ProjectionExpression": "id, round"}),
            )
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
        let Ok(mut response) = request.send(body.to_string()) else { return End::None };
        let status = response.status().as_u16();
        let Ok(text) = response.body_mut().read_to_string() else { return End::None };
        if status != 200 {
            return End::Problem(status, text);
        }
        let expected = if action == "PutItem" {
            json!({})
        } else {
            json!({"Item": {"id": {"S": id}, "round": {"N": round.to_string()}}})
        };
        self.count += 1;
        if serde_json::from_str::<Value>(&text).is_ok_and(|answer| answer == expected) {
            End::Right
        } else {
            End::Wrong(format!("{body} got {text}"))
        }
    }
}

/// What all clients saw.
#[derive(Default)]
struct Seen {
    right: AtomicU64,
    none: AtomicU64,
    problems: Mutex<Vec<(u16, String)>>,
    wrong: Mutex<Vec<String>>,
    micros: Mutex<Vec<u64>>,
}

impl Seen {
    fn run(&self, url: &str, number: usize, stop: &AtomicBool) {
        let mut client = Client::new(url, number);
        let mut micros = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            match client.call() {
                End::Right => {
                    self.right.fetch_add(1, Ordering::Relaxed);
                    micros.push(began.elapsed().as_micros() as u64);
                }
                End::Wrong(what) => self.wrong.lock().unwrap().push(what),
                End::Problem(status, text) => self.problems.lock().unwrap().push((status, text)),
                End::None => {
                    self.none.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        }
        self.micros.lock().unwrap().extend(micros);
    }

    /// The time that so many of a hundred calls took at most.
    fn percentile(&self, percent: usize) -> Duration {
        let mut micros = self.micros.lock().unwrap();
        micros.sort_unstable();
        Duration::from_micros(micros[(micros.len() - 1) * percent / 100])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_is_lost_or_mixed_up_and_memory_stays_flat() {
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
    let (seen, stop) = (Seen::default(), AtomicBool::new(false));
    let mut memory = Vec::new();
    block_in_place(|| {
        std::thread::scope(|scope| {
            for number in 0..CLIENTS {
                let (seen, stop, url) = (&seen, &stop, &serve.url);
                scope.spawn(move || seen.run(url, number, stop));
            }
            // In the middle of it all, the policy is replaced again and again.
            for step in 0..20 {
                std::thread::sleep(Duration::from_millis(seconds() * 50));
                serve.write_policy(&policy(if step % 2 == 0 { "queued-calls = 2000" } else { "" }));
                serve.signal("HUP");
                memory.push(serve.memory() / 1024);
            }
            assert_eq!(
                seen.none.load(Ordering::Relaxed),
                0,
                "no call is without an answer while the server runs"
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
    let right = seen.right.load(Ordering::Relaxed);
    println!(
        "{right} calls of {CLIENTS} clients in {} s, p50 {:?}, p99 {:?}; memory {memory:?} MiB",
        seconds(),
        seen.percentile(50),
        seen.percentile(99)
    );
    let (wrong, problems) = (seen.wrong.lock().unwrap(), seen.problems.lock().unwrap());
    assert!(wrong.is_empty() && problems.is_empty(), "{:?} {:?}", wrong.first(), problems.first());
    assert_eq!(
        right, accepted,
        "each call that the server began, until its end, has its answer at the client"
    );
    let (early, late) = (memory[5], *memory.last().unwrap());
    assert!(late <= early + early / 4 + 16, "memory grows from {early} to {late} MiB: {memory:?}");
}

/// `HAProxy`, with the configuration for people; it ends with the test.
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
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_servers_one_is_killed_and_only_its_calls_in_flight_end_in_an_error() {
    let upstream = dynoxide::start().await;
    let policy = datasource("orders", &upstream.authority, "access = \"admin\"");
    let (first, second) = (Serve::start(&policy, &[]), Serve::start(&policy, &[]));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let _haproxy = Haproxy::start(&first, port, [&first.url, &second.url]);
    let url = format!("http://127.0.0.1:{port}");
    let end = Instant::now() + Duration::from_secs(10);
    while !support::try_send("GET", &format!("{url}/readyz"), &[], &[])
        .is_ok_and(|answer| answer.status == 200)
    {
        assert!(Instant::now() < end, "haproxy answers");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(first.act("CreateTable", TABLE).0, 200);
    let (seen, stop) = (Seen::default(), AtomicBool::new(false));
    let mut shares = (0, 0);
    block_in_place(|| {
        std::thread::scope(|scope| {
            for number in 0..CLIENTS {
                let (seen, stop, url) = (&seen, &stop, &url);
                scope.spawn(move || seen.run(url, number, stop));
            }
            std::thread::sleep(Duration::from_secs(3));
            shares = (calls(&first), calls(&second));
            first.signal("KILL");
            std::thread::sleep(Duration::from_secs(3));
            stop.store(true, Ordering::Relaxed);
        });
    });
    let (wrong, problems) = (seen.wrong.lock().unwrap(), seen.problems.lock().unwrap());
    let (after, none) = (calls(&second), seen.none.load(Ordering::Relaxed));
    println!(
        "shares {shares:?}, after the end of one {after}; {} calls ended in an error",
        problems.len()
    );
    assert!(wrong.is_empty() && none == 0, "{none} {:?}", wrong.first());
    assert!(
        shares.0 > 100 && shares.1 > 100 && after > shares.1 + 100,
        "both work, and the other goes on: {shares:?} {after}"
    );
    // While its process ends, a server still takes connections for a moment: a client may meet it twice.
    assert!(problems.len() <= 2 * CLIENTS, "only what was in flight: {}", problems.len());
    for (status, text) in problems.iter() {
        let problem: Value = serde_json::from_str(text).unwrap();
        assert_eq!((*status, problem["maybeApplied"].is_boolean()), (502, true), "{text}");
    }
}

/// The calls of a server that have ended well.
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

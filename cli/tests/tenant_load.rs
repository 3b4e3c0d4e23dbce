//! Load test of datasources that callers describe: 64 clients call for 2,000 tenants and check whose
//! key signed each request. For the second half of the time, one tenant floods the server with
//! datasources that are all different.
//!
//! `make load` runs for five minutes, and `make test-all` for thirty seconds. The flood of
//! `make load FLOOD=100000` goes on until it had so many datasources. The figures are printed.

mod support;

use portcullis_testkit::recorder;
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};
use support::{Serve, SetOnDrop, token};
use tokio::task::block_in_place;

const CLIENTS: u64 = 64;
const TENANTS: u64 = 2000;
/// Clients of the tenant that floods the server.
const FLOODERS: u64 = 4;
/// The memory limit of the server, in MiB.
const MEMORY_MIB: u64 = 1024;
/// How much longer the p99 may be during the flood.
const LATENCY: f64 = 3.0;
/// The pause of a client between two calls: else the test would only measure how long clients wait
/// for a core.
const PAUSE: Duration = Duration::from_millis(20);

fn seconds() -> u64 {
    number("LOAD_SECONDS", 30)
}

/// A number in the environment.
fn number(variable: &str, default: u64) -> u64 {
    let not_a_number = |_| panic!("{variable} is not a number");
    std::env::var(variable).map_or(default, |text| text.parse().unwrap_or_else(not_a_number))
}

/// A service that responds with the credential that signed the request.
async fn service() -> recorder::Recorder {
    let respond = |request: &recorder::RecordedRequest| {
        let signed = request.header("authorization");
        let credential = signed.split("Credential=").nth(1).unwrap_or_default();
        let id = credential.split('/').next().unwrap_or_default();
        recorder::Response::ok(json!({"TableNames": [id]}).to_string())
    };
    recorder::start_with("127.0.0.1", respond, None).await
}

fn policy(authority: &str) -> String {
    let template = format!(
        r#"
[templates.dynamodb]
plugin = "dynamodb"
settings = {{ region = ["eu-west-1", "us-*"] }}
fixed-settings = {{ endpoint = "http://{authority}" }}
credentials = {{ from = "caller" }}
egress = ["http://{authority}"]
networks = {{ "http://{authority}" = ["127.0.0.0/8"] }}
signing = ["{{region}}/dynamodb"]
tables = ["{{tenant}}_*"]
"#
    );
    template
        + &token("platform", "platform-token", "templates = [\"dynamodb\"]\ntenants = \"any\"")
        + &token("operator", "operator-token", "operator = true")
}

/// A client that keeps its connection open.
struct Client {
    agent: ureq::Agent,
    url: String,
}

impl Client {
    fn new(serve: &Serve) -> Self {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let url = format!("{}/v1/templates/dynamodb/actions/ListTables", serve.url);
        Self { agent, url }
    }

    /// Calls for a tenant in a region, and returns the status and the result.
    fn call(&self, tenant: &str, id: &str, region: &str) -> (u16, Value) {
        let document = json!({
            "settings": {"region": region},
            "credentials": {"accessKeyId": id, "secretAccessKey": format!("secret-of-{id}")},
            "input": {},
        });
        let request = self
            .agent
            .post(&self.url)
            .content_type("application/vnd.portcullis.call+json")
            .header("authorization", "Bearer platform-token")
            .header("x-portcullis-tenant", tenant);
        let mut response = request.send(document.to_string()).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        (response.status().as_u16(), serde_json::from_str(&text).unwrap())
    }
}

/// The next of a sequence of numbers that looks random (xorshift).
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Calls for one tenant after the other until `stop` is set. Adds the duration of each call.
fn call_for_tenants(serve: &Serve, number: u64, stop: &AtomicBool, micros: &Mutex<Vec<u64>>) {
    let client = Client::new(serve);
    let mut state = number * 7919 + 1;
    let mut own = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let tenant = next(&mut state) % TENANTS;
        let (name, id) = (format!("t{tenant}"), format!("AKID{tenant}"));
        let began = Instant::now();
        let (status, result) = client.call(&name, &id, "eu-west-1");
        own.push(began.elapsed().as_micros() as u64);
        assert_eq!((status, &result), (200, &json!({"TableNames": [id]})), "{name}");
        std::thread::sleep(PAUSE);
    }
    micros.lock().unwrap().extend(own);
}

fn percentile(micros: &Mutex<Vec<u64>>, percent: usize) -> Duration {
    let mut micros = micros.lock().unwrap();
    micros.sort_unstable();
    Duration::from_micros(micros[(micros.len() - 1) * percent / 100])
}

/// A figure of the metrics.
fn figure(serve: &Serve, name: &str) -> u64 {
    let headers = [("authorization", "Bearer operator-token")];
    let text = String::from_utf8(serve.send("GET", "/metrics", &headers, &[]).body).unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_tenant_gets_the_identity_of_another_and_a_flood_slows_nobody_down() {
    let service = service().await;
    let serve = Serve::start(&policy(&service.authority), &["--memory", "1024MiB"]);
    let (quiet, flooded) = (Mutex::default(), Mutex::default());
    let (begins, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    let flood = AtomicU64::new(0);
    let mut memory = Vec::new();
    let began = Instant::now();
    block_in_place(|| {
        std::thread::scope(|scope| {
            let _ended = [&begins, &stop].map(SetOnDrop);
            for number in 0..CLIENTS {
                let (serve, quiet, flooded) = (&serve, &quiet, &flooded);
                let (begins, stop) = (&begins, &stop);
                scope.spawn(move || {
                    call_for_tenants(serve, number, begins, quiet);
                    call_for_tenants(serve, number + CLIENTS, stop, flooded);
                });
            }
            let least = number("LOAD_FLOOD", 0);
            let mut flooders: Vec<ScopedJoinHandle<'_, ()>> = Vec::new();
            // An hour at most, however slow the machine is.
            for step in 0..72_000 / seconds() {
                let is_over = flood.load(Ordering::Relaxed) >= least
                    || flooders.iter().all(ScopedJoinHandle::is_finished);
                if step >= 20 && is_over {
                    break;
                }
                std::thread::sleep(Duration::from_millis(seconds() * 50));
                service.forget();
                memory.push(serve.anonymous_memory() / 1024);
                if step == 9 {
                    begins.store(true, Ordering::Relaxed);
                    for _ in 0..FLOODERS {
                        let (serve, stop, flood) = (&serve, &stop, &flood);
                        flooders.push(scope.spawn(move || {
                            let client = Client::new(serve);
                            while !stop.load(Ordering::Relaxed) {
                                let number = flood.fetch_add(1, Ordering::Relaxed);
                                let id = format!("FLOOD{number}");
                                let (status, result) = client.call("flood", &id, "us-1");
                                assert_eq!((status, &result), (200, &json!({"TableNames": [id]})));
                            }
                        }));
                    }
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
    });
    let lookups = |result: &str| {
        let name = format!("portcullis_tenant_datasource_lookups_total{{result=\"{result}\"}}");
        figure(&serve, &name)
    };
    let (hits, misses, flood) = (lookups("hit"), lookups("miss"), flood.into_inner());
    let honest = quiet.lock().unwrap().len() + flooded.lock().unwrap().len();
    println!(
        "{honest} calls of {CLIENTS} clients for {TENANTS} tenants in {:?}, {} % of which found \
         their datasource; {flood} datasources of the flood; quiet: p50 {:?}, p99 {:?}; flooded: \
         p50 {:?}, p99 {:?}; memory {memory:?} MiB",
        began.elapsed(),
        hits * 100 / honest as u64,
        percentile(&quiet, 50),
        percentile(&quiet, 99),
        percentile(&flooded, 50),
        percentile(&flooded, 99),
    );
    // Each tenant misses once, or twice if two clients make its first call at the same time. What the
    // flood misses is its own.
    let most = TENANTS + TENANTS / 50 + flood;
    assert!(misses <= most, "{misses} misses, of which {flood} of the flood");
    assert_eq!(hits + misses, honest as u64 + flood);
    assert!(figure(&serve, "portcullis_tenant_datasources ") <= 4096);
    let slower = percentile(&flooded, 99).as_secs_f64() / percentile(&quiet, 99).as_secs_f64();
    if seconds() >= 60 {
        assert!(slower <= LATENCY, "p99 is {slower:.2} times as long during the flood");
    }
    let (early, late) = (memory[13], *memory.last().unwrap());
    assert!(late <= MEMORY_MIB, "{late} MiB are more than the limit: {memory:?}");
    // In a shorter run the flood has not filled the cache yet.
    if seconds() >= 60 {
        let most = early + early / 4 + 16;
        assert!(late <= most, "memory grows from {early} to {late} MiB: {memory:?}");
    }
}

//! Carries out random attacks for some minutes while honest callers use the same host: `make soak`.
//!
//! It fails if an honest call fails, if the host's memory grows, or if honest calls become slow.
//!
//! Arguments, all optional: the seconds under attack (default 600), the seed of the random choices,
//! and the names of the behaviours to choose from (default: all).
#![expect(clippy::cast_precision_loss, reason = "counts and mebibytes are small")]

use portcullis::{Datasource, Error, Host, Plugin};
use portcullis_testkit::recorder::{self, Recorder, Response};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};
use tests::attack::{Attack, Behaviour};
use tests::plugins::{self, HOSTILE, HOSTILE_MANIFEST};

/// The number of honest callers: enough to notice that one call delays another, and few enough that
/// a small machine has time left for the attackers.
const CALLERS: usize = 4;
/// The pause of an honest caller between two calls.
const PAUSE: Duration = Duration::from_millis(1);
/// Attackers for each core. One keeps the processor busy; with more, the test would only measure
/// how long callers wait for a core.
const ATTACKERS: usize = 1;
/// The pause of an attacker between two attacks. Each attack uses a new datasource.
const ATTACK_PAUSE: Duration = Duration::from_millis(10);
/// How long honest calls are measured without attackers.
const QUIET: Duration = Duration::from_secs(30);
/// How long honest calls run before memory is first read: pools and arenas fill in this time.
const WARM: Duration = Duration::from_mins(1);
/// Honest callers in this time, half of them with a fresh instance for each call: as many instances
/// at a time as under attack. The pool keeps some memory for each.
const WARM_CALLERS: usize = 12;
/// How long nothing runs before memory is read. Idle instances are dropped after a minute.
const REST: Duration = Duration::from_secs(90);
/// How much larger memory at rest may be after the attacks than after honest calls alone.
const MEMORY: f64 = 1.1;
/// How much longer the p99 of honest calls may be under attack than without attackers.
const LATENCY: f64 = 3.0;

/// The command line's settings of the allocator: what is measured is its memory.
#[path = "../../../cli/src/allocator.rs"]
mod allocator;

fn main() -> ExitCode {
    allocator::map_large_buffers();
    if let Err(error) = allocator::trim_regularly() {
        println!("soak: a thread cannot be started: {error}");
        return ExitCode::FAILURE;
    }
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(soak()),
        Err(error) => {
            println!("soak: threads cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn soak() -> ExitCode {
    let Arguments { seconds, seed, behaviours } = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(unknown) => {
            println!(
                "soak: {unknown:?} is neither a number nor a behaviour in tests/hostile/behaviours.rs"
            );
            return ExitCode::FAILURE;
        }
    };
    println!("soak: {seconds} s under attack, seed {seed}, {} behaviours", behaviours.len());

    let server = Arc::new(recorder::start(Response::ok(r#"{"Item":{"id":{"S":"1"}}}"#)).await);
    let host = Host::new().expect("wasmtime runs here");
    let hostile = host.load(HOSTILE, HOSTILE_MANIFEST, None).expect("the component loads");
    let fresh = plugins::datasource_on(&host, &server.authority, "isolation = \"fresh\"").await;
    let honest = plugins::datasource_on(&host, &server.authority, "").await;
    let forgetting = tokio::spawn(forget(server.clone()));

    // Memory is compared at rest: after honest calls alone, and after the attacks.
    tokio::join!(measure(&honest, WARM_CALLERS / 2, WARM), measure(&fresh, WARM_CALLERS / 2, WARM));
    drop(fresh);
    let before = rest().await;
    let quiet = measure(&honest, CALLERS, QUIET.min(Duration::from_secs(seconds))).await;
    println!("quiet         {quiet}");
    let attack = Attackers::start(&host, &hostile, &server, seed ^ 2, &behaviours);
    let loud = measure(&honest, CALLERS, Duration::from_secs(seconds)).await;
    println!("under attack  {loud}");
    let peak = resident();
    let outcomes = attack.stop().await;
    let after = rest().await;
    forgetting.abort();

    println!(
        "memory        {before:.1} MiB at rest before, {peak:.1} MiB under attack, \
         {after:.1} MiB at rest after (anonymous)"
    );
    println!("attacks       {}", outcomes.values().sum::<u64>());
    for (outcome, count) in &outcomes {
        println!("  {count:>8}  {outcome}");
    }
    let slower = loud.p99.as_secs_f64() / quiet.p99.as_secs_f64();
    let grown = after / before;
    println!(
        "p99 is {slower:.2} times as long under attack as without (allowed: {LATENCY}); \
         memory at rest is {grown:.2} times as large after the attacks as before \
         (allowed: {MEMORY})"
    );
    let failed = quiet.failed + loud.failed;
    // Attacks that never begin would prove nothing.
    let attacked = outcomes.keys().any(|outcome| !outcome.ends_with("while connecting"));
    if !attacked {
        println!("no attack has begun");
    }
    if failed > 0 || slower > LATENCY || grown > MEMORY || before <= 0.0 || !attacked {
        println!("soak: failed");
        return ExitCode::FAILURE;
    }
    println!("soak: passed");
    ExitCode::SUCCESS
}

/// What the command line says.
struct Arguments {
    seconds: u64,
    seed: u64,
    behaviours: Vec<Behaviour>,
}

impl Arguments {
    /// Returns the first word that is not understood as an error.
    fn read(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut numbers, mut behaviours) = (Vec::new(), Vec::new());
        for word in words {
            let known = Behaviour::ALL.iter().find(|behaviour| behaviour.to_string() == word);
            match (known, word.parse::<u64>()) {
                (Some(behaviour), _) => behaviours.push(*behaviour),
                (None, Ok(number)) => numbers.push(number),
                (None, Err(_)) => return Err(word),
            }
        }
        if behaviours.is_empty() {
            behaviours = Behaviour::ALL.to_vec();
        }
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(1, |since| since.as_nanos() as u64);
        let mut numbers = numbers.into_iter();
        let (seconds, seed) = (numbers.next().unwrap_or(600), numbers.next().unwrap_or(now) | 1);
        Ok(Self { seconds, seed, behaviours })
    }
}

/// Discards the requests that the server has recorded: nothing here reads them.
async fn forget(server: Arc<Recorder>) {
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.forget();
    }
}

/// The results of honest calls.
struct Figures {
    calls: usize,
    failed: u64,
    p50: Duration,
    p99: Duration,
    longest: Duration,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { calls, failed, p50, p99, longest } = self;
        write!(
            f,
            "{calls} honest calls, {failed} failed; \
             p50 {p50:.2?}, p99 {p99:.2?}, longest {longest:.2?}"
        )
    }
}

async fn measure(datasource: &Datasource, callers: usize, time: Duration) -> Figures {
    let end = Instant::now() + time;
    let failed = Arc::new(AtomicU64::new(0));
    let callers = (0..callers).map(|_| {
        let (datasource, failed) = (datasource.clone(), failed.clone());
        tokio::spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < end {
                let began = Instant::now();
                let result =
                    datasource.execute("GetItem", r#"{"TableName":"t","Key":{"id":"1"}}"#).await;
                times.push(began.elapsed());
                if let Err(error) = result {
                    println!("an honest call failed: {error}");
                    failed.fetch_add(1, Ordering::Relaxed);
                }
                tokio::time::sleep(PAUSE).await;
            }
            times
        })
    });
    let mut times = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        times.extend(caller.await.expect("callers do not panic"));
    }
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    Figures {
        calls: times.len(),
        failed: failed.load(Ordering::Relaxed),
        p50: at(0.5),
        p99: at(0.99),
        longest: at(1.0),
    }
}

/// The running attackers, and how their attacks have ended so far.
struct Attackers {
    is_over: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    outcomes: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Attackers {
    fn start(
        host: &Host,
        plugin: &Plugin,
        server: &Arc<Recorder>,
        seed: u64,
        behaviours: &[Behaviour],
    ) -> Self {
        let (is_over, outcomes) =
            (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(BTreeMap::new())));
        let start = |attacker: u64| {
            let (host, plugin, server) = (host.clone(), plugin.clone(), server.clone());
            let (is_over, outcomes, behaviours) =
                (is_over.clone(), outcomes.clone(), behaviours.to_vec());
            tokio::spawn(async move {
                let mut choice = Choice(seed.wrapping_mul(2 * attacker + 1) | 1);
                while !is_over.load(Ordering::Relaxed) {
                    let outcome =
                        carry_out(&host, &plugin, &server, &behaviours, &mut choice).await;
                    *outcomes
                        .lock()
                        .expect("no thread panics with the lock")
                        .entry(outcome)
                        .or_insert(0) += 1;
                    tokio::time::sleep(ATTACK_PAUSE).await;
                }
            })
        };
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let tasks = (0..(ATTACKERS * cores) as u64).map(start).collect();
        Self { is_over, tasks, outcomes }
    }

    async fn stop(self) -> BTreeMap<String, u64> {
        self.is_over.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("attackers do not panic");
        }
        std::mem::take(&mut *self.outcomes.lock().expect("no thread panics with the lock"))
    }
}

/// Carries out one random attack, and returns how it ended.
async fn carry_out(
    host: &Host,
    plugin: &Plugin,
    server: &Recorder,
    behaviours: &[Behaviour],
    choice: &mut Choice,
) -> String {
    let behaviour = behaviours[choice.below(behaviours.len() as u64) as usize];
    let isolation = if choice.below(2) == 0 { "reuse" } else { "fresh" };
    let policy = format!(
        "isolation = \"{isolation}\"\n\
         limits = {{ deadline = \"{}ms\", memory = \"{} MiB\", requests = 20 }}",
        20 + choice.below(300),
        16 + choice.below(176)
    );
    let arguments = arguments(behaviour, choice);
    let datasource = match Attack::new(behaviour, &server.authority, &policy)
        .with_arguments(arguments)
        .connect_on(host, plugin)
        .await
    {
        Ok(datasource) => datasource,
        Err(error) => return format!("{} while connecting", error.kind()),
    };
    // Some calls are dropped before they end.
    let patience = Duration::from_millis(if choice.below(7) == 0 { 5 } else { 60_000 });
    let call = async {
        match choice.below(3) {
            0 => datasource.relay("GetItem", b"{}").await.map(drop),
            1 => datasource.test().await.map(drop),
            _ => datasource.execute("GetItem", r#"{"TableName":"users"}"#).await.map(drop),
        }
    };
    match tokio::time::timeout(patience, call).await {
        Err(_) => "dropped".to_string(),
        Ok(Ok(())) => "ok: no rule forbids what it did".to_string(),
        Ok(Err(Error::Denied(denial))) => format!("denied: {}", denial.rule),
        Ok(Err(Error::Limit(limit))) => format!("limit: {}", limit.which.key()),
        Ok(Err(error)) => error.kind().to_string(),
    }
}

/// Random choices (xorshift). The same seed gives the same choices.
struct Choice(u64);

impl Choice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Returns the memory in use at rest, in MiB.
async fn rest() -> f64 {
    tokio::time::sleep(REST).await;
    resident()
}

/// Returns the anonymous memory of this process, in MiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or_default();
    let kibibytes = line.split_whitespace().next().and_then(|number| number.parse::<u32>().ok());
    f64::from(kibibytes.unwrap_or_default()) / 1024.0
}

/// Arguments with which a behaviour attacks: one of several for those that need special ones.
fn arguments(behaviour: Behaviour, choice: &mut Choice) -> &'static str {
    let special: &[&str] = match behaviour {
        Behaviour::many_faults => &["100", "500000", "2700000"],
        Behaviour::long_error | Behaviour::long_output => &["300000", "30000000", "120000000"],
        Behaviour::hoard_unsent => &["fields 250", "clones 250", "authorities 5", "bodies 60"],
        Behaviour::hoard_buffered => &["body 15000000", "requests 5", "authority 30000000"],
        Behaviour::pass_too_much => &[
            "from-list 10000000",
            "set-authority 30000000",
            "set-scheme 10000000",
            "write 10000000",
            "poll 1000000",
            "request 10000000",
        ],
        Behaviour::huge_header | Behaviour::hoard_random_bytes => &["4096", "1000000"],
        _ => &["hex", "0", "127.0.0.1:1", "//evil.example"],
    };
    special[choice.below(special.len() as u64) as usize]
}

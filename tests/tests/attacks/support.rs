//! Helpers that all attacks share: carrying them out, and counting how they end.

use portcullis::{Datasource, Denial, Error, Limit, LimitKind, Resolve, Rule};
use portcullis_testkit::recorder::{self, Recorder, Response};
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use tests::attack::{Attack, Behaviour, RECORDS};

static TRIED: AtomicU32 = AtomicU32::new(0);
static STOPPED: AtomicU32 = AtomicU32::new(0);
static ALIVE: AtomicU32 = AtomicU32::new(0);

/// Counts an attack that begins.
pub(crate) fn tried() {
    TRIED.fetch_add(1, Ordering::Relaxed);
}

/// Counts an attack that was refused or that reached a limit.
pub(crate) fn stopped() {
    STOPPED.fetch_add(1, Ordering::Relaxed);
}

pub(crate) fn print_counts() {
    let [tried, stopped, alive] =
        [&TRIED, &STOPPED, &ALIVE].map(|count| count.load(Ordering::Relaxed));
    println!(
        "attacks: {tried} tried, {stopped} refused or limited; \
         the host responded to an honest call after each of {alive} tests\n"
    );
}

/// Starts a server that records every request and responds with `{}`.
pub(crate) async fn server() -> Recorder {
    recorder::start(Response::ok("{}")).await
}

/// Returns the denial that a call must have ended with.
pub(crate) fn denial<T: std::fmt::Debug>(result: Result<T, Error>) -> Denial {
    tried();
    match result {
        Err(Error::Denied(denial)) => {
            stopped();
            *denial
        }
        other => panic!("expected a denial, got {other:?}"),
    }
}

/// Returns the limit that a call must have reached.
pub(crate) fn limit<T: std::fmt::Debug>(result: Result<T, Error>) -> Limit {
    tried();
    match result {
        Err(Error::Limit(limit)) => {
            stopped();
            limit
        }
        other => panic!("expected a limit, got {other:?}"),
    }
}

/// Carries out an attack by calling `action`. `rule` must deny it, and an audit record must say so.
pub(crate) async fn refused(attack: Attack, action: &str, rule: Rule) -> Denial {
    let name = attack.name.clone();
    let denial = denial(carry_out(attack, action).await);
    assert_eq!(denial.rule, rule, "{name}: {denial:?}");
    assert_recorded(&name, rule);
    denial
}

/// Carries out an attack by calling `action`, which must reach the limit `which`.
pub(crate) async fn limited(attack: Attack, action: &str, which: LimitKind) -> Limit {
    let name = attack.name.clone();
    let limit = limit(carry_out(attack, action).await);
    assert_eq!(limit.which, which, "{name}: {limit:?}");
    limit
}

/// Connects the datasource and calls `action` on the table `users`.
pub(crate) async fn carry_out(attack: Attack, action: &str) -> Result<String, Error> {
    attack.connect().await?.execute(action, r#"{"TableName": "users"}"#).await
}

/// Asserts that an audit record says that `rule` refused a request of this datasource.
pub(crate) fn assert_recorded(datasource: &str, rule: Rule) {
    let records = RECORDS.for_datasource(datasource);
    let found = records.iter().any(|record| {
        record["event"] == "refusal"
            && record["rule"] == rule.name()
            && record["decision"] == "denied"
    });
    assert!(found, "no audit record of a refusal by {rule}: {records:?}");
}

/// Connects a datasource whose plugin behaves honestly to `server`.
pub(crate) async fn honest(server: &Recorder) -> Datasource {
    Attack::new(Behaviour::honest, &server.authority, "")
        .connect()
        .await
        .expect("the honest datasource connects")
}

/// Asserts that an honest call on the attacked host still succeeds.
pub(crate) async fn assert_host_is_alive() {
    let server = server().await;
    let response = honest(&server).await.execute("GetItem", r#"{"TableName": "users"}"#).await;
    assert_eq!(response.as_deref().ok(), Some("{\"status\": 200}"), "{response:?}");
    ALIVE.fetch_add(1, Ordering::Relaxed);
}

/// A resolver that gives scripted answers and counts the questions.
pub(crate) struct ScriptedResolver {
    answers: Vec<Vec<IpAddr>>,
    pub(crate) questions: Arc<AtomicUsize>,
}

impl ScriptedResolver {
    /// Creates a resolver with one list of addresses for each question. The last list is repeated.
    pub(crate) fn new(answers: &[&[&str]]) -> Self {
        let parse = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        Self { answers: answers.iter().map(parse).collect(), questions: Arc::default() }
    }
}

impl Resolve for ScriptedResolver {
    fn resolve<'a>(
        &'a self,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
        let number = self.questions.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(Ok(self.answers[number.min(self.answers.len() - 1)].clone())))
    }
}

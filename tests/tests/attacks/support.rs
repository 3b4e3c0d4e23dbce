//! What attacks have in common: carrying them out, and counting how they ended.

use portcullis::{Datasource, Denial, Error, Limit, LimitKind, Rule};
use portcullis_testkit::recorder::{self, Answer, Recorder};
use std::sync::atomic::{AtomicU32, Ordering};
use tests::attack::{Attack, Behaviour, RECORDS};

static TRIED: AtomicU32 = AtomicU32::new(0);
static STOPPED: AtomicU32 = AtomicU32::new(0);
static ALIVE: AtomicU32 = AtomicU32::new(0);

/// An attack is carried out.
pub(crate) fn tried() {
    TRIED.fetch_add(1, Ordering::Relaxed);
}

/// It was refused, or met its bound.
pub(crate) fn stopped() {
    STOPPED.fetch_add(1, Ordering::Relaxed);
}

pub(crate) fn print_counts() {
    let [tried, stopped, alive] =
        [&TRIED, &STOPPED, &ALIVE].map(|count| count.load(Ordering::Relaxed));
    println!(
        "attacks: {tried} tried, {stopped} refused or bounded; the host answered an honest call after each of {alive} tests\n"
    );
}

/// A server for attacks, which writes down whatever reaches it.
pub(crate) async fn server() -> Recorder {
    recorder::start(Answer::ok("{}")).await
}

/// What a call gave that should have been denied.
pub(crate) fn denial<T: std::fmt::Debug>(result: Result<T, Error>) -> Denial {
    tried();
    match result {
        Err(Error::Denied(denial)) => {
            stopped();
            *denial
        }
        other => panic!("expected a denial, and got {other:?}"),
    }
}

/// What a call gave that should have met a bound.
pub(crate) fn limit<T: std::fmt::Debug>(result: Result<T, Error>) -> Limit {
    tried();
    match result {
        Err(Error::Limit(limit)) => {
            stopped();
            limit
        }
        other => panic!("expected a limit, and got {other:?}"),
    }
}

/// Carries an attack out by calling `action`, which must be denied by `rule`, and the record must say so.
pub(crate) async fn refused(attack: Attack, action: &str, rule: Rule) -> Denial {
    let name = attack.name.clone();
    let denial = denial(carry_out(attack, action).await);
    assert_eq!(denial.rule, rule, "{name}: {denial:?}");
    assert_recorded(&name, rule);
    denial
}

/// Carries an attack out by calling `action`, which must meet the bound `which`.
pub(crate) async fn bounded(attack: Attack, action: &str, which: LimitKind) -> Limit {
    let name = attack.name.clone();
    let limit = limit(carry_out(attack, action).await);
    assert_eq!(limit.which, which, "{name}: {limit:?}");
    limit
}

/// Connects, and calls `action` on the table `users`.
pub(crate) async fn carry_out(attack: Attack, action: &str) -> Result<String, Error> {
    attack.connect().await?.execute(action, r#"{"TableName": "users"}"#).await
}

/// A record of the refusal was written, for this datasource and by this rule.
pub(crate) fn assert_recorded(datasource: &str, rule: Rule) {
    let records = RECORDS.of(datasource);
    let found = records.iter().any(|record| {
        record["event"] == "refusal"
            && record["rule"] == rule.name()
            && record["decision"] == "denied"
    });
    assert!(found, "no record of a refusal by {rule}: {records:?}");
}

/// The hostile plugin behaving honestly, at this server.
pub(crate) async fn honest(server: &Recorder) -> Datasource {
    Attack::new(Behaviour::honest, &server.authority, "").connect().await.expect("it connects")
}

/// An honest call on the host that was attacked succeeds.
pub(crate) async fn assert_host_is_alive() {
    let server = server().await;
    let answer = honest(&server).await.execute("GetItem", r#"{"TableName": "users"}"#).await;
    assert_eq!(answer.as_deref(), Ok("{\"status\": 200}"));
    ALIVE.fetch_add(1, Ordering::Relaxed);
}

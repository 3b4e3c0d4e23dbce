//! Counters of one datasource, for metrics.

use portcullis_policy::Rule;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What a datasource has done since it was connected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Calls that have ended, by outcome: `ok`, or the case of the error.
    pub calls: BTreeMap<&'static str, u64>,
    /// Refusals by rule, those included that the policy only observes.
    pub refusals: BTreeMap<&'static str, u64>,
    /// Requests sent.
    pub requests: u64,
    /// Bytes of request bodies sent.
    pub bytes_sent: u64,
    /// Bytes of answer bodies received.
    pub bytes_received: u64,
    /// Microseconds that calls took, all together.
    pub micros: u64,
    /// Fuel that guests used, where the host meters it; see [`HostBuilder::meter`](crate::HostBuilder::meter).
    pub fuel: u64,
    /// Calls that run now.
    pub running: u32,
    /// Calls that wait for their turn now.
    pub waiting: u32,
    /// Instances kept warm now.
    pub warm: u32,
}

/// The outcome of a call with a result. It has a counter of its own: most calls end so.
const OK: &str = "ok";

/// What a call has used so far.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) attempts: u32,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
    pub(crate) micros: u64,
}

/// Counts.
#[derive(Default)]
pub(crate) struct Counting {
    ok: AtomicU64,
    errors: Mutex<BTreeMap<&'static str, u64>>,
    refusals: Mutex<BTreeMap<&'static str, u64>>,
    requests: AtomicU64,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
    micros: AtomicU64,
    fuel: AtomicU64,
}

impl Counting {
    /// Counts a call that has ended so.
    pub(crate) fn call(&self, outcome: &'static str, usage: &Usage) {
        if outcome == OK {
            self.ok.fetch_add(1, Ordering::Relaxed);
        } else {
            count(&self.errors, outcome);
        }
        self.requests.fetch_add(u64::from(usage.attempts), Ordering::Relaxed);
        self.bytes_sent.fetch_add(usage.bytes_sent, Ordering::Relaxed);
        self.bytes_received.fetch_add(usage.bytes_received, Ordering::Relaxed);
        self.micros.fetch_add(usage.micros, Ordering::Relaxed);
    }

    /// Counts what a guest has computed.
    pub(crate) fn fuel(&self, used: u64) {
        self.fuel.fetch_add(used, Ordering::Relaxed);
    }

    pub(crate) fn refusal(&self, rule: Rule) {
        count(&self.refusals, rule.name());
    }

    pub(crate) fn read(&self) -> Counters {
        let mut calls = self.errors.lock().unwrap_or_else(PoisonError::into_inner).clone();
        calls.insert(OK, self.ok.load(Ordering::Relaxed));
        Counters {
            calls,
            refusals: self.refusals.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            requests: self.requests.load(Ordering::Relaxed),
            bytes_sent: self.bytes_sent.load(Ordering::Relaxed),
            bytes_received: self.bytes_received.load(Ordering::Relaxed),
            micros: self.micros.load(Ordering::Relaxed),
            fuel: self.fuel.load(Ordering::Relaxed),
            ..Counters::default()
        }
    }
}

fn count(counts: &Mutex<BTreeMap<&'static str, u64>>, key: &'static str) {
    *counts.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default() += 1;
}

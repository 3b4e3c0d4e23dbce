//! Counters of one datasource, for metrics.

use super::record::Outcome;
use parking_lot::Mutex;
use portcullis_policy::Rule;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a datasource has done since it was connected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Calls that have ended, by outcome.
    pub calls: BTreeMap<Outcome, u64>,
    /// Refusals by rule, including those that the policy only reports.
    pub refusals: BTreeMap<&'static str, u64>,
    /// Requests sent.
    pub requests: u64,
    /// Bytes of request bodies sent.
    pub bytes_sent: u64,
    /// Bytes of response bodies received.
    pub bytes_received: u64,
    /// The total time of all calls, in microseconds.
    pub micros: u64,
    /// The fuel that guests used, if the host meters it; see
    /// [`HostBuilder::meter`](crate::HostBuilder::meter).
    pub fuel: u64,
    /// Calls that are running.
    pub running: u32,
    /// Calls that are waiting.
    pub waiting: u32,
    /// Idle instances.
    pub warm: u32,
    /// The memory of the idle instances, in bytes.
    pub warm_bytes: u64,
}

/// What a call has used so far.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) attempts: u32,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
    pub(crate) micros: u64,
}

/// The counters of one datasource.
#[derive(Default)]
pub(crate) struct CallCounters {
    /// Calls with a result: a counter of its own, since most calls end like this.
    ok: AtomicU64,
    others: Mutex<BTreeMap<Outcome, u64>>,
    refusals: Mutex<BTreeMap<&'static str, u64>>,
    requests: AtomicU64,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
    micros: AtomicU64,
    fuel: AtomicU64,
}

impl CallCounters {
    /// Counts a call that has ended.
    pub(crate) fn count_call(&self, outcome: Outcome, usage: &Usage) {
        if outcome == Outcome::Ok {
            self.ok.fetch_add(1, Ordering::Relaxed);
        } else {
            count(&self.others, outcome);
        }
        self.requests.fetch_add(u64::from(usage.attempts), Ordering::Relaxed);
        self.bytes_sent.fetch_add(usage.bytes_sent, Ordering::Relaxed);
        self.bytes_received.fetch_add(usage.bytes_received, Ordering::Relaxed);
        self.micros.fetch_add(usage.micros, Ordering::Relaxed);
    }

    /// Counts the fuel that a guest has used.
    pub(crate) fn count_fuel(&self, used: u64) {
        self.fuel.fetch_add(used, Ordering::Relaxed);
    }

    pub(crate) fn count_refusal(&self, rule: Rule) {
        count(&self.refusals, rule.name());
    }

    pub(crate) fn read(&self) -> Counters {
        let mut calls = self.others.lock().clone();
        calls.insert(Outcome::Ok, self.ok.load(Ordering::Relaxed));
        Counters {
            calls,
            refusals: self.refusals.lock().clone(),
            requests: self.requests.load(Ordering::Relaxed),
            bytes_sent: self.bytes_sent.load(Ordering::Relaxed),
            bytes_received: self.bytes_received.load(Ordering::Relaxed),
            micros: self.micros.load(Ordering::Relaxed),
            fuel: self.fuel.load(Ordering::Relaxed),
            ..Counters::default()
        }
    }
}

fn count<K: Ord>(counts: &Mutex<BTreeMap<K, u64>>, key: K) {
    *counts.lock().entry(key).or_default() += 1;
}

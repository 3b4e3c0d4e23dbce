//! Counters of one datasource, for metrics.

use crate::histogram::Histogram;
use crate::record::Outcome;
use parking_lot::Mutex;
use portcullis_policy::Rule;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

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
    /// How long the calls took, whatever their outcome.
    pub latency: Histogram,
    /// The fuel that guests used, if the host meters it.
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

impl Counters {
    /// Adds what else was counted.
    pub fn add(&mut self, other: &Self) {
        for (outcome, count) in &other.calls {
            *self.calls.entry(*outcome).or_default() += count;
        }
        for (rule, count) in &other.refusals {
            *self.refusals.entry(rule).or_default() += count;
        }
        self.requests += other.requests;
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        self.micros += other.micros;
        self.latency.add(&other.latency);
        self.fuel += other.fuel;
        self.running += other.running;
        self.waiting += other.waiting;
        self.warm += other.warm;
        self.warm_bytes += other.warm_bytes;
    }
}

/// What a call has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Requests sent.
    pub attempts: u32,
    /// Bytes of request bodies sent.
    pub bytes_sent: u64,
    /// Bytes of response bodies received.
    pub bytes_received: u64,
    /// Microseconds since the call began.
    pub micros: u64,
}

impl Usage {
    /// The time since the call began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Duration::from_micros(self.micros)
    }
}

/// Counts the calls of one datasource, from any number of threads.
///
/// ```
/// use portcullis_audit::{CallCounters, Outcome, Usage};
///
/// let counters = CallCounters::default();
/// counters.count_call(Outcome::Ok, &Usage { attempts: 1, micros: 2000, ..Usage::default() });
/// assert_eq!(counters.read().requests, 1);
/// ```
#[derive(Debug, Default)]
pub struct CallCounters {
    /// Calls with a result: a counter of its own, since most calls end like this.
    ok: AtomicU64,
    others: Mutex<BTreeMap<Outcome, u64>>,
    refusals: Mutex<BTreeMap<&'static str, u64>>,
    requests: AtomicU64,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
    micros: AtomicU64,
    /// None before the first call ends: of thousands of datasources, most are idle.
    latency: Mutex<Option<Box<Histogram>>>,
    fuel: AtomicU64,
}

impl CallCounters {
    /// Counts a call that has ended.
    pub fn count_call(&self, outcome: Outcome, usage: &Usage) {
        if outcome == Outcome::Ok {
            self.ok.fetch_add(1, Ordering::Relaxed);
        } else {
            count(&self.others, outcome);
        }
        self.requests.fetch_add(u64::from(usage.attempts), Ordering::Relaxed);
        self.bytes_sent.fetch_add(usage.bytes_sent, Ordering::Relaxed);
        self.bytes_received.fetch_add(usage.bytes_received, Ordering::Relaxed);
        self.micros.fetch_add(usage.micros, Ordering::Relaxed);
        self.latency.lock().get_or_insert_default().record(usage.elapsed());
    }

    /// Counts the fuel that a guest has used.
    pub fn count_fuel(&self, used: u64) {
        self.fuel.fetch_add(used, Ordering::Relaxed);
    }

    /// Counts a refusal.
    pub fn count_refusal(&self, rule: Rule) {
        count(&self.refusals, rule.name());
    }

    /// What was counted so far.
    #[must_use]
    pub fn read(&self) -> Counters {
        let mut calls = self.others.lock().clone();
        calls.insert(Outcome::Ok, self.ok.load(Ordering::Relaxed));
        Counters {
            calls,
            refusals: self.refusals.lock().clone(),
            requests: self.requests.load(Ordering::Relaxed),
            bytes_sent: self.bytes_sent.load(Ordering::Relaxed),
            bytes_received: self.bytes_received.load(Ordering::Relaxed),
            micros: self.micros.load(Ordering::Relaxed),
            latency: self.latency.lock().as_deref().cloned().unwrap_or_default(),
            fuel: self.fuel.load(Ordering::Relaxed),
            ..Counters::default()
        }
    }
}

fn count<K: Ord>(counts: &Mutex<BTreeMap<K, u64>>, key: K) {
    *counts.lock().entry(key).or_default() += 1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_kind::ErrorKind;

    #[test]
    fn calls_of_every_outcome_are_in_the_histogram() {
        let counters = CallCounters::default();
        assert!(counters.latency.lock().is_none(), "an idle datasource has none");
        assert_eq!(counters.read().latency, Histogram::default());
        for outcome in [Outcome::Ok, Outcome::Dropped, Outcome::Error(ErrorKind::Denied)] {
            counters.count_call(outcome, &Usage { micros: 1500, ..Usage::default() });
        }
        let latency = counters.read().latency;
        assert_eq!((latency.count(), latency.sum()), (3, Duration::from_micros(4500)));
        let mut twice = counters.read();
        twice.add(&counters.read());
        assert_eq!((twice.calls[&Outcome::Ok], twice.micros, twice.latency.count()), (2, 9000, 6));
        assert_eq!(latency.buckets().take(2).collect::<Vec<_>>(), [(0.001, 0), (0.0025, 3)]);
    }
}

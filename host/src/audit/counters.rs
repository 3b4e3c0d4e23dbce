//! Counters of one datasource, for metrics.

use crate::error::Error;
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
    /// Calls that run now.
    pub running: u32,
    /// Calls that wait for their turn now.
    pub waiting: u32,
    /// Instances kept warm now.
    pub warm: u32,
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
}

impl Counting {
    pub(crate) fn call(&self, error: Option<&Error>, requests: u32, sent: u64, received: u64, micros: u64) {
        match error {
            None => drop(self.ok.fetch_add(1, Ordering::Relaxed)),
            Some(error) => count(&self.errors, error.case()),
        }
        self.traffic(requests, sent, received, micros);
    }

    /// Counts a call that was dropped.
    pub(crate) fn dropped(&self, requests: u32, sent: u64, received: u64, micros: u64) {
        count(&self.errors, "dropped");
        self.traffic(requests, sent, received, micros);
    }

    fn traffic(&self, requests: u32, sent: u64, received: u64, micros: u64) {
        self.requests.fetch_add(u64::from(requests), Ordering::Relaxed);
        self.bytes_sent.fetch_add(sent, Ordering::Relaxed);
        self.bytes_received.fetch_add(received, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(crate) fn refusal(&self, rule: Rule) {
        count(&self.refusals, rule.name());
    }

    pub(crate) fn read(&self) -> Counters {
        let mut calls = self.errors.lock().unwrap_or_else(PoisonError::into_inner).clone();
        calls.insert("ok", self.ok.load(Ordering::Relaxed));
        Counters {
            calls,
            refusals: self.refusals.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            requests: self.requests.load(Ordering::Relaxed),
            bytes_sent: self.bytes_sent.load(Ordering::Relaxed),
            bytes_received: self.bytes_received.load(Ordering::Relaxed),
            micros: self.micros.load(Ordering::Relaxed),
            ..Counters::default()
        }
    }
}

fn count(counts: &Mutex<BTreeMap<&'static str, u64>>, key: &'static str) {
    *counts.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default() += 1;
}

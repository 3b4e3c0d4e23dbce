//! How long callers go on: for a number of calls or a time, whichever ends first.

use anyhow::{Context, Result};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a caller may go on at most: far longer than any budget.
const LONGEST: Duration = Duration::from_mins(2);

/// Waits for a caller. Fails if it does not end: a response that never comes would stop the benchmark.
pub async fn in_time<T>(caller: impl Future<Output = T>) -> Result<T> {
    let ended = tokio::time::timeout(LONGEST, caller).await;
    ended.context("a call had no response within two minutes")
}

/// The calls that are left to a group of callers.
pub struct Budget {
    calls: AtomicU32,
    end: Option<Instant>,
}

impl Budget {
    /// Allows a number of calls.
    pub fn of_calls(calls: u32) -> Self {
        Self { calls: AtomicU32::new(calls), end: None }
    }

    /// Allows a number of calls that begin within a time from now.
    pub fn new(calls: u32, time: Duration) -> Self {
        Self { calls: AtomicU32::new(calls), end: Some(Instant::now() + time) }
    }

    /// Takes one call. Returns whether it may begin at the time `now`.
    pub fn take(&self, now: Instant) -> bool {
        self.end.is_none_or(|end| now < end)
            && self
                .calls
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .is_ok()
    }
}

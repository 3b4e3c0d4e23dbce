//! Concurrency limits: how many calls run at the same time, of one datasource and of all.
//!
//! Calls that wait are served in order of arrival. A datasource never has more calls waiting for
//! the host's limit than it may run itself, so that a flood on one datasource does not starve the
//! others.

use crate::error::{Busy, Error};
use portcullis_policy::Limits;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

/// The concurrency limit of one datasource, within that of its host.
pub(crate) struct ConcurrencyLimit {
    own: Arc<Semaphore>,
    host: Arc<HostLimit>,
    max: u32,
    waiting: AtomicU32,
    max_waiting: u32,
}

/// The concurrency limit of a host, over all datasources.
pub(crate) struct HostLimit {
    permits: Arc<Semaphore>,
    max: u32,
}

/// The most instances of a host: more than a machine with 64 cores runs.
const MAX_INSTANCES: u32 = 4096;
/// The fewest instances that there is capacity for: each connected datasource takes one without a
/// running call. Reserving them takes less than a millisecond.
const MIN_INSTANCES: u32 = 256;

/// The permit of a running call. Dropping it releases it.
pub(crate) struct CallPermit {
    _own: OwnedSemaphorePermit,
    _host: OwnedSemaphorePermit,
}

impl HostLimit {
    pub(crate) fn new(max: u32) -> Arc<Self> {
        Arc::new(Self { permits: Arc::new(Semaphore::new(max.max(1) as usize)), max })
    }

    /// The number of instances that there is capacity for: those of running calls, and idle ones.
    pub(crate) fn instances(&self) -> u32 {
        self.max.saturating_mul(4).clamp(MIN_INSTANCES, MAX_INSTANCES)
    }
}

impl ConcurrencyLimit {
    pub(crate) fn new(limits: &Limits, host: Arc<HostLimit>) -> Self {
        let max = limits.concurrent_calls.max(1);
        Self {
            own: Arc::new(Semaphore::new(max as usize)),
            host,
            max,
            waiting: AtomicU32::new(0),
            max_waiting: limits.queued_calls,
        }
    }

    /// Waits until the call may run.
    pub(crate) async fn acquire(&self, deadline: Instant) -> Result<CallPermit, Error> {
        let own = match self.own.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.wait(deadline).await?,
        };
        let host = match self.host.permits.clone().try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) => timeout_at(deadline.into(), self.host.permits.clone().acquire_owned())
                .await
                .ok()
                .and_then(Result::ok),
        };
        let host = host.ok_or(Error::Busy(Busy::Host { running: self.host.max }))?;
        Ok(CallPermit { _own: own, _host: host })
    }

    async fn wait(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, Error> {
        let waiting = WaitGuard(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::AcqRel) >= self.max_waiting {
            return Err(Error::Busy(Busy::Queue { waiting: self.max_waiting }));
        }
        let permit = timeout_at(deadline.into(), self.own.clone().acquire_owned()).await;
        drop(waiting);
        // A permit that comes at the deadline, because another call ran into it, is useless.
        let permit = permit.ok().and_then(Result::ok).filter(|_| Instant::now() < deadline);
        permit.ok_or(Error::Busy(Busy::Calls { running: self.max }))
    }

    /// The number of calls that run.
    pub(crate) fn running(&self) -> u32 {
        self.max.saturating_sub(self.own.available_permits() as u32)
    }

    /// The number of calls that wait.
    pub(crate) fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::Acquire)
    }
}

/// Counts one waiting call down, however its waiting ends.
struct WaitGuard<'w>(&'w AtomicU32);

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(50)
    }

    fn busy(result: &Result<CallPermit, Error>) -> Option<Busy> {
        match result {
            Err(Error::Busy(busy)) => Some(*busy),
            _ => None,
        }
    }

    #[tokio::test]
    async fn calls_beyond_the_limits_wait_or_are_busy() {
        let limits = Limits::default().with_concurrent_calls(1).with_queued_calls(1);
        let limit = ConcurrencyLimit::new(&limits, HostLimit::new(10));
        let first = limit.acquire(soon()).await.unwrap();
        let (second, third) = tokio::join!(limit.acquire(soon()), limit.acquire(soon()));
        assert_eq!(busy(&second), Some(Busy::Calls { running: 1 }));
        assert_eq!(busy(&third), Some(Busy::Queue { waiting: 1 }));
        assert_eq!((limit.running(), limit.waiting()), (1, 0));
        drop(first);
        assert!(limit.acquire(soon()).await.is_ok());
    }

    #[tokio::test]
    async fn all_datasources_share_the_limit_of_the_host() {
        let host = HostLimit::new(1);
        let limits = Limits::default();
        let one = ConcurrencyLimit::new(&limits, host.clone());
        let other = ConcurrencyLimit::new(&limits, host);
        let first = one.acquire(soon()).await.unwrap();
        assert_eq!(busy(&other.acquire(soon()).await), Some(Busy::Host { running: 1 }));
        drop(first);
        assert!(other.acquire(soon()).await.is_ok());
    }

    #[tokio::test]
    async fn a_call_that_stops_waiting_leaves_the_queue() {
        let limits = Limits::default().with_concurrent_calls(1).with_queued_calls(1);
        let limit = ConcurrencyLimit::new(&limits, HostLimit::new(10));
        let first = limit.acquire(soon()).await.unwrap();
        let waiting = tokio::time::timeout(Duration::from_millis(5), limit.acquire(soon())).await;
        assert!(waiting.is_err());
        assert_eq!(limit.waiting(), 0);
        drop(first);
    }
}

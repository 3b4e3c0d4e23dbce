//! Turns: how many calls run at the same time, of one datasource and of all, and who waits.
//!
//! Those who wait are served in the order in which they came. A datasource never has more calls waiting for a place
//! among all than it may run itself, so that a flood on one of them does not keep the others out.

use crate::error::{Busy, Error};
use portcullis_policy::Limits;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

/// The turns of one datasource.
pub(crate) struct Turns {
    own: Arc<Semaphore>,
    all: Arc<AllTurns>,
    most: u32,
    waiting: AtomicU32,
    most_waiting: u32,
}

/// The turns of all datasources of a host.
pub(crate) struct AllTurns {
    places: Arc<Semaphore>,
    most: u32,
}

/// Instances at the same time, in all datasources: more than a machine of 64 cores runs.
const MAX_INSTANCES: u32 = 4096;
/// The least: datasources that are connected take one each, and no turn. They cost less than a millisecond to reserve.
const LEAST_INSTANCES: u32 = 256;

/// A place among the calls that run; given back when it is dropped.
pub(crate) struct Turn {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl AllTurns {
    pub(crate) fn new(most: u32) -> Arc<Self> {
        Arc::new(Self { places: Arc::new(Semaphore::new(most.max(1) as usize)), most })
    }

    /// Instances that there is room for: those of the calls that run, and warm ones.
    pub(crate) fn instances(&self) -> u32 {
        self.most.saturating_mul(4).clamp(LEAST_INSTANCES, MAX_INSTANCES)
    }
}

impl Turns {
    pub(crate) fn new(limits: &Limits, all: Arc<AllTurns>) -> Self {
        let most = limits.concurrent_calls.max(1);
        Self {
            own: Arc::new(Semaphore::new(most as usize)),
            all,
            most,
            waiting: AtomicU32::new(0),
            most_waiting: limits.queued_calls,
        }
    }

    /// Waits for a place.
    pub(crate) async fn take(&self, deadline: Instant) -> Result<Turn, Error> {
        let own = match self.own.clone().try_acquire_owned() {
            Ok(place) => place,
            Err(_) => self.wait(deadline).await?,
        };
        let all = match self.all.places.clone().try_acquire_owned() {
            Ok(place) => Some(place),
            Err(_) => timeout_at(deadline.into(), self.all.places.clone().acquire_owned())
                .await
                .ok()
                .and_then(Result::ok),
        };
        let all = all.ok_or(Error::Busy(Busy::Host { running: self.all.most }))?;
        Ok(Turn { _own: own, _all: all })
    }

    async fn wait(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, Error> {
        let waiting = Waiting(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::AcqRel) >= self.most_waiting {
            return Err(Error::Busy(Busy::Queue { waiting: self.most_waiting }));
        }
        let place = timeout_at(deadline.into(), self.own.clone().acquire_owned()).await;
        drop(waiting);
        // A place that comes with the deadline, because the deadline ended the call before, is of no use.
        let place = place.ok().and_then(Result::ok).filter(|_| Instant::now() < deadline);
        place.ok_or(Error::Busy(Busy::Calls { running: self.most }))
    }

    /// Calls that run.
    pub(crate) fn running(&self) -> u32 {
        self.most.saturating_sub(self.own.available_permits() as u32)
    }

    /// Calls that wait.
    pub(crate) fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::Acquire)
    }
}

/// One that waits, however its waiting ends.
struct Waiting<'t>(&'t AtomicU32);

impl Drop for Waiting<'_> {
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

    #[tokio::test]
    async fn calls_beyond_the_bounds_wait_or_are_told() {
        let limits = Limits::default().with_concurrent_calls(1).with_queued_calls(1);
        let turns = Turns::new(&limits, AllTurns::new(10));
        let first = turns.take(soon()).await.unwrap();
        let (second, third) = tokio::join!(turns.take(soon()), turns.take(soon()));
        assert_eq!(second.err(), Some(Error::Busy(Busy::Calls { running: 1 })));
        assert_eq!(third.err(), Some(Error::Busy(Busy::Queue { waiting: 1 })));
        assert_eq!((turns.running(), turns.waiting()), (1, 0));
        drop(first);
        assert!(turns.take(soon()).await.is_ok());
    }

    #[tokio::test]
    async fn all_datasources_share_the_hosts_places() {
        let all = AllTurns::new(1);
        let (one, other) =
            (Turns::new(&Limits::default(), all.clone()), Turns::new(&Limits::default(), all));
        let first = one.take(soon()).await.unwrap();
        assert_eq!(other.take(soon()).await.err(), Some(Error::Busy(Busy::Host { running: 1 })));
        drop(first);
        assert!(other.take(soon()).await.is_ok());
    }

    #[tokio::test]
    async fn one_that_gives_up_waiting_leaves_its_place_in_the_queue() {
        let turns = Turns::new(
            &Limits::default().with_concurrent_calls(1).with_queued_calls(1),
            AllTurns::new(10),
        );
        let first = turns.take(soon()).await.unwrap();
        let waiting = tokio::time::timeout(Duration::from_millis(5), turns.take(soon())).await;
        assert!(waiting.is_err());
        assert_eq!(turns.waiting(), 0);
        drop(first);
    }
}

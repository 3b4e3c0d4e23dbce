//! The memory limit of a process.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// The memory limit of a process, in bytes. What is reserved is counted, not measured: whoever
/// reserves says how much.
pub struct MemoryLimit {
    limit: u64,
    used: AtomicU64,
    refused: AtomicU64,
    reclaim: OnceLock<Box<dyn Fn(u64) -> bool + Send + Sync>>,
}

/// The error of a reservation that does not fit.
///
/// The enum is exhaustive: memory is held for one holder, within one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// An [`Account`](crate::Account) is full.
    Account {
        /// Its limit, in bytes.
        limit: u64,
    },
    /// The process has reached its limit.
    Process {
        /// The limit, in bytes.
        limit: u64,
    },
}

/// How often memory is reclaimed for one reservation: others may take what was reclaimed.
const ATTEMPTS: usize = 8;

impl MemoryLimit {
    /// Creates a limit of so many bytes.
    #[must_use]
    pub fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self {
            limit,
            used: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            reclaim: OnceLock::new(),
        })
    }

    /// Sets what is done when a reservation does not fit: `reclaim` gets the number of bytes that
    /// are missing, and releases reservations that can be given up, such as idle instances. It
    /// returns whether it released any: the reservation is then tried once more. Only the first
    /// call has an effect.
    pub fn set_reclaim(&self, reclaim: impl Fn(u64) -> bool + Send + Sync + 'static) {
        // A second function would be a mistake of the host, and harmless.
        let _ = self.reclaim.set(Box::new(reclaim));
    }

    /// Reserves `bytes` until the reservation is dropped.
    ///
    /// # Errors
    /// Returns [`Exceeded::Process`] if they do not fit, also after reclaiming.
    pub fn reserve(self: &Arc<Self>, bytes: u64) -> Result<Reservation, Exceeded> {
        self.take(bytes)?;
        Ok(Reservation { process: self.clone(), bytes })
    }

    /// The limit, in bytes.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The bytes that are reserved.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// The number of reservations that were refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64) -> Result<(), Exceeded> {
        for _ in 0..ATTEMPTS {
            let Err(missing) = self.try_take(bytes) else { return Ok(()) };
            if !self.reclaim.get().is_some_and(|reclaim| reclaim(missing)) {
                break;
            }
        }
        self.try_take(bytes).map_err(|_| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            Exceeded::Process { limit: self.limit }
        })
    }

    /// Takes `bytes`, or says how many are missing.
    fn try_take(&self, bytes: u64) -> Result<(), u64> {
        let mut missing = 0;
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            let wanted = used.saturating_add(bytes);
            missing = wanted.saturating_sub(self.limit);
            (missing == 0).then_some(wanted)
        });
        taken.map(drop).map_err(|_| missing)
    }

    fn release(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl fmt::Debug for MemoryLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLimit")
            .field("limit", &self.limit)
            .field("used", &self.used())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account { limit } => write!(f, "an account of {limit} bytes is full"),
            Self::Process { limit } => {
                write!(f, "the memory limit of the process, {limit} bytes, is reached")
            }
        }
    }
}

impl std::error::Error for Exceeded {}

/// Reserved memory. Dropping it releases it.
#[derive(Debug)]
pub struct Reservation {
    process: Arc<MemoryLimit>,
    bytes: u64,
}

impl Reservation {
    /// The reserved bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Changes the size of the reservation.
    ///
    /// # Errors
    /// Returns [`Exceeded::Process`] if it does not fit. The reservation then keeps its size.
    pub fn resize(&mut self, bytes: u64) -> Result<(), Exceeded> {
        if bytes > self.bytes {
            self.process.take(bytes - self.bytes)?;
        } else {
            self.process.release(self.bytes - bytes);
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.process.release(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Mutex;

    #[test]
    fn idle_memory_is_reclaimed_before_a_reservation_is_refused() {
        let limit = MemoryLimit::new(100);
        let idle = Arc::new(Mutex::new(vec![limit.reserve(60).unwrap()]));
        let (given_up, missing) = (idle.clone(), Arc::new(Mutex::new(0)));
        let seen = missing.clone();
        limit.set_reclaim(move |bytes| {
            *seen.lock().unwrap() = bytes;
            given_up.lock().unwrap().pop().is_some()
        });
        let first = limit.reserve(70).unwrap();
        assert_eq!((*missing.lock().unwrap(), limit.used(), limit.refused()), (30, 70, 0));
        assert_eq!(limit.reserve(u64::MAX).unwrap_err(), Exceeded::Process { limit: 100 });
        assert_eq!((limit.used(), limit.refused(), first.bytes()), (70, 1, 70));
    }

    #[test]
    fn a_reservation_that_cannot_grow_keeps_its_size() {
        let limit = MemoryLimit::new(100);
        let mut reservation = limit.reserve(50).unwrap();
        assert!(reservation.resize(101).is_err());
        assert_eq!((reservation.bytes(), limit.used()), (50, 50));
        reservation.resize(10).unwrap();
        assert_eq!(limit.used(), 10);
    }

    #[test]
    fn what_others_take_first_is_reclaimed_again() {
        let limit = MemoryLimit::new(100);
        let idle = Mutex::new(vec![limit.reserve(40).unwrap(), limit.reserve(40).unwrap()]);
        let others = Arc::new(Mutex::new(Vec::new()));
        let (taken, other) = (others.clone(), Arc::downgrade(&limit));
        limit.set_reclaim(move |_| {
            let dropped = idle.lock().unwrap().pop().is_some();
            // The first time, somebody else is faster.
            let mut taken = taken.lock().unwrap();
            if taken.is_empty() {
                taken.push(other.upgrade().unwrap().reserve(40).unwrap());
            }
            dropped
        });
        assert_eq!(limit.reserve(50).map(|reservation| reservation.bytes()), Ok(50));
        assert_eq!(limit.refused(), 0);
    }

    proptest! {
        #[test]
        fn reservations_never_exceed_the_limit_and_are_all_released(
            sizes in proptest::collection::vec((0u64..200, 0u64..200), 0..40),
        ) {
            let limit = MemoryLimit::new(500);
            let mut kept = Vec::new();
            for (first, second) in sizes {
                if let Ok(mut reservation) = limit.reserve(first) {
                    let _ = reservation.resize(second);
                    kept.push(reservation);
                }
                prop_assert!(limit.used() <= 500);
                prop_assert_eq!(limit.used(), kept.iter().map(Reservation::bytes).sum::<u64>());
            }
            drop(kept);
            prop_assert_eq!(limit.used(), 0);
        }
    }
}

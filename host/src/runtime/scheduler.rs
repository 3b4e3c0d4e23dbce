//! CPU scheduler. Long-running guests share a few CPU permits, so that short calls are never queued
//! behind them.
//!
//! A guest runs its first time slice freely: a thousand small calls never get here. At the next
//! epoch tick it must acquire one of `cores / 2` permits, and again after each slice. The host needs
//! one too before it does work in proportion to what a guest passes. A permit that is held for more
//! than [`MAX_SLICES`] ticks while no thread runs its guest belongs to a guest that is blocked on
//! I/O, and is reclaimed.

use parking_lot::Mutex;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::UpdateDeadline;

/// The scheduler of a host. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Scheduler {
    permits: Arc<Semaphore>,
    /// The number of guests that run.
    running: Arc<AtomicU32>,
    /// The number of guests that have used up their first slice.
    long_running: Arc<AtomicU32>,
    /// The permits that are held, each with the number of ticks since it was acquired.
    held: Arc<Mutex<Vec<(CpuPermit, u32)>>>,
}

/// A time slice while guests run. A small call takes a tenth of it.
const SLICE: Duration = Duration::from_millis(1);
/// A time slice while a long-running guest computes: a call that waits for the network waits behind
/// several such slices.
const SHORT_SLICE: Duration = Duration::from_micros(200);
/// A time slice while no guest runs: the first guest may run for this long before the first tick.
const IDLE_SLICE: Duration = Duration::from_millis(10);

/// Epoch ticks before the first yield. Two, because the first tick may come immediately. To yield
/// moves a call to another thread, which costs a small call a tenth of its time.
pub(crate) const FREE_TICKS: u64 = 2;
/// Ticks after which a permit is reclaimed: a guest that computes asks again after one tick, as
/// soon as its thread is scheduled.
const MAX_SLICES: u32 = 20;

impl Scheduler {
    /// The scheduler for this machine.
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            permits: Arc::new(Semaphore::new((cores / 2).max(1))),
            running: Arc::default(),
            long_running: Arc::default(),
            held: Arc::default(),
        }
    }

    /// The time slices of a new instance.
    pub(crate) fn time_slices(&self) -> TimeSlices {
        TimeSlices {
            is_long_running: false,
            scheduler: self.clone(),
            permit: CpuPermit::default(),
            is_running: false,
        }
    }

    /// Ends a time slice: reclaims permits whose guests did not ask again.
    pub(crate) fn reclaim(&self) {
        self.held.lock().retain_mut(|(permit, slices)| {
            *slices = if permit.0.is_polled.load(Ordering::Relaxed) { 0 } else { *slices + 1 };
            if *slices > MAX_SLICES {
                permit.release();
            }
            permit.is_held()
        });
    }

    /// Waits for a permit for work of the host itself, on a thread of its own.
    pub(crate) async fn acquire(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        self.permits.clone().acquire_owned().await.ok()
    }

    /// The length of the next time slice. It is also the resolution of the timers that end calls.
    pub(crate) fn slice(&self) -> Duration {
        if self.long_running.load(Ordering::Relaxed) > 0 {
            SHORT_SLICE
        } else if self.running.load(Ordering::Relaxed) > 0 {
            SLICE
        } else {
            IDLE_SLICE
        }
    }
}

/// The CPU permit that an instance may hold. It is released when the guest does anything else than
/// compute.
#[derive(Clone, Default)]
pub(crate) struct CpuPermit(Arc<PermitState>);

#[derive(Default)]
struct PermitState {
    permit: Mutex<Option<OwnedSemaphorePermit>>,
    /// Whether a thread runs the guest, or works for it, at this moment.
    is_polled: AtomicBool,
}

impl CpuPermit {
    /// Runs a call of the instance. While it is polled, its permit is not reclaimed: a long function
    /// of the host looks like a guest that does not ask again.
    pub(crate) async fn watch<F: Future>(&self, call: F) -> F::Output {
        let mut call = pin!(call);
        poll_fn(|context| {
            self.0.is_polled.store(true, Ordering::Relaxed);
            let polled = call.as_mut().poll(context);
            self.0.is_polled.store(false, Ordering::Relaxed);
            polled
        })
        .await
    }

    fn hold(&self, permit: OwnedSemaphorePermit) {
        *self.0.permit.lock() = Some(permit);
    }

    pub(crate) fn release(&self) {
        self.0.permit.lock().take();
    }

    fn is_held(&self) -> bool {
        self.0.permit.lock().is_some()
    }
}

/// The time slices that the running call of an instance has taken.
pub(crate) struct TimeSlices {
    /// Whether the call has used up its first slice.
    is_long_running: bool,
    scheduler: Scheduler,
    permit: CpuPermit,
    is_running: bool,
}

impl TimeSlices {
    /// The permit of the instance, for code that releases it.
    pub(crate) fn permit(&self) -> &CpuPermit {
        &self.permit
    }

    /// A call begins.
    pub(crate) fn begin(&mut self) {
        if !std::mem::replace(&mut self.is_running, true) {
            self.scheduler.running.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The call has ended.
    pub(crate) fn end(&mut self) {
        if std::mem::take(&mut self.is_long_running) {
            self.scheduler.long_running.fetch_sub(1, Ordering::Relaxed);
        }
        self.permit.release();
        if std::mem::replace(&mut self.is_running, false) {
            self.scheduler.running.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// A slice is over and the guest still computes: it yields until it has a permit.
    pub(crate) fn next(&mut self) -> UpdateDeadline {
        UpdateDeadline::YieldCustom(1, self.acquire())
    }

    /// Lets others run first, and waits for a permit.
    pub(crate) fn acquire(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.permit.release();
        if !std::mem::replace(&mut self.is_long_running, true) {
            self.scheduler.long_running.fetch_add(1, Ordering::Relaxed);
        }
        let (permits, held) = (self.scheduler.permits.clone(), self.scheduler.held.clone());
        let permit = self.permit.clone();
        Box::pin(async move {
            // Others first, even if a permit is available.
            tokio::task::yield_now().await;
            // The semaphore is never closed.
            if let Ok(acquired) = permits.acquire_owned().await {
                permit.hold(acquired);
                let mut held = held.lock();
                held.retain(|(other, _)| !Arc::ptr_eq(&other.0, &permit.0));
                held.push((permit, 0));
            }
        })
    }
}

impl Drop for TimeSlices {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends a slice of a guest that computes, and waits for its permit as wasmtime does.
    async fn acquire(slices: &mut TimeSlices) {
        let UpdateDeadline::YieldCustom(1, acquiring) = slices.next() else {
            panic!("the guest yields")
        };
        acquiring.await;
    }

    #[tokio::test]
    async fn a_long_running_guest_waits_only_for_other_long_running_guests() {
        let scheduler = Scheduler { permits: Arc::new(Semaphore::new(1)), ..Scheduler::new() };
        let (mut first, mut second) = (scheduler.time_slices(), scheduler.time_slices());
        acquire(&mut first).await;
        let waiting = tokio::time::timeout(Duration::from_millis(20), acquire(&mut second)).await;
        assert!(waiting.is_err(), "there is one permit");
        first.end();
        acquire(&mut second).await;
        let long_running = scheduler.long_running.load(Ordering::Relaxed);
        assert_eq!((scheduler.slice(), long_running), (SHORT_SLICE, 1));
        drop(second);
        assert_eq!(scheduler.slice(), IDLE_SLICE);
    }

    #[tokio::test]
    async fn the_permit_of_a_guest_that_waits_for_io_is_reclaimed() {
        let scheduler = Scheduler { permits: Arc::new(Semaphore::new(1)), ..Scheduler::new() };
        let (mut waits, mut computes) = (scheduler.time_slices(), scheduler.time_slices());
        acquire(&mut waits).await;
        for _ in 0..=MAX_SLICES {
            assert_eq!(scheduler.permits.available_permits(), 0);
            scheduler.reclaim();
        }
        acquire(&mut computes).await;
        assert_eq!(scheduler.held.lock().len(), 1);
    }
}

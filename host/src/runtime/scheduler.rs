//! CPU scheduler. Long-running guests share a few CPU permits, so that short calls are never queued
//! behind them.
//!
//! A guest runs its first time slice freely, and a few more after it has waited for the network: a
//! thousand small calls never get here. At the next epoch tick it must acquire one of `cores / 2`
//! permits, and again after each slice. The host needs one too before it does work in proportion to
//! what a guest passes. A guest that waits for anything gives its permit back at once: else one that
//! computes and sleeps in turn would keep the processor from all others.

use parking_lot::Mutex;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
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
    /// The epoch ticks so far.
    ticks: Arc<AtomicU64>,
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
/// Ticks that a thread may run a guest for without a permit in a whole call. Twice the ticks of one
/// slice, so that a call which waits a few times and happens to run at some ticks is still short.
/// More would let a guest compute without a permit, by waiting for a moment again and again.
const MAX_FREE_TICKS: u64 = 2 * FREE_TICKS;

impl Scheduler {
    /// The scheduler for this machine.
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            permits: Arc::new(Semaphore::new((cores / 2).max(1))),
            running: Arc::default(),
            long_running: Arc::default(),
            ticks: Arc::default(),
        }
    }

    /// The time slices of a new instance.
    pub(crate) fn time_slices(&self) -> TimeSlices {
        TimeSlices {
            is_long_running: false,
            scheduler: self.clone(),
            permit: CpuPermit(Arc::new(PermitState::new(self.ticks.clone()))),
            is_running: false,
        }
    }

    /// Ends a time slice.
    pub(crate) fn tick(&self) {
        self.ticks.fetch_add(1, Ordering::Relaxed);
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

/// The CPU permit that an instance may hold. It is released when the guest waits, and when its call
/// ends.
#[derive(Clone)]
pub(crate) struct CpuPermit(Arc<PermitState>);

struct PermitState {
    permit: Mutex<Option<OwnedSemaphorePermit>>,
    /// The epoch ticks of the host.
    ticks: Arc<AtomicU64>,
    /// The tick at which a thread began to run the guest last.
    resumed_at: AtomicU64,
    /// The ticks for which threads ran the guest before that, in this call.
    used_before: AtomicU64,
}

impl PermitState {
    fn new(ticks: Arc<AtomicU64>) -> Self {
        Self {
            permit: Mutex::default(),
            ticks,
            resumed_at: AtomicU64::new(0),
            used_before: AtomicU64::new(0),
        }
    }

    /// The ticks since a thread began to run the guest.
    fn since_resumed(&self) -> u64 {
        let now = self.ticks.load(Ordering::Relaxed);
        now.saturating_sub(self.resumed_at.load(Ordering::Relaxed))
    }

    /// How many ticks the guest may still run for without a permit.
    fn free_ticks(&self) -> u64 {
        let running = self.since_resumed();
        let used = self.used_before.load(Ordering::Relaxed) + running;
        if used < MAX_FREE_TICKS { FREE_TICKS.saturating_sub(running) } else { 0 }
    }
}

impl CpuPermit {
    /// Runs a call of the instance, or creates the instance. Whenever that has to wait, others get
    /// its permit.
    pub(crate) async fn watch<F: Future>(&self, call: F) -> F::Output {
        let mut call = pin!(call);
        let state = &*self.0;
        state.used_before.store(0, Ordering::Relaxed);
        poll_fn(|context| {
            state.resumed_at.store(state.ticks.load(Ordering::Relaxed), Ordering::Relaxed);
            let polled = call.as_mut().poll(context);
            state.used_before.fetch_add(state.since_resumed(), Ordering::Relaxed);
            if polled.is_pending() {
                self.release();
            }
            polled
        })
        .await
    }

    fn hold(&self, permit: OwnedSemaphorePermit) {
        *self.0.permit.lock() = Some(permit);
    }

    fn release(&self) {
        self.0.permit.lock().take();
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
    /// The permit of the instance, for code that runs the guest.
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

    /// A slice is over and the guest still computes: it yields until it has a permit. If the guest
    /// waited for something during most of the slice, it goes on.
    pub(crate) fn next(&mut self) -> UpdateDeadline {
        match self.permit.0.free_ticks() {
            free @ 1.. if !self.is_long_running => UpdateDeadline::Continue(free),
            _ => UpdateDeadline::YieldCustom(1, self.acquire()),
        }
    }

    /// Lets others run first, and waits for a permit.
    pub(crate) fn acquire(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.permit.release();
        if !std::mem::replace(&mut self.is_long_running, true) {
            self.scheduler.long_running.fetch_add(1, Ordering::Relaxed);
        }
        let (permits, permit) = (self.scheduler.permits.clone(), self.permit.clone());
        Box::pin(async move {
            // Others first, even if a permit is available.
            tokio::task::yield_now().await;
            // The semaphore is never closed.
            if let Ok(acquired) = permits.acquire_owned().await {
                permit.hold(acquired);
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
    use std::task::{Context, Poll, Waker};

    #[tokio::test]
    async fn a_long_running_guest_waits_only_for_other_long_running_guests() {
        let scheduler = Scheduler { permits: Arc::new(Semaphore::new(1)), ..Scheduler::new() };
        let (mut first, mut second) = (scheduler.time_slices(), scheduler.time_slices());
        first.acquire().await;
        let waiting = tokio::time::timeout(Duration::from_millis(20), second.acquire()).await;
        assert!(waiting.is_err(), "there is one permit");
        first.end();
        second.acquire().await;
        let long_running = scheduler.long_running.load(Ordering::Relaxed);
        assert_eq!((scheduler.slice(), long_running), (SHORT_SLICE, 1));
        drop(second);
        assert_eq!(scheduler.slice(), IDLE_SLICE);
    }

    #[tokio::test]
    async fn a_guest_that_waits_gives_its_permit_back_at_once() {
        let scheduler = Scheduler { permits: Arc::new(Semaphore::new(1)), ..Scheduler::new() };
        let mut waits = scheduler.time_slices();
        let permit = waits.permit().clone();
        let mut call = pin!(permit.watch(async {
            waits.acquire().await;
            assert_eq!(scheduler.permits.available_permits(), 0);
            std::future::pending::<()>().await;
        }));
        let polled = tokio::time::timeout(Duration::from_millis(20), call.as_mut()).await;
        assert!(polled.is_err(), "it waits for something that never comes");
        assert_eq!(scheduler.permits.available_permits(), 1);
    }

    /// Runs a guest that waits after each of `slices`, which are numbers of ticks for which it
    /// computes. Returns at which of them it had to acquire a permit.
    fn first_yield(slices: &[u64]) -> Option<usize> {
        let scheduler = Scheduler::new();
        let mut guest = scheduler.time_slices();
        guest.begin();
        let permit = guest.permit().clone();
        let run = async {
            let mut first = None;
            for (number, ticks) in slices.iter().enumerate() {
                for _ in 0..*ticks {
                    scheduler.tick();
                    if matches!(guest.next(), UpdateDeadline::YieldCustom(..)) {
                        first = first.or(Some(number));
                    }
                }
                tokio::task::yield_now().await;
            }
            first
        };
        let mut call = pin!(permit.watch(run));
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(first) = call.as_mut().poll(&mut context) {
                return first;
            }
            // The network takes its time.
            for _ in 0..30 {
                scheduler.tick();
            }
        }
    }

    #[test]
    fn a_guest_has_a_free_slice_after_each_wait() {
        assert_eq!(first_yield(&[1, 0, 0, 1, 0, 1]), None);
        assert_eq!(first_yield(&[0, 0, 2]), Some(2), "it computes for two ticks");
    }

    #[test]
    fn a_guest_that_waits_again_and_again_still_needs_a_permit() {
        assert_eq!(first_yield(&[1; 10]), Some(MAX_FREE_TICKS as usize - 1));
    }
}

//! Timers for the ends of calls: each call sets some, and nearly none of them rings.
//!
//! A timer of tokio is free to make; but the first one to be set where none was wakes the thread that waits for the
//! network, which costs several microseconds of two cores. These are looked after by the host's ticking thread, to the
//! next tick: a millisecond while a guest runs.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

/// The timers of a host. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Timers(Arc<Mutex<Set>>);

#[derive(Default)]
struct Set {
    /// By when they ring; the number tells those apart that ring together.
    wakers: BTreeMap<(Instant, u64), Waker>,
    number: u64,
}

impl Timers {
    /// What `future` gives, if it gives something before `end`. It is pinned where it is: a call's future has kilobytes,
    /// and would be copied into this one.
    pub(crate) async fn until<F: Future>(
        &self,
        end: Instant,
        mut future: Pin<&mut F>,
    ) -> Option<F::Output> {
        let mut timer = self.timer();
        poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if timer.is_due(end, context) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// A timer that is not set.
    pub(crate) fn timer(&self) -> Timer {
        Timer { timers: self.clone(), set: None }
    }

    /// Wakes those whose time has come.
    pub(crate) fn ring(&self) {
        let now = Instant::now();
        loop {
            let mut set = self.lock();
            let Some(first) = set.wakers.first_entry().filter(|first| first.key().0 <= now) else {
                return;
            };
            let waker = first.remove();
            // What is woken may set a timer.
            drop(set);
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Set> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A timer of one task.
pub(crate) struct Timer {
    timers: Timers,
    set: Option<((Instant, u64), Waker)>,
}

impl Timer {
    /// Whether `end` has come; where it has not, the task is woken when it has.
    pub(crate) fn is_due(&mut self, end: Instant, context: &Context<'_>) -> bool {
        if Instant::now() >= end {
            return true;
        }
        // A task is polled for other reasons too: what is set already is left alone.
        if !self
            .set
            .as_ref()
            .is_some_and(|((at, _), waker)| *at == end && waker.will_wake(context.waker()))
        {
            self.stop();
            let mut set = self.timers.lock();
            set.number += 1;
            let key = (end, set.number);
            set.wakers.insert(key, context.waker().clone());
            drop(set);
            self.set = Some((key, context.waker().clone()));
        }
        false
    }

    /// Takes it back.
    pub(crate) fn stop(&mut self) {
        if let Some((key, _)) = self.set.take() {
            self.timers.lock().wakers.remove(&key);
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::pin::pin;
    use std::time::Duration;

    /// Rings now and then, as the host's thread does.
    fn ringing() -> Timers {
        let timers = Timers::default();
        let rung = Arc::downgrade(&timers.0);
        std::thread::spawn(move || {
            while let Some(set) = rung.upgrade() {
                Timers(set).ring();
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        timers
    }

    #[tokio::test]
    async fn what_ends_in_time_gives_its_output_and_leaves_nothing_behind() {
        let timers = ringing();
        let end = Instant::now() + Duration::from_mins(1);
        let slow = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            7
        };
        assert_eq!(timers.until(end, pin!(slow)).await, Some(7));
        assert!(timers.lock().wakers.is_empty());
    }

    #[tokio::test]
    async fn what_does_not_end_is_left_at_its_time() {
        let timers = ringing();
        let began = Instant::now();
        let never = pending::<()>();
        assert_eq!(timers.until(began + Duration::from_millis(20), pin!(never)).await, None);
        assert!(began.elapsed() >= Duration::from_millis(20) && timers.lock().wakers.is_empty());
    }

    #[tokio::test]
    async fn those_that_ring_together_all_ring() {
        let timers = ringing();
        let end = Instant::now() + Duration::from_millis(10);
        let (first, second) = (pin!(pending::<()>()), pin!(pending::<()>()));
        let (one, other) = tokio::join!(timers.until(end, first), timers.until(end, second));
        assert_eq!((one, other), (None, None));
    }
}

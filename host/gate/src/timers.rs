//! Timers for the ends of calls. Each call arms some, and almost none of them fires.
//!
//! Arming the first tokio timer unparks the I/O driver, which costs several microseconds on two
//! cores. [`Timers::ticked`] are fired by a thread that the embedder runs anyway; their resolution
//! is one tick of that thread.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;
use tokio::time::Sleep;

/// The timers of an embedder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Timers(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Tokio,
    Ticked(Arc<Mutex<Armed>>),
}

/// The timers that are armed.
#[derive(Debug, Default)]
struct Armed {
    /// By the time at which they fire. The number distinguishes timers of the same time.
    wakers: BTreeMap<(Instant, u64), Waker>,
    next_number: u64,
}

impl Timers {
    /// Timers of tokio's runtime, with a resolution of 1 ms.
    #[must_use]
    pub fn tokio() -> Self {
        Self(Kind::Tokio)
    }

    /// Timers that fire when the embedder calls [`fire`](Self::fire), which it does in regular
    /// ticks.
    #[must_use]
    pub fn ticked() -> Self {
        Self(Kind::Ticked(Arc::default()))
    }

    /// Waits for `future` until `deadline`; `None` if it is not ready by then. The future is pinned
    /// by the caller: a call's future has kilobytes, and would otherwise be copied.
    pub async fn timeout_at<F: Future>(
        &self,
        deadline: Instant,
        mut future: Pin<&mut F>,
    ) -> Option<F::Output> {
        let mut timer = self.timer();
        poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if timer.poll_elapsed(deadline, context) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// A timer that is not armed.
    #[must_use]
    pub fn timer(&self) -> Timer {
        Timer { timers: self.clone(), armed: None }
    }

    /// Wakes the tasks whose time has come. Does nothing for timers of tokio.
    pub fn fire(&self) {
        let Kind::Ticked(armed) = &self.0 else { return };
        let now = Instant::now();
        loop {
            let mut armed = armed.lock();
            let first = armed.wakers.first_entry().filter(|first| first.key().0 <= now);
            let Some(first) = first else { return };
            let waker = first.remove();
            // The woken task may arm a timer.
            drop(armed);
            waker.wake();
        }
    }
}

/// A timer of one task. Dropping it disarms it.
#[derive(Debug)]
pub struct Timer {
    timers: Timers,
    armed: Option<ArmedTimer>,
}

#[derive(Debug)]
enum ArmedTimer {
    Tokio(Pin<Box<Sleep>>),
    Ticked((Instant, u64), Waker),
}

impl Timer {
    /// Whether `deadline` has come. Otherwise the task is woken when it comes.
    pub fn poll_elapsed(&mut self, deadline: Instant, context: &mut Context<'_>) -> bool {
        if Instant::now() >= deadline {
            return true;
        }
        match &self.timers.0 {
            Kind::Tokio => {
                let deadline = deadline.into();
                let is_armed = matches!(&self.armed, Some(ArmedTimer::Tokio(sleep))
                    if sleep.deadline() == deadline);
                if !is_armed {
                    let sleep = Box::pin(tokio::time::sleep_until(deadline));
                    self.armed = Some(ArmedTimer::Tokio(sleep));
                }
                let Some(ArmedTimer::Tokio(sleep)) = &mut self.armed else { return false };
                sleep.as_mut().poll(context).is_ready()
            }
            Kind::Ticked(timers) => {
                // A task is polled for other reasons too: a timer that is armed already is kept.
                let is_armed = matches!(&self.armed, Some(ArmedTimer::Ticked((at, _), waker))
                    if *at == deadline && waker.will_wake(context.waker()));
                if !is_armed {
                    let timers = timers.clone();
                    self.disarm();
                    let mut timers = timers.lock();
                    timers.next_number += 1;
                    let key = (deadline, timers.next_number);
                    timers.wakers.insert(key, context.waker().clone());
                    drop(timers);
                    self.armed = Some(ArmedTimer::Ticked(key, context.waker().clone()));
                }
                false
            }
        }
    }

    fn disarm(&mut self) {
        if let Some(ArmedTimer::Ticked(key, _)) = self.armed.take()
            && let Kind::Ticked(timers) = &self.timers.0
        {
            timers.lock().wakers.remove(&key);
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.disarm();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::pin::pin;
    use std::time::Duration;

    /// Fires every millisecond, as the host's thread does.
    fn ticking() -> Timers {
        let timers = Timers::ticked();
        let fired = match &timers.0 {
            Kind::Ticked(armed) => Arc::downgrade(armed),
            Kind::Tokio => unreachable!("these timers are ticked"),
        };
        std::thread::spawn(move || {
            while let Some(armed) = fired.upgrade() {
                Timers(Kind::Ticked(armed)).fire();
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        timers
    }

    fn count(timers: &Timers) -> usize {
        match &timers.0 {
            Kind::Ticked(armed) => armed.lock().wakers.len(),
            Kind::Tokio => 0,
        }
    }

    #[tokio::test]
    async fn a_future_that_is_ready_in_time_gives_its_output_and_leaves_no_timer() {
        for timers in [ticking(), Timers::tokio()] {
            let end = Instant::now() + Duration::from_mins(1);
            let slow = async {
                tokio::time::sleep(Duration::from_millis(5)).await;
                7
            };
            assert_eq!(timers.timeout_at(end, pin!(slow)).await, Some(7));
            assert_eq!(count(&timers), 0);
        }
    }

    #[tokio::test]
    async fn a_future_that_is_not_ready_is_given_up_at_its_deadline() {
        for timers in [ticking(), Timers::tokio()] {
            let began = Instant::now();
            let never = pin!(pending::<()>());
            let end = began + Duration::from_millis(20);
            assert_eq!(timers.timeout_at(end, never).await, None);
            assert!(began.elapsed() >= Duration::from_millis(20) && count(&timers) == 0);
        }
    }

    #[tokio::test]
    async fn timers_of_the_same_time_all_fire() {
        let timers = ticking();
        let end = Instant::now() + Duration::from_millis(10);
        let (first, second) = (pin!(pending::<()>()), pin!(pending::<()>()));
        let (one, other) =
            tokio::join!(timers.timeout_at(end, first), timers.timeout_at(end, second));
        assert_eq!((one, other), (None, None));
    }
}

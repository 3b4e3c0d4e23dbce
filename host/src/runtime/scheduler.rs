//! Whose guest computes: one that goes on for long takes turns with its like, so that calls which need the processor
//! briefly find it free.
//!
//! A guest computes freely for a slice: a thousand small calls never get here. One that still computes waits for one
//! of a few places, as many as half the cores, and asks again after each slice. A place that is held for longer than a
//! guest can compute without asking again is taken back: its guest waits for something.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::UpdateDeadline;

/// The guests that run, and the places for those that compute for long.
#[derive(Clone)]
pub(crate) struct Fairness {
    places: Arc<Semaphore>,
    running: Arc<AtomicU32>,
    /// Those that compute for long.
    long: Arc<AtomicU32>,
    /// The places that are held, and for how many slices.
    held: Arc<Mutex<Vec<(Place, u32)>>>,
}

/// A slice while a guest runs. A small call takes a tenth of it.
const SLICE: Duration = Duration::from_millis(1);
/// A slice while one computes for long: a call that waits for the network waits behind such slices several times.
const SHORT_SLICE: Duration = Duration::from_micros(200);
/// A slice while nobody runs: the first one to run may go on for so long.
const IDLE_SLICE: Duration = Duration::from_millis(10);

/// Ticks for which a call computes without letting others run: a full slice, as the first tick may come at once. To let
/// others run moves a call to another thread, which costs a small call a tenth of its time.
pub(crate) const FREE_TICKS: u64 = 2;
/// Slices that a place may be held for: a guest that computes asks again after one, as soon as its thread has a turn.
const MOST_SLICES: u32 = 20;

impl Fairness {
    /// For this machine.
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            places: Arc::new(Semaphore::new((cores / 2).max(1))),
            running: Arc::default(),
            long: Arc::default(),
            held: Arc::default(),
        }
    }

    pub(crate) fn slices(&self) -> Slices {
        Slices {
            is_long: false,
            fairness: self.clone(),
            place: Place::default(),
            is_running: false,
        }
    }

    /// A slice is over: places whose guests did not ask again are given back.
    pub(crate) fn take_back(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).retain_mut(|(place, slices)| {
            *slices += 1;
            if *slices > MOST_SLICES {
                place.give_back();
            }
            place.is_taken()
        });
    }

    /// How long the next slice is. It also serves the timer that ends calls, which gets its turn between two slices.
    pub(crate) fn slice(&self) -> Duration {
        if self.long.load(Ordering::Relaxed) > 0 {
            SHORT_SLICE
        } else if self.running.load(Ordering::Relaxed) > 0 {
            SLICE
        } else {
            IDLE_SLICE
        }
    }
}

/// A place that an instance may hold. It is given back when the guest does something else than compute.
#[derive(Clone, Default)]
pub(crate) struct Place(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Place {
    fn take(&self, permit: OwnedSemaphorePermit) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(permit);
    }

    pub(crate) fn give_back(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn is_taken(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// The slices of time that an instance's running call has taken.
pub(crate) struct Slices {
    /// Whether the call has computed for long.
    is_long: bool,
    fairness: Fairness,
    place: Place,
    is_running: bool,
}

impl Slices {
    /// The place that the instance holds, for those who give it back.
    pub(crate) fn place(&self) -> Place {
        self.place.clone()
    }

    /// A call begins.
    pub(crate) fn begin(&mut self) {
        if !std::mem::replace(&mut self.is_running, true) {
            self.fairness.running.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The call has ended.
    pub(crate) fn end(&mut self) {
        if std::mem::take(&mut self.is_long) {
            self.fairness.long.fetch_sub(1, Ordering::Relaxed);
        }
        self.place.give_back();
        if std::mem::replace(&mut self.is_running, false) {
            self.fairness.running.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// A slice is over, and the guest still computes.
    pub(crate) fn next(&mut self) -> UpdateDeadline {
        self.place.give_back();
        if !std::mem::replace(&mut self.is_long, true) {
            self.fairness.long.fetch_add(1, Ordering::Relaxed);
        }
        let (places, held, place) =
            (self.fairness.places.clone(), self.fairness.held.clone(), self.place.clone());
        UpdateDeadline::YieldCustom(
            1,
            Box::pin(async move {
                // Others first, even where a place is free.
                tokio::task::yield_now().await;
                // The places are never closed.
                if let Ok(permit) = places.acquire_owned().await {
                    place.take(permit);
                    let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
                    held.retain(|(other, _)| !Arc::ptr_eq(&other.0, &place.0));
                    held.push((place, 0));
                }
            }),
        )
    }
}

impl Drop for Slices {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets a guest compute until it asks for a place, and waits for it as wasmtime does.
    async fn take_place(slices: &mut Slices) {
        let UpdateDeadline::YieldCustom(1, asking) = slices.next() else {
            panic!("it asks for a place")
        };
        asking.await;
    }

    #[tokio::test]
    async fn a_guest_that_computes_for_long_waits_for_its_like_and_no_others_do() {
        let fairness = Fairness { places: Arc::new(Semaphore::new(1)), ..Fairness::new() };
        let (mut first, mut second) = (fairness.slices(), fairness.slices());
        take_place(&mut first).await;
        let waiting =
            tokio::time::timeout(Duration::from_millis(20), take_place(&mut second)).await;
        assert!(waiting.is_err(), "there is one place");
        first.end();
        take_place(&mut second).await;
        assert_eq!((fairness.slice(), fairness.long.load(Ordering::Relaxed)), (SHORT_SLICE, 1));
        drop(second);
        assert_eq!(fairness.slice(), IDLE_SLICE);
    }

    #[tokio::test]
    async fn a_place_whose_guest_waits_for_something_is_taken_back() {
        let fairness = Fairness { places: Arc::new(Semaphore::new(1)), ..Fairness::new() };
        let (mut waits, mut computes) = (fairness.slices(), fairness.slices());
        take_place(&mut waits).await;
        for _ in 0..=MOST_SLICES {
            assert_eq!(fairness.places.available_permits(), 0);
            fairness.take_back();
        }
        take_place(&mut computes).await;
        assert_eq!(fairness.held.lock().unwrap().len(), 1);
    }
}

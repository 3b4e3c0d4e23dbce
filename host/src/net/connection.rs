//! One connection, driven by whoever waits for it.
//!
//! hyper has a sending half and a half that reads and writes, which is usually given a task. That task would be woken for
//! each piece that moves, and wake the caller's: here the caller's polls both.

use super::body::Outbound;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::SendRequest;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// A connection that takes one request after another.
pub(crate) struct Connection {
    sender: SendRequest<Outbound>,
    /// What reads and writes. None where it has a task of its own, or is at its end.
    driver: Option<Driver>,
    bell: Arc<Bell>,
    /// The judged address that was dialled.
    pub(crate) address: IpAddr,
    /// The identity of the datasource when it was dialled; it serves no other.
    pub(crate) identity: u32,
}

/// How it ended is told to whoever waits for an answer on it.
pub(crate) type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How often the halves may wake each other before others have a turn: a small answer takes two. tokio wakes a task too
/// that has had its share of reading, which then must end its turn to get another.
const MOST_TURNS: usize = 8;

impl Connection {
    pub(crate) fn new(
        sender: SendRequest<Outbound>,
        driver: Driver,
        address: IpAddr,
        identity: u32,
    ) -> Self {
        Self { sender, driver: Some(driver), bell: Arc::default(), address, identity }
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn send(
        &mut self,
        request: Request<Outbound>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Outbound>>> {
        let mut answering = pin!(self.sender.try_send_request(request));
        poll_fn(|context| self.poll(context, |_, context| answering.as_mut().poll(context))).await
    }

    /// Waits until the last answer is behind it. False where it is closed.
    pub(crate) async fn ready(&mut self) -> bool {
        poll_fn(|context| self.poll(context, SendRequest::poll_ready)).await.is_ok()
    }

    /// Whether it can serve another request, as far as can be told without waiting. Nobody is woken when the other side closes
    /// one that is idle; and one whose request is not written to its end, as its answer came first, would wait for somebody to
    /// poll it.
    pub(crate) fn is_idle(&mut self) -> bool {
        let has_own_task = self.driver.is_none() && !self.sender.is_closed();
        let polled = self.poll(&mut Context::from_waker(Waker::noop()), SendRequest::poll_ready);
        has_own_task || matches!(polled, Poll::Ready(Ok(())))
    }

    /// Gives it a task of its own, for a request that is written on while nobody waits for its answer.
    pub(crate) fn detach(&mut self) {
        if let Some(driver) = self.driver.take() {
            tokio::spawn(driver);
        }
    }

    /// Polls `waiting` by turns with what reads and writes, until neither gets any further.
    pub(crate) fn poll<T>(
        &mut self,
        context: &mut Context<'_>,
        mut waiting: impl FnMut(&mut SendRequest<Outbound>, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let waker = Waker::from(self.bell.clone());
        let mut inner = Context::from_waker(&waker);
        self.bell.listen(context.waker());
        for _ in 0..MOST_TURNS {
            if let Some(driver) = &mut self.driver
                && driver.as_mut().poll(&mut inner).is_ready()
            {
                self.driver = None;
            }
            let polled = waiting(&mut self.sender, &mut inner);
            if polled.is_ready() {
                self.bell.forget();
                return polled;
            }
            if !self.bell.has_rung() {
                self.bell.wait();
                return Poll::Pending;
            }
        }
        self.bell.wait();
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Wakes the task that waits for a connection. The two halves wake each other: while they are polled that is heard here, and
/// the task is not woken for it, which would start a second thread.
#[derive(Default)]
struct Bell {
    is_heard: AtomicBool,
    has_rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Bell {
    /// The halves are polled by `task` from now on.
    fn listen(&self, task: &Waker) {
        *self.task() = Some(task.clone());
        self.is_heard.store(true, Ordering::SeqCst);
        self.has_rung.store(false, Ordering::SeqCst);
    }

    /// Whether it has rung since this was last asked.
    fn has_rung(&self) -> bool {
        self.has_rung.swap(false, Ordering::SeqCst)
    }

    /// The task waits for it to ring.
    fn wait(&self) {
        self.is_heard.store(false, Ordering::SeqCst);
        // What rang in the moment before was heard by nobody.
        if self.has_rung() {
            self.ring();
        }
    }

    /// The task has what it waited for, and polls again when it wants more.
    fn forget(&self) {
        self.task().take();
    }

    fn ring(&self) {
        let task = self.task().take();
        if let Some(task) = task {
            task.wake();
        }
    }

    fn task(&self) -> MutexGuard<'_, Option<Waker>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, Ordering::SeqCst);
        if !self.is_heard.load(Ordering::SeqCst) {
            self.ring();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn bell() -> (Arc<Bell>, Arc<Count>, impl Fn() -> usize) {
        let (bell, count) = (Arc::new(Bell::default()), Arc::new(Count::default()));
        let counted = count.clone();
        (bell, count, move || counted.0.load(Ordering::SeqCst))
    }

    #[test]
    fn a_task_is_woken_when_it_waits_and_at_no_other_time() {
        let (bell, count, woken) = bell();
        let rings = Waker::from(bell.clone());
        bell.listen(&count.clone().into());
        rings.wake_by_ref();
        assert!(bell.has_rung() && !bell.has_rung());
        bell.wait();
        assert_eq!(woken(), 0, "it was heard");
        rings.wake_by_ref();
        rings.wake_by_ref();
        assert_eq!(woken(), 1, "it waited");
        bell.listen(&count.into());
        bell.forget();
        rings.wake_by_ref();
        assert_eq!(woken(), 1, "it has what it waited for");
    }

    #[test]
    fn what_rings_in_the_moment_before_waiting_is_not_lost() {
        let (bell, count, woken) = bell();
        bell.listen(&count.into());
        assert!(!bell.has_rung());
        Waker::from(bell.clone()).wake();
        bell.wait();
        assert_eq!(woken(), 1);
    }

    struct Unpark(std::thread::Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    const RINGS: usize = 20_000;

    #[test]
    fn rings_of_another_thread_are_never_lost() {
        let (bell, rung) = (Arc::new(Bell::default()), Arc::new(AtomicUsize::new(0)));
        let (theirs, count) = (bell.clone(), rung.clone());
        let ringing = std::thread::spawn(move || {
            for number in 1..=RINGS {
                count.store(number, Ordering::SeqCst);
                Waker::from(theirs.clone()).wake();
            }
        });
        // Parked without a time limit: a lost ring, the last one included, would leave it parked.
        loop {
            bell.listen(&Arc::new(Unpark(std::thread::current())).into());
            let mut seen = rung.load(Ordering::SeqCst);
            while bell.has_rung() {
                seen = rung.load(Ordering::SeqCst);
            }
            bell.wait();
            if seen == RINGS {
                break;
            }
            std::thread::park();
        }
        ringing.join().unwrap();
    }
}

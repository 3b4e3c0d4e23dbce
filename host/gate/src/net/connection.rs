//! One connection, polled by the task that waits for it.
//!
//! hyper splits a connection into a `SendRequest` and a `Connection` that reads and writes. The
//! second usually runs in a task of its own, which is woken for each piece of data and then wakes
//! the caller's task: each wake-up may unpark another worker. Here the caller's task polls both.
//! With a task for each connection, a `GetItem` of 300 bytes takes 10 to 20 µs longer
//! (docs/performance.md).

use crate::net::body::Outbound;
use crate::net::observed::Observed;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::SendRequest;
use parking_lot::Mutex;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// A connection that takes one request after another.
pub(crate) struct Connection {
    sender: SendRequest<Outbound>,
    /// Reads and writes. None if it has a task of its own, or has ended.
    driver: Option<Driver>,
    waker: Arc<SharedWaker>,
    /// What has passed over it since the last request began.
    pub(crate) observed: Observed,
    /// The address that was checked and dialled.
    pub(crate) address: IpAddr,
    /// The generation of the identity at the time of dialling. The connection serves no other.
    pub(crate) identity: u32,
    /// Whether the server asked for a client certificate, and has responded to no request yet.
    pub(crate) asked: bool,
}

/// The part of a connection that reads and writes. Whoever waits for a response is told how it
/// ended.
pub(crate) type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Re-polls before yielding to the executor; a small response needs two. The bound also returns
/// control when tokio's cooperative budget is spent, which only a new poll of the task restores.
const MAX_POLLS: usize = 8;

impl Connection {
    pub(crate) fn new(
        sender: SendRequest<Outbound>,
        driver: Driver,
        observed: Observed,
        address: IpAddr,
        identity: u32,
    ) -> Self {
        Self {
            sender,
            driver: Some(driver),
            waker: Arc::default(),
            observed,
            address,
            identity,
            asked: false,
        }
    }

    /// Sends a request and waits for the head of its response.
    pub(crate) async fn send(
        &mut self,
        request: Request<Outbound>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Outbound>>> {
        self.observed.begin();
        let mut sending = pin!(self.sender.try_send_request(request));
        let sent =
            poll_fn(|context| self.poll(context, |_, context| sending.as_mut().poll(context)))
                .await;
        self.asked &= sent.is_err();
        sent
    }

    /// Whether the last response stated a length of more than `limit` bytes.
    pub(crate) fn states_more_than(&self, limit: u64) -> bool {
        self.observed.states_more_than(limit)
    }

    /// Waits until the connection can take the next request. Returns false if it is closed.
    pub(crate) async fn ready(&mut self) -> bool {
        poll_fn(|context| self.poll(context, SendRequest::poll_ready)).await.is_ok()
    }

    /// Whether the connection can be used again, without blocking. Idle connections have no task,
    /// so a close by the peer is first noticed here. A connection whose request body was not sent
    /// completely cannot be used again.
    pub(crate) fn is_reusable(&mut self) -> bool {
        let has_own_task = self.driver.is_none() && !self.sender.is_closed();
        let polled = self.poll(&mut Context::from_waker(Waker::noop()), SendRequest::poll_ready);
        has_own_task || matches!(polled, Poll::Ready(Ok(())))
    }

    /// Gives the connection a task of its own, for a request whose body is still written while
    /// nobody waits for the response.
    pub(crate) fn detach(&mut self) {
        if let Some(driver) = self.driver.take() {
            tokio::spawn(driver);
        }
    }

    /// Polls the driver and `waiting` in turns, until neither makes progress.
    pub(crate) fn poll<T>(
        &mut self,
        context: &mut Context<'_>,
        mut waiting: impl FnMut(&mut SendRequest<Outbound>, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let waker = Waker::from(self.waker.clone());
        let mut inner = Context::from_waker(&waker);
        self.waker.begin_poll(context.waker());
        for _ in 0..MAX_POLLS {
            if let Some(driver) = &mut self.driver
                && driver.as_mut().poll(&mut inner).is_ready()
            {
                self.driver = None;
            }
            let polled = waiting(&mut self.sender, &mut inner);
            if polled.is_ready() {
                self.waker.clear();
                return polled;
            }
            if !self.waker.take_woken() {
                self.waker.end_poll();
                return Poll::Pending;
            }
        }
        self.waker.end_poll();
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Waker shared by hyper's `SendRequest` and `Connection`. While they are polled, a wake-up only
/// sets a flag and the loop polls again; otherwise it wakes the task. Without this, each would
/// wake the task for the other, and unpark another worker.
#[derive(Default)]
struct SharedWaker {
    is_polling: AtomicBool,
    is_woken: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl SharedWaker {
    /// From now on `task` polls.
    fn begin_poll(&self, task: &Waker) {
        *self.task.lock() = Some(task.clone());
        self.is_polling.store(true, Ordering::SeqCst);
        self.is_woken.store(false, Ordering::SeqCst);
    }

    /// Whether there was a wake-up since the last question.
    fn take_woken(&self) -> bool {
        self.is_woken.swap(false, Ordering::SeqCst)
    }

    /// The task waits to be woken.
    fn end_poll(&self) {
        self.is_polling.store(false, Ordering::SeqCst);
        // A wake-up just before would otherwise be lost.
        if self.take_woken() {
            self.wake_task();
        }
    }

    /// The task has its result, and polls again when it wants more.
    fn clear(&self) {
        self.task.lock().take();
    }

    fn wake_task(&self) {
        let task = self.task.lock().take();
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl Wake for SharedWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
        if !self.is_polling.load(Ordering::SeqCst) {
            self.wake_task();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    /// Counts wake-ups.
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn shared() -> (Arc<SharedWaker>, Arc<Count>, impl Fn() -> usize) {
        let (shared, count) = (Arc::new(SharedWaker::default()), Arc::new(Count::default()));
        let counted = count.clone();
        (shared, count, move || counted.0.load(Ordering::SeqCst))
    }

    #[test]
    fn a_task_is_woken_only_while_it_waits() {
        let (shared, count, woken) = shared();
        let waker = Waker::from(shared.clone());
        shared.begin_poll(&count.clone().into());
        waker.wake_by_ref();
        assert!(shared.take_woken() && !shared.take_woken());
        shared.end_poll();
        assert_eq!(woken(), 0, "the loop polls again");
        waker.wake_by_ref();
        waker.wake_by_ref();
        assert_eq!(woken(), 1, "the task waited");
        shared.begin_poll(&count.into());
        shared.clear();
        waker.wake_by_ref();
        assert_eq!(woken(), 1, "the task has its result");
    }

    #[test]
    fn a_wake_up_just_before_waiting_is_not_lost() {
        let (shared, count, woken) = shared();
        shared.begin_poll(&count.into());
        assert!(!shared.take_woken());
        Waker::from(shared.clone()).wake();
        shared.end_poll();
        assert_eq!(woken(), 1);
    }

    struct Unpark(std::thread::Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    const WAKE_UPS: usize = 20_000;

    #[test]
    fn wake_ups_from_another_thread_are_never_lost() {
        let (shared, woken) = (Arc::new(SharedWaker::default()), Arc::new(AtomicUsize::new(0)));
        let (theirs, count) = (shared.clone(), woken.clone());
        let waking = std::thread::spawn(move || {
            for number in 1..=WAKE_UPS {
                count.store(number, Ordering::SeqCst);
                Waker::from(theirs.clone()).wake();
            }
        });
        // Parked without a time limit: any lost wake-up would leave the thread parked.
        loop {
            shared.begin_poll(&Arc::new(Unpark(std::thread::current())).into());
            let mut seen = woken.load(Ordering::SeqCst);
            while shared.take_woken() {
                seen = woken.load(Ordering::SeqCst);
            }
            shared.end_poll();
            if seen == WAKE_UPS {
                break;
            }
            std::thread::park();
        }
        waking.join().unwrap();
    }
}

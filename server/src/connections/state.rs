//! What a connection is doing, as its socket, its requests and the table of connections see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::Notify;

/// What a connection is doing. The order is that in which connections make room for new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Doing {
    /// No request has arrived yet.
    Silent,
    /// The last response was sent, and what the client still sends is thrown away.
    Lingering,
    /// A request was served, and the next one may arrive.
    Idle,
    /// The response to a request without a token is being sent.
    Open,
    /// A request is being served, or its response is being sent.
    Busy,
    /// It is being closed: nothing that still arrives is carried out.
    Closing,
}

/// The state of one connection.
pub(crate) struct State {
    began: Instant,
    doing: AtomicU8,
    /// Since when, in milliseconds after `began`.
    since: AtomicU64,
    /// Whether the client may still be sending when the connection is closed.
    is_unread: AtomicBool,
    closed: Notify,
}

impl State {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            doing: AtomicU8::new(Doing::Silent as u8),
            since: AtomicU64::new(0),
            is_unread: AtomicBool::new(false),
            closed: Notify::new(),
        })
    }

    pub(crate) fn doing(&self) -> Doing {
        self.doing.load(Ordering::Acquire).into()
    }

    /// When the connection began to do what it does.
    pub(crate) fn since(&self) -> Instant {
        self.began + std::time::Duration::from_millis(self.since.load(Ordering::Relaxed))
    }

    /// Begins a request. Returns false if the connection is being closed: then nothing of the request
    /// may be carried out, since nobody would get its response.
    pub(crate) fn begin(&self) -> bool {
        self.set(Doing::Busy);
        self.doing() == Doing::Busy
    }

    /// Changes what the connection is doing, unless it is being closed.
    pub(crate) fn set(&self, doing: Doing) {
        let millis = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since.store(millis, Ordering::Relaxed);
        self.change(doing, |before| before != Doing::Closing);
        if matches!(doing, Doing::Busy | Doing::Idle) {
            self.is_unread.store(false, Ordering::Relaxed);
        }
    }

    /// The client may still be sending: when the connection is closed, that is read.
    pub(crate) fn set_unread(&self) {
        self.is_unread.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_unread(&self) -> bool {
        self.is_unread.load(Ordering::Relaxed)
    }

    /// Closes the connection. Returns whether it is closed: it is not if it has begun to serve a
    /// request.
    pub(crate) fn close(&self) -> bool {
        let is_closed = self.change(Doing::Closing, |before| before < Doing::Busy);
        if is_closed {
            self.closed.notify_one();
        }
        is_closed
    }

    /// Changes what the connection is doing if what it was doing allows it. Returns whether it did.
    fn change(&self, doing: Doing, allows: impl Fn(Doing) -> bool) -> bool {
        let next = |before| allows(Doing::from(before)).then_some(doing as u8);
        self.doing.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).is_ok()
    }

    /// Waits until somebody closes the connection.
    pub(crate) async fn closed(&self) {
        self.closed.notified().await;
    }
}

impl From<u8> for Doing {
    /// The reverse of `as u8`.
    fn from(number: u8) -> Self {
        match number {
            0 => Self::Silent,
            1 => Self::Lingering,
            2 => Self::Idle,
            3 => Self::Open,
            4 => Self::Busy,
            _ => Self::Closing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_closed_or_begins_a_request_but_never_both() {
        let state = State::new();
        assert!(state.begin() && !state.close(), "it serves a request");
        state.set(Doing::Idle);
        assert!(state.close());
        assert!(!state.begin() && state.doing() == Doing::Closing);
        state.set(Doing::Idle);
        assert_eq!(state.doing(), Doing::Closing, "it stays closed");
    }

    #[test]
    fn each_state_is_read_as_it_was_written() {
        use Doing::{Busy, Closing, Idle, Lingering, Open, Silent};
        for doing in [Silent, Lingering, Idle, Open, Busy, Closing] {
            assert_eq!(Doing::from(doing as u8), doing);
        }
    }
}

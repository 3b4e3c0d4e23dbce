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
        match self.doing.load(Ordering::Acquire) {
            0 => Doing::Silent,
            1 => Doing::Lingering,
            2 => Doing::Idle,
            3 => Doing::Open,
            _ => Doing::Busy,
        }
    }

    /// When the connection began to do what it does.
    pub(crate) fn since(&self) -> Instant {
        self.began + std::time::Duration::from_millis(self.since.load(Ordering::Relaxed))
    }

    pub(crate) fn set(&self, doing: Doing) {
        let millis = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since.store(millis, Ordering::Relaxed);
        self.doing.store(doing as u8, Ordering::Release);
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

    /// Closes the connection, to make room for others.
    pub(crate) fn close(&self) {
        self.closed.notify_one();
    }

    /// Waits until somebody closes the connection.
    pub(crate) async fn closed(&self) {
        self.closed.notified().await;
    }
}

//! Idle connections of one datasource, kept for its next request. No other datasource gets one of them.

use crate::net::connection::Connection;
use crate::net::share::{IdlePlace, TenantShare};
use parking_lot::Mutex;
use portcullis_policy::Origin;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// The idle connections of one datasource.
pub(crate) struct ConnectionPool {
    idle: Mutex<VecDeque<Idle>>,
    /// As many as calls run at the same time.
    max_idle: usize,
    share: Arc<TenantShare>,
}

struct Idle {
    origin: Arc<Origin>,
    since: Instant,
    connection: Connection,
    place: IdlePlace,
}

/// How long an idle connection is kept. Load balancers close theirs after 60 s at the earliest.
const MAX_IDLE_TIME: Duration = Duration::from_secs(50);
/// How long a connection may take to be ready after its last response: as long as tokio takes to
/// schedule a task of its own.
const READY: Duration = Duration::from_millis(20);

impl Idle {
    fn is_recent(&self) -> bool {
        self.since.elapsed() < MAX_IDLE_TIME
    }
}

impl ConnectionPool {
    pub(crate) fn new(max_idle: usize, share: Arc<TenantShare>) -> Self {
        Self { idle: Mutex::default(), max_idle, share }
    }

    /// Takes the connection to `origin` that was used last, so that the others grow old and close.
    pub(crate) async fn take(&self, origin: &Origin, identity: u32) -> Option<Connection> {
        loop {
            let entry = {
                let mut idle = self.idle.lock();
                let index = idle.iter().rposition(|entry| *entry.origin == *origin)?;
                idle.remove(index)?
            };
            // Dropping a connection closes it.
            if !entry.is_recent() || entry.connection.identity != identity {
                continue;
            }
            let mut connection = entry.connection;
            // Do not wait for a connection whose last request is still being written.
            if timeout(READY, connection.ready()).await == Ok(true) {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection whose last response was read completely. Without a place for it, it takes that
    /// of the oldest one, or is closed.
    pub(crate) fn put(&self, origin: Arc<Origin>, connection: Connection) {
        let mut idle = self.idle.lock();
        let is_full = idle.len() >= self.max_idle;
        let place = if is_full { None } else { self.share.idle_place() };
        let place = place.or_else(|| idle.pop_front().map(|oldest| oldest.place));
        let Some(place) = place else { return };
        idle.push_back(Idle { origin, since: Instant::now(), connection, place });
    }

    /// Closes connections that have been idle for long, or that the peer has closed.
    pub(crate) fn prune(&self) {
        self.idle.lock().retain_mut(|idle| idle.is_recent() && idle.connection.is_reusable());
    }

    /// Closes all idle connections.
    pub(crate) fn clear(&self) {
        self.idle.lock().clear();
    }
}

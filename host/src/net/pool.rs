//! Open connections of one datasource, kept for its next request. No other datasource ever gets one of them.

use super::connection::Connection;
use super::tls::Tls;
use crate::error::LoadError;
use portcullis_policy::Origin;
use rustls::{ClientConfig, RootCertStore};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// The idle connections of one datasource, and its TLS configuration with its sessions.
pub(crate) struct Connections {
    idle: Mutex<VecDeque<Idle>>,
    /// As many as calls run at once.
    most_idle: usize,
    tls: Tls,
    roots: Arc<RootCertStore>,
    /// Made when first needed: with the places for its sessions it takes ten kilobytes.
    config: OnceLock<Arc<ClientConfig>>,
}

struct Idle {
    origin: Arc<Origin>,
    since: Instant,
    connection: Connection,
}

/// How long they are kept. Load balancers close idle connections after 60 s at the least.
const MAX_IDLE_TIME: Duration = Duration::from_secs(50);
/// How long a connection may take to be ready after its last answer: as long as a task of its own takes to be scheduled.
const READY: Duration = Duration::from_millis(20);

impl Idle {
    fn is_recent(&self) -> bool {
        self.since.elapsed() < MAX_IDLE_TIME
    }
}

impl Connections {
    /// `roots` are the host's authorities, for a datasource that has none of its own.
    pub(crate) fn new(most_idle: usize, tls: Tls, roots: Arc<RootCertStore>) -> Self {
        Self { idle: Mutex::default(), most_idle, tls, roots, config: OnceLock::new() }
    }

    /// An open connection to `origin`, the one used last: the others may then grow old and close.
    pub(crate) async fn take(&self, origin: &Origin, identity: u32) -> Option<Connection> {
        loop {
            let entry = {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                let index = idle.iter().rposition(|entry| *entry.origin == *origin)?;
                idle.remove(index)?
            };
            // One that is of no use is closed by dropping it.
            if !entry.is_recent() || entry.connection.identity != identity {
                continue;
            }
            let mut connection = entry.connection;
            // One whose last request is still being written is not waited for.
            if timeout(READY, connection.ready()).await == Ok(true) {
                return Some(connection);
            }
        }
    }

    /// Closes the connections that have not been used for long, and those that the other side has closed.
    pub(crate) fn prune(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain_mut(|idle| idle.is_recent() && idle.connection.is_idle());
    }

    /// Closes all that are idle.
    pub(crate) fn clear(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Keeps a connection whose last answer was read to its end.
    pub(crate) fn put(&self, origin: Arc<Origin>, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() >= self.most_idle {
            idle.pop_front();
        }
        idle.push_back(Idle { origin, since: Instant::now(), connection });
    }

    /// The TLS configuration; its sessions are this datasource's alone.
    pub(crate) fn tls(&self) -> Result<Arc<ClientConfig>, LoadError> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let made = Arc::new(self.tls.client_config(&self.roots)?);
        Ok(self.config.get_or_init(|| made).clone())
    }
}

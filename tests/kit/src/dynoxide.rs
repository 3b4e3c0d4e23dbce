//! DynamoDB inside the test's process.

use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Dynoxide {
    /// Host and port.
    pub authority: String,
    stop: Option<oneshot::Sender<()>>,
}

/// Starts a server with an empty database in memory.
///
/// # Panics
/// The server does not start.
pub async fn start() -> Dynoxide {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback is free");
    let authority = listener.local_addr().expect("a bound socket has an address").to_string();
    let database = Database::memory().expect("a database in memory");
    let (stop, stopped) = oneshot::channel();
    tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, async {
        // A dropped sender ends the server as well.
        let _ = stopped.await;
    }));
    Dynoxide { authority, stop: Some(stop) }
}

impl Drop for Dynoxide {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The server may have ended before.
            let _ = stop.send(());
        }
    }
}

//! An embedded DynamoDB-compatible server.

use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A running DynamoDB-compatible server. It stops when this value is dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let server = portcullis_testkit::dynoxide::start().await;
/// let settings =
///     format!(r#"{{"region": "us-east-1", "endpoint": "http://{}"}}"#, server.authority);
/// assert!(settings.contains("http://127.0.0.1:"));
/// # }
/// ```
#[derive(Debug)]
pub struct Dynoxide {
    /// Host and port, such as `127.0.0.1:40123`.
    pub authority: String,
    stop: Option<oneshot::Sender<()>>,
}

/// Starts a server with an empty in-memory database.
///
/// # Panics
/// Panics if no port on loopback is free, or if the database cannot be created.
pub async fn start() -> Dynoxide {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback is free");
    let authority = listener.local_addr().expect("a bound socket has an address").to_string();
    let database = Database::memory().expect("an in-memory database can be created");
    let (stop, stopped) = oneshot::channel();
    tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, async {
        // An error means that the sender was dropped, which stops the server too.
        let _ = stopped.await;
    }));
    Dynoxide { authority, stop: Some(stop) }
}

impl Drop for Dynoxide {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // An error means that the server has already stopped.
            let _ = stop.send(());
        }
    }
}

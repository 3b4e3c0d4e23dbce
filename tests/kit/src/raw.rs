//! A server that says exactly the bytes it is told to, and then does what it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What the server does after its bytes.
#[derive(Clone, Copy, Debug)]
pub enum Then {
    /// Closes the connection.
    Close,
    /// Leaves it open, and says no more.
    Hang,
    /// Says one more byte now and then.
    Drip,
    /// Says chunks of a body, as fast as they are taken.
    Flood,
    /// Says the same letter, as fast as it is taken.
    Fill,
}

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Raw {
    /// Host and port.
    pub authority: String,
    open: Arc<AtomicU32>,
    task: JoinHandle<()>,
}

/// Starts a server that reads something, says `bytes`, and then does `then`.
///
/// # Panics
/// The server does not start.
pub async fn start(bytes: &'static [u8], then: Then) -> Raw {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback is free");
    let authority = listener.local_addr().expect("a bound socket has an address").to_string();
    let open = Arc::new(AtomicU32::new(0));
    let counted = open.clone();
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let open = Open::new(&counted);
            tokio::spawn(async move {
                let _open = open;
                let mut buffer = [0; 4096];
                // What becomes of the connection is for the client to notice.
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(bytes).await;
                loop {
                    match then {
                        Then::Close => return,
                        Then::Hang => {
                            // Until the client has closed it.
                            if !matches!(stream.read(&mut buffer).await, Ok(1..)) {
                                return;
                            }
                        }
                        Then::Fill => {
                            if stream.write_all(&[b'a'; 4096]).await.is_err() {
                                return;
                            }
                        }
                        Then::Flood => {
                            if stream
                                .write_all(format!("1000\r\n{:4096}\r\n", "").as_bytes())
                                .await
                                .is_err()
                            {
                                return;
                            }
                        }
                        Then::Drip => {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                            if stream.write_all(b" ").await.is_err() {
                                return;
                            }
                        }
                    }
                }
            });
        }
    });
    Raw { authority, open, task }
}

impl Raw {
    /// Connections that are open, by what this end knows.
    #[must_use]
    pub fn open_connections(&self) -> u32 {
        self.open.load(Ordering::SeqCst)
    }
}

/// One connection, counted as long as it lives.
struct Open(Arc<AtomicU32>);

impl Open {
    fn new(count: &Arc<AtomicU32>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.task.abort();
    }
}

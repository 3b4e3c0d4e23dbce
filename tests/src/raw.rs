//! A server that says exactly the bytes it is told to, and then does what it is told to.

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
}

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Raw {
    /// Host and port.
    pub authority: String,
    task: JoinHandle<()>,
}

/// Starts a server that reads something, says `bytes`, and then does `then`.
///
/// # Panics
/// The server does not start.
pub async fn start(bytes: &'static [u8], then: Then) -> Raw {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback is free");
    let authority = listener.local_addr().expect("a bound socket has an address").to_string();
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                // What becomes of the connection is for the client to notice.
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(bytes).await;
                loop {
                    match then {
                        Then::Close => return,
                        Then::Hang => tokio::time::sleep(Duration::from_mins(1)).await,
                        Then::Flood => {
                            if stream.write_all(format!("1000\r\n{:4096}\r\n", "").as_bytes()).await.is_err() {
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
    Raw { authority, task }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.task.abort();
    }
}

//! A server that sends exactly the bytes you give it: for broken, slow and hostile services.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What a [`ScriptedServer`] does after it has sent its bytes.
#[derive(Clone, Copy, Debug)]
pub enum AfterBytes {
    /// Closes the connection.
    Close,
    /// Keeps the connection open and sends nothing more.
    Hang,
    /// Sends one space every 20 ms.
    Drip,
    /// Sends chunks of 4096 bytes (`transfer-encoding: chunked`) as fast as the client reads them.
    Flood,
    /// Sends the letter `a` as fast as the client reads it.
    Fill,
}

/// A running server that plays a script. It stops when this value is dropped.
///
/// Every connection gets the same script: the server reads once (up to 4096 bytes), sends its
/// bytes, and then does what [`AfterBytes`] says.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use portcullis_testkit::scripted::{self, AfterBytes};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// // A service that closes the connection in the middle of its response.
/// let bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{";
/// let server = scripted::start(bytes, AfterBytes::Close).await;
///
/// let mut client = tokio::net::TcpStream::connect(&server.authority).await?;
/// client.write_all(b"GET / HTTP/1.1\r\n\r\n").await?;
/// let mut received = Vec::new();
/// client.read_to_end(&mut received).await?;
/// assert_eq!(received, bytes);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ScriptedServer {
    /// Host and port, such as `127.0.0.1:40123`.
    pub authority: String,
    open: Arc<AtomicU32>,
    task: JoinHandle<()>,
}

/// Starts a server that reads once from each connection, sends `bytes`, and then does what `after`
/// says.
///
/// # Panics
/// Panics if no port on loopback is free.
pub async fn start(bytes: &'static [u8], after: AfterBytes) -> ScriptedServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback is free");
    let authority = listener.local_addr().expect("a bound socket has an address").to_string();
    let open = Arc::new(AtomicU32::new(0));
    let counted = open.clone();
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let open = OpenConnection::new(&counted);
            tokio::spawn(async move {
                let _open = open;
                let mut buffer = [0; 4096];
                // Errors are ignored: the client under test sees what becomes of the connection.
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(bytes).await;
                loop {
                    match after {
                        AfterBytes::Close => return,
                        AfterBytes::Hang => {
                            // Keep reading, so that the end of the connection is noticed.
                            if !matches!(stream.read(&mut buffer).await, Ok(1..)) {
                                return;
                            }
                        }
                        AfterBytes::Fill => {
                            if stream.write_all(&[b'a'; 4096]).await.is_err() {
                                return;
                            }
                        }
                        AfterBytes::Flood => {
                            if stream
                                .write_all(format!("1000\r\n{:4096}\r\n", "").as_bytes())
                                .await
                                .is_err()
                            {
                                return;
                            }
                        }
                        AfterBytes::Drip => {
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
    ScriptedServer { authority, open, task }
}

impl ScriptedServer {
    /// Returns how many connections are open, as far as the server has noticed.
    ///
    /// A connection that the client has closed counts until the server reads or writes again.
    #[must_use]
    pub fn open_connections(&self) -> u32 {
        self.open.load(Ordering::SeqCst)
    }
}

/// Counts one connection until it is dropped.
struct OpenConnection(Arc<AtomicU32>);

impl OpenConnection {
    fn new(count: &Arc<AtomicU32>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

//! Opens connections: the one place where bytes leave for an address.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Opens a byte stream to an address that the policy has checked. Every connection of the gate
/// goes through it.
///
/// ```
/// use portcullis_gate::{Dial, Dialing, Stream};
/// use std::net::SocketAddr;
///
/// /// A service in this process, without a socket.
/// struct InMemory;
///
/// impl Dial for InMemory {
///     fn dial(&self, _address: SocketAddr) -> Dialing<'_> {
///         Box::pin(async {
///             let (client, server) = tokio::io::duplex(64 * 1024);
///             drop(server); // Serve HTTP on it.
///             Ok(Box::new(client) as Box<dyn Stream>)
///         })
///     }
/// }
/// ```
pub trait Dial: Send + Sync {
    /// Connects to `address`. The gate limits the time for it.
    fn dial(&self, address: SocketAddr) -> Dialing<'_>;
}

/// The connection that [`Dial::dial`] opens.
pub type Dialing<'d> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send + 'd>>;

/// A byte stream in both directions. Every type that can be one is one.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Connects over TCP.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpDial;

impl Dial for TcpDial {
    #[expect(clippy::disallowed_methods, reason = "the one function that opens connections")]
    fn dial(&self, address: SocketAddr) -> Dialing<'_> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            // Without it a small request may wait until the peer acknowledges the previous one.
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}

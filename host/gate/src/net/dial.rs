//! Connects to addresses that were checked: TCP, TLS with the origin's name, HTTP/1.1.

use crate::net::body::Outbound;
use crate::net::connection::{Connection, Driver};
use crate::net::head_copy::{Copied, HeadCopy};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use portcullis_policy::{HostName, Limits, Origin, Scheme};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wasmtime_wasi_http::Error;

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

/// How connections are made.
pub(crate) struct Dialer<'d> {
    pub(crate) dial: &'d dyn Dial,
    /// Needed for `https`.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) limits: &'d Limits,
    /// The generation of the identity that the connection is for.
    pub(crate) identity: u32,
}

impl Dialer<'_> {
    /// Connects to the first of `addresses` that accepts.
    pub(crate) async fn connect(
        &self,
        origin: &Origin,
        addresses: &[IpAddr],
    ) -> Result<Connection, Error> {
        let mut last = Error::DestinationUnavailable;
        // An address that drops packets must not use up the time of the others.
        let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        let each = self.limits.connect_timeout / count;
        for &address in addresses {
            let dialing = self.dial.dial(SocketAddr::new(address, origin.port()));
            match timeout(each, dialing).await {
                Ok(Ok(stream)) => {
                    let head = HeadCopy::default();
                    let (sender, driver) = match origin.scheme() {
                        Scheme::Http => self.handshake(stream, &head).await?,
                        Scheme::Https => {
                            self.handshake(self.encrypt(origin, stream).await?, &head).await?
                        }
                    };
                    return Ok(Connection::new(sender, driver, head, address, self.identity));
                }
                Ok(Err(error)) => last = connect_error(&error),
                Err(_) => last = Error::ConnectionTimeout,
            }
        }
        Err(last)
    }

    async fn encrypt(
        &self,
        origin: &Origin,
        stream: Box<dyn Stream>,
    ) -> Result<TlsStream<BufReader<Box<dyn Stream>>>, Error> {
        let name = match origin.host() {
            HostName::Name(name) => {
                ServerName::try_from(name.clone()).map_err(|_| Error::TlsCertificateError)?
            }
            HostName::Address(address) => ServerName::from(*address),
        };
        let tls = self.tls.clone().ok_or(Error::ConfigurationError)?;
        let stream = BufReader::with_capacity(TLS_BUFFER, stream);
        let connecting = TlsConnector::from(tls).connect(name, stream);
        match timeout(self.limits.tls_timeout, connecting).await {
            Ok(encrypted) => encrypted.map_err(|error| tls_error(&error)),
            Err(_) => Err(Error::ConnectionTimeout),
        }
    }

    async fn handshake<S>(
        &self,
        stream: S,
        copy: &HeadCopy,
    ) -> Result<(http1::SendRequest<Outbound>, Driver), Error>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        // hyper's buffer holds a head until it is complete.
        let head = usize::try_from(self.limits.header_bytes.as_u64())
            .unwrap_or(usize::MAX)
            .max(MIN_BUFFER);
        let stream = Copied::new(stream, copy.clone());
        let handshake = http1::Builder::new().max_buf_size(head).handshake(TokioIo::new(stream));
        let (sender, connection) = handshake.await.map_err(|_| Error::HttpProtocolError)?;
        let driver = async move {
            // Whoever waits for a response gets the error.
            let _ = connection.await;
        };
        Ok((sender, Box::pin(driver)))
    }
}

/// Bytes that are read at once from a TLS connection: two records. rustls itself reads 4 KiB.
const TLS_BUFFER: usize = 32 * 1024;
/// The smallest size that hyper accepts for its buffer, in bytes.
const MIN_BUFFER: usize = 8192;

fn connect_error(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        _ => Error::DestinationUnavailable,
    }
}

fn tls_error(error: &io::Error) -> Error {
    let rustls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if matches!(
        rustls,
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented)
    ) {
        Error::TlsCertificateError
    } else {
        Error::TlsProtocolError
    }
}

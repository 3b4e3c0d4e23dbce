//! Judged addresses → a connection: TCP without delay, TLS with the origin's name, HTTP/1.1.

use super::body::Outbound;
use super::connection::{Connection, Driver};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use portcullis_policy::{Host, Limits, Origin, Scheme};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wasmtime_wasi_http::Error;

/// How connections are made.
pub(crate) struct Dialler<'d> {
    /// Needed for `https`.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) limits: &'d Limits,
    /// The identity of the datasource, which the connection is for.
    pub(crate) identity: u32,
}

impl Dialler<'_> {
    /// Connects to the first of `addresses` that answers.
    pub(crate) async fn connect(
        &self,
        origin: &Origin,
        addresses: &[IpAddr],
    ) -> Result<Connection, Error> {
        let mut last = Error::DestinationUnavailable;
        // One address that swallows packets must not use up the time of the others.
        let each =
            self.limits.connect_timeout / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        for &address in addresses {
            match timeout(each, open(SocketAddr::new(address, origin.port()))).await {
                Ok(Ok(stream)) => {
                    let (sender, driver) = match origin.scheme() {
                        Scheme::Http => self.handshake(stream).await?,
                        Scheme::Https => {
                            self.handshake(self.encrypt(origin, stream).await?).await?
                        }
                    };
                    return Ok(Connection::new(sender, driver, address, self.identity));
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
        stream: TcpStream,
    ) -> Result<TlsStream<BufReader<TcpStream>>, Error> {
        let name = match origin.host() {
            Host::Name(name) => {
                ServerName::try_from(name.clone()).map_err(|_| Error::TlsCertificateError)?
            }
            Host::Address(address) => ServerName::from(*address),
        };
        let tls = self.tls.clone().ok_or(Error::ConfigurationError)?;
        let stream = BufReader::with_capacity(TLS_BUFFER, stream);
        match timeout(self.limits.tls_timeout, TlsConnector::from(tls).connect(name, stream)).await
        {
            Ok(encrypted) => encrypted.map_err(|error| tls_error(&error)),
            Err(_) => Err(Error::ConnectionTimeout),
        }
    }

    async fn handshake<S>(&self, stream: S) -> Result<(http1::SendRequest<Outbound>, Driver), Error>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        // What hyper keeps of a head that is not whole yet.
        let head = usize::try_from(self.limits.header_bytes.as_u64())
            .unwrap_or(usize::MAX)
            .max(LEAST_BUFFER);
        let handshake = http1::Builder::new().max_buf_size(head).handshake(TokioIo::new(stream));
        let (sender, connection) = handshake.await.map_err(|_| Error::HttpProtocolError)?;
        let driver = async move {
            // How it ended is told to whoever waits for an answer on it.
            let _ = connection.await;
        };
        Ok((sender, Box::pin(driver)))
    }
}

/// What is read at once of a TLS connection, in bytes: two records. rustls itself asks for 4 KB at a time.
const TLS_BUFFER: usize = 32 * 1024;

/// The least that hyper takes as the bound of its buffer, in bytes.
const LEAST_BUFFER: usize = 8192;

#[expect(clippy::disallowed_methods, reason = "the one place that opens connections")]
async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // Without it a small request may wait for the acknowledgement of the last one.
    stream.set_nodelay(true)?;
    Ok(stream)
}

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

//! Judged addresses → a connection: TCP without delay, TLS with the origin's name, HTTP/1.1.

use super::connections::Connection;
use crate::shared::Shared;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use portcullis_policy::{Host, Origin, Scheme};
use rustls::pki_types::ServerName;
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::Error;

/// Connects to the first of `addresses` that answers.
#[expect(clippy::disallowed_methods, reason = "the one place that opens connections")]
pub(super) async fn connect(shared: &Shared, origin: &Origin, addresses: &[IpAddr]) -> Result<Connection, Error> {
    let mut last = Error::DestinationUnavailable;
    // One address that swallows packets must not use up the time of the others.
    let each = shared.policy.limits.connect_timeout / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    for &address in addresses {
        let connecting = TcpStream::connect(SocketAddr::new(address, origin.port()));
        match timeout(each, connecting).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => {
                // Without it a small request may wait for the acknowledgement of the last one.
                stream.set_nodelay(true).map_err(|_| Error::DestinationUnavailable)?;
                return match origin.scheme() {
                    Scheme::Http => handshake(stream).await,
                    Scheme::Https => handshake(tls(shared, origin, stream).await?).await,
                };
            }
            Err(error) => last = connect_error(&error),
        }
    }
    Err(last)
}

async fn tls(shared: &Shared, origin: &Origin, stream: TcpStream) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Error> {
    let name = match origin.host() {
        Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| Error::TlsCertificateError)?,
        Host::Address(address) => ServerName::from(*address),
    };
    TlsConnector::from(shared.connections.tls()).connect(name, stream).await.map_err(|error| tls_error(&error))
}

async fn handshake<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(stream: S) -> Result<Connection, Error> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| Error::HttpProtocolError)?;
    tokio::spawn(async move {
        // How it ended is told to whoever waits for an answer on it.
        let _ = connection.await;
    });
    Ok(sender)
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
    if matches!(rustls, Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented)) {
        Error::TlsCertificateError
    } else {
        Error::TlsProtocolError
    }
}

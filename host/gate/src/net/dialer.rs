//! Makes connections to addresses that were checked: TCP, TLS with the origin's name, HTTP/1.1.

use crate::interruption::{Cause, Reason};
use crate::net::body::Outbound;
use crate::net::connection::{Connection, Driver};
use crate::net::dial::{Dial, Stream};
use crate::net::observed::{Observed, ObservedStream};
use crate::net::race::{self, NoneAccepted};
use crate::net::verifier::noting_requests;
use crate::tls_problem::TlsProblem;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use portcullis_policy::{HostName, Limits, Origin, Scheme};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How connections are made.
pub(crate) struct Dialer<'d> {
    pub(crate) dial: &'d dyn Dial,
    /// Needed for `https`.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) limits: &'d Limits,
    /// The generation of the identity that the connection is for.
    pub(crate) identity: u32,
    /// Called when the TLS handshake begins.
    pub(crate) on_handshake: &'d (dyn Fn() + Sync),
}

impl Dialer<'_> {
    /// Connects to one of `addresses` until `end`, and encrypts the connection if the origin asks
    /// for it. An address whose TLS fails is not replaced by another: the name's addresses are one
    /// service, and an error that comes and goes is hard to find.
    pub(crate) async fn connect(
        &self,
        origin: &Origin,
        addresses: &[IpAddr],
        end: Instant,
    ) -> Result<Connection, Cause> {
        let (address, stream) = race::connect(self.dial, addresses, origin.port(), end)
            .await
            .map_err(|failed| self.not_connected(&failed))?;
        let observed = Observed::new();
        let ((sender, driver), asked) = match origin.scheme() {
            Scheme::Http => (self.handshake(stream, &observed).await?, false),
            Scheme::Https => {
                (self.on_handshake)();
                let (encrypted, asked) = self.encrypt(origin, stream).await?;
                (self.handshake(encrypted, &observed).await?, asked)
            }
        };
        let mut connection = Connection::new(sender, driver, observed, address, self.identity);
        connection.asked = asked;
        Ok(connection)
    }

    fn not_connected(&self, failed: &NoneAccepted) -> Cause {
        if failed.timed_out {
            return Cause::ConnectTimeout(self.limits.connect_timeout);
        }
        let mut reasons: Vec<Reason> = failed.errors.iter().map(Reason::of).collect();
        reasons.sort_unstable();
        reasons.dedup();
        Cause::NotConnected { reasons, addresses: failed.errors.len() }
    }

    async fn encrypt(
        &self,
        origin: &Origin,
        stream: Box<dyn Stream>,
    ) -> Result<(TlsStream<BufReader<Box<dyn Stream>>>, bool), Cause> {
        let unusable = |what: &str| Cause::Tls(TlsProblem::Other(what.to_string()));
        let name = match origin.host() {
            HostName::Name(name) => ServerName::try_from(name.clone())
                .map_err(|_| unusable("no certificate can have this name"))?,
            HostName::Address(address) => ServerName::from(*address),
        };
        let tls = self.tls.clone().ok_or_else(|| unusable("TLS is not configured"))?;
        let has_identity = tls.client_auth_cert_resolver.has_certs();
        let stream = BufReader::with_capacity(TLS_BUFFER, stream);
        let connecting = noting_requests(TlsConnector::from(tls).connect(name, stream));
        let limit = self.limits.tls_timeout;
        let Ok((encrypted, asked)) = timeout(limit, connecting).await else {
            return Err(Cause::TlsTimeout(limit));
        };
        match encrypted {
            Ok(encrypted) => Ok((encrypted, asked)),
            Err(error) => Err(Cause::Tls(match TlsProblem::of_io(&error, has_identity) {
                // TLS 1.2 has no alert of its own for a certificate that is missing.
                TlsProblem::Closed | TlsProblem::Alert(_) if asked && !has_identity => {
                    TlsProblem::NoClientCertificate
                }
                problem => problem,
            })),
        }
    }

    async fn handshake<S>(
        &self,
        stream: S,
        observed: &Observed,
    ) -> Result<(http1::SendRequest<Outbound>, Driver), Cause>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        // hyper's buffer holds a head until it is complete.
        let head = usize::try_from(self.limits.header_bytes.as_u64())
            .unwrap_or(usize::MAX)
            .max(MIN_BUFFER);
        let stream = ObservedStream::new(stream, observed.clone());
        let handshake = http1::Builder::new().max_buf_size(head).handshake(TokioIo::new(stream));
        let (sender, connection) = handshake.await.map_err(|_| Cause::NotHttp)?;
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

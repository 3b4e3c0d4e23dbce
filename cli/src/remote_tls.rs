//! TLS with a server. Unlike ureq's own, it says why a certificate is not accepted, and tells a
//! handshake that failed, before which nothing was sent, from a connection that broke later.

use portcullis::gate::{TlsAdvice, TlsProblem, noting_request, refuses_certificate};
use portcullis::rustls::pki_types::ServerName;
use portcullis::rustls::{self, ClientConfig, ClientConnection, StreamOwned};
use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
    TransportAdapter, time,
};

/// The time limit for the handshake, in addition to that for the connection: two round trips, also
/// over a slow network.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// What to do about problems of TLS with `--server`.
const ADVICE: TlsAdvice = TlsAdvice::new(
    "a PEM file, and name it with --ca FILE",
    "this program has none to present: ask the server's operator for another way in",
    "--server",
);

/// A TLS handshake that failed, so that nothing was sent.
#[derive(Debug)]
pub(crate) struct HandshakeFailed(String);

impl fmt::Display for HandshakeFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HandshakeFailed {}

/// Explains an alert that came after the handshake: in TLS 1.3 a server checks the client's
/// certificate after the client has sent its request, and does not read the request if it refuses.
pub(crate) fn refused_later(error: &io::Error, peer: &str) -> Option<String> {
    let error: &rustls::Error = error.get_ref()?.downcast_ref()?;
    refuses_certificate(error).then(|| TlsProblem::of(error, false).explain(peer, &ADVICE))
}

/// The host and the port of a URL.
pub(crate) fn peer(uri: &http::Uri) -> String {
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    let (host, port) = (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(default));
    format!("{host}:{port}")
}

/// Encrypts connections to `https` URLs.
pub(crate) struct TlsConnector {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) seen: Arc<Seen>,
}

/// What has been seen of a server.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Whether there has been a connection, over which a request may have been sent.
    pub(crate) connection: AtomicBool,
    /// Whether it asked for a client certificate.
    pub(crate) certificate_request: AtomicBool,
}

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, Encrypted>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(transport) = chained else { return Ok(None) };
        self.seen.connection.store(true, Ordering::Release);
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let peer = peer(details.uri);
        let failed = |text: String| ureq::Error::Other(Box::new(HandshakeFailed(text)));
        let host = details.uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_string())
            .map_err(|_| failed(format!("no certificate can have the name {host:?}")))?;
        let mut connection = ClientConnection::new(self.config.clone(), name)
            .map_err(|error| failed(TlsProblem::of(&error, false).explain(&peer, &ADVICE)))?;
        let mut socket = TransportAdapter::new(transport.boxed(), details.current_time.clone());
        socket.set_timeout(NextTimeout {
            after: time::Duration::Exact(HANDSHAKE_TIMEOUT),
            reason: ureq::Timeout::Connect,
            ..details.timeout
        });
        let (done, asked) = noting_request(|| connection.complete_io(&mut socket));
        self.seen.certificate_request.fetch_or(asked, Ordering::AcqRel);
        done.map_err(|error| {
            failed(match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                Some(ureq::Error::Timeout(_)) => format!(
                    "{peer} accepted the connection, but the TLS handshake did not end within \
                     {HANDSHAKE_TIMEOUT:?}; check that this port speaks TLS, a port for plain HTTP \
                     needs http:// in --server"
                ),
                _ => match TlsProblem::of_io(&error, false) {
                    // TLS 1.2 has no alert of its own for a certificate that is missing.
                    TlsProblem::Closed | TlsProblem::Alert(_) if asked => {
                        TlsProblem::NoClientCertificate
                    }
                    problem => problem,
                }
                .explain(&peer, &ADVICE),
            })
        })?;
        let buffers = LazyBuffers::new(
            details.config.input_buffer_size(),
            details.config.output_buffer_size(),
        );
        let stream = StreamOwned { conn: connection, sock: socket };
        Ok(Some(Either::B(Encrypted { buffers, stream })))
    }
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConnector").finish_non_exhaustive()
    }
}

/// An encrypted connection.
pub(crate) struct Encrypted {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl Transport for Encrypted {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let output = &self.buffers.output()[..amount];
        self.stream.write_all(output)?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let input = self.buffers.input_append_buf();
        let amount = self.stream.read(input)?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for Encrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encrypted").finish_non_exhaustive()
    }
}

//! Requests that the host sends for itself, to fetch credentials: the same steps as for a guest,
//! under fixed rules ([`check_operator`]).

use crate::interruption::{Cause, Interruption};
use crate::net::body::Outbound;
use crate::net::connection::Connection;
use crate::net::dial::{Dial, TcpDial};
use crate::net::dialer::Dialer;
use crate::net::head::direct;
use crate::net::resolver::{self, Resolve};
use crate::net::target::Target;
use crate::net::tls::{Tls, TlsError, mozilla_roots};
use crate::tls_problem::TlsAdvice;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::client::conn::TrySendError;
use portcullis_policy::{Denial, Limits, Origin, Scheme, check_operator};
use rustls::{ClientConfig, RootCertStore};
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// Sends the host's own requests. Each request gets a connection of its own: credentials are
/// fetched every few minutes at most.
#[derive(Clone)]
pub struct OperatorGate {
    resolver: Arc<dyn Resolve>,
    dial: Arc<dyn Dial>,
    tls: Arc<ClientConfig>,
}

/// A request of the host itself that got no response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// The fixed rules deny the destination.
    #[error("{0}; {remedy}", remedy = .0.remedy)]
    Denied(#[source] Denial),
    /// There is no connection.
    #[error(transparent)]
    Connect(Interruption),
    /// The exchange failed.
    #[error("{origin} gave no response: {source}")]
    Exchange {
        /// The destination.
        origin: Origin,
        /// The reason.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// There was no response in time.
    #[error("{origin} gave no response within {limit:?}")]
    ResponseTimeout {
        /// The destination.
        origin: Origin,
        /// The time for the response.
        limit: Duration,
    },
}

/// For the messages about TLS.
const ADVICE: TlsAdvice = TlsAdvice::new(
    "the host's list of authorities",
    "the host has none: use another way to fetch credentials",
    "the URL",
);
/// The most bytes of a response: credentials are a page of JSON or XML.
const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

impl OperatorGate {
    /// A gate for the host's own requests. `roots` are the authorities that TLS trusts; Mozilla's
    /// list if there are none.
    ///
    /// # Errors
    /// Returns an error if TLS cannot be configured.
    pub fn new(
        resolver: Arc<dyn Resolve>,
        roots: Option<Arc<RootCertStore>>,
    ) -> Result<Self, TlsError> {
        let roots = roots.unwrap_or_else(mozilla_roots);
        let tls = Arc::new(Tls::default().client_config(&roots)?);
        Ok(Self { resolver, dial: Arc::new(TcpDial), tls })
    }

    /// Sends a request. `connect` limits the time to connect, `read` the time for the response.
    ///
    /// # Errors
    /// Returns an error if the fixed rules deny the destination, or if there is no response in
    /// time.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        connect: Duration,
        read: Duration,
    ) -> Result<Response<Bytes>, OperatorError> {
        let uri = request.uri();
        let scheme = if uri.scheme_str() == Some("http") { Scheme::Http } else { Scheme::Https };
        let authority = uri.authority().map_or("", http::uri::Authority::as_str);
        let target = Target::parse(scheme, authority).map_err(OperatorError::Denied)?;
        let Target { origin, host } = target;
        let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let mut connection = self.connect(&origin, connect).await?;
        let mut request = request.map(Outbound::unlimited);
        direct(&mut request, path, host);
        let exchange = async {
            connection.detach();
            let response = connection.send(request).await.map_err(TrySendError::into_error)?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, MAX_RESPONSE_BYTES).collect().await?;
            Ok::<_, Box<dyn StdError + Send + Sync>>(Response::from_parts(parts, body.to_bytes()))
        };
        let origin = Origin::clone(&origin);
        match timeout(read, exchange).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(source)) => Err(OperatorError::Exchange { origin, source }),
            Err(_) => Err(OperatorError::ResponseTimeout { origin, limit: read }),
        }
    }

    async fn connect(&self, origin: &Origin, limit: Duration) -> Result<Connection, OperatorError> {
        let limits = Limits::default().with_connect_timeout(limit);
        let failed =
            |cause| OperatorError::Connect(Interruption::new(origin, cause).with_advice(ADVICE));
        let end = Instant::now() + limit;
        let resolving = timeout_at(end, resolver::addresses(&*self.resolver, origin)).await;
        let resolved = resolving.unwrap_or(Err(Cause::ResolveTimeout(limit)));
        let addresses = resolved.map_err(failed)?;
        check_operator(origin, &addresses).map_err(OperatorError::Denied)?;
        let (tls, dial) = (Some(self.tls.clone()), &*self.dial);
        let dialer = Dialer { dial, tls, limits: &limits, identity: 0, on_handshake: &|| () };
        dialer.connect(origin, &addresses, end).await.map_err(failed)
    }
}

impl fmt::Debug for OperatorGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperatorGate").finish_non_exhaustive()
    }
}

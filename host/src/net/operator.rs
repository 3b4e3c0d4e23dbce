//! The host's own way out, for fetching credentials: the same steps as for a guest, under the operator's fixed rules.

use super::resolver::{self, Resolve};
use super::{body::Outbound, connection::Connection, dial::Dialler, target::Target};
use crate::gate::direct;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use portcullis_policy::{Limits, Origin, Scheme, judge_operator};
use rustls::ClientConfig;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Sends the host's own requests. A connection serves one request: credentials are fetched every few minutes at most.
#[derive(Clone)]
pub(crate) struct OperatorGate {
    resolver: Arc<dyn Resolve>,
    tls: Arc<ClientConfig>,
}

/// The most bytes of an answer: credentials are a page of JSON or XML.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

impl OperatorGate {
    pub(crate) fn new(resolver: Arc<dyn Resolve>, tls: ClientConfig) -> Self {
        Self { resolver, tls: Arc::new(tls) }
    }

    /// Sends a request; `connect` and `read` bound the two parts of waiting for it.
    pub(crate) async fn send(
        &self,
        request: Request<Bytes>,
        connect: Duration,
        read: Duration,
    ) -> Result<Response<Bytes>, String> {
        let uri = request.uri();
        let scheme = if uri.scheme_str() == Some("http") { Scheme::Http } else { Scheme::Https };
        let authority = uri.authority().map_or("", http::uri::Authority::as_str);
        let Target { origin, host } =
            Target::parse(scheme, authority).map_err(|denial| denial.to_string())?;
        let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let mut connection = self.dial(&origin, connect).await?;
        let mut request = request.map(Outbound::own);
        direct(&mut request, path, host);
        let exchange = async {
            connection.detach();
            let response =
                connection.send(request).await.map_err(|error| error.into_error().to_string())?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES)
                .collect()
                .await
                .map_err(|error| error.to_string())?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        timeout(read, exchange)
            .await
            .unwrap_or_else(|_| Err(format!("{origin} did not answer within {read:?}")))
    }

    async fn dial(&self, origin: &Origin, connect: Duration) -> Result<Connection, String> {
        let limits = Limits::default().with_connect_timeout(connect);
        let dialling = async {
            let addresses = resolver::addresses(&*self.resolver, origin)
                .await
                .map_err(|error| format!("{origin}: {error}"))?;
            judge_operator(origin, &addresses)
                .map_err(|denial| format!("{denial}; {}", denial.remedy))?;
            let dialler = Dialler { tls: Some(self.tls.clone()), limits: &limits, identity: 0 };
            dialler.connect(origin, &addresses).await.map_err(|error| format!("{origin}: {error}"))
        };
        timeout(connect + limits.tls_timeout, dialling)
            .await
            .unwrap_or_else(|_| Err(format!("{origin} is not reached within {connect:?}")))
    }
}

impl fmt::Debug for OperatorGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperatorGate").finish_non_exhaustive()
    }
}

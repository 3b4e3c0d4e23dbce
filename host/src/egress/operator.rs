//! The host's own way out, for fetching credentials: the same steps as for a guest, under the operator's fixed rules.

use super::{connections::Connection, dial::Dialler, origin, resolve};
use crate::egress::Resolve;
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use portcullis_policy::{Limits, judge_operator};
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
    pub(crate) async fn send(&self, request: Request<Bytes>, connect: Duration, read: Duration) -> Result<Response<Bytes>, String> {
        let mut connection = self.dial(request.uri(), connect).await?;
        let (mut parts, body) = request.into_parts();
        let origin = origin(&parts.uri).map_err(|denial| denial.to_string())?;
        let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).parse::<Uri>();
        parts.uri = path.map_err(|error| error.to_string())?;
        parts.version = http::Version::HTTP_11;
        let host = HeaderValue::from_str(&origin.authority()).map_err(|error| error.to_string())?;
        parts.headers.insert(HOST, host);
        let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
        let exchange = async {
            let response = connection.sender.send_request(Request::from_parts(parts, body)).await.map_err(|error| error.to_string())?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(|error| error.to_string())?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        timeout(read, exchange).await.unwrap_or_else(|_| Err(format!("{origin} did not answer within {read:?}")))
    }

    async fn dial(&self, uri: &Uri, connect: Duration) -> Result<Connection, String> {
        let origin = origin(uri).map_err(|denial| denial.to_string())?;
        let limits = Limits::default().with_connect_timeout(connect);
        let dialling = async {
            let addresses = resolve::addresses(&*self.resolver, &origin).await.map_err(|error| format!("{origin}: {error}"))?;
            judge_operator(&origin, &addresses).map_err(|denial| format!("{denial}; {}", denial.remedy))?;
            let dialler = Dialler { tls: self.tls.clone(), limits: &limits, identity: 0 };
            dialler.connect(&origin, &addresses).await.map_err(|error| format!("{origin}: {error}"))
        };
        timeout(connect + limits.tls_timeout, dialling).await.unwrap_or_else(|_| Err(format!("{origin} is not reached within {connect:?}")))
    }
}

impl fmt::Debug for OperatorGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperatorGate").finish_non_exhaustive()
    }
}

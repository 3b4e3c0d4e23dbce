//! Request ids, spans, the access log, request metrics and records of refusals: the outermost layers
//! of everything that is served.

use crate::auth::CallerName;
use crate::connections::Peer;
use crate::headers::REQUEST_ID;
use crate::random::random_hex;
use crate::refusals::{Refused, Who};
use crate::routes::route;
use crate::server::Server;
use crate::trace::SPANS;
use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use http::{HeaderValue, Method, Uri};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower_http::request_id::{
    MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::trace::TraceLayer;
use tracing::Span;
use tracing::field::Empty;

/// Adds the layers to the routes of an API.
pub(crate) fn layer(router: Router<Arc<Server>>, server: &Arc<Server>) -> Router<Arc<Server>> {
    let spans = TraceLayer::new_for_http()
        .make_span_with(span)
        .on_request(())
        .on_response(|response: &Response, _: Duration, span: &Span| {
            span.record("status", response.status().as_u16());
        })
        .on_failure(());
    router
        .layer(middleware::from_fn_with_state(server.clone(), record))
        .layer(spans)
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, RandomId))
        .layer(middleware::map_request(drop_invalid_id))
}

/// The span of a request.
fn span(request: &Request) -> Span {
    let id = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    let (method, route) = (method(request.method()), matched(request));
    let span = tracing::info_span!(
        target: SPANS, "request", request = id, method, route, status = Empty, holder = Empty
    );
    #[cfg(feature = "opentelemetry")]
    crate::trace::follow(&span, request.headers());
    span
}

/// Counts, logs and records a request, however it ends.
async fn record(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let entry = Entry::new(&server, &request);
    let response = next.run(request).await;
    entry.end(&response);
    response
}

/// The entry of one request in the access log.
struct Entry {
    server: Arc<Server>,
    began: Instant,
    id: Option<HeaderValue>,
    peer: Peer,
    method: &'static str,
    uri: Uri,
    route: &'static str,
    has_ended: bool,
}

/// The status in logs and metrics of requests whose client left before the response, as nginx has
/// it.
const CLIENT_LEFT: u16 = 499;

impl Entry {
    fn new(server: &Arc<Server>, request: &Request) -> Self {
        Self {
            server: server.clone(),
            began: Instant::now(),
            id: request.headers().get(&REQUEST_ID).cloned(),
            peer: Peer::of(request),
            method: method(request.method()),
            uri: request.uri().clone(),
            route: matched(request),
            has_ended: false,
        }
    }

    fn id(&self) -> &str {
        self.id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default()
    }

    fn end(mut self, response: &Response) {
        self.has_ended = true;
        let holder = response.extensions().get::<CallerName>().map_or("", |name| &name.0);
        self.log(response.status().as_u16(), holder);
        if let Some(refused) = response.extensions().get::<Refused>() {
            let mut refused = refused.clone();
            if refused.datasource.is_none() {
                refused.datasource = self.datasource();
            }
            self.server.record_refusal(&Who::new(self.id(), holder, self.peer), &refused);
        }
    }

    /// The datasource in the path, if it exists.
    fn datasource(&self) -> Option<String> {
        let path = self.uri.path();
        let rest = path.strip_prefix("/v1/datasources/").or_else(|| path.strip_prefix("/ddb/"))?;
        let name = rest.split(['/', ':']).next()?;
        let current = self.server.current();
        current.datasources.get_key_value(name).map(|(name, _)| name.clone())
    }

    fn log(&self, status: u16, holder: &str) {
        let elapsed = self.began.elapsed();
        self.server.metrics.count(self.route, status, elapsed);
        let micros = elapsed.as_micros() as u64;
        let (id, method, route) = (self.id(), self.method, self.route);
        // Only the id is the caller's own text, and its characters are limited.
        tracing::info!(
            target: "portcullis::serve",
            request = id, peer = %self.peer.0, method, route, status, micros, holder, "request"
        );
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.has_ended {
            self.log(CLIENT_LEFT, "");
        }
    }
}

/// The methods that are logged by name.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}

/// The route of a request, as logs and metrics name it.
fn matched(request: &Request) -> &'static str {
    request.extensions().get::<MatchedPath>().map_or("none", |path| route(path.as_str()))
}

/// Drops an id of the caller that must not appear in logs, so that the server creates one.
async fn drop_invalid_id(mut request: Request<Body>) -> Request<Body> {
    let mut given = request.headers().get_all(&REQUEST_ID).iter();
    let is_valid = given.next().is_none_or(is_valid_id) && given.next().is_none();
    if !is_valid {
        request.headers_mut().remove(&REQUEST_ID);
    }
    request
}

/// Whether an id has 1 to 64 letters, digits, `-`, `_` and `.`.
fn is_valid_id(id: &HeaderValue) -> bool {
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=64).contains(&id.len()) && id.as_bytes().iter().all(known)
}

/// Creates random ids.
#[derive(Clone, Copy)]
struct RandomId;

impl MakeRequestId for RandomId {
    fn make_request_id<B>(&mut self, _: &http::Request<B>) -> Option<RequestId> {
        HeaderValue::from_str(&random_hex::<16>()).ok().map(RequestId::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_valid_id_is_accepted() {
        for (id, expected) in [
            ("abc-1.2_3", true),
            ("a b", false),
            ("a\tb", false),
            ("", false),
            ("\u{e9}", false),
            (&"a".repeat(65), false),
        ] {
            let value = HeaderValue::from_bytes(id.as_bytes()).unwrap();
            let request = Request::builder().header(REQUEST_ID, value).body(Body::empty()).unwrap();
            let request = drop_invalid_id(request).await;
            assert_eq!(request.headers().contains_key(REQUEST_ID), expected, "{id}");
        }
    }
}

//! Request ids, spans, the access log, request metrics and records of refusals: the outermost layer of
//! everything that is served.
//!
//! It is one layer, because each one costs every request several allocations: axum boxes its service
//! and its future. What nobody reads is not formatted.

use crate::auth::CallerName;
use crate::connections::Peer;
use crate::headers::REQUEST_ID;
use crate::random::request_id;
use crate::refusals::{Refused, Who};
use crate::routes::route;
use crate::server::Server;
use crate::trace::SPANS;
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, Uri};
use std::sync::Arc;
use std::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span};

/// Adds the layer to the routes of an API.
pub(crate) fn layer(router: Router<Arc<Server>>, server: &Arc<Server>) -> Router<Arc<Server>> {
    router.layer(middleware::from_fn_with_state(server.clone(), record))
}

/// Gives a request its id and its span, and counts, logs and records it, however it ends.
async fn record(State(server): State<Arc<Server>>, mut request: Request, next: Next) -> Response {
    let id = identify(request.headers_mut());
    let entry = Entry::new(&server, &request, id.clone());
    let span = entry.span(&request);
    let mut response = next.run(request).instrument(span.clone()).await;
    span.record("status", response.status().as_u16());
    entry.end(&response);
    response.headers_mut().entry(REQUEST_ID).or_insert(id);
    response
}

/// The id of a request: the caller's own, if it can appear in logs. Otherwise the request gets one.
fn identify(headers: &mut HeaderMap) -> HeaderValue {
    let mut given = headers.get_all(&REQUEST_ID).iter();
    if let (Some(id), None) = (given.next(), given.next())
        && is_valid_id(id)
    {
        return id.clone();
    }
    let id = request_id();
    headers.insert(REQUEST_ID, id.clone());
    id
}

/// The entry of one request in the access log.
struct Entry {
    server: Arc<Server>,
    began: Instant,
    id: HeaderValue,
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
    fn new(server: &Arc<Server>, request: &Request, id: HeaderValue) -> Self {
        Self {
            server: server.clone(),
            began: Instant::now(),
            id,
            peer: Peer::of(request),
            method: method(request.method()),
            uri: request.uri().clone(),
            route: matched(request),
            has_ended: false,
        }
    }

    fn id(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }

    /// The span of the request.
    #[cfg_attr(not(feature = "opentelemetry"), expect(unused_variables, reason = "for its trace"))]
    fn span(&self, request: &Request) -> Span {
        let (id, method, route) = (self.id(), self.method, self.route);
        let span = tracing::info_span!(
            target: SPANS, "request", request = id, method, route, status = Empty, holder = Empty
        );
        #[cfg(feature = "opentelemetry")]
        crate::trace::follow(&span, request.headers());
        span
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
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

/// The route of a request, as logs and metrics name it.
fn matched(request: &Request) -> &'static str {
    request.extensions().get::<MatchedPath>().map_or("none", |path| route(path.as_str()))
}

/// Whether an id has 1 to 64 letters, digits, `-`, `_` and `.`.
fn is_valid_id(id: &HeaderValue) -> bool {
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=64).contains(&id.len()) && id.as_bytes().iter().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_valid_id_is_accepted() {
        for (id, expected) in [
            ("abc-1.2_3", true),
            ("a b", false),
            ("a\tb", false),
            ("", false),
            ("\u{e9}", false),
            (&"a".repeat(65), false),
        ] {
            let value = HeaderValue::from_bytes(id.as_bytes()).unwrap();
            let mut headers = HeaderMap::from_iter([(REQUEST_ID, value.clone())]);
            let used = identify(&mut headers);
            assert_eq!((used == value, headers[REQUEST_ID] == used), (expected, true), "{id}");
            assert!(is_valid_id(&used));
        }
        let mut two = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_static("a"))]);
        two.append(REQUEST_ID, HeaderValue::from_static("b"));
        let used = identify(&mut two);
        assert!(used.len() == 32 && two.get_all(REQUEST_ID).iter().eq([&used]));
    }
}

//! One request and its response on a connection.

use super::unread::{self, Unread};
use crate::api::problem::Problem;
use crate::auth::CallerName;
use crate::connections::{Connections, Doing, Place, State, TrustedProxies};
use crate::memory::Held;
use crate::wire;
use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use tower::ServiceExt;

/// What the requests of a connection need of it.
#[derive(Clone)]
pub(super) struct Exchanges {
    pub(super) app: Router,
    pub(super) state: Arc<State>,
    pub(super) connections: Arc<Connections>,
    pub(super) place: Arc<Place>,
    pub(super) proxies: Arc<TrustedProxies>,
    /// The peer of the connection.
    pub(super) peer: IpAddr,
}

/// Responds to one request.
pub(super) async fn exchange(
    on: Exchanges,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let Exchanges { app, state, connections, place, proxies, peer } = on;
    if !state.begin() {
        // The connection is dropped, and this with it.
        std::future::pending::<()>().await;
    }
    let version = request.version();
    let (mut request, unread) = unread::watch(request);
    let client = proxies.client(peer, request.headers());
    request.extensions_mut().insert(client);
    // A load balancer has connections for many peers: each request counts for its own.
    let is_passed_on = proxies.contain(peer);
    let has_place = !is_passed_on || place.begin_request_of(proxies.share(client)).is_ok();
    // Dropped when the response was sent, or when the client leaves before.
    let busy = Busy { state: state.clone(), connections, place: is_passed_on.then_some(place) };
    let mut response = if has_place {
        app.oneshot(request).await?
    } else {
        let refusal = crowded(&request);
        // What is left of its body is read below.
        drop(request);
        refusal
    };
    add_headers(&mut response);
    // Whoever has no token cannot keep others out by not reading.
    let needs_token = response.extensions().get::<CallerName>().is_some();
    if let Some(unread) = unread.filter(Unread::is_left) {
        busy.may_be_closed(Doing::Lingering);
        let is_read = unread.read().await;
        if needs_token {
            state.set(Doing::Busy);
        } else {
            busy.may_be_closed(Doing::Open);
        }
        if !is_read {
            // Else hyper would add that the connection is kept, for clients of HTTP/1.0.
            *response.version_mut() = version;
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            state.set_unread();
        }
    } else if !needs_token {
        busy.may_be_closed(Doing::Open);
    }
    let charge = response.extensions_mut().remove::<Held>();
    let (mut parts, body) = response.into_parts();
    let bytes = whole(body).await;
    if bytes.is_empty() {
        // It is kept until the head is written: an empty body would be dropped before.
        parts.extensions.insert(Arc::new(busy));
        return Ok(Response::from_parts(parts, Full::default()));
    }
    let bytes = Bytes::from_owner(Sent { bytes, _charge: charge, _busy: busy });
    Ok(Response::from_parts(parts, Full::new(bytes)))
}

/// The response to a request of a peer that has its share of connections, in the form of the API.
fn crowded(request: &Request<Body>) -> Response {
    const MESSAGE: &str = "this peer has as many requests at a time as one peer may have connections; send fewer, or \
         raise server.connections";
    if wire::is_from_sdk(request) {
        wire::throttled(MESSAGE)
    } else {
        Problem::no_memory(MESSAGE.to_string()).into_response()
    }
}

/// Adds what tells a browser to keep the response from pages of other sites.
fn add_headers(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
}

/// <https://fetch.spec.whatwg.org/#cross-origin-resource-policy-header>
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The bytes of a response. All handlers create it from bytes, so this copies nothing and cannot
/// fail.
async fn whole(body: Body) -> Bytes {
    body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default()
}

/// The bytes of a response, with what is held until they were sent.
struct Sent {
    bytes: Bytes,
    _charge: Option<Held>,
    _busy: Busy,
}

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A connection that serves a request.
struct Busy {
    state: Arc<State>,
    connections: Arc<Connections>,
    /// The place of the connection, if it is that of a load balancer.
    place: Option<Arc<Place>>,
}

impl Busy {
    /// The connection makes room if another one waits.
    fn may_be_closed(&self, doing: Doing) {
        self.state.set(doing);
        self.connections.freed();
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let is_unread = self.state.is_unread();
        self.state.set(Doing::Idle);
        if is_unread {
            self.state.set_unread();
        }
        if let Some(place) = &self.place {
            place.end_request();
        }
        self.connections.freed();
    }
}

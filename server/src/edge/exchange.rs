//! One request and its response on a connection.

use super::unread;
use crate::connections::{Connections, Doing, Peer, State};
use crate::memory::Held;
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use std::convert::Infallible;
use std::sync::Arc;
use tower::ServiceExt;

/// Responds to one request.
pub(super) async fn exchange(
    app: Router,
    request: Request<Incoming>,
    peer: Peer,
    state: Arc<State>,
    connections: Arc<Connections>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    state.set(Doing::Busy);
    // Dropped when the response was sent, or when the client leaves before.
    let busy = Busy { state: state.clone(), connections };
    let (mut request, unread) = unread::watch(request);
    request.extensions_mut().insert(peer);
    let mut response = app.oneshot(request).await?;
    add_headers(&mut response);
    if let Some(unread) = unread
        && !unread.read().await
    {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        state.set_unread();
    }
    let charge = response.extensions_mut().remove::<Held>();
    let (parts, body) = response.into_parts();
    let bytes = whole(body).await;
    let bytes = Bytes::from_owner(Sent { bytes, _charge: charge, _busy: busy });
    Ok(Response::from_parts(parts, Full::new(bytes)))
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
}

impl Drop for Busy {
    fn drop(&mut self) {
        let is_unread = self.state.is_unread();
        self.state.set(Doing::Idle);
        if is_unread {
            self.state.set_unread();
        }
        self.connections.freed();
    }
}

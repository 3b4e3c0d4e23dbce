//! `wasi:http/outgoing-handler`, for the plugin: every request passes the gate, is counted, and ends
//! at the deadline. Only this file sends requests.

use super::Platform;
use super::exports::wasi::http::outgoing_handler::Guest;
use super::pending::Pending;
use super::state::{self, unix_seconds};
use super::wasi::http::outgoing_handler;
use super::wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, Method, OutgoingRequest, RequestOptions, Scheme,
};
use crate::denial::{Denial, Rule};
use crate::gate::{Head, check};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The longest times for a connection and between two parts of a response, in nanoseconds: those of
/// the host's limits `connect-timeout` and `read-timeout`.
const CONNECT: u64 = 5_000_000_000;
const READ: u64 = 10_000_000_000;

impl Guest for Platform {
    /// The plugin's options are ignored: they could only change timeouts. Its request is only read, and
    /// another one is sent: engines differ in what a plugin can still do to a request that it made.
    fn handle(
        request: OutgoingRequest,
        _: Option<RequestOptions>,
    ) -> Result<FutureIncomingResponse, ErrorCode> {
        let body = state::with(|state| state.unsent.take());
        if !admit() {
            return Err(ErrorCode::ConnectionLimitReached);
        }
        let asked = Asked::of(&request);
        drop(request);
        if let Err(denial) = check_head(&asked, body.as_ref().map(|body| body.len() as u64)) {
            state::deny(denial);
            return Err(ErrorCode::HttpRequestDenied);
        }
        let remaining = state::remaining();
        if remaining == 0 {
            return Err(ErrorCode::HttpResponseTimeout);
        }
        send(asked, body.unwrap_or_default(), remaining)
    }
}

/// What the platform read of the plugin's request: what is checked, and what is sent.
struct Asked {
    method: Method,
    scheme: Option<Scheme>,
    authority: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
}

impl Asked {
    fn of(request: &OutgoingRequest) -> Self {
        Self {
            method: request.method(),
            scheme: request.scheme(),
            authority: request.authority().unwrap_or_default(),
            path: request.path_with_query().unwrap_or_else(|| "/".to_string()),
            headers: request.headers().entries(),
        }
    }
}

/// Sends a request that was checked, with the body that the platform holds.
fn send(
    checked: Asked,
    body: Vec<u8>,
    remaining: u64,
) -> Result<FutureIncomingResponse, ErrorCode> {
    let mut headers = checked.headers;
    headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    headers.push(("content-length".to_string(), body.len().to_string().into_bytes()));
    let fields = Fields::from_list(&headers).map_err(|_| ErrorCode::HttpProtocolError)?;
    let request = OutgoingRequest::new(fields);
    let wrong = |()| ErrorCode::HttpRequestUriInvalid;
    request.set_method(&checked.method).map_err(wrong)?;
    request.set_scheme(checked.scheme.as_ref()).map_err(wrong)?;
    request.set_authority(Some(&checked.authority)).map_err(wrong)?;
    request.set_path_with_query(Some(&checked.path)).map_err(wrong)?;
    let outgoing = request.body().map_err(|()| ErrorCode::HttpProtocolError)?;
    let stream = outgoing.write().map_err(|()| ErrorCode::HttpProtocolError)?;
    let rest = Pending::new(stream, outgoing, body).push();
    let sent = outgoing_handler::handle(request, Some(timeouts(remaining)))?;
    // The rest of an earlier body is dropped: the plugin did not wait for its response.
    drop(state::with(|state| core::mem::replace(&mut state.pending, rest)));
    Ok(sent)
}

/// Counts the request. Without a call there is nothing to count: the check of its head refuses it.
fn admit() -> bool {
    state::with(|state| match (&mut state.call, &state.settings) {
        (Some(call), Some(settings)) => call.admit(&settings.limits),
        _ => true,
    })
}

fn check_head(asked: &Asked, body: Option<u64>) -> Result<(), Denial> {
    let method = method(&asked.method);
    let https = match asked.scheme {
        Some(Scheme::Http) => Some(false),
        // Engines use it if none is set.
        Some(Scheme::Https) | None => Some(true),
        Some(Scheme::Other(_)) => None,
    };
    let headers: Vec<(&str, &[u8])> =
        asked.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let head = Head {
        method,
        https,
        authority: &asked.authority,
        path: &asked.path,
        headers: &headers,
        body,
    };
    let now = unix_seconds();
    state::with(|state| {
        let (Some(call), Some(settings)) = (&state.call, &state.settings) else {
            let message = "the plugin sent a request outside a call";
            return Err(Denial::defect(Rule::Binding, message));
        };
        let identity = state.identity.as_ref().map(|identity| {
            let token = identity.session_token.as_ref().map(|token| token.as_str());
            (identity.access_key_id.as_str(), token)
        });
        check(&head, call, settings, identity, now)
    })
}

fn method(method: &Method) -> &str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(other) => other,
    }
}

/// Timeouts that end within the deadline. An engine may not support one of them: the wait in
/// `response` ends at the deadline in any case.
fn timeouts(remaining: u64) -> RequestOptions {
    let options = RequestOptions::new();
    let _ = options.set_connect_timeout(Some(remaining.min(CONNECT)));
    let _ = options.set_first_byte_timeout(Some(remaining));
    let _ = options.set_between_bytes_timeout(Some(remaining.min(READ)));
    options
}

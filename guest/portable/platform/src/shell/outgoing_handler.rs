//! `wasi:http/outgoing-handler`, for the plugin: every request passes the gate, is counted, and ends
//! at the deadline. Only this file sends requests.

use super::Platform;
use super::exports::wasi::http::outgoing_handler::Guest;
use super::state::{self, unix_seconds};
use super::wasi::http::outgoing_handler;
use super::wasi::http::types::{
    ErrorCode, FutureIncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions,
    Scheme,
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
    /// The plugin's options are ignored: they could only change timeouts.
    fn handle(
        request: OutgoingRequest,
        _: Option<RequestOptions>,
    ) -> Result<FutureIncomingResponse, ErrorCode> {
        if !admit() {
            return Err(ErrorCode::ConnectionLimitReached);
        }
        // The engine sends no more than a stated length. Without one, the body is taken here, so that
        // nobody writes to it; if the plugin has it, the request is refused. This is not asked if there
        // is a length: an engine (jco) traps when a body is taken twice.
        let has_length = request.headers().has(&"content-length".to_string());
        let unused = if has_length { None } else { request.body().ok() };
        let is_open = !has_length && unused.is_none();
        if let Err(denial) = check_head(&request, is_open) {
            state::deny(denial);
            return Err(ErrorCode::HttpRequestDenied);
        }
        if let Some(body) = unused {
            OutgoingBody::finish(body, None)?;
        }
        let remaining = state::remaining();
        if remaining == 0 {
            return Err(ErrorCode::HttpResponseTimeout);
        }
        outgoing_handler::handle(request, Some(timeouts(remaining)))
    }
}

/// Counts the request. Without a call there is nothing to count: the check of its head refuses it.
fn admit() -> bool {
    state::with(|state| match (&mut state.call, &state.settings) {
        (Some(call), Some(settings)) => call.admit(&settings.limits),
        _ => true,
    })
}

fn check_head(request: &OutgoingRequest, is_open: bool) -> Result<(), Denial> {
    let method = method(request.method());
    let https = match request.scheme() {
        Some(Scheme::Http) => Some(false),
        // Engines use it if none is set.
        Some(Scheme::Https) | None => Some(true),
        Some(Scheme::Other(_)) => None,
    };
    let authority = request.authority().unwrap_or_default();
    let path = request.path_with_query().unwrap_or_else(|| "/".to_string());
    let entries = request.headers().entries();
    let headers: Vec<(&str, &[u8])> =
        entries.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let head = Head {
        method: &method,
        https,
        authority: &authority,
        path: &path,
        headers: &headers,
        is_open,
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

fn method(method: Method) -> String {
    match method {
        Method::Get => "GET".to_string(),
        Method::Head => "HEAD".to_string(),
        Method::Post => "POST".to_string(),
        Method::Put => "PUT".to_string(),
        Method::Delete => "DELETE".to_string(),
        Method::Connect => "CONNECT".to_string(),
        Method::Options => "OPTIONS".to_string(),
        Method::Trace => "TRACE".to_string(),
        Method::Patch => "PATCH".to_string(),
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

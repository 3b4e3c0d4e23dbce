//! Waits for a response and reads all of it, until the deadline of the call.

use super::exports::portcullis::datasource::http_messages::Answer;
use super::state;
use super::wasi::clocks::monotonic_clock::subscribe_instant;
use super::wasi::http::types::{ErrorCode, FutureIncomingResponse, IncomingBody, IncomingResponse};
use super::wasi::io::poll::{Pollable, poll};
use super::wasi::io::streams::StreamError;
use crate::denial::{Denial, Rule};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The bytes that are asked for at a time.
const PART: u64 = 1 << 20;

pub(super) fn read(
    sent: &FutureIncomingResponse,
    wanted: Option<&[String]>,
) -> Result<Answer, ErrorCode> {
    let deadline = subscribe_instant(state::deadline());
    let response = head(sent, &deadline)?;
    let status = response.status();
    let wanted = wanted.filter(|_| (200..300).contains(&status));
    let is_wanted = |name: &String| wanted.is_none_or(|wanted| wanted.contains(name));
    // In a block: fields are a child of the response, which is then consumed.
    let headers: Vec<(String, Vec<u8>)> = {
        let entries = response.headers().entries().into_iter();
        let lower = entries.map(|(name, value)| (name.to_ascii_lowercase(), value));
        lower.filter(|(name, _)| is_wanted(name) && !is_hop_by_hop(name)).collect()
    };
    let incoming = response.consume().map_err(|()| ErrorCode::HttpResponseIncomplete)?;
    let body = body(&incoming, &deadline)?;
    let crc32 = crc32fast::hash(&body);
    Ok(Answer { status, headers, body, crc32 })
}

/// Waits for the head of the response, and meanwhile writes the rest of the request.
fn head(sent: &FutureIncomingResponse, deadline: &Pollable) -> Result<IncomingResponse, ErrorCode> {
    let arrived = sent.subscribe();
    let mut pending = state::with(|state| state.pending.take());
    while let Some(rest) = pending {
        pending = rest.push();
        if let Some(rest) = &pending {
            // A service that has responded needs no more of the request.
            if wait(&[&arrived, deadline, &rest.subscribe()])? {
                break;
            }
        }
    }
    while !arrived.ready() {
        wait(&[&arrived, deadline])?;
    }
    match sent.get() {
        Some(Ok(Ok(response))) => Ok(response),
        Some(Ok(Err(code))) => Err(code),
        _ => Err(ErrorCode::InternalError(Some("the response was taken already".to_string()))),
    }
}

fn body(incoming: &IncomingBody, deadline: &Pollable) -> Result<Vec<u8>, ErrorCode> {
    let limit = state::with(|state| state.settings.as_ref().map(|it| it.limits.response_bytes));
    let limit = limit.unwrap_or_default();
    let stream = incoming.stream().map_err(|()| ErrorCode::HttpResponseIncomplete)?;
    let mut whole = Vec::new();
    loop {
        // A service that always has more to read would otherwise never end.
        if deadline.ready() {
            return Err(ErrorCode::HttpResponseTimeout);
        }
        match stream.read(PART) {
            Ok(part) if part.is_empty() => {
                wait(&[&stream.subscribe(), deadline])?;
            }
            Ok(part) if (whole.len() + part.len()) as u64 > limit => {
                let message = format!("a response has more than {limit} bytes");
                let remedy = "raise PORTCULLIS_RESPONSE_BYTES, or ask for less at a time";
                state::deny(Denial::new(Rule::ResponseBytes, message, remedy));
                return Err(ErrorCode::HttpResponseBodySize(Some(limit)));
            }
            Ok(part) if whole.is_empty() => whole = part,
            Ok(part) => whole.extend_from_slice(&part),
            Err(StreamError::Closed) => return Ok(whole),
            // WASI's function `http-error-code` would say more, but jco throws in it: the shim's error
            // is one of Node.js, and not a code.
            Err(StreamError::LastOperationFailed(_)) => {
                return Err(ErrorCode::HttpResponseIncomplete);
            }
        }
    }
}

/// Waits until one of these is ready, of which the second is the deadline. Returns whether the first
/// one is.
fn wait(on: &[&Pollable]) -> Result<bool, ErrorCode> {
    let ready = poll(on);
    if ready.contains(&0) {
        return Ok(true);
    }
    if ready.contains(&1) { Err(ErrorCode::HttpResponseTimeout) } else { Ok(false) }
}

/// Headers that belong to the connection (RFC 9110, section 7.6.1).
fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

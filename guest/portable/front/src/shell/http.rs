//! Reads requests and writes responses.

use super::wasi::http::types::{
    Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use super::wasi::io::streams::StreamError;
use crate::reply::Reply;
use crate::variables::exceeds;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Why a body was not read.
pub(super) enum BodyError {
    TooLarge,
    Broken,
}

/// Reads the body of a request, of at most `max_body` bytes.
pub(super) fn body(request: &IncomingRequest, max_body: u64) -> Result<Vec<u8>, BodyError> {
    if exceeds(&request.headers().get(&"content-length".to_string()), max_body) {
        return Err(BodyError::TooLarge);
    }
    let incoming = request.consume().map_err(|()| BodyError::Broken)?;
    let stream = incoming.stream().map_err(|()| BodyError::Broken)?;
    let mut whole = Vec::new();
    loop {
        match stream.blocking_read(1 << 20) {
            Ok(part) if (whole.len() + part.len()) as u64 > max_body => {
                return Err(BodyError::TooLarge);
            }
            Ok(part) if whole.is_empty() => whole = part,
            Ok(part) => whole.extend_from_slice(&part),
            Err(StreamError::Closed) => return Ok(whole),
            Err(StreamError::LastOperationFailed(_)) => return Err(BodyError::Broken),
        }
    }
}

/// Returns the value of a header if there is exactly one and it is text.
pub(super) fn header(request: &IncomingRequest, name: &str) -> Option<String> {
    let mut values = request.headers().get(&name.to_string());
    let value = values.pop().filter(|_| values.is_empty())?;
    String::from_utf8(value).ok()
}

/// Returns all values of a header. One that is not text counts as a text that nothing accepts.
pub(super) fn headers(request: &IncomingRequest, name: &str) -> Vec<String> {
    let values = request.headers().get(&name.to_string()).into_iter();
    values.map(|value| String::from_utf8(value).unwrap_or_default()).collect()
}

/// Returns the method as HTTP writes it, as far as this service needs it.
pub(super) fn method(request: &IncomingRequest) -> &'static str {
    match request.method() {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        _ => "other",
    }
}

/// Sends a response. Nothing can be done about a client that does not take it.
pub(super) fn send(mut reply: Reply, out: ResponseOutparam) {
    let length = reply.body.len().to_string().into_bytes();
    reply.headers.push(("content-length".to_string(), length));
    let fields = Fields::from_list(&reply.headers).unwrap_or_else(|_| Fields::new());
    let response = OutgoingResponse::new(fields);
    // Statuses outside of 100 to 999 do not occur.
    let _ = response.set_status_code(reply.status);
    let Ok(body) = response.body() else { return };
    ResponseOutparam::set(out, Ok(response));
    let Ok(stream) = body.write() else { return };
    let mut rest = reply.body.as_slice();
    while !rest.is_empty() {
        let room = match stream.check_write() {
            Ok(0) => {
                stream.subscribe().block();
                continue;
            }
            Ok(room) => rest.len().min(usize::try_from(room).unwrap_or(rest.len())),
            Err(_) => return,
        };
        if stream.write(&rest[..room]).is_err() {
            return;
        }
        rest = &rest[room..];
    }
    if stream.blocking_flush().is_err() {
        return;
    }
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}

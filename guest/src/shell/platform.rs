//! What the sandbox imports, as the [`Platform`] of a call.

use super::portcullis::datasource::{aws_signing, call};
use super::wasi::clocks::{monotonic_clock, wall_clock};
use super::wasi::http::outgoing_handler::handle;
use super::wasi::http::types::{ErrorCode, Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme, http_error_code};
use super::wasi::io::streams::{OutputStream, StreamError};
use super::wasi::random::random::get_random_u64;
use crate::answer::{Answer, CHECKSUM, checksum};
use crate::call::{Platform, Request, SendError, SigningError, SigningMaterial};
use crate::sigv4::Scope;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The world of the component.
pub(super) struct Sandbox;

impl Platform for Sandbox {
    fn now_ms(&self) -> i64 {
        let now = wall_clock::now();
        now.seconds as i64 * 1000 + i64::from(now.nanoseconds / 1_000_000)
    }

    fn monotonic_ns(&self) -> u64 {
        monotonic_clock::now()
    }

    fn deadline_ns(&self) -> u64 {
        call::deadline()
    }

    fn random(&self) -> u64 {
        get_random_u64()
    }

    fn sleep_ms(&self, ms: u64) {
        monotonic_clock::subscribe_duration(ms * 1_000_000).block();
    }

    fn clock_offset_ms(&self) -> i64 {
        call::clock_offset()
    }

    fn report_clock(&self, offset_ms: i64) {
        call::report_clock(offset_ms);
    }

    fn take_retry(&self, cost: u32) -> bool {
        call::take_retry(cost)
    }

    fn return_retry(&self, cost: u32) {
        call::return_retry(cost);
    }

    fn derive_key(&self, scope: &Scope) -> Result<SigningMaterial, SigningError> {
        match aws_signing::derive_key(&scope.date, &scope.region, &scope.service) {
            Ok(material) => Ok(SigningMaterial {
                access_key_id: material.access_key_id,
                session_token: material.session_token,
                key: material.key,
                expires: material.expires,
            }),
            Err(aws_signing::SigningError::Refused(message)) => Err(SigningError::Refused(message)),
            Err(aws_signing::SigningError::Unavailable(message)) => Err(SigningError::Unavailable(message)),
        }
    }

    fn send(&self, request: &Request) -> Result<Answer, SendError> {
        let response = exchange(request)?;
        let status = response.status();
        let headers = read_headers(&response, request.wants_headers || !(200..300).contains(&status));
        // What is handed on unread is read to its end: nothing else would notice that a piece is missing.
        let stated = if request.wants_headers { None } else { checksum(&headers) };
        let (body, crc32) = read(&response, stated)?;
        Ok(Answer { status, headers, body, crc32 })
    }
}

/// The headers of an answer, or its checksum alone: each header costs two calls into the sandbox.
fn read_headers(response: &IncomingResponse, all: bool) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = response.headers();
    if all {
        return headers.entries().into_iter().map(|(name, value)| (name, text(&value))).collect();
    }
    headers.get(CHECKSUM).first().map(|value| (CHECKSUM.to_string(), text(value))).into_iter().collect()
}

/// Sends the request and waits for the head of the answer.
fn exchange(request: &Request) -> Result<IncomingResponse, SendError> {
    let headers: Vec<(String, Vec<u8>)> =
        request.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    let headers = Fields::from_list(&headers).map_err(|_| {
        not_sent("a header of the request cannot be sent: is there a line break or another odd character in the credentials?")
    })?;
    let outgoing = OutgoingRequest::new(headers);
    let scheme = if request.https { Scheme::Https } else { Scheme::Http };
    let accepted = outgoing
        .set_method(&Method::Post)
        .and_then(|()| outgoing.set_scheme(Some(&scheme)))
        .and_then(|()| outgoing.set_authority(Some(request.authority)))
        .and_then(|()| outgoing.set_path_with_query(Some("/")));
    accepted.map_err(|()| not_sent("the endpoint is not one that HTTP can name"))?;
    let body = outgoing.body().map_err(|()| not_sent("the request has no body to write"))?;
    let stream = body.write().map_err(|()| not_sent("the request's body cannot be written"))?;

    // A body within one permit is written before the request is handed over, so that head and body leave
    // together. A larger one must be handed over first: only then does the host take more.
    let permit = stream.check_write().map_err(|_| not_sent("the request's body is closed"))?;
    let future = if request.body.len() as u64 <= permit {
        stream.write(request.body).map_err(|_| not_sent("the request's body is closed"))?;
        drop(stream);
        OutgoingBody::finish(body, None).map_err(failed)?;
        handle(outgoing, None).map_err(failed)?
    } else {
        let future = handle(outgoing, None).map_err(failed)?;
        // The host may answer, or refuse, without reading all; then its answer says why.
        if write_all(&stream, request.body).is_ok() {
            drop(stream);
            // As above: what went wrong is told by the answer.
            let _ = OutgoingBody::finish(body, None);
        }
        future
    };
    loop {
        if let Some(result) = future.get() {
            return result.map_err(|()| not_sent("the answer was taken twice"))?.map_err(failed);
        }
        future.subscribe().block();
    }
}

fn write_all(stream: &OutputStream, mut rest: &[u8]) -> Result<(), StreamError> {
    while !rest.is_empty() {
        let permit = stream.check_write()?;
        if permit == 0 {
            stream.subscribe().block();
            continue;
        }
        let (now, later) = rest.split_at(rest.len().min(permit as usize));
        stream.write(now)?;
        rest = later;
    }
    Ok(())
}

/// Reads a body to its end, with its CRC-32. Where it has the one that was stated, nothing more is asked for.
fn read(response: &IncomingResponse, stated: Option<u32>) -> Result<(Vec<u8>, u32), SendError> {
    let body = response.consume().map_err(|()| lost("the answer's body was taken already"))?;
    let stream = body.stream().map_err(|()| lost("the answer's body was taken already"))?;
    let mut whole = Vec::new();
    let mut crc = crc32fast::Hasher::new();
    let result = loop {
        let chunk = stream.blocking_read(READ_BYTES);
        if let Ok(chunk) = &chunk {
            crc.update(chunk);
        }
        match chunk {
            Ok(chunk) if whole.is_empty() => {
                whole = chunk;
                if !whole.is_empty() && stated == Some(crc.clone().finalize()) {
                    break Ok(whole);
                }
            }
            Ok(chunk) => {
                // Into one piece of the right size, for an answer of many chunks: a piece that grows is copied each time.
                if whole.capacity() == whole.len() {
                    reserve(&mut whole, response);
                }
                whole.extend_from_slice(&chunk);
            }
            Err(StreamError::Closed) => break Ok(whole),
            Err(StreamError::LastOperationFailed(error)) => {
                let unread = || lost(&format!("the connection was lost in the middle of the answer ({})", error.to_debug_string()));
                break Err(http_error_code(&error).map_or_else(unread, after_head));
            }
        }
    };
    drop(stream);
    drop(body);
    result.map(|whole| (whole, crc.finalize()))
}

/// Makes room for the rest of an answer, as far as it says how long it is.
fn reserve(whole: &mut Vec<u8>, response: &IncomingResponse) {
    let length = response.headers().get("content-length");
    let length = length.first().and_then(|length| core::str::from_utf8(length).ok()?.parse::<usize>().ok());
    // A length that memory does not hold is not believed; the body itself will show.
    let _ = whole.try_reserve_exact(length.map_or(0, |length| length.saturating_sub(whole.len())));
}

/// As much as there is: the host hands out what has arrived.
const READ_BYTES: u64 = 1 << 20;

fn not_sent(message: &str) -> SendError {
    SendError::Impossible(message.to_string())
}

fn lost(message: &str) -> SendError {
    SendError::Failed { message: message.to_string(), reached: true }
}

/// An error before the head of the answer.
fn failed(code: ErrorCode) -> SendError {
    let reached = !matches!(
        code,
        ErrorCode::DnsTimeout
            | ErrorCode::DnsError(_)
            | ErrorCode::DestinationNotFound
            | ErrorCode::DestinationUnavailable
            | ErrorCode::DestinationIpUnroutable
            | ErrorCode::ConnectionRefused
            | ErrorCode::ConnectionTimeout
            | ErrorCode::TlsProtocolError
            | ErrorCode::TlsCertificateError
            | ErrorCode::TlsAlertReceived(_)
            | ErrorCode::ConfigurationError
    );
    describe(code, reached)
}

/// An error within the answer's body.
fn after_head(code: ErrorCode) -> SendError {
    describe(code, true)
}

fn describe(code: ErrorCode, reached: bool) -> SendError {
    let message = match code {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited | ErrorCode::ConnectionLimitReached => {
            return SendError::Refused(format!("the host refused the request: {code:?}"));
        }
        ErrorCode::HttpRequestBodySize(_) => return SendError::TooLarge("the request is larger than the host's limit".to_string()),
        ErrorCode::HttpResponseBodySize(_) => return SendError::TooLarge("the answer is larger than the host's limit".to_string()),
        ErrorCode::DnsTimeout => "the name of the endpoint could not be resolved in time".to_string(),
        ErrorCode::DnsError(payload) => format!("the name of the endpoint cannot be resolved: {}", payload.rcode.unwrap_or_default()),
        ErrorCode::ConnectionRefused => "nobody answers at the endpoint: connection refused".to_string(),
        ErrorCode::ConnectionTimeout => "nobody answers at the endpoint: no connection in time".to_string(),
        ErrorCode::ConnectionTerminated => "the connection was lost before the answer".to_string(),
        ErrorCode::HttpResponseIncomplete => "the connection was lost in the middle of the answer".to_string(),
        ErrorCode::HttpResponseTimeout | ErrorCode::ConnectionReadTimeout => "the service did not answer in time".to_string(),
        ErrorCode::TlsProtocolError => "TLS failed: is this an https endpoint?".to_string(),
        ErrorCode::TlsCertificateError => "the endpoint's TLS certificate is not trusted".to_string(),
        ErrorCode::HttpProtocolError => "the endpoint does not speak HTTP as expected".to_string(),
        ErrorCode::InternalError(Some(message)) => message,
        other => format!("{other:?}"),
    };
    SendError::Failed { message, reached }
}

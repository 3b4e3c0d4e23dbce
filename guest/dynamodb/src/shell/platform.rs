//! The imports of the component, as the [`Platform`] of a call.

use super::portcullis::datasource::{aws_signing, call, http_messages};
use super::wasi::clocks::monotonic_clock;
use super::wasi::http::outgoing_handler::handle;
use super::wasi::http::types::{ErrorCode, Method, Scheme};
use super::wasi::random::random::get_random_u64;
use crate::call::{Moment, Platform, Request, SendError, SigningError, SigningMaterial};
use crate::response::{CHECKSUM, Response};
use crate::sigv4::Scope;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The platform inside the sandbox.
pub(super) struct WasmPlatform;

impl Platform for WasmPlatform {
    fn now(&self) -> Moment {
        let call::Moment { unix_ms, clock_offset_ms, remaining_ns } = call::now();
        Moment { unix_ms, clock_offset_ms, remaining_ns }
    }

    fn random(&self) -> u64 {
        get_random_u64()
    }

    fn sleep_ms(&self, ms: u64) {
        monotonic_clock::subscribe_duration(ms * 1_000_000).block();
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
            Err(aws_signing::SigningError::Unavailable(message)) => {
                Err(SigningError::Unavailable(message))
            }
        }
    }

    fn payload_hash(&self, body: &[u8]) -> [u8; 32] {
        aws_signing::payload_hash(body)
            .try_into()
            .unwrap_or_else(|_| crate::sigv4::payload_hash(body))
    }

    fn send(&self, request: &Request) -> Result<Response, SendError> {
        let scheme = if request.https { Scheme::Https } else { Scheme::Http };
        let headers: Vec<(&str, &[u8])> =
            request.headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let outgoing = http_messages::request(
            &Method::Post,
            &scheme,
            request.authority,
            "/",
            &headers,
            request.body,
        )
        .map_err(|error| SendError::Impossible(format!("the request cannot be sent: {error}")))?;
        let future = handle(outgoing, None).map_err(failed)?;
        // Of a success only the checksum is needed. Each further header costs two calls into the
        // sandbox.
        let wanted = if request.all_headers { None } else { Some(&[CHECKSUM][..]) };
        let http_messages::Answer { status, headers, body, crc32 } =
            http_messages::response(future, wanted).map_err(failed)?;
        let headers = headers
            .into_iter()
            .map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()))
            .collect();
        Ok(Response { status, headers, body, crc32 })
    }
}

/// Describes what went wrong, and whether the request may have reached the service. The host knows
/// more about the cause, and replaces the description for its callers.
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
    let message = match code {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => {
            return SendError::Refused(format!("the host refused the request: {code:?}"));
        }
        ErrorCode::ConnectionLimitReached => return SendError::NoneLeft,
        ErrorCode::HttpRequestBodySize(_) => {
            return SendError::TooLarge("the request is larger than the host's limit".to_string());
        }
        ErrorCode::HttpResponseBodySize(_) => {
            return SendError::TooLarge("the response is larger than the host's limit".to_string());
        }
        ErrorCode::DnsTimeout => {
            "the host name of the endpoint could not be resolved in time".to_string()
        }
        ErrorCode::DnsError(payload) => format!(
            "the host name of the endpoint cannot be resolved: {}",
            payload.rcode.unwrap_or_default()
        ),
        ErrorCode::ConnectionRefused => {
            "cannot connect to the endpoint: connection refused".to_string()
        }
        ErrorCode::ConnectionTimeout => "cannot connect to the endpoint: timed out".to_string(),
        ErrorCode::ConnectionTerminated => {
            "the connection was closed before the response".to_string()
        }
        ErrorCode::HttpResponseIncomplete => {
            "the connection was closed in the middle of the response".to_string()
        }
        ErrorCode::HttpResponseTimeout | ErrorCode::ConnectionReadTimeout => {
            "the service did not respond in time".to_string()
        }
        ErrorCode::TlsProtocolError | ErrorCode::TlsAlertReceived(_) => {
            "the TLS handshake failed; check that the endpoint supports https".to_string()
        }
        ErrorCode::TlsCertificateError => {
            "the endpoint's TLS certificate is not trusted".to_string()
        }
        ErrorCode::HttpProtocolError => "the endpoint sent an invalid HTTP response".to_string(),
        ErrorCode::InternalError(Some(message)) => message,
        other => format!("{other:?}"),
    };
    SendError::Failed { message, reached }
}

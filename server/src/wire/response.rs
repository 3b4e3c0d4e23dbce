//! The service's response, on its way to the caller.

use super::error::WireError;
use super::headers::{CRC32, REQUEST_ID, complete};
use crate::json_check::JsonCheck;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use portcullis::RawResponse;

/// The most headers that are passed on: the service sends five, and a plugin may send thousands.
const MAX_HEADERS: usize = 64;
/// The most bytes of their values together: what clients accept.
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// The service's response, unchanged, with the headers that describe it. A plugin may have written
/// it, so it must be a response that can be sent.
pub(super) async fn pass_on(json: &JsonCheck, relayed: RawResponse) -> Result<Response, WireError> {
    let RawResponse { status, headers, body, .. } = relayed;
    // 1xx announces another response, and 101 another protocol (RFC 9110, section 15.2).
    let Some(status) = StatusCode::from_u16(status).ok().filter(|_| (200..600).contains(&status))
    else {
        return Err(WireError::of_result(format!("the plugin's response has the status {status}")));
    };
    let mut passed = HeaderMap::new();
    let mut bytes = 0;
    for (name, value) in headers.iter().filter(|(name, _)| is_passed_on(name)) {
        bytes += name.len() + value.len();
        if passed.len() >= MAX_HEADERS || bytes > MAX_HEADER_BYTES {
            let message = format!(
                "the plugin's response has more than {MAX_HEADERS} headers, or they have more than \
                 {MAX_HEADER_BYTES} bytes"
            );
            return Err(WireError::of_result(message));
        }
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            // Two would be two different claims.
            if is_single(&name) && passed.contains_key(&name) {
                let message = format!("the plugin's response has two headers {name}");
                return Err(WireError::of_result(message));
            }
            passed.append(name, value);
        }
    }
    let has_body = !matches!(
        status,
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
    );
    let body = if has_body {
        complete(&mut passed, &body);
        // The service answers some actions with an empty body that it calls JSON.
        if says_json(&passed) && !body.is_empty() {
            let not_json = |_| WireError::of_result("the response of the service is not JSON");
            Bytes::from(json.checked(body).await.map_err(not_json)?)
        } else {
            Bytes::from(body)
        }
    } else {
        // They describe the body that is left out.
        passed.remove(header::CONTENT_TYPE);
        passed.remove(CRC32);
        Bytes::new()
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = passed;
    Ok(response)
}

fn is_passed_on(name: &str) -> bool {
    name == "content-type" || name == "retry-after" || name.starts_with("x-amz")
}

/// Headers that describe the whole response.
fn is_single(name: &HeaderName) -> bool {
    [header::CONTENT_TYPE, header::RETRY_AFTER, CRC32, REQUEST_ID].contains(name)
}

/// Whether the response says that it is JSON.
fn says_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    value.to_ascii_lowercase().windows(4).any(|part| part == b"json")
}

//! Headers of responses in the form of the service.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The service's name for the id of a request.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
pub(super) const CRC32: HeaderName = HeaderName::from_static("x-amz-crc32");
const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");

/// Adds headers that SDKs look for, if the service did not send them.
pub(super) fn complete(headers: &mut HeaderMap, body: &[u8]) {
    headers.entry(header::CONTENT_TYPE).or_insert(JSON);
    headers.entry(CRC32).or_insert_with(|| HeaderValue::from(crc32fast::hash(body)));
}

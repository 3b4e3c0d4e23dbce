//! Responses, with the headers that DynamoDB sends.

use bytes::Bytes;
use dynoxide::DynoxideError;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::json;

/// A response before it has its headers.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    content_type: Option<&'static str>,
    body: String,
}

impl Reply {
    /// A response without a type.
    pub(crate) fn plain(status: StatusCode, body: impl Into<String>) -> Self {
        Self { status, content_type: None, body: body.into() }
    }

    /// A response to a request that is not HTTP as it should be.
    pub(crate) fn text(status: StatusCode, body: String) -> Self {
        Self { status, content_type: Some("text/plain; charset=utf-8"), body }
    }

    /// A response to a request whose path or type no operation has.
    pub(crate) fn not_found() -> Self {
        Self::plain(StatusCode::NOT_FOUND, "<UnknownOperationException/>\n")
    }

    /// The result of an operation.
    pub(crate) fn json(content_type: &'static str, body: String) -> Self {
        Self { status: StatusCode::OK, content_type: Some(content_type), body }
    }

    /// An error before an operation was found, of DynamoDB's protocol.
    pub(crate) fn protocol(content_type: &'static str, kind: &str, message: Option<&str>) -> Self {
        let kind = format!("com.amazon.coral.service#{kind}");
        let body = match message {
            Some(message) => json!({"__type": kind, "message": message}),
            None => json!({"__type": kind}),
        };
        Self::refused(content_type, body.to_string())
    }

    /// An error that is JSON already.
    pub(crate) fn refused(content_type: &'static str, body: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, content_type: Some(content_type), body }
    }

    /// An error of an operation.
    pub(crate) fn error(
        content_type: &'static str,
        operation: &str,
        error: &DynoxideError,
    ) -> Self {
        let body = match error {
            // This operation has an endpoint of its own, which writes all messages alike.
            DynoxideError::SerializationException(message) if operation == "SearchVectors" => {
                let kind = error.error_type();
                if message.is_empty() {
                    json!({"__type": kind}).to_string()
                } else {
                    json!({"__type": kind, "message": message}).to_string()
                }
            }
            _ => error.to_json(),
        };
        let status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::BAD_REQUEST);
        Self { status, content_type: Some(content_type), body }
    }

    /// The response of an operation that could not run.
    pub(crate) fn internal(message: &str) -> Self {
        let error = DynoxideError::InternalServerError(message.to_string());
        Self::error(AMZ_JSON, "", &error)
    }
}

/// The type of DynamoDB's requests and responses.
pub(crate) const AMZ_JSON: &str = "application/x-amz-json-1.0";

impl From<Reply> for Response<Full<Bytes>> {
    fn from(reply: Reply) -> Self {
        let body = Bytes::from(reply.body);
        let checksum = crc32fast::hash(&body);
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = reply.status;
        let headers = response.headers_mut();
        if let Some(content_type) = reply.content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        headers.insert(CHECKSUM, HeaderValue::from(checksum));
        if let Ok(id) = HeaderValue::try_from(request_id()) {
            headers.insert(REQUEST_ID, id);
        }
        response
    }
}

const CHECKSUM: HeaderName = HeaderName::from_static("x-amz-crc32");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// A new id, as long as those of DynamoDB: 52 characters.
fn request_id() -> String {
    let mut bytes = [0; 26];
    // Without random bytes all ids are alike, which harms nobody.
    let _ = getrandom::fill(&mut bytes);
    hex::encode_upper(bytes)
}

//! The head of a guest's request, read once.

use crate::net::body::RequestBody;
use http::header::{CONTENT_LENGTH, HOST};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, request};
use portcullis_policy::Scheme;
use wasmtime_wasi_http::Error;

/// The head of a guest's request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The scheme.
    pub scheme: Scheme,
    /// The authority as the guest wrote it. It is parsed into an origin before any decision.
    pub authority: String,
    /// The path and the query.
    pub path: PathAndQuery,
    /// The headers, without `host`.
    pub headers: HeaderMap,
}

impl RequestHead {
    /// The head of a request.
    ///
    /// # Errors
    /// Returns an error if `content-length` is not one number in the form of RFC 9110,
    /// section 8.6, without leading zeros: the framing of the body depends on it, and peers differ
    /// in how they read `02`.
    pub fn new(
        method: Method,
        scheme: Scheme,
        authority: String,
        path: PathAndQuery,
        headers: HeaderMap,
    ) -> Result<Self, Error> {
        if method.as_str().len() > MAX_METHOD_BYTES {
            return Err(Error::HttpRequestMethodInvalid);
        }
        let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
        let is_length = |length: &HeaderValue| {
            let digits = length.as_bytes();
            let is_plain = digits == b"0" || !digits.starts_with(b"0");
            is_plain && digits.iter().all(u8::is_ascii_digit) && content_length(&headers).is_some()
        };
        if lengths.next().is_some_and(|length| !is_length(length)) || lengths.next().is_some() {
            return Err(Error::HttpProtocolError);
        }
        Ok(Self { method, scheme, authority, path, headers })
    }

    /// The head of a request that wasmtime has put together.
    pub(crate) fn from_parts(parts: request::Parts) -> Result<Self, Error> {
        let scheme = match parts.uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            _ => return Err(Error::HttpProtocolError),
        };
        let authority = parts.uri.authority().map(ToString::to_string).unwrap_or_default();
        let path = match parts.uri.path_and_query() {
            None => PathAndQuery::from_static("/"),
            Some(path) => path.clone(),
        };
        Self::new(parts.method, scheme, authority, path, parts.headers)
    }

    /// The length that the head states; none if it states none.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        content_length(&self.headers)
    }

    /// Checks that the stated length is the length of the body. Otherwise the peer would read the
    /// next request of the connection as a part of this one. If the guest still writes the body,
    /// wasmtime checks its length.
    ///
    /// # Errors
    /// Returns an error if the lengths differ.
    pub fn check_length(&self, body: &RequestBody) -> Result<(), Error> {
        let RequestBody::Whole(body) = body else { return Ok(()) };
        let actual = body.as_ref().map_or(0, |body| body.len() as u64);
        match self.content_length() {
            Some(length) if length != actual => Err(Error::HttpRequestBodySize(Some(actual))),
            _ => Ok(()),
        }
    }
}

/// The longest method, in bytes: the longest registered one has 17. Messages of a denial show it.
pub(crate) const MAX_METHOD_BYTES: usize = 64;

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Prepares a head for a connection: only the path in the request line, and the host from the
/// origin that was checked.
pub(crate) fn direct<B>(head: &mut Request<B>, path: PathAndQuery, host: HeaderValue) {
    *head.uri_mut() = Uri::from(path);
    *head.version_mut() = http::Version::HTTP_11;
    head.headers_mut().insert(HOST, host);
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn head(lengths: &[&str]) -> Result<RequestHead, Error> {
        let headers = lengths.iter().map(|length| (CONTENT_LENGTH, length.parse().unwrap()));
        RequestHead::new(
            Method::POST,
            Scheme::Http,
            "example.com".to_string(),
            PathAndQuery::from_static("/"),
            headers.collect(),
        )
    }

    #[test]
    fn the_stated_length_must_be_the_bodys_length() {
        let body =
            |text: &'static str| RequestBody::Whole(Some(Bytes::from_static(text.as_bytes())));
        assert!(head(&[]).unwrap().check_length(&body("{}")).is_ok());
        assert!(head(&["2"]).unwrap().check_length(&body("{}")).is_ok());
        for (length, text) in
            [("5", ""), ("0", "{}"), ("1", "{}"), ("99999999999999999999999", "{}")]
        {
            let head = head(&[length]);
            assert!(head.is_err() || head.unwrap().check_length(&body(text)).is_err(), "{length}");
        }
    }

    #[test]
    fn a_length_is_one_number_in_decimal_digits() {
        for lengths in
            [&["2", "2"][..], &["+2"], &["2, 2"], &[""], &["-1"], &["0x2"], &["02"], &["00"]]
        {
            assert!(head(lengths).is_err(), "{lengths:?}");
        }
    }

    #[test]
    fn a_method_has_a_bounded_length() {
        let method = Method::from_bytes("M".repeat(MAX_METHOD_BYTES + 1).as_bytes()).unwrap();
        let path = PathAndQuery::from_static("/");
        let head =
            RequestHead::new(method, Scheme::Http, String::new(), path, HeaderMap::default());
        assert!(head.is_err());
    }
}

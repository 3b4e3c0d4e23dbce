//! A response to a client.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

/// A response: status, headers and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers, without the length of the body.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// Creates a response with a body of JSON.
    #[must_use]
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::of("application/json", status, body)
    }

    /// Creates a response of a media type.
    pub(crate) fn of(media_type: &str, status: u16, body: impl Into<Vec<u8>>) -> Self {
        let content_type = ("content-type".to_string(), media_type.as_bytes().to_vec());
        Self { status, headers: vec![content_type, no_sniff()], body: body.into() }
    }

    /// Adds a header.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_string(), value.as_bytes().to_vec()));
        self
    }

    /// Creates the response that passes on one of the service, with the headers that describe it.
    #[must_use]
    pub fn passed_on(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Self {
        // 1xx announces another response (RFC 9110, section 15.2).
        let status = if (200..600).contains(&status) { status } else { 502 };
        let passed = headers.into_iter().filter(|(name, _)| is_passed_on(name));
        let passed = passed.map(|(name, value)| (name, value.into_bytes()));
        Self { status, headers: passed.chain([no_sniff()]).collect(), body }
    }
}

/// Browsers then guess no other type.
fn no_sniff() -> (String, Vec<u8>) {
    ("x-content-type-options".to_string(), b"nosniff".to_vec())
}

/// Returns whether a header of the service's response is passed on. `name` is in lower case.
#[must_use]
pub fn is_passed_on(name: &str) -> bool {
    name == "content-type" || name == "retry-after" || name.starts_with("x-amz")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_connection_are_not_passed_on() {
        let header = |name: &str| (name.to_string(), "x".to_string());
        let names = ["connection", "content-length", "server", "set-cookie", "x-amzn-requestid"];
        let reply = Reply::passed_on(200, names.map(header).to_vec(), Vec::new());
        assert_eq!(reply.headers, [("x-amzn-requestid".to_string(), b"x".to_vec()), no_sniff()]);
        assert_eq!(Reply::passed_on(101, Vec::new(), Vec::new()).status, 502);
    }
}

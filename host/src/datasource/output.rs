//! Results of calls, as far as the host examines them.

use portcullis_aws::Service;
use portcullis_json::is_deeper;

/// A response of the service, unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RawResponse {
    /// The HTTP status.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// The result of a call. It is returned unchanged, or not at all.
pub(super) trait Output: Send + 'static {
    /// Its size, in bytes.
    fn bytes(&self) -> usize;

    /// The size of its headers, in bytes.
    fn header_bytes(&self) -> usize {
        0
    }

    /// Whether it contains a key or a token that was handed to the sandbox for signing.
    fn leaks(&self, service: &dyn Service) -> bool;

    /// Whether it nests deeper than `limit`.
    fn is_deeper(&self, limit: u32) -> bool;
}

impl Output for String {
    fn bytes(&self) -> usize {
        self.len()
    }

    fn leaks(&self, service: &dyn Service) -> bool {
        service.leaks_in(self.as_bytes())
    }

    fn is_deeper(&self, limit: u32) -> bool {
        is_deeper(self, limit)
    }
}

/// What a header takes besides its name and value, in bytes, as in RFC 9113, section 10.5.1: else
/// thousands of empty ones would be small.
const HEADER_BYTES: usize = 32;

impl Output for RawResponse {
    fn bytes(&self) -> usize {
        self.body.len() + self.header_bytes()
    }

    fn header_bytes(&self) -> usize {
        self.headers.iter().map(|(name, value)| name.len() + value.len() + HEADER_BYTES).sum()
    }

    fn leaks(&self, service: &dyn Service) -> bool {
        let leaks = |text: &[u8]| service.leaks_in(text);
        leaks(&self.body)
            || self
                .headers
                .iter()
                .any(|(name, value)| leaks(name.as_bytes()) || leaks(value.as_bytes()))
    }

    /// It is returned as bytes, and nobody expects that they are JSON.
    fn is_deeper(&self, _: u32) -> bool {
        false
    }
}

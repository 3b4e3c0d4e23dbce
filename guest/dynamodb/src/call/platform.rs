//! What a call needs from its environment, as a trait.

use crate::response::Response;
use crate::sigv4::Scope;
use alloc::string::String;
use alloc::vec::Vec;

/// Clock, random numbers, retry quota, signing keys and HTTP.
///
/// In the sandbox the host provides all of it. Tests use a scripted implementation.
pub trait Platform {
    /// Returns the current time, the clock offset and the time left.
    fn now(&self) -> Moment;
    /// Returns a random number that cannot be predicted.
    fn random(&self) -> u64;
    /// Sleeps for `ms` milliseconds.
    fn sleep_ms(&self, ms: u64);
    /// Sets the clock offset of the datasource, in milliseconds.
    fn report_clock(&self, offset_ms: i64);
    /// Takes `cost` tokens from the datasource's retry quota. Takes none and returns false if there
    /// are not enough.
    fn take_retry(&self, cost: u32) -> bool;
    /// Returns `cost` tokens to the datasource's retry quota.
    fn return_retry(&self, cost: u32);
    /// Returns the signing key of a credential scope.
    ///
    /// # Errors
    /// Returns an error if the host refuses the scope or has no credentials.
    fn derive_key(&self, scope: &Scope) -> Result<SigningMaterial, SigningError>;
    /// Returns the SHA-256 of a large body.
    fn payload_hash(&self, body: &[u8]) -> [u8; 32];
    /// Sends a request and reads the whole response.
    ///
    /// # Errors
    /// Returns an error if the request cannot be sent or the response is not complete.
    fn send(&self, request: &Request) -> Result<Response, SendError>;
}

/// A moment of the running call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since the Unix epoch, by the host's clock.
    pub unix_ms: i64,
    /// The service's time minus the host's time, in milliseconds.
    pub clock_offset_ms: i64,
    /// Nanoseconds until the deadline of the call, by a monotonic clock. 0 after the deadline.
    pub remaining_ns: u64,
}

/// A signed request, ready to send.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Whether to use TLS.
    pub https: bool,
    /// The host and port.
    pub authority: &'a str,
    /// All headers except `host`, which the host of the sandbox adds.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
    /// Whether to return all headers of a successful response. If false, only the checksum is
    /// returned. An error response always has all headers.
    pub all_headers: bool,
}

/// A signing key, and the identity that signs with it.
#[derive(Clone)]
pub struct SigningMaterial {
    /// The access key ID.
    pub access_key_id: String,
    /// The session token of temporary credentials.
    pub session_token: Option<String>,
    /// The derived key.
    pub key: Vec<u8>,
    /// The expiry of the key, in seconds since the Unix epoch.
    pub expires: u64,
}

/// Why the host provided no signing key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SigningError {
    /// The policy does not allow this credential scope.
    Refused(String),
    /// There are no credentials.
    Unavailable(String),
}

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The host refused the request. Nothing was sent.
    Refused(String),
    /// The call has sent as many requests as the policy allows. Nothing was sent.
    NoneLeft,
    /// The request is invalid. Nothing was sent, and a retry would not help.
    Impossible(String),
    /// The connection failed.
    Failed {
        /// What happened.
        message: String,
        /// Whether the request may have reached the service.
        reached: bool,
    },
    /// The request or the response is larger than the host allows. A retry would not help.
    TooLarge(String),
}

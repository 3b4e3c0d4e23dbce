//! One call: input → signed requests → answer, with retries, checksums and the service's clock.
//!
//! What the sandbox gives is behind [`Platform`], so that all of it is tested natively, with a controlled clock
//! and a scripted service.

mod connection;
mod date;
mod merge;
mod pages;
mod survey;
#[cfg(test)]
mod tests;

pub use connection::Connection;

use crate::answer::{Answer, ServiceError};
use crate::sigv4::Scope;
use crate::transcode::Fault;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// What a call needs of the world.
pub trait Platform {
    /// The present moment.
    fn now(&self) -> Moment;
    /// A number that cannot be guessed.
    fn random(&self) -> u64;
    /// Waits.
    fn sleep_ms(&self, ms: u64);
    /// Sets the clock offset of the datasource.
    fn report_clock(&self, offset_ms: i64);
    /// Takes tokens from the datasource's retry quota; false when there are not enough.
    fn take_retry(&self, cost: u32) -> bool;
    /// Gives tokens back.
    fn return_retry(&self, cost: u32);
    /// The signing key of a scope.
    ///
    /// # Errors
    /// The host refuses the scope, or has no credentials.
    fn derive_key(&self, scope: &Scope) -> Result<SigningMaterial, SigningError>;
    /// Sends a request and reads the answer to its end.
    ///
    /// # Errors
    /// There is no whole answer.
    fn send(&self, request: &Request) -> Result<Answer, SendError>;
}

/// A moment of the running call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since the Unix epoch, by the host's clock.
    pub unix_ms: i64,
    /// What to add to it to get the service's time, in milliseconds.
    pub clock_offset_ms: i64,
    /// Nanoseconds until the call is ended, by a clock that never jumps; 0 when it is over.
    pub remaining_ns: u64,
}

/// A signed request, ready to send.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Whether by TLS.
    pub https: bool,
    /// Host and port.
    pub authority: &'a str,
    /// All headers but `host`, which the host writes.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
    /// Whether all headers of the answer are wanted, where it is a success. Its checksum always is, and an error comes
    /// with all.
    pub wants_headers: bool,
}

/// A signing key, and who signs.
#[derive(Clone)]
pub struct SigningMaterial {
    /// The access key id.
    pub access_key_id: String,
    /// The session token, where there is one.
    pub session_token: Option<String>,
    /// The derived key.
    pub key: Vec<u8>,
    /// Seconds since the Unix epoch from which on it must not be used.
    pub expires: u64,
}

/// Why there is no signing key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SigningError {
    /// The policy allows no such scope.
    Refused(String),
    /// There are no credentials.
    Unavailable(String),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The host refused the request; nothing was sent.
    Refused(String),
    /// The request cannot be made of what it should have; nothing was sent, and trying again would not help.
    Impossible(String),
    /// The connection failed. `reached` says whether the service may have the request.
    Failed {
        /// What happened.
        message: String,
        /// Whether the service may have the request.
        reached: bool,
    },
    /// The answer, or the request, is larger than the host allows. Trying again would not help.
    TooLarge(String),
}

/// How a call can end without a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The settings cannot be used.
    InvalidSettings(Vec<Fault>),
    /// No such action.
    UnknownAction(String),
    /// The input or the options cannot be used.
    InvalidInput(Vec<Fault>),
    /// There are no credentials.
    Credentials(String),
    /// The host refused.
    Refused(String),
    /// The service's error.
    Service(Box<ServiceError>),
    /// The connection failed.
    Transport(Interruption),
    /// The deadline came.
    Timeout(Interruption),
    /// Anything else.
    Other(String),
}

/// A call that ended before its answer was whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interruption {
    /// What happened.
    pub message: String,
    /// Whether the service may have done what was asked.
    pub maybe_applied: bool,
    /// Requests begun.
    pub attempts: u32,
}

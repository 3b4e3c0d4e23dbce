//! The ways in which a call can fail.

use crate::response::ServiceError;
use crate::transcode::Diagnostic;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The settings are invalid. Lists all problems.
    InvalidSettings(Vec<Diagnostic>),
    /// The action does not exist.
    UnknownAction(String),
    /// The input or the options are invalid. Lists all problems. Nothing was sent.
    InvalidInput(Vec<Diagnostic>),
    /// The host has no credentials.
    Credentials(String),
    /// The host refused a request or a signing key.
    Refused(String),
    /// The call has sent as many requests as the policy allows.
    NoRequestsLeft,
    /// The service responded with an error.
    Service(Box<ServiceError>),
    /// The connection failed.
    Transport(TransportError),
    /// The call reached its deadline.
    Timeout(TransportError),
    /// Any other failure.
    Other(String),
}

/// The message of [`Error::NoRequestsLeft`].
pub const NO_REQUESTS_LEFT: &str =
    "the call has sent as many requests as limits.requests of the policy allows";

/// A failure before the response was complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportError {
    /// What happened.
    pub message: String,
    /// Whether the service may have carried out the action.
    pub maybe_applied: bool,
    /// The number of requests that were started.
    pub attempts: u32,
}

//! The contract's types → the host's.

use crate::aws::IssuedKeys;
use crate::bindings::portcullis::datasource::types;
use crate::depth::is_deeper;
use crate::error::{Error, Fault, Interruption, PluginError, ServiceError};

/// An answer of the service as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relayed {
    /// The HTTP status, whatever it is.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What a call answers, as far as the host looks at it.
pub(super) trait Answer {
    /// Whether it contains what was handed to the sandbox for signing.
    fn holds_secret(&self, issued: &IssuedKeys) -> bool;

    /// Whether it nests deeper than `limit`.
    fn is_deeper(&self, limit: u32) -> bool;
}

impl Answer for String {
    fn holds_secret(&self, issued: &IssuedKeys) -> bool {
        issued.is_in(self.as_bytes())
    }

    fn is_deeper(&self, limit: u32) -> bool {
        is_deeper(self, limit)
    }
}

impl Answer for Relayed {
    fn holds_secret(&self, issued: &IssuedKeys) -> bool {
        issued.is_in(&self.body)
            || self.headers.iter().any(|(name, value)| {
                issued.is_in(name.as_bytes()) || issued.is_in(value.as_bytes())
            })
    }

    /// It is handed on as bytes, and nobody is promised that they are JSON.
    fn is_deeper(&self, _: u32) -> bool {
        false
    }
}

pub(super) fn error(error: types::Error) -> Error {
    Error::Plugin(match error {
        types::Error::InvalidSettings(list) => PluginError::InvalidSettings(faults(list)),
        types::Error::UnknownAction(message) => PluginError::UnknownAction(message),
        types::Error::InvalidInput(list) => PluginError::InvalidInput(faults(list)),
        types::Error::Credentials(message) => PluginError::Credentials(message),
        types::Error::Refused(message) => PluginError::Refused(message),
        types::Error::Service(error) => PluginError::Service(Box::new(service(error))),
        types::Error::Transport(end) => PluginError::Transport(interruption(end)),
        types::Error::Timeout(end) => PluginError::Timeout(interruption(end)),
        types::Error::Other(message) => PluginError::Other(message),
    })
}

fn faults(list: Vec<types::Fault>) -> Vec<Fault> {
    list.into_iter().map(|fault| Fault { pointer: fault.pointer, message: fault.message }).collect()
}

fn service(error: types::ServiceError) -> ServiceError {
    let types::ServiceError {
        code,
        message,
        http_status,
        request_id,
        retryable,
        attempts,
        details,
        hint,
    } = error;
    ServiceError { code, message, http_status, request_id, retryable, attempts, details, hint }
}

fn interruption(end: types::Interruption) -> Interruption {
    Interruption { message: end.message, maybe_applied: end.maybe_applied, attempts: end.attempts }
}

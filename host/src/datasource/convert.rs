//! Conversions from the contract's types to the host's.

use crate::bindings::portcullis::datasource::types;
use crate::error::{Error, PluginError, ServiceError, TransportError};
use portcullis_json::Diagnostic;

pub(super) fn error(error: types::Error) -> Error {
    Error::Plugin(match error {
        types::Error::InvalidSettings(list) => PluginError::InvalidSettings(diagnostics(list)),
        types::Error::UnknownAction(message) => PluginError::UnknownAction(message),
        types::Error::InvalidInput(list) => PluginError::InvalidInput(diagnostics(list)),
        types::Error::Credentials(message) => PluginError::Credentials(message),
        types::Error::Refused(message) => PluginError::Refused(message),
        types::Error::Service(error) => PluginError::Service(Box::new(service(error))),
        types::Error::Transport(error) => PluginError::Transport(transport(error)),
        types::Error::Timeout(error) => PluginError::Timeout(transport(error)),
        types::Error::Other(message) => PluginError::Other(message),
    })
}

fn diagnostics(list: Vec<types::Fault>) -> Vec<Diagnostic> {
    list.into_iter().map(|fault| Diagnostic::new(fault.pointer, fault.message)).collect()
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

fn transport(error: types::Interruption) -> TransportError {
    let types::Interruption { message, maybe_applied, attempts } = error;
    TransportError { message, maybe_applied, attempts }
}

//! Conversions from the contract's types to the host's. Texts and lists of a plugin are cut, so that
//! what the host does with them takes little time and memory.

use crate::bindings::portcullis::datasource::types;
use crate::error::{Error, PluginError, ServiceError, TransportError};
use portcullis_json::Diagnostic;

/// The most problems of one error that are passed on: nobody reads more.
const MAX_FAULTS: usize = 100;
/// The longest text of an error that is passed on, in bytes. Messages of `DynamoDB` have up to some
/// kilobytes, where they list the reasons of a cancelled transaction.
const MAX_TEXT_BYTES: usize = 16 * 1024;

pub(super) fn error(error: types::Error) -> Error {
    Error::Plugin(match error {
        types::Error::InvalidSettings(list) => PluginError::InvalidSettings(diagnostics(list)),
        types::Error::UnknownAction(message) => PluginError::UnknownAction(cut(message)),
        types::Error::InvalidInput(list) => PluginError::InvalidInput(diagnostics(list)),
        types::Error::Credentials(message) => PluginError::Credentials(cut(message)),
        types::Error::Refused(message) => PluginError::Refused(cut(message)),
        types::Error::Service(error) => PluginError::Service(Box::new(service(error))),
        types::Error::Transport(error) => PluginError::Transport(transport(error)),
        types::Error::Timeout(error) => PluginError::Timeout(transport(error)),
        types::Error::Other(message) => PluginError::Other(cut(message)),
    })
}

fn diagnostics(list: Vec<types::Fault>) -> Vec<Diagnostic> {
    let more = list.len().saturating_sub(MAX_FAULTS);
    let shown = if more == 0 { MAX_FAULTS } else { MAX_FAULTS - 1 };
    let diagnostic = |fault: types::Fault| Diagnostic::new(cut(fault.pointer), cut(fault.message));
    let mut all: Vec<Diagnostic> = list.into_iter().take(shown).map(diagnostic).collect();
    if more > 0 {
        let message = format!("{} more problems are not shown", more + 1);
        all.push(Diagnostic::new(String::new(), message));
    }
    all
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
    ServiceError {
        code: cut(code),
        message: cut(message),
        http_status,
        request_id: request_id.map(cut),
        retryable,
        attempts,
        // It is JSON, which cannot be cut. Its size is limited like that of a result.
        details,
        hint: hint.map(cut),
    }
}

fn transport(error: types::Interruption) -> TransportError {
    let types::Interruption { message, maybe_applied, attempts } = error;
    TransportError { message: cut(message), maybe_applied, attempts }
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT_BYTES {
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
        text.push('…');
        text.shrink_to_fit();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_problems_of_a_plugin_are_passed_on() {
        let faults = |count| {
            let fault = types::Fault { pointer: "/a".to_string(), message: "é".repeat(20_000) };
            diagnostics(vec![fault; count])
        };
        assert_eq!((faults(100).len(), faults(101).len()), (100, 100));
        let last = faults(101).pop().unwrap();
        assert_eq!(last.message, "2 more problems are not shown");
        let first = faults(1).pop().unwrap();
        assert_eq!(first.message.len(), MAX_TEXT_BYTES + "…".len());
    }
}

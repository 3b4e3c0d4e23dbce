//! Converts the plugin's errors.

use super::portcullis::datasource::types;
use crate::failure::{Failure, Fault, Kind, Service};
use alloc::vec::Vec;

impl From<types::Error> for Failure {
    fn from(error: types::Error) -> Self {
        match error {
            types::Error::InvalidSettings(list) => {
                Self::with_faults(Kind::InvalidSettings, faults(list))
            }
            types::Error::InvalidInput(list) => Self::with_faults(Kind::InvalidInput, faults(list)),
            types::Error::UnknownAction(message) => Self::new(Kind::UnknownAction, message),
            types::Error::Credentials(message) => Self::new(Kind::Credentials, message),
            types::Error::Refused(message) => Self::new(Kind::Denied, message),
            types::Error::Transport(end) => interrupted(Kind::Transport, end),
            types::Error::Timeout(end) => interrupted(Kind::Timeout, end),
            types::Error::Other(message) => Self::new(Kind::Other, message),
            types::Error::Service(error) => {
                let service = Service {
                    code: error.code,
                    status: error.http_status,
                    request_id: error.request_id,
                    retryable: error.retryable,
                    attempts: error.attempts,
                    details: error.details,
                    hint: error.hint,
                };
                Self { service: Some(service), ..Self::new(Kind::Service, error.message) }
            }
        }
    }
}

fn faults(list: Vec<types::Fault>) -> Vec<Fault> {
    let fault = |types::Fault { pointer, message }| Fault { pointer, message };
    list.into_iter().map(fault).collect()
}

fn interrupted(kind: Kind, end: types::Interruption) -> Failure {
    let interruption = Some((end.maybe_applied, end.attempts));
    Failure { interruption, ..Failure::new(kind, end.message) }
}

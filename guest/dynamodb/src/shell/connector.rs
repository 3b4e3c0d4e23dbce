//! The exported interface: the connector's types ↔ the contract's.

use super::Component;
use super::exports::portcullis::datasource::connector::{
    Connection, Error, Guest, GuestConnection, Relayed,
};
use super::platform::Sandbox;
use super::portcullis::datasource::types;
use crate::answer::ServiceError;
use crate::call;
use crate::transcode::Fault;
use alloc::string::String;
use alloc::vec::Vec;

impl Guest for Component {
    type Connection = call::Connection<Sandbox>;

    fn connect(settings: String) -> Result<Connection, Error> {
        Ok(Connection::new(call::Connection::open(&settings, Sandbox)?))
    }

    fn describe() -> String {
        crate::describe::describe()
    }
}

impl GuestConnection for call::Connection<Sandbox> {
    fn execute(&self, action: String, input: String) -> Result<String, Error> {
        Ok(self.execute(&action, &input, None)?)
    }

    fn execute_with(
        &self,
        action: String,
        input: String,
        options: String,
    ) -> Result<String, Error> {
        Ok(self.execute(&action, &input, Some(&options))?)
    }

    fn relay(&self, action: String, body: Vec<u8>) -> Result<Relayed, Error> {
        let answer = self.relay(&action, &body)?;
        Ok(Relayed { status: answer.status, headers: answer.headers, body: answer.body })
    }

    fn test(&self) -> Result<String, Error> {
        Ok(self.test()?)
    }

    fn structure(&self, options: String) -> Result<String, Error> {
        Ok(self.structure(&options)?)
    }
}

impl From<call::Error> for Error {
    fn from(error: call::Error) -> Self {
        match error {
            call::Error::InvalidSettings(faults) => Self::InvalidSettings(convert_faults(faults)),
            call::Error::UnknownAction(message) => Self::UnknownAction(message),
            call::Error::InvalidInput(faults) => Self::InvalidInput(convert_faults(faults)),
            call::Error::Credentials(message) => Self::Credentials(message),
            call::Error::Refused(message) => Self::Refused(message),
            call::Error::Service(error) => Self::Service((*error).into()),
            call::Error::Transport(end) => Self::Transport(end.into()),
            call::Error::Timeout(end) => Self::Timeout(end.into()),
            call::Error::Other(message) => Self::Other(message),
        }
    }
}

fn convert_faults(faults: Vec<Fault>) -> Vec<types::Fault> {
    faults
        .into_iter()
        .map(|fault| types::Fault { pointer: fault.pointer, message: fault.message })
        .collect()
}

impl From<ServiceError> for types::ServiceError {
    fn from(error: ServiceError) -> Self {
        let ServiceError {
            code,
            message,
            http_status,
            request_id,
            retryable,
            attempts,
            details,
            hint,
        } = error;
        Self { code, message, http_status, request_id, retryable, attempts, details, hint }
    }
}

impl From<call::Interruption> for types::Interruption {
    fn from(end: call::Interruption) -> Self {
        Self { message: end.message, maybe_applied: end.maybe_applied, attempts: end.attempts }
    }
}

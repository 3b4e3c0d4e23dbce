//! The exported interface. Converts between the connector's types and those of the contract.

use super::Component;
use super::exports::portcullis::datasource::connector::{
    Connection, Error, Guest, GuestConnection, Relayed,
};
use super::platform::WasmPlatform;
use super::portcullis::datasource::types;
use crate::call;
use crate::response::ServiceError;
use crate::transcode::Diagnostic;
use alloc::string::String;
use alloc::vec::Vec;

impl Guest for Component {
    type Connection = call::Connection<WasmPlatform>;

    fn connect(settings: String) -> Result<Connection, Error> {
        Ok(Connection::new(call::Connection::open(&settings, WasmPlatform)?))
    }

    fn describe() -> String {
        crate::describe::describe()
    }
}

impl GuestConnection for call::Connection<WasmPlatform> {
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
        let response = self.relay(&action, &body)?;
        Ok(Relayed { status: response.status, headers: response.headers, body: response.body })
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
            call::Error::InvalidSettings(diagnostics) => Self::InvalidSettings(faults(diagnostics)),
            call::Error::UnknownAction(message) => Self::UnknownAction(message),
            call::Error::InvalidInput(diagnostics) => Self::InvalidInput(faults(diagnostics)),
            call::Error::Credentials(message) => Self::Credentials(message),
            call::Error::Refused(message) => Self::Refused(message),
            call::Error::NoRequestsLeft => Self::Refused(call::NO_REQUESTS_LEFT.into()),
            call::Error::Service(error) => Self::Service((*error).into()),
            call::Error::Transport(error) => Self::Transport(error.into()),
            call::Error::Timeout(error) => Self::Timeout(error.into()),
            call::Error::Other(message) => Self::Other(message),
        }
    }
}

fn faults(diagnostics: Vec<Diagnostic>) -> Vec<types::Fault> {
    diagnostics
        .into_iter()
        .map(|Diagnostic { pointer, message }| types::Fault { pointer, message })
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

impl From<call::TransportError> for types::Interruption {
    fn from(error: call::TransportError) -> Self {
        let call::TransportError { message, maybe_applied, attempts } = error;
        Self { message, maybe_applied, attempts }
    }
}

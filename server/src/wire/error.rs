//! Errors in the form of the service.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>

use super::headers::complete;
use crate::auth::{AuthError, Caller, Refusal, RefusalStatus};
use crate::body::BodyError;
use crate::calls::{CallError, ENABLE, NOT_CONNECTED, REASON, UNUSABLE, ask};
use crate::refusals::Refused;
use crate::setup::SetupError;
use crate::source::{NoSource, Source};
use crate::stored::StoredError;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use portcullis::{Error, Limit, LimitKind, PluginError};
use portcullis_config::ServerConfig;
use serde_json::{Map, Value};

/// An error in the form of the service.
pub(super) struct WireError {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// Why the request was refused before any call, if it was.
    refused: Option<Box<Refused>>,
}

const ACCESS_DENIED: &str = "com.amazon.coral.service#AccessDeniedException";
const NOT_FOUND: &str = "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException";
const INTERNAL: &str = "com.amazonaws.dynamodb.v20120810#InternalServerError";
const SERIALIZATION: &str = "com.amazon.coral.service#SerializationException";
const THROTTLING: &str = "com.amazon.coral.availability#ThrottlingException";
const TOO_LARGE: &str = "com.amazon.coral.service#RequestEntityTooLargeException";
const UNAVAILABLE: &str = "com.amazon.coral.availability#ServiceUnavailableException";
const UNKNOWN_OPERATION: &str = "com.amazon.coral.service#UnknownOperationException";
const UNRECOGNIZED: &str = "com.amazon.coral.service#UnrecognizedClientException";
const VALIDATION: &str = "com.amazon.coral.validate#ValidationException";

impl WireError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), refused: None }
    }

    fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// The request was refused before any call, by this rule.
    fn by(mut self, rule: &'static str) -> Self {
        self.refused = Some(Refused::new(rule).into());
        self
    }

    /// The record of a refusal names the datasource, if it was saved: others are known by the path.
    pub(super) fn about(mut self, source: &Source) -> Self {
        if let (Source::Stored(saved), Some(refused)) = (source, &mut self.refused) {
            refused.datasource = Some(saved.name.to_string());
            refused.tenant.clone_from(&saved.tenant);
        }
        self
    }

    pub(super) fn throttled(message: impl Into<String>) -> Self {
        Self::bad_request(THROTTLING, message).by("busy")
    }

    /// A body that is larger than the datasource accepts.
    pub(super) fn too_large(failure: &Error, caller: &Caller) -> Self {
        failed(failure, caller).by("too-large")
    }

    pub(super) fn unknown_operation(message: impl Into<String>) -> Self {
        Self::bad_request(UNKNOWN_OPERATION, message).by("bad-request")
    }

    /// A body that is not a JSON object. The service says no more about it.
    pub(super) fn serialization() -> Self {
        Self::bad_request(SERIALIZATION, "").by("bad-request")
    }

    /// A request that is not let in.
    pub(super) fn unauthenticated(error: AuthError) -> Self {
        let (code, rule) = match error {
            AuthError::Missing => {
                ("com.amazon.coral.service#MissingAuthenticationTokenException", "unauthorized")
            }
            AuthError::Wrong => (UNRECOGNIZED, "unauthorized"),
            AuthError::Expired => {
                ("com.amazon.coral.service#ExpiredTokenException", "unauthorized")
            }
            AuthError::Host | AuthError::Page | AuthError::Proxy(_) => (ACCESS_DENIED, "forbidden"),
        };
        let mut refused = Self::bad_request(code, format!("{error}; {}", error.remedy()));
        refused.refused = Some(Refused::new(rule).because(error.to_string()).into());
        refused
    }

    pub(super) fn body(error: BodyError, server: &ServerConfig) -> Self {
        let (status, code, rule) = match error {
            BodyError::TooLarge | BodyError::NeverFits(_) => {
                (StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE, "too-large")
            }
            BodyError::TooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                "com.amazon.coral.service#RequestTimeoutException",
                "too-slow",
            ),
            BodyError::Broken => (StatusCode::BAD_REQUEST, SERIALIZATION, "bad-request"),
            BodyError::NoMemory(_) => (StatusCode::BAD_REQUEST, THROTTLING, "busy"),
        };
        Self::new(status, code, error.message(server)).by(rule)
    }

    /// A result that cannot be passed on.
    pub(super) fn of_result(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, INTERNAL, message)
    }
}

impl From<Refusal> for WireError {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal.status {
            RefusalStatus::NotFound => NOT_FOUND,
            RefusalStatus::Forbidden | RefusalStatus::Conflict => ACCESS_DENIED,
        };
        let mut error = Self::bad_request(code, format!("{}; {}", refusal.message, refusal.remedy));
        error.refused = Some(refusal.refused);
        error
    }
}

impl WireError {
    /// The error of a request whose datasource cannot be found.
    pub(super) fn from_no_source(error: NoSource, caller: &Caller) -> Self {
        match error {
            NoSource::Refused(refusal) => refusal.into(),
            NoSource::Stored { error: StoredError::Template(error), .. } => {
                unavailable(&error, caller)
            }
            NoSource::Stored { error: StoredError::Store(failure), .. } => {
                let reason =
                    if caller.is_operator() { format!(": {failure}") } else { String::new() };
                let message = format!("the store of datasources cannot be used now{reason}");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE, message).by("store")
            }
            // Which key it is, is for operators.
            NoSource::Stored { error: StoredError::Sealed(_), .. } if !caller.is_operator() => {
                let message = "the saved datasource cannot be used: its credentials cannot be read";
                Self::bad_request(VALIDATION, message).by("invalid-settings")
            }
            NoSource::Stored { error, .. } => {
                let message = format!("the saved datasource cannot be used: {error}");
                Self::bad_request(VALIDATION, message).by("invalid-settings")
            }
        }
    }

    /// The error of a call without a result.
    pub(crate) fn from_call(error: CallError, caller: &Caller) -> Self {
        match error {
            CallError::Failed(error) => failed(&error, caller),
            CallError::Unavailable(error) => unavailable(&error, caller),
            CallError::Late(limit) => failed(&Error::Limit(limit), caller).by(NOT_CONNECTED),
            CallError::Disabled(disabled) if disabled.maybe_applied => {
                let message = format!(
                    "{}; the service may have carried out the request; {ENABLE}",
                    disabled.message()
                );
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL, message)
            }
            // SDKs wait and try again.
            CallError::Exceeded(exceeded) => {
                Self::bad_request(THROTTLING, exceeded.to_string()).by("busy")
            }
            // A retry would not help.
            CallError::Disabled(disabled) => {
                let message = format!("{}; {ENABLE}", disabled.message());
                Self::bad_request(ACCESS_DENIED, message).by("disabled")
            }
        }
    }
}

/// A datasource that cannot be connected. The reason may name files, so that it is not in the error.
fn unavailable(error: &SetupError, caller: &Caller) -> WireError {
    match error {
        SetupError::Call(error) => failed(error, caller).by(NOT_CONNECTED),
        _ => WireError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            UNAVAILABLE,
            format!("{UNUSABLE}; {REASON}"),
        )
        .by("invalid-settings"),
    }
}

/// A call without a response of the service. SDKs retry a status of 500 or more and throttling, as
/// they do when they talk to the service itself and lose a connection.
fn failed(failure: &Error, caller: &Caller) -> WireError {
    let message = failure.to_string();
    match failure {
        Error::Denied(denial) => {
            let remedy = match &denial.fix {
                _ if !caller.is_operator() => ask(denial),
                Some(fix) => format!("{fix}; or in the policy: {}", denial.remedy),
                None => denial.remedy.clone(),
            };
            WireError::bad_request(ACCESS_DENIED, format!("{message}; remedy: {remedy}"))
        }
        // Others need the memory now, and later perhaps not.
        Error::Busy(_)
        | Error::Limit(Limit { which: LimitKind::ProcessMemory, maybe_applied: false, .. }) => {
            WireError::bad_request(THROTTLING, message)
        }
        Error::Limit(Limit { which: LimitKind::RequestBytes, .. }) => {
            WireError::new(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE, message)
        }
        // A retry would not help.
        Error::Limit(Limit { which, .. })
            if !matches!(which, LimitKind::Deadline | LimitKind::ProcessMemory) =>
        {
            WireError::bad_request(VALIDATION, message)
        }
        Error::Plugin(PluginError::UnknownAction(_)) => {
            WireError::bad_request(UNKNOWN_OPERATION, message)
        }
        Error::Plugin(PluginError::Credentials(_)) => WireError::bad_request(UNRECOGNIZED, message),
        Error::Audit { maybe_applied: false, .. }
        | Error::Config(_)
        | Error::Plugin(PluginError::InvalidSettings(_)) => {
            WireError::new(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE, message)
        }
        Error::Plugin(PluginError::Transport(end)) if !end.maybe_applied => {
            WireError::new(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE, message)
        }
        _ => WireError::new(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL, message),
    }
}

impl IntoResponse for WireError {
    fn into_response(self) -> Response {
        let mut fields = Map::new();
        fields.insert("__type".to_string(), self.code.into());
        // The service has both `message` and `Message`; SDKs accept both.
        let field =
            if self.code.starts_with("com.amazon.coral.service#") { "Message" } else { "message" };
        if !self.message.is_empty() {
            fields.insert(field.to_string(), self.message.into());
        }
        let body = Value::Object(fields).to_string();
        let mut response = Response::new(Body::from(body.clone()));
        *response.status_mut() = self.status;
        complete(response.headers_mut(), body.as_bytes());
        if let Some(refused) = self.refused {
            response.extensions_mut().insert(*refused);
        }
        response
    }
}

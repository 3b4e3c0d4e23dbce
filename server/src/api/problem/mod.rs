//! Problem documents: how the JSON API reports errors (RFC 9457).

mod kind;

pub use kind::{ProblemKind, UnknownProblemKind};

use crate::auth::{AuthError, Caller, Refusal, RefusalStatus};
use crate::body::BodyError;
use crate::calls::{CallError, ENABLE, NOT_CONNECTED, REASON, TenantCallError, UNUSABLE, ask};
use crate::quotas::Exceeded;
use crate::refusals::Refused;
use crate::setup::SetupError;
use crate::source::NoSource;
use crate::stored::{StoreFailure, StoredError};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use portcullis::policy::FillError;
use portcullis::{
    Busy, Diagnostic, Error, ErrorKind, Limit, LimitKind, PluginError, TenantError, TenantName,
    TransportError,
};
use portcullis_config::ServerConfig;
use portcullis_store::StoreError;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// A problem document.
pub(crate) struct Problem {
    kind: ProblemKind,
    status: StatusCode,
    fields: Map<String, Value>,
    /// Further fields of the service's response. Their numbers keep every digit.
    details: Option<Box<RawValue>>,
    /// Why the request was refused before any call, if it was.
    refused: Option<Box<Refused>>,
    /// When another try may succeed, if that is known.
    retry_after: Duration,
}

impl Problem {
    pub(crate) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        let is_call = matches!(kind, ProblemKind::Call(_));
        let refused = (!is_call).then(|| Refused::new(kind.as_str()).into());
        Self {
            kind,
            status: kind.status(),
            fields: Map::new(),
            details: None,
            refused,
            retry_after: Duration::ZERO,
        }
        .with("detail", detail.into())
    }

    /// Whether the action was refused, or is unknown.
    pub(crate) fn is_about_action(&self) -> bool {
        matches!(self.kind, ProblemKind::Call(ErrorKind::Denied | ErrorKind::UnknownAction))
    }

    /// The request was refused before any call, by this rule.
    pub(crate) fn refused(mut self, rule: &'static str) -> Self {
        self.refused = Some(Refused::new(rule).into());
        self
    }

    /// The problem of a path that does not exist.
    pub(crate) fn no_such_path() -> Self {
        Self::new(ProblemKind::NotFound, "there is nothing at this path")
            .remedy("GET /openapi.json describes the API")
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_string(), value.into());
        self
    }

    /// Says what a refused request was about, for its record.
    pub(crate) fn about(mut self, datasource: &str, tenant: Option<&TenantName>) -> Self {
        if let Some(refused) = &mut self.refused {
            refused.datasource.get_or_insert_with(|| datasource.to_string());
            refused.tenant = tenant.cloned();
        }
        self
    }

    /// Adds what would help.
    pub(crate) fn remedy(self, remedy: impl Into<String>) -> Self {
        self.with("remedy", remedy.into())
    }

    /// Adds every problem in the caller's JSON.
    pub(crate) fn faults(self, diagnostics: &[Diagnostic]) -> Self {
        let faults = diagnostics.iter().map(
            |diagnostic| json!({"pointer": diagnostic.pointer, "message": diagnostic.message}),
        );
        self.with("faults", faults.collect::<Vec<_>>())
    }

    fn transport(self, error: &TransportError) -> Self {
        self.with("maybeApplied", error.maybe_applied).with("attempts", error.attempts)
    }

    /// The problem of a body that was not read completely.
    pub(crate) fn from_body_error(error: BodyError, server: &ServerConfig) -> Self {
        let message = error.message(server);
        match error {
            BodyError::TooLarge | BodyError::NeverFits(_) => {
                Self::new(ProblemKind::TooLarge, message)
            }
            BodyError::TooSlow => Self::new(ProblemKind::TooSlow, message),
            BodyError::Broken => Self::new(ProblemKind::BadRequest, message),
            BodyError::NoMemory(_) => Self::no_memory(message),
        }
    }

    /// The problem of a body for which there is no memory.
    pub(crate) fn no_memory(message: String) -> Self {
        let mut problem = Self::new(ProblemKind::Call(ErrorKind::Busy), message);
        problem.status = StatusCode::SERVICE_UNAVAILABLE;
        problem.refused = Some(Refused::new("busy").into());
        problem.with("maybeApplied", false).remedy("try again later, or send less at a time")
    }

    /// The problem of a result that is not what the plugin promises.
    pub(crate) fn of_result(message: impl Into<String>) -> Self {
        Self::new(ProblemKind::Call(ErrorKind::Other), message).with("maybeApplied", true)
    }

    /// The problem of a call without a result.
    pub(crate) fn from_call(error: &CallError, caller: &Caller) -> Self {
        match error {
            CallError::Failed(error) => Self::failed(error, caller),
            CallError::Unavailable(error) => Self::unavailable(error, caller),
            CallError::Late(limit) => {
                Self::failed(&Error::Limit(limit.clone()), caller).refused(NOT_CONNECTED)
            }
            CallError::Exceeded(exceeded) => Self::exceeded(exceeded, caller),
            CallError::Disabled(disabled) => {
                let mut problem = Self::new(ProblemKind::Disabled, disabled.message());
                if disabled.maybe_applied {
                    // It was allowed when it began, and has a record.
                    problem.status = StatusCode::SERVICE_UNAVAILABLE;
                    problem.refused = None;
                }
                problem.with("maybeApplied", disabled.maybe_applied).remedy(ENABLE)
            }
        }
    }

    /// The problem of a call of a datasource that the caller describes.
    pub(crate) fn from_tenant_call(error: &TenantCallError, caller: &Caller) -> Self {
        match error {
            TenantCallError::Unavailable(error) => Self::unavailable(error, caller),
            TenantCallError::Exceeded(exceeded) => Self::exceeded(exceeded, caller),
            TenantCallError::Tenant(error) => Self::of_tenant(error, caller),
        }
    }

    /// The problem of a request whose datasource cannot be found.
    pub(crate) fn from_no_source(error: NoSource, caller: &Caller) -> Self {
        match error {
            NoSource::Refused(refusal) => refusal.into(),
            NoSource::Stored { name, tenant, error } => {
                Self::of_stored(&error, caller).about(&name, tenant.as_ref())
            }
        }
    }

    /// The problem of a saved datasource that cannot be used.
    pub(crate) fn of_stored(error: &StoredError, caller: &Caller) -> Self {
        let mut problem = match error {
            StoredError::NotFound => return Self::new(ProblemKind::NotFound, error.to_string()),
            StoredError::Store(failure) => return Self::of_store(failure, caller),
            StoredError::Template(error) => return Self::unavailable(error, caller),
            StoredError::Tenant(error) => Self::of_tenant(error, caller),
            StoredError::NoTemplate(_) | StoredError::Unreadable | StoredError::Sealed(_) => {
                Self::new(ProblemKind::BadRequest, String::new())
            }
        };
        problem.kind = ProblemKind::Call(ErrorKind::InvalidSettings);
        problem.status = StatusCode::SERVICE_UNAVAILABLE;
        let reason = match error {
            // Which key it is, and what an operator can do about it, is for operators.
            StoredError::Sealed(_) if !caller.is_operator() => {
                "its credentials cannot be read".to_string()
            }
            error => error.to_string(),
        };
        problem
            .refused("invalid-settings")
            .with("detail", format!("the saved datasource cannot be used: {reason}"))
            .remedy("save it again with settings and credentials that fit a template")
    }

    /// The problem of a store that cannot be used. Only an operator gets the reason.
    pub(crate) fn of_store(failure: &StoreFailure, caller: &Caller) -> Self {
        if let Some(error @ StoreError::TooMany(_)) = failure.error() {
            return Self::new(ProblemKind::Conflict, error.to_string())
                .remedy("delete some; an operator can raise server.store.per-tenant");
        }
        let text = if caller.is_operator() {
            format!("the store of datasources cannot be used: {failure}")
        } else {
            "the store of datasources cannot be used now".to_string()
        };
        let problem = Self::new(ProblemKind::Store, text).with("maybeApplied", false);
        if caller.is_operator() {
            return problem;
        }
        problem.remedy("try again later; an operator sees the reason in GET /v1/datasources")
    }

    /// The problem of a change that the store may not have made.
    pub(crate) fn of_change(failure: &StoreFailure, caller: &Caller) -> Self {
        let problem = Self::of_store(failure, caller);
        if matches!(failure, StoreFailure::Late) {
            return problem
                .with("maybeApplied", true)
                .remedy("GET the datasource: a change may still be made");
        }
        problem
    }

    /// The problem of one call too many.
    pub(crate) fn exceeded(exceeded: &Exceeded, caller: &Caller) -> Self {
        let mut problem = Self::new(ProblemKind::Call(ErrorKind::Busy), exceeded.to_string());
        problem.status = StatusCode::TOO_MANY_REQUESTS;
        problem.retry_after = exceeded.retry_after;
        problem.refused = Some(Refused::new("busy").because("one call too many").into());
        let remedy = if caller.is_operator() {
            format!("call less often, or raise {} in the policy", exceeded.key)
        } else {
            "call less often; the header Retry-After says when to try again".to_string()
        };
        problem.with("maybeApplied", false).remedy(remedy)
    }

    pub(crate) fn of_tenant(error: &TenantError, caller: &Caller) -> Self {
        let wrong = |message: &str| Self::new(ProblemKind::BadRequest, message);
        let in_settings =
            |pointer: &str, message: &str| Diagnostic::new(format!("/settings{pointer}"), message);
        let credentials = |message: String| {
            wrong("the credentials cannot be used")
                .faults(&[Diagnostic::new("/credentials", message)])
        };
        match error {
            TenantError::Fill(FillError::Settings(faults)) => {
                let faults: Vec<Diagnostic> =
                    faults.iter().map(|fault| in_settings(&fault.pointer, &fault.message)).collect();
                wrong("the settings do not fit the template").faults(&faults)
            }
            TenantError::Fill(error) => wrong(&error.to_string()).remedy(
                "the tenant is in the caller's token (tenant), or, for a platform's token (tenants = \
                 \"any\"), in the header x-portcullis-tenant",
            ),
            TenantError::Host(Error::Plugin(PluginError::InvalidSettings(faults))) => {
                let faults: Vec<Diagnostic> =
                    faults.iter().map(|fault| in_settings(&fault.pointer, &fault.message)).collect();
                wrong("the plugin does not accept the settings").faults(&faults)
            }
            TenantError::Host(error) => Self::failed(error, caller),
            error => credentials(error.to_string()),
        }
    }

    /// The problem of a call that failed. A remedy for a denial quotes the policy, so that only an
    /// operator gets it.
    fn failed(error: &Error, caller: &Caller) -> Self {
        let problem = Self::from(error);
        match error {
            Error::Denied(denial) => match (&denial.fix, caller.is_operator()) {
                (Some(fix), true) => problem.with("hint", fix.clone()),
                (None, true) => problem,
                (_, false) => problem.remedy(ask(denial)),
            },
            Error::Limit(Limit { which: LimitKind::ProcessMemory, .. })
                if !caller.is_operator() =>
            {
                problem.remedy("try again later")
            }
            Error::Limit(Limit { which, .. }) if !caller.is_operator() => problem.remedy(format!(
                "ask the operator of this server: this datasource has the limit {}",
                which.key()
            )),
            _ => problem,
        }
    }

    /// The problem of a datasource that cannot be connected. Only an operator gets reasons that
    /// name files.
    pub(crate) fn unavailable(error: &SetupError, caller: &Caller) -> Self {
        // The call itself did not begin, and has no record of its own.
        if let SetupError::Call(error) = error {
            return Self::failed(error, caller).refused(NOT_CONNECTED);
        }
        let kind = ProblemKind::Call(ErrorKind::InvalidSettings);
        let mut problem = if caller.is_operator() {
            Self::new(kind, error.to_string())
        } else {
            Self::new(kind, UNUSABLE).remedy(REASON)
        };
        problem.status = StatusCode::SERVICE_UNAVAILABLE;
        problem.refused("invalid-settings")
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let mut problem = Self::new(ProblemKind::Call(error.kind()), error.to_string());
        problem.status = status(error);
        match error {
            Error::Denied(denial) => problem
                .with("rule", denial.rule.name())
                .with("subject", denial.subject.clone())
                .remedy(denial.remedy.clone()),
            Error::Busy(_) => problem
                .with("maybeApplied", false)
                .remedy("try again later, or send fewer calls at a time"),
            Error::Audit { maybe_applied, .. } => {
                problem.with("maybeApplied", *maybe_applied).remedy(
                    "make the audit file writable, or let calls pass with audit.when-full = \"pass\"",
                )
            }
            Error::Limit(Limit { which: which @ LimitKind::ProcessMemory, maybe_applied, .. }) => {
                problem
                    .with("limit", which.key())
                    .with("maybeApplied", *maybe_applied)
                    .remedy("try again later, or raise host.memory in the policy file")
            }
            Error::Limit(Limit { which, maybe_applied, .. }) => problem
                .with("limit", which.key())
                .with("maybeApplied", *maybe_applied)
                .remedy(format!("raise limits.{} in the datasource's policy", which.key())),
            Error::Plugin(
                PluginError::InvalidInput(diagnostics) | PluginError::InvalidSettings(diagnostics),
            ) => problem.faults(diagnostics),
            Error::Plugin(PluginError::Transport(error) | PluginError::Timeout(error)) => {
                problem.transport(error)
            }
            Error::Plugin(PluginError::Service(error)) => {
                let mut problem = problem
                    .with("code", error.code.clone())
                    .with("serviceStatus", error.http_status)
                    .with("retryable", error.retryable)
                    .with("attempts", error.attempts);
                if let Some(id) = &error.request_id {
                    problem = problem.with("serviceRequestId", id.clone());
                }
                if let Some(hint) = &error.hint {
                    problem = problem.with("hint", hint.clone());
                }
                let details = error.details.clone();
                problem.details = details.and_then(|details| RawValue::from_string(details).ok());
                problem
            }
            _ => problem,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal.status {
            RefusalStatus::NotFound => ProblemKind::NotFound,
            RefusalStatus::Forbidden => ProblemKind::Forbidden,
            RefusalStatus::Conflict => ProblemKind::Conflict,
        };
        let mut problem = Self::new(kind, refusal.message).remedy(refusal.remedy);
        problem.refused = Some(refusal.refused);
        problem
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let kind =
            if error.is_about_token() { ProblemKind::Unauthorized } else { ProblemKind::Forbidden };
        let mut problem = Self::new(kind, error.to_string()).remedy(error.remedy());
        problem.refused = Some(Refused::new(kind.as_str()).because(error.to_string()).into());
        problem
    }
}

/// The status of a call's error.
fn status(error: &Error) -> StatusCode {
    match error {
        Error::Denied(_) => StatusCode::FORBIDDEN,
        Error::Busy(Busy::Calls { .. } | Busy::Queue { .. }) => StatusCode::TOO_MANY_REQUESTS,
        Error::Busy(_)
        | Error::Audit { .. }
        | Error::Config(_)
        | Error::Plugin(PluginError::Credentials(_) | PluginError::InvalidSettings(_)) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Error::Limit(Limit { which, maybe_applied, .. }) => match which {
            LimitKind::Deadline => StatusCode::GATEWAY_TIMEOUT,
            LimitKind::RequestBytes => StatusCode::PAYLOAD_TOO_LARGE,
            // Others need the memory now, and later perhaps not.
            LimitKind::ProcessMemory => StatusCode::SERVICE_UNAVAILABLE,
            LimitKind::JsonDepth if !maybe_applied => StatusCode::BAD_REQUEST,
            _ => StatusCode::BAD_GATEWAY,
        },
        Error::Plugin(PluginError::UnknownAction(_)) => StatusCode::NOT_FOUND,
        Error::Plugin(PluginError::InvalidInput(_)) => StatusCode::BAD_REQUEST,
        Error::Plugin(PluginError::Timeout(_)) => StatusCode::GATEWAY_TIMEOUT,
        // What the service says about the request is passed on. What it says about itself is a
        // gateway's error.
        Error::Plugin(PluginError::Service(error)) => {
            match StatusCode::from_u16(error.http_status) {
                Ok(status) if status.is_client_error() && status != StatusCode::UNAUTHORIZED => {
                    status
                }
                _ => StatusCode::BAD_GATEWAY,
            }
        }
        _ => StatusCode::BAD_GATEWAY,
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let (status, name) = (self.status, self.kind.as_str());
        let title = status.canonical_reason().unwrap_or("Error");
        self.fields.insert("type".to_string(), json!(format!("urn:portcullis:problem:{name}")));
        self.fields.insert("title".to_string(), json!(title));
        self.fields.insert("status".to_string(), json!(status.as_u16()));
        self.fields.insert("case".to_string(), json!(name));
        let mut text = Value::Object(self.fields).to_string();
        if let Some(details) = self.details {
            text.pop();
            text.push_str(",\"details\":");
            text.push_str(details.get());
            text.push('}');
        }
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        if let Some(refused) = self.refused {
            response.extensions_mut().insert(*refused);
        }
        let headers = response.headers_mut();
        let content_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, content_type);
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            // Whole seconds, and at least one.
            let seconds = self.retry_after.as_millis().div_ceil(1000).clamp(1, 60) as u64;
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis::{Denial, Rule, ServiceError};

    fn service(http_status: u16) -> Error {
        Error::Plugin(PluginError::Service(Box::new(ServiceError {
            code: "ConditionalCheckFailedException".to_string(),
            message: "The conditional request failed".to_string(),
            http_status,
            request_id: Some("R".to_string()),
            retryable: false,
            attempts: 1,
            details: Some(r#"{"Item":{"n":{"N":"12345678901234567890.10"}}}"#.to_string()),
            hint: None,
        })))
    }

    #[tokio::test]
    async fn a_problem_document_has_the_fields_of_its_error() {
        let response = Problem::from(&service(400)).into_response();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        assert!(body.ends_with(br#""details":{"Item":{"n":{"N":"12345678901234567890.10"}}}}"#));
        let document: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (document["status"].as_u64(), document["case"].as_str()),
            (Some(400), Some("service"))
        );
        assert_eq!(document["code"], "ConditionalCheckFailedException");
    }

    #[test]
    fn each_error_has_a_fitting_status() {
        let end = || TransportError { message: String::new(), maybe_applied: true, attempts: 1 };
        let limit = |which| Error::Limit(Limit::new(which, "", false));
        for (error, expected) in [
            (Error::from(Denial::new(Rule::Egress, "", "", "")), 403),
            (Error::Busy(Busy::Calls { running: 1 }), 429),
            (Error::Busy(Busy::Host { running: 1 }), 503),
            (
                Error::Audit { source: std::io::Error::other("full").into(), maybe_applied: false },
                503,
            ),
            (limit(LimitKind::Deadline), 504),
            (limit(LimitKind::RequestBytes), 413),
            (limit(LimitKind::ResponseBytes), 502),
            (limit(LimitKind::ProcessMemory), 503),
            (limit(LimitKind::JsonDepth), 400),
            (Error::Trapped { message: String::new() }, 502),
            (Error::Plugin(PluginError::UnknownAction(String::new())), 404),
            (Error::Plugin(PluginError::InvalidInput(Vec::new())), 400),
            (Error::Plugin(PluginError::Credentials(String::new())), 503),
            (Error::Plugin(PluginError::Transport(end())), 502),
            (Error::Plugin(PluginError::Timeout(end())), 504),
            (service(400), 400),
            (service(401), 502),
            (service(500), 502),
            (service(999), 502),
        ] {
            assert_eq!(status(&error).as_u16(), expected, "{error:?}");
        }
    }
}

//! How the JSON API says what is wrong: problem documents (RFC 9457).

use super::door::Refusal;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use portcullis::{Busy, Error, Fault, Interruption, Limit, LimitKind, PluginError};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// The cases of problems: those of [`portcullis::Error`], and the server's own. Each has one title; the status of some
/// depends on more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    MediaType,
    BadRequest,
    TooLarge,
    TooSlow,
    Reload,
    /// One of [`portcullis::Error`].
    Call(&'static str, StatusCode),
}

impl Case {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Reload => StatusCode::CONFLICT,
            Self::Call(_, status) => status,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::MediaType => "media-type",
            Self::BadRequest => "bad-request",
            Self::TooLarge => "too-large",
            Self::TooSlow => "too-slow",
            Self::Reload => "reload",
            Self::Call(name, _) => name,
        }
    }
}

/// All names that `case` of a problem may have.
pub(crate) const CASES: [&str; 22] = [
    "unauthorized",
    "forbidden",
    "not-found",
    "method-not-allowed",
    "media-type",
    "bad-request",
    "too-large",
    "too-slow",
    "reload",
    "denied",
    "busy",
    "audit",
    "limit",
    "trapped",
    "invalid-settings",
    "unknown-action",
    "invalid-input",
    "credentials",
    "refused",
    "service",
    "transport",
    "timeout",
];

/// A problem document.
pub(crate) struct Problem {
    case: Case,
    members: Map<String, Value>,
    /// Further members of the service's answer. Its numbers keep their digits.
    details: Option<Box<RawValue>>,
}

impl Problem {
    pub(crate) fn new(case: Case, detail: impl Into<String>) -> Self {
        Self { case, members: Map::new(), details: None }.with("detail", detail.into())
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_string(), value.into());
        self
    }

    /// What would help.
    pub(crate) fn remedy(self, remedy: impl Into<String>) -> Self {
        self.with("remedy", remedy.into())
    }

    pub(crate) fn faults(self, faults: &[Fault]) -> Self {
        let faults =
            faults.iter().map(|fault| json!({"pointer": fault.pointer, "message": fault.message}));
        self.with("faults", faults.collect::<Vec<_>>())
    }

    fn interruption(self, end: &Interruption) -> Self {
        self.with("maybeApplied", end.maybe_applied).with("attempts", end.attempts)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let problem = Self::new(Case::Call(error.case(), status(&error)), error.to_string());
        match &error {
            Error::Denied(denial) => {
                problem.with("rule", denial.rule.name()).with("subject", denial.subject.clone()).remedy(denial.remedy.clone())
            }
            Error::Busy(_) => problem.with("maybeApplied", false).remedy("try again later, or call less at a time"),
            Error::Audit { maybe_applied, .. } => problem
                .with("maybeApplied", *maybe_applied)
                .remedy("see that the audit file can be written, or let calls pass with audit.when-full = \"pass\""),
            Error::Limit(Limit { which, maybe_applied, .. }) => problem
                .with("limit", which.key())
                .with("maybeApplied", *maybe_applied)
                .remedy(format!("raise limits.{} in the datasource's policy", which.key())),
            Error::Plugin(PluginError::InvalidInput(faults) | PluginError::InvalidSettings(faults)) => problem.faults(faults),
            Error::Plugin(PluginError::Transport(end) | PluginError::Timeout(end)) => problem.interruption(end),
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
                problem.details = error.details.clone().and_then(|details| RawValue::from_string(details).ok());
                problem
            }
            _ => problem,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.case, refusal.message).remedy(refusal.remedy)
    }
}

/// The status of a call's error.
fn status(error: &Error) -> StatusCode {
    match error {
        Error::Denied(_) => StatusCode::FORBIDDEN,
        Error::Busy(Busy::Calls { .. } | Busy::Queue { .. }) => StatusCode::TOO_MANY_REQUESTS,
        Error::Busy(_)
        | Error::Audit { .. }
        | Error::Plugin(PluginError::Credentials(_) | PluginError::InvalidSettings(_)) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Error::Limit(Limit { which, maybe_applied, .. }) => match which {
            LimitKind::Deadline => StatusCode::GATEWAY_TIMEOUT,
            LimitKind::RequestBytes => StatusCode::PAYLOAD_TOO_LARGE,
            LimitKind::JsonDepth if !maybe_applied => StatusCode::BAD_REQUEST,
            _ => StatusCode::BAD_GATEWAY,
        },
        Error::Plugin(PluginError::UnknownAction(_)) => StatusCode::NOT_FOUND,
        Error::Plugin(PluginError::InvalidInput(_)) => StatusCode::BAD_REQUEST,
        Error::Plugin(PluginError::Timeout(_)) => StatusCode::GATEWAY_TIMEOUT,
        // What the service says of the request is passed on; what it says of itself is a gateway's error.
        Error::Plugin(PluginError::Service(error)) => match StatusCode::from_u16(error.http_status)
        {
            Ok(status) if status.is_client_error() && status != StatusCode::UNAUTHORIZED => status,
            _ => StatusCode::BAD_GATEWAY,
        },
        _ => StatusCode::BAD_GATEWAY,
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let (status, name) = (self.case.status(), self.case.name());
        self.members.insert("type".to_string(), json!(format!("urn:portcullis:problem:{name}")));
        self.members
            .insert("title".to_string(), json!(status.canonical_reason().unwrap_or("Error")));
        self.members.insert("status".to_string(), json!(status.as_u16()));
        self.members.insert("case".to_string(), json!(name));
        let mut text = Value::Object(self.members).to_string();
        if let Some(details) = self.details {
            text.pop();
            text.push_str(",\"details\":");
            text.push_str(details.get());
            text.push('}');
        }
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
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
    async fn a_problem_carries_what_the_error_knows() {
        let response = Problem::from(service(400)).into_response();
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
    fn each_case_has_a_fitting_status_and_is_listed() {
        let end = || Interruption { message: String::new(), maybe_applied: true, attempts: 1 };
        let limit =
            |which| Error::Limit(Limit { which, bound: String::new(), maybe_applied: false });
        for (error, expected) in [
            (Error::from(Denial::new(Rule::Egress, "", "", "")), 403),
            (Error::Busy(Busy::Calls { running: 1 }), 429),
            (Error::Busy(Busy::Host { running: 1 }), 503),
            (Error::Audit { reason: String::new(), maybe_applied: false }, 503),
            (limit(LimitKind::Deadline), 504),
            (limit(LimitKind::RequestBytes), 413),
            (limit(LimitKind::ResponseBytes), 502),
            (limit(LimitKind::JsonDepth), 400),
            (Error::Trapped(String::new()), 502),
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
            assert!(CASES.contains(&error.case()), "{error:?}");
        }
    }
}

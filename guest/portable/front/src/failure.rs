//! Calls without a result, in the two forms that clients understand: problem documents (RFC 9457) and
//! errors of the service. Statuses and names are those of `portcullis serve`.

use crate::reply::Reply;
use crate::text::{is_object, quoted};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind.
    pub kind: Kind,
    /// What happened.
    pub message: String,
    /// The problems in the caller's JSON or in the settings.
    pub faults: Vec<Fault>,
    /// Whether the service may have carried out the action, and the number of attempts.
    pub interruption: Option<(bool, u32)>,
    /// The service's error.
    pub service: Option<Service>,
}

/// A problem in JSON: a JSON Pointer, and a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub pointer: String,
    /// What.
    pub message: String,
}

/// The service's error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The error code.
    pub code: String,
    /// The HTTP status.
    pub status: u16,
    /// The ID of the request.
    pub request_id: Option<String>,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// The number of requests.
    pub attempts: u32,
    /// Further fields of the response: a JSON object.
    pub details: Option<String>,
    /// What the caller can do.
    pub hint: Option<String>,
}

/// The kind of a failure: the field `case` of a problem document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The settings are invalid, or variables of the environment.
    InvalidSettings,
    /// The action does not exist.
    UnknownAction,
    /// The input is invalid.
    InvalidInput,
    /// There are no credentials.
    Credentials,
    /// The platform refused a request or a key.
    Denied,
    /// The service responded with an error.
    Service,
    /// The connection failed.
    Transport,
    /// The deadline passed.
    Timeout,
    /// Anything else.
    Other,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::InvalidSettings => "invalid-settings",
            Self::UnknownAction => "unknown-action",
            Self::InvalidInput => "invalid-input",
            Self::Credentials => "credentials",
            Self::Denied => "denied",
            Self::Service => "service",
            Self::Transport => "transport",
            Self::Timeout => "timeout",
            Self::Other => "other",
        }
    }

    fn status(self) -> u16 {
        match self {
            Self::InvalidInput => 400,
            Self::Denied => 403,
            Self::UnknownAction => 404,
            Self::Service | Self::Transport | Self::Other => 502,
            Self::InvalidSettings | Self::Credentials => 503,
            Self::Timeout => 504,
        }
    }
}

impl Failure {
    /// Creates a failure with a message alone.
    #[must_use]
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind, message, faults: Vec::new(), interruption: None, service: None }
    }

    /// Creates a failure with a list of problems.
    #[must_use]
    pub fn with_faults(kind: Kind, faults: Vec<Fault>) -> Self {
        let message = faults.iter().map(|Fault { pointer, message }| match pointer.as_str() {
            "" => message.clone(),
            _ => format!("{pointer}: {message}"),
        });
        Self { message: message.collect::<Vec<_>>().join("; "), faults, ..Self::new(kind, "") }
    }

    /// Returns the problem document.
    #[must_use]
    pub fn problem(&self) -> Reply {
        let mut status = self.kind.status();
        let mut fields = String::new();
        let mut add = |name: &str, json: &str| {
            for part in [", \"", name, "\": ", json] {
                fields.push_str(part);
            }
        };
        if !self.faults.is_empty() {
            let faults = self.faults.iter().map(|Fault { pointer, message }| {
                format!("{{\"pointer\": {}, \"message\": {}}}", quoted(pointer), quoted(message))
            });
            add("faults", &format!("[{}]", faults.collect::<Vec<_>>().join(", ")));
        }
        if self.kind == Kind::UnknownAction {
            add("remedy", &quoted("GET /v1/describe lists the actions"));
        }
        if let Some((maybe_applied, attempts)) = self.interruption {
            add("maybeApplied", if maybe_applied { "true" } else { "false" });
            add("attempts", &attempts.to_string());
        }
        if let Some(service) = &self.service {
            // The client's own 401 would be about its token.
            if (400..500).contains(&service.status) && service.status != 401 {
                status = service.status;
            }
            add("code", &quoted(&service.code));
            add("serviceStatus", &service.status.to_string());
            add("retryable", if service.retryable { "true" } else { "false" });
            add("attempts", &service.attempts.to_string());
            for (name, text) in [("serviceRequestId", &service.request_id), ("hint", &service.hint)]
            {
                if let Some(text) = text {
                    add(name, &quoted(text));
                }
            }
            if let Some(details) = &service.details {
                // It is the plugin's text: other than an object, it could end there and set other fields.
                let json = if is_object(details) { details.clone() } else { quoted(details) };
                add("details", &json);
            }
        }
        document(status, self.kind.name(), &self.message, &fields)
    }

    /// Returns the error in the form of the service. SDKs retry a status of 500 or more.
    #[must_use]
    pub fn wire(&self) -> Reply {
        let was_sent = self.interruption.is_some_and(|(maybe_applied, _)| maybe_applied);
        let (status, code) = match self.kind {
            Kind::Denied => (400, "AccessDeniedException"),
            Kind::UnknownAction => (400, "UnknownOperationException"),
            Kind::InvalidInput => (400, "ValidationException"),
            Kind::Credentials => (400, "UnrecognizedClientException"),
            Kind::InvalidSettings => (503, "ServiceUnavailableException"),
            Kind::Transport if !was_sent => (503, "ServiceUnavailableException"),
            _ => (500, "InternalServerError"),
        };
        wire(status, code, &self.message)
    }
}

/// Returns a problem document.
pub(crate) fn problem(status: u16, case: &str, message: &str, remedy: &str) -> Reply {
    document(status, case, message, &format!(", \"remedy\": {}", quoted(remedy)))
}

fn document(status: u16, case: &str, message: &str, fields: &str) -> Reply {
    let kind = quoted(&format!("urn:portcullis:problem:{case}"));
    let (title, case, detail) = (quoted(title(status)), quoted(case), quoted(message));
    let body = format!(
        "{{\"type\": {kind}, \"title\": {title}, \"status\": {status}, \"detail\": {detail}, \
         \"case\": {case}{fields}}}"
    );
    Reply::of("application/problem+json", status, body)
}

/// Returns the canonical reason of a status that a problem document can have: those of this crate, and
/// all that the service can respond with (4xx).
fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Payload Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        418 => "I'm a teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Entity",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Error",
    }
}

/// Returns an error in the form of the service.
pub(crate) fn wire(status: u16, code: &str, message: &str) -> Reply {
    let namespace = match code {
        "InternalServerError" => "com.amazonaws.dynamodb.v20120810",
        "ServiceUnavailableException" => "com.amazon.coral.availability",
        "ValidationException" => "com.amazon.coral.validate",
        _ => "com.amazon.coral.service",
    };
    let code = quoted(&format!("{namespace}#{code}"));
    let body = format!("{{\"__type\": {code}, \"message\": {}}}", quoted(message));
    Reply::of("application/x-amz-json-1.0", status, body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn json(reply: &Reply) -> Value {
        serde_json::from_slice(&reply.body).unwrap()
    }

    #[test]
    fn a_service_error_keeps_its_fields_and_its_status() {
        let service = Service {
            code: "ConditionalCheckFailedException".to_string(),
            status: 400,
            request_id: Some("ID".to_string()),
            retryable: false,
            attempts: 1,
            details: Some("{\"Item\": {\"n\": 1.0}}".to_string()),
            hint: Some("a \"hint\"".to_string()),
        };
        let failure = Failure { service: Some(service), ..Failure::new(Kind::Service, "failed") };
        let problem = failure.problem();
        assert_eq!(problem.status, 400);
        let json = json(&problem);
        assert_eq!(json["case"], "service");
        assert_eq!(json["code"], "ConditionalCheckFailedException");
        assert_eq!(json["serviceRequestId"], "ID");
        assert_eq!(json["hint"], "a \"hint\"");
        assert_eq!(json["details"]["Item"]["n"], 1.0);

        let mut unauthorized = failure;
        if let Some(service) = &mut unauthorized.service {
            service.status = 401;
        }
        assert_eq!(unauthorized.problem().status, 502);
    }

    #[test]
    fn a_problem_has_the_type_and_the_title_of_portcullis_serve() {
        for (kind, status, name, title) in [
            (Kind::InvalidSettings, 503, "invalid-settings", "Service Unavailable"),
            (Kind::UnknownAction, 404, "unknown-action", "Not Found"),
            (Kind::InvalidInput, 400, "invalid-input", "Bad Request"),
            (Kind::Credentials, 503, "credentials", "Service Unavailable"),
            (Kind::Denied, 403, "denied", "Forbidden"),
            (Kind::Service, 502, "service", "Bad Gateway"),
            (Kind::Transport, 502, "transport", "Bad Gateway"),
            (Kind::Timeout, 504, "timeout", "Gateway Timeout"),
            (Kind::Other, 502, "other", "Bad Gateway"),
        ] {
            let mut expected = serde_json::json!({
                "type": format!("urn:portcullis:problem:{name}"),
                "title": title,
                "status": status,
                "detail": "m",
                "case": name,
            });
            if kind == Kind::UnknownAction {
                expected["remedy"] = "GET /v1/describe lists the actions".into();
            }
            assert_eq!(json(&Failure::new(kind, "m").problem()), expected);
        }
        let refused = json(&problem(415, "media-type", "m", "r"));
        assert_eq!(refused["type"], "urn:portcullis:problem:media-type");
        assert_eq!(refused["title"], "Unsupported Media Type");
        assert_eq!(refused["remedy"], "r");
    }

    #[test]
    fn titles_are_the_canonical_reasons() {
        for status in (400..500).chain(502..505) {
            let reason = http::StatusCode::from_u16(status).unwrap().canonical_reason();
            assert_eq!(title(status), reason.unwrap_or("Error"), "{status}");
        }
    }

    #[test]
    fn details_set_no_other_field() {
        for details in ["{}, \"case\": \"denied\"", "{}}", "1", "", "{\"a\": 1", "{} {}"] {
            let service = Service {
                code: "C".to_string(),
                status: 400,
                request_id: None,
                retryable: false,
                attempts: 1,
                details: Some(details.to_string()),
                hint: None,
            };
            let failure = Failure { service: Some(service), ..Failure::new(Kind::Service, "m") };
            let json = json(&failure.problem());
            assert_eq!(json["case"], "service", "{details}");
            assert_eq!(json["details"], details);
        }
    }

    #[test]
    fn faults_are_listed_with_their_pointers() {
        let fault =
            |pointer: &str| Fault { pointer: pointer.to_string(), message: "m".to_string() };
        let failure = Failure::with_faults(Kind::InvalidInput, vec![fault("/Key"), fault("")]);
        assert_eq!(failure.message, "/Key: m; m");
        let problem = failure.problem();
        assert_eq!(
            (problem.status, &json(&problem)["faults"][0]["pointer"]),
            (400, &"/Key".into())
        );
    }

    #[test]
    fn sdks_retry_only_what_may_succeed_later() {
        let status = |kind| Failure::new(kind, "m").wire().status;
        for kind in [Kind::Denied, Kind::UnknownAction, Kind::Credentials, Kind::InvalidInput] {
            assert_eq!(status(kind), 400, "{kind:?}");
        }
        for kind in [Kind::Transport, Kind::Timeout, Kind::Other, Kind::InvalidSettings] {
            assert!(status(kind) >= 500, "{kind:?}");
        }
        let denied = json(&Failure::new(Kind::Denied, "m").wire());
        assert_eq!(denied["__type"], "com.amazon.coral.service#AccessDeniedException");
    }
}

//! Denials: the rule that denied a request or a key, the reason, and the remedy.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

/// The rule that denied a request or a key. The names are those of the host's audit records,
/// or of the limits of policy files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `PORTCULLIS_EGRESS` does not list the origin.
    Egress,
    /// The endpoint of the plugin's settings is not one that all programs read alike.
    Endpoint,
    /// The action needs a higher class than `PORTCULLIS_ACCESS`.
    Access,
    /// `PORTCULLIS_ACTIONS` does not list the action, or the manifest does not.
    Actions,
    /// The request is not one that the running call may send.
    Binding,
    /// A header is one that only the host or the engine writes.
    Headers,
    /// `PORTCULLIS_SIGNING` does not list the scope, or another identity or day signed.
    Signing,
    /// The body is longer than `PORTCULLIS_REQUEST_BYTES`, or its length is not known.
    RequestBytes,
    /// The call has sent as many requests as `PORTCULLIS_REQUESTS` allows.
    Requests,
    /// The body of a response is longer than `PORTCULLIS_RESPONSE_BYTES`.
    ResponseBytes,
}

impl Rule {
    /// Returns the rule's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Egress => "egress",
            Self::Endpoint => "endpoint",
            Self::Access => "access",
            Self::Actions => "actions",
            Self::Binding => "binding",
            Self::Headers => "headers",
            Self::Signing => "signing",
            Self::RequestBytes => "request-bytes",
            Self::Requests => "requests",
            Self::ResponseBytes => "response-bytes",
        }
    }
}

/// A request or key that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The rule that denied it.
    pub rule: Rule,
    /// The reason, in one sentence.
    pub message: String,
    /// The variable of the environment that would allow it and how, or other advice.
    pub remedy: String,
}

impl Denial {
    /// Creates a denial.
    #[must_use]
    pub fn new(rule: Rule, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { rule, message: message.into(), remedy: remedy.into() }
    }

    /// Creates the denial of something that no honest plugin does.
    #[must_use]
    pub fn defect(rule: Rule, message: impl Into<String>) -> Self {
        Self::new(rule, message, "nothing allows this; report the plugin to its publisher")
    }
}

impl Denial {
    /// Returns why the call fails, and whether the plugin's settings are the reason.
    #[must_use]
    pub fn into_ending(self) -> (String, bool) {
        match self.rule {
            Rule::Endpoint => (format!("{}; {}", self.message, self.remedy), true),
            _ => (self.to_string(), false),
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "denied by rule {}: {}; {}", self.rule.name(), self.message, self.remedy)
    }
}

impl core::error::Error for Denial {}

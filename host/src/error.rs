//! How a call can end without a result.

use portcullis_audit::{AuditError, ErrorKind};
use portcullis_gate::{Cause, Failure, Interruption};
use portcullis_json::Diagnostic;
use portcullis_policy::{Denial, Limit, LimitKind, LimitsError};
use std::fmt::{self, Write};
use std::sync::Arc;

/// Why a call has no result.
///
/// [`Error::kind`] classifies it, with the same names in the library, exit codes, problem
/// documents, metrics and audit records.
///
/// ```
/// use portcullis::Error;
///
/// fn explain(error: &Error) -> String {
///     match error {
///         Error::Denied(denial) => format!("{denial}; to allow it: {}", denial.remedy),
///         Error::Busy(_) => "try again later".to_string(),
///         other => format!("{}: {other}", other.kind()),
///     }
/// }
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The policy denied the call or one of its requests. The denial overrides whatever the plugin
    /// returned.
    #[error(transparent)]
    Denied(Box<Denial>),
    /// There is no capacity for the call. Nothing was sent.
    #[error("busy: {0}")]
    Busy(#[source] Busy),
    /// The call cannot be recorded, and the host refuses such calls.
    #[error("the audit record cannot be written: {source}{}", applied(*.maybe_applied))]
    Audit {
        /// The reason.
        source: AuditError,
        /// Whether the service may have carried out the request.
        maybe_applied: bool,
    },
    /// The call reached a limit of its policy.
    #[error(transparent)]
    Limit(Limit),
    /// The plugin crashed. Its instance is gone; the next call gets another one.
    #[error("the plugin trapped: {message}")]
    Trapped {
        /// The cause, as wasmtime describes it.
        message: String,
    },
    /// The datasource's configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The plugin returned an error.
    #[error(transparent)]
    Plugin(#[from] PluginError),
}

impl Error {
    /// The kind of the error.
    ///
    /// ```
    /// use portcullis::{Denial, Error, ErrorKind, Rule};
    ///
    /// let denial = Denial::new(Rule::Egress, "https://a.example", "it is not listed", "");
    /// assert_eq!(Error::from(denial).kind(), ErrorKind::Denied);
    /// ```
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Denied(_) => ErrorKind::Denied,
            Self::Busy(_) => ErrorKind::Busy,
            Self::Audit { .. } => ErrorKind::Audit,
            Self::Limit(_) => ErrorKind::Limit,
            Self::Trapped { .. } => ErrorKind::Trapped,
            Self::Config(_) => ErrorKind::Config,
            Self::Plugin(error) => match error {
                PluginError::InvalidSettings(_) => ErrorKind::InvalidSettings,
                PluginError::UnknownAction(_) => ErrorKind::UnknownAction,
                PluginError::InvalidInput(_) => ErrorKind::InvalidInput,
                PluginError::Credentials(_) => ErrorKind::Credentials,
                PluginError::Refused(_) => ErrorKind::Refused,
                PluginError::Service(_) => ErrorKind::Service,
                PluginError::Transport(_) => ErrorKind::Transport,
                PluginError::Timeout(_) => ErrorKind::Timeout,
                PluginError::Other(_) => ErrorKind::Other,
            },
        }
    }

    /// Whether the policy denied the call.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Denied(_))
    }

    /// Whether the deadline ended the call.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Limit(limit) => limit.which == LimitKind::Deadline,
            Self::Plugin(error) => matches!(error, PluginError::Timeout(_)),
            _ => false,
        }
    }

    /// The service's error, if the service responded with one.
    #[must_use]
    pub fn service(&self) -> Option<&ServiceError> {
        match self {
            Self::Plugin(PluginError::Service(error)) => Some(error),
            _ => None,
        }
    }

    /// Sets `maybe_applied` if the host saw a request leave, whatever the plugin says.
    pub(crate) fn or_maybe_applied(mut self, reached: bool) -> Self {
        if let Self::Plugin(PluginError::Transport(error) | PluginError::Timeout(error)) = &mut self
        {
            error.maybe_applied |= reached;
        }
        self
    }

    /// Says what the gate saw, if it saw why the last request failed: a plugin knows neither the
    /// cause nor whether its own text is true.
    pub(crate) fn naming(mut self, interruption: Option<Interruption>) -> Self {
        let Some(interruption) = interruption else { return self };
        match &mut self {
            Self::Plugin(PluginError::Transport(error)) => error.message = interruption.to_string(),
            Self::Plugin(PluginError::Timeout(error)) => {
                error.message = if matches!(interruption.cause(), Cause::Deadline(_)) {
                    interruption.to_string()
                } else {
                    format!("{}; before that, {interruption}", error.message)
                };
            }
            _ => {}
        }
        self
    }

    /// What a plugin returned in addition to the message, as JSON. The host limits its other texts.
    pub(crate) fn details(&self) -> &str {
        match self {
            Self::Plugin(PluginError::Service(error)) => {
                error.details.as_deref().unwrap_or_default()
            }
            _ => "",
        }
    }

    /// Applies `change` to every text that a plugin may have written.
    pub(crate) fn map_texts(mut self, change: impl Fn(&mut String)) -> Self {
        match &mut self {
            Self::Denied(denial) => {
                change(&mut denial.subject);
                change(&mut denial.message);
                change(&mut denial.remedy);
            }
            Self::Trapped { message } => change(message),
            Self::Plugin(error) => error.map_texts(change),
            Self::Busy(_) | Self::Audit { .. } | Self::Limit(_) | Self::Config(_) => {}
        }
        self
    }
}

impl From<Denial> for Error {
    fn from(denial: Denial) -> Self {
        Self::Denied(Box::new(denial))
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Denied(denial) => denial.into(),
            Failure::Limit(limit) => Self::Limit(limit),
            // `Failure` may get further variants; until they are handled here, fail closed.
            other => Self::Trapped { message: other.to_string() },
        }
    }
}

/// Why there is no capacity for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Busy {
    /// The datasource was at its concurrency limit until the deadline.
    #[error(
        "{running} calls of this datasource are running, and none ended in time; raise \
         limits.concurrent-calls, or call less"
    )]
    Calls {
        /// The limit.
        running: u32,
    },
    /// The queue of the datasource is full.
    #[error(
        "{waiting} calls of this datasource are waiting already; raise limits.queued-calls, or call \
         less"
    )]
    Queue {
        /// The limit.
        waiting: u32,
    },
    /// The host was at its concurrency limit until the deadline, over all datasources.
    #[error(
        "{running} calls of all datasources are running, and none ended in time; raise the host's \
         limit, or call less"
    )]
    Host {
        /// The limit.
        running: u32,
    },
    /// The memory of the process does not suffice for another call.
    #[error(
        "the calls that are running leave too little of the host's memory limit, {} MiB; raise \
         host.memory in the policy file, or call less", .limit >> 20
    )]
    Memory {
        /// The limit, in bytes.
        limit: u64,
    },
    /// All instances of the host are in use.
    #[error("all {capacity} instances of this host are in use")]
    Instances {
        /// The limit.
        capacity: u32,
    },
}

fn applied(maybe: bool) -> &'static str {
    if maybe { "; the service may have carried out the request" } else { "; nothing was sent" }
}

/// A datasource's configuration that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A limit of the policy allows no call to succeed, or is larger than the host supports.
    #[error("the policy cannot be used: {0}")]
    Limits(#[from] LimitsError),
    /// Trusted settings are not strict JSON. What the plugin reads in them must be what the host
    /// reads, so comments and trailing commas are not accepted.
    #[error("trusted settings are strict JSON, without comments and trailing commas: {0}")]
    Settings(#[source] Arc<serde_json::Error>),
}

/// An error that a plugin returned. The cases are those of the WIT contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// The settings cannot be used.
    #[error("the settings cannot be used:{}", indented(.0))]
    InvalidSettings(Vec<Diagnostic>),
    /// The plugin does not know the action.
    #[error("{0}")]
    UnknownAction(String),
    /// The action's input or its options cannot be sent. Nothing was sent.
    #[error("the input cannot be sent:{}", indented(.0))]
    InvalidInput(Vec<Diagnostic>),
    /// There are no usable credentials.
    #[error("no usable credentials: {0}")]
    Credentials(String),
    /// The plugin claims that the host refused. Only its claim: the host reports its own refusals
    /// as [`Error::Denied`].
    #[error("{0}")]
    Refused(String),
    /// The service responded with an error.
    #[error(transparent)]
    Service(Box<ServiceError>),
    /// The connection failed.
    #[error(transparent)]
    Transport(TransportError),
    /// The call ran out of time.
    #[error(transparent)]
    Timeout(TransportError),
    /// Any other error.
    #[error("{0}")]
    Other(String),
}

impl PluginError {
    fn map_texts(&mut self, change: impl Fn(&mut String)) {
        let optional = |text: &mut Option<String>| {
            if let Some(text) = text {
                change(text);
            }
        };
        match self {
            Self::InvalidSettings(diagnostics) | Self::InvalidInput(diagnostics) => {
                for diagnostic in diagnostics {
                    change(&mut diagnostic.pointer);
                    change(&mut diagnostic.message);
                }
            }
            Self::UnknownAction(text)
            | Self::Credentials(text)
            | Self::Refused(text)
            | Self::Other(text) => change(text),
            Self::Service(error) => {
                change(&mut error.code);
                change(&mut error.message);
                optional(&mut error.request_id);
                optional(&mut error.details);
                optional(&mut error.hint);
            }
            Self::Transport(error) | Self::Timeout(error) => change(&mut error.message),
        }
    }
}

fn indented(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().fold(String::new(), |mut text, diagnostic| {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {diagnostic}");
        text
    })
}

/// An error of the service.
///
/// The struct is exhaustive, so that tests of code that handles it can build one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ServiceError {
    /// The service's name for the error, without its namespace.
    pub code: String,
    /// The service's message.
    pub message: String,
    /// The HTTP status.
    pub http_status: u16,
    /// The service's id of the request.
    pub request_id: Option<String>,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// The number of requests that were sent.
    pub attempts: u32,
    /// Further fields of the response, as a JSON object.
    pub details: Option<String>,
    /// What the caller can do.
    pub hint: Option<String>,
}

/// A call that ended before the service's response was complete.
///
/// The struct is exhaustive, so that tests of code that handles it can build one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportError {
    /// What happened.
    pub message: String,
    /// Whether the service may have carried out the request.
    pub maybe_applied: bool,
    /// The number of requests that were started.
    pub attempts: u32,
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let applied = if self.maybe_applied {
            "; the service may have carried out the request"
        } else {
            "; nothing was done"
        };
        let plural = if self.attempts == 1 { "attempt" } else { "attempts" };
        write!(f, "{} ({} {plural}{applied})", self.message, self.attempts)
    }
}

impl std::error::Error for TransportError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;
    use std::io;

    #[test]
    fn an_error_names_its_cause() {
        let source = AuditError::from(io::Error::other("the disk is full"));
        let error = Error::Audit { source, maybe_applied: false };
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("the disk is full"));
        assert!(Error::Busy(Busy::Calls { running: 1 }).source().is_some());
    }
}

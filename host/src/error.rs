//! How a call can end without a result.

use portcullis_policy::Denial;
use std::fmt;
use std::time::Duration;

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The policy refused: the rule, what was asked for, and what would allow it. Whatever the plugin then said does
    /// not count.
    #[error("{0}")]
    Denied(Box<Denial>),
    /// There is no place for the call. Nothing was sent.
    #[error("busy: {0}")]
    Busy(Busy),
    /// The call, or its end, cannot be written down, and the audit's setting is to refuse calls then.
    #[error("the audit record cannot be written: {reason}{}", applied(*.maybe_applied))]
    Audit {
        /// Why.
        reason: String,
        /// Whether the service may have done what was asked.
        maybe_applied: bool,
    },
    /// The call reached a bound of its policy.
    #[error("{0}")]
    Limit(Limit),
    /// The plugin crashed. Its instance is gone; the next call gets another.
    #[error("the plugin trapped: {0}")]
    Trapped(String),
    /// The plugin's own error.
    #[error("{0}")]
    Plugin(PluginError),
}

impl Error {
    /// Whether the policy refused.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Denied(_))
    }

    /// Whether the deadline ended the call.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(
            self,
            Self::Limit(Limit { which: LimitKind::Deadline, .. })
                | Self::Plugin(PluginError::Timeout(_))
        )
    }

    /// The same, with what the gate saw: a plugin may not say that nothing was done after a request had left.
    pub(crate) fn or_maybe_applied(mut self, reached: bool) -> Self {
        if let Self::Plugin(PluginError::Transport(end) | PluginError::Timeout(end)) = &mut self {
            end.maybe_applied |= reached;
        }
        self
    }

    /// The case, as audit records and metrics name it.
    #[must_use]
    pub fn case(&self) -> &'static str {
        match self {
            Self::Denied(_) => "denied",
            Self::Busy(_) => "busy",
            Self::Audit { .. } => "audit",
            Self::Limit(_) => "limit",
            Self::Trapped(_) => "trapped",
            Self::Plugin(error) => match error {
                PluginError::InvalidSettings(_) => "invalid-settings",
                PluginError::UnknownAction(_) => "unknown-action",
                PluginError::InvalidInput(_) => "invalid-input",
                PluginError::Credentials(_) => "credentials",
                PluginError::Refused(_) => "refused",
                PluginError::Service(_) => "service",
                PluginError::Transport(_) => "transport",
                PluginError::Timeout(_) => "timeout",
                PluginError::Other(_) => "other",
            },
        }
    }

    /// The same with `change` made to every text that a plugin may have written.
    pub(crate) fn map_texts(mut self, change: impl Fn(&mut String)) -> Self {
        let optional = |text: &mut Option<String>| {
            if let Some(text) = text {
                change(text);
            }
        };
        match &mut self {
            Self::Denied(denial) => {
                change(&mut denial.subject);
                change(&mut denial.message);
                change(&mut denial.remedy);
            }
            Self::Trapped(text) => change(text),
            Self::Plugin(error) => match error {
                PluginError::InvalidSettings(faults) | PluginError::InvalidInput(faults) => {
                    for fault in faults {
                        change(&mut fault.pointer);
                        change(&mut fault.message);
                    }
                }
                PluginError::UnknownAction(text)
                | PluginError::Credentials(text)
                | PluginError::Refused(text)
                | PluginError::Other(text) => change(text),
                PluginError::Service(error) => {
                    change(&mut error.code);
                    change(&mut error.message);
                    optional(&mut error.request_id);
                    optional(&mut error.details);
                    optional(&mut error.hint);
                }
                PluginError::Transport(end) | PluginError::Timeout(end) => change(&mut end.message),
            },
            Self::Busy(_) | Self::Audit { .. } | Self::Limit(_) => {}
        }
        self
    }

    /// The service's error, where it answered with one.
    #[must_use]
    pub fn service(&self) -> Option<&ServiceError> {
        match self {
            Self::Plugin(PluginError::Service(error)) => Some(error),
            _ => None,
        }
    }
}

/// Why there is no place for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Busy {
    /// As many calls of the datasource as its policy allows were running until the deadline.
    #[error(
        "{running} calls of this datasource are running, and none ended in time; raise limits.concurrent-calls, or call less"
    )]
    Calls {
        /// The bound.
        running: u32,
    },
    /// As many calls of the datasource are waiting as its policy allows.
    #[error(
        "{waiting} calls of this datasource are waiting already; raise limits.queued-calls, or call less"
    )]
    Queue {
        /// The bound.
        waiting: u32,
    },
    /// As many calls as the host allows were running until the deadline, of all datasources.
    #[error(
        "{running} calls of all datasources are running, and none ended in time; allow the host more, or call less"
    )]
    Host {
        /// The bound.
        running: u32,
    },
    /// All places for instances are taken, by all datasources.
    #[error("{places} instances are in use by all datasources, and there is no place for more")]
    Instances {
        /// The bound.
        places: u32,
    },
}

fn applied(maybe: bool) -> &'static str {
    if maybe { "; the service may have done what was asked" } else { "; nothing was sent" }
}

impl From<Denial> for Error {
    fn from(denial: Denial) -> Self {
        Self::Denied(Box::new(denial))
    }
}

/// A bound that a call reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Which.
    pub which: LimitKind,
    /// The bound, in words.
    pub bound: String,
    /// Whether the service may have done what was asked.
    pub maybe_applied: bool,
}

/// The bounds of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitKind {
    /// The time of the call.
    Deadline,
    /// The memory of an instance.
    Memory,
    /// The tables of functions of an instance.
    Tables,
    /// What an instance holds of the host.
    Resources,
    /// The headers of a request or an answer.
    HeaderBytes,
    /// The nesting of JSON.
    JsonDepth,
    /// The bytes of a request's body.
    RequestBytes,
    /// The bytes of an answer's body.
    ResponseBytes,
    /// The requests of a call.
    Requests,
}

impl LimitKind {
    /// The key of the bound in a policy's `limits`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Tables => "tables",
            Self::Resources => "resources",
            Self::HeaderBytes => "header-bytes",
            Self::JsonDepth => "json-depth",
            Self::RequestBytes => "request-bytes",
            Self::ResponseBytes => "response-bytes",
            Self::Requests => "requests",
        }
    }
}

impl Limit {
    /// `asked` is the caller's own time, where it is shorter than the policy's.
    pub(crate) fn deadline(policy: Duration, asked: Option<Duration>, maybe_applied: bool) -> Self {
        let bound = asked.map_or_else(
            || format!("{policy:?}"),
            |asked| format!("{policy:?}, of which the caller gave {asked:?}"),
        );
        Self { which: LimitKind::Deadline, bound, maybe_applied }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the call reached limits.{} of its policy, {}", self.which.key(), self.bound)?;
        if self.maybe_applied { f.write_str(applied(true)) } else { Ok(()) }
    }
}

/// An error that the plugin reports; the cases are the contract's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PluginError {
    /// The settings cannot be used.
    InvalidSettings(Vec<Fault>),
    /// The plugin knows no such action.
    UnknownAction(String),
    /// The action's JSON, or its options, cannot be sent. Nothing was.
    InvalidInput(Vec<Fault>),
    /// There are no usable credentials.
    Credentials(String),
    /// The plugin says that the host refused, though the host did not: a guest's word alone.
    Refused(String),
    /// The service answered with an error.
    Service(Box<ServiceError>),
    /// The connection failed.
    Transport(Interruption),
    /// The deadline came.
    Timeout(Interruption),
    /// Anything else.
    Other(String),
}

impl fmt::Display for PluginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = |f: &mut fmt::Formatter<'_>, what: &str, faults: &[Fault]| {
            write!(f, "{what}")?;
            faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
        };
        match self {
            Self::InvalidSettings(list) => faults(f, "the settings cannot be used:", list),
            Self::InvalidInput(list) => faults(f, "the input cannot be sent:", list),
            Self::UnknownAction(message) | Self::Refused(message) | Self::Other(message) => {
                f.write_str(message)
            }
            Self::Credentials(message) => write!(f, "no usable credentials: {message}"),
            Self::Service(error) => error.fmt(f),
            Self::Transport(end) | Self::Timeout(end) => end.fmt(f),
        }
    }
}

/// One thing wrong with JSON that the caller gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A JSON Pointer (RFC 6901); empty for the whole.
    pub pointer: String,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() { "/" } else { &self.pointer };
        write!(f, "{place}: {}", self.message)
    }
}

/// The service's error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceError {
    /// The service's name for it, without a name space.
    pub code: String,
    /// The service's text.
    pub message: String,
    /// The HTTP status.
    pub http_status: u16,
    /// The service's id of the request.
    pub request_id: Option<String>,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// Requests sent.
    pub attempts: u32,
    /// Further members of the answer, as a JSON object.
    pub details: Option<String>,
    /// What the caller can do.
    pub hint: Option<String>,
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// A call that ended before the service's answer was whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interruption {
    /// What happened.
    pub message: String,
    /// Whether the service may have done what was asked.
    pub maybe_applied: bool,
    /// Requests begun.
    pub attempts: u32,
}

impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let applied = if self.maybe_applied {
            "; the service may have done what was asked"
        } else {
            "; nothing was done"
        };
        let plural = if self.attempts == 1 { "attempt" } else { "attempts" };
        write!(f, "{} ({} {plural}{applied})", self.message, self.attempts)
    }
}

/// Why a plugin was not loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read {file}: {error}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        error: std::io::Error,
    },
    /// The bytes are larger than [`crate::MAX_COMPONENT_BYTES`].
    #[error("the component has {bytes} bytes; the most that is loaded is {limit}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
    /// The bytes are not a component, or cannot be compiled.
    #[error("this is not a WebAssembly component that can be compiled: {0}")]
    Invalid(String),
    /// The SHA-256 is not the pinned one.
    #[error(
        "the component's SHA-256 is {found}, and {expected} is pinned: it is not the file that was approved"
    )]
    Digest {
        /// The pinned digest.
        expected: String,
        /// The file's.
        found: String,
    },
    /// The component wants more than a plugin gets.
    #[error("the component imports what no plugin gets: {}", .0.join(", "))]
    Imports(Vec<String>),
    /// The component does not export what a plugin must, or with other types.
    #[error("the component is not of the world portcullis:datasource/plugin@0.1.0: {0}")]
    World(String),
    /// The manifest cannot be used.
    #[error("the manifest cannot be used: {0}")]
    Manifest(String),
    /// Compiling took too long.
    #[error("compiling the component took longer than {0:?}")]
    TooSlow(Duration),
    /// The certificates or the key of TLS cannot be used.
    #[error("the files of TLS cannot be used: {0}")]
    Tls(String),
    /// The folder for compiled code cannot be used.
    #[error("the folder for compiled code {folder} cannot be used: {reason}")]
    Cache {
        /// The folder.
        folder: String,
        /// Why.
        reason: String,
    },
}

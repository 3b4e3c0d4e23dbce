//! The kinds of errors, with one name each.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The kind of an error of a call. Exit codes, problem documents, the `OpenAPI`
/// description, metrics and audit records use its names.
///
/// ```
/// use portcullis_audit::ErrorKind;
///
/// assert_eq!(ErrorKind::InvalidInput.to_string(), "invalid-input");
/// assert_eq!("invalid-input".parse(), Ok(ErrorKind::InvalidInput));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The policy denied the call or one of its requests.
    Denied,
    /// There is no capacity for the call.
    Busy,
    /// The call cannot be recorded.
    Audit,
    /// The call reached a limit of its policy.
    Limit,
    /// The plugin crashed.
    Trapped,
    /// The datasource's configuration cannot be used.
    Config,
    /// The plugin cannot use the settings.
    InvalidSettings,
    /// The plugin does not know the action.
    UnknownAction,
    /// The input cannot be sent.
    InvalidInput,
    /// There are no usable credentials.
    Credentials,
    /// The plugin claims that the host refused.
    Refused,
    /// The service responded with an error.
    Service,
    /// The connection failed.
    Transport,
    /// The plugin ran out of time.
    Timeout,
    /// Any other error of the plugin.
    Other,
}

impl ErrorKind {
    /// All kinds.
    pub const ALL: &'static [Self] = &[
        Self::Denied,
        Self::Busy,
        Self::Audit,
        Self::Limit,
        Self::Trapped,
        Self::Config,
        Self::InvalidSettings,
        Self::UnknownAction,
        Self::InvalidInput,
        Self::Credentials,
        Self::Refused,
        Self::Service,
        Self::Transport,
        Self::Timeout,
        Self::Other,
    ];

    /// The name of the kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Busy => "busy",
            Self::Audit => "audit",
            Self::Limit => "limit",
            Self::Trapped => "trapped",
            Self::Config => "config",
            Self::InvalidSettings => "invalid-settings",
            Self::UnknownAction => "unknown-action",
            Self::InvalidInput => "invalid-input",
            Self::Credentials => "credentials",
            Self::Refused => "refused",
            Self::Service => "service",
            Self::Transport => "transport",
            Self::Timeout => "timeout",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is not the name of an [`ErrorKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not the name of an error kind")]
pub struct UnknownErrorKind;

impl FromStr for ErrorKind {
    type Err = UnknownErrorKind;

    fn from_str(name: &str) -> Result<Self, UnknownErrorKind> {
        let found = Self::ALL.iter().copied().find(|kind| kind.as_str() == name);
        found.ok_or(UnknownErrorKind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_one_name_everywhere() {
        for kind in ErrorKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(*kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert_eq!("Denied".parse::<ErrorKind>(), Err(UnknownErrorKind));
    }
}

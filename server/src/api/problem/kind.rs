//! The kinds of problems, by name.

use http::StatusCode;
use portcullis::ErrorKind;
use std::fmt;
use std::str::FromStr;

/// The kind of a problem: the field `case` of a problem document.
///
/// ```
/// use portcullis::ErrorKind;
/// use portcullis_server::ProblemKind;
///
/// assert_eq!("denied".parse(), Ok(ProblemKind::Call(ErrorKind::Denied)));
/// assert_eq!(ProblemKind::NotFound.to_string(), "not-found");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The token is missing or unknown.
    Unauthorized,
    /// The token does not allow it.
    Forbidden,
    /// There is no such path, datasource or action.
    NotFound,
    /// The path does not accept the method.
    MethodNotAllowed,
    /// The body has another media type than the API accepts.
    MediaType,
    /// The request is malformed.
    BadRequest,
    /// The body is too large.
    TooLarge,
    /// The body did not arrive in time.
    TooSlow,
    /// The policy file cannot be used.
    Reload,
    /// An operator has disabled the datasource.
    Disabled,
    /// Something else has the name, or a limit is reached.
    Conflict,
    /// What the request expects is not so: `If-Match` or `If-None-Match`.
    Precondition,
    /// The store of datasources cannot be used.
    Store,
    /// A call has no result.
    Call(ErrorKind),
}

impl ProblemKind {
    /// The kinds of the server itself. The others are [`ErrorKind::ALL`].
    pub const OWN: [Self; 13] = [
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::MediaType,
        Self::BadRequest,
        Self::TooLarge,
        Self::TooSlow,
        Self::Reload,
        Self::Disabled,
        Self::Conflict,
        Self::Precondition,
        Self::Store,
    ];

    /// All kinds.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::OWN.into_iter().chain(ErrorKind::ALL.iter().copied().map(Self::Call))
    }

    /// The name of the kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
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
            Self::Disabled => "disabled",
            Self::Conflict => "conflict",
            Self::Precondition => "precondition",
            Self::Store => "store",
            Self::Call(kind) => kind.as_str(),
        }
    }

    /// The status of the server's own kinds.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::Disabled => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Reload | Self::Conflict => StatusCode::CONFLICT,
            Self::Precondition => StatusCode::PRECONDITION_FAILED,
            Self::Store => StatusCode::SERVICE_UNAVAILABLE,
            Self::Call(_) => StatusCode::BAD_GATEWAY,
        }
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is not the name of a [`ProblemKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not the name of a problem kind")]
pub struct UnknownProblemKind;

impl FromStr for ProblemKind {
    type Err = UnknownProblemKind;

    fn from_str(name: &str) -> Result<Self, UnknownProblemKind> {
        Self::all().find(|kind| kind.as_str() == name).ok_or(UnknownProblemKind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_one_name() {
        for kind in ProblemKind::all() {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert_eq!("".parse::<ProblemKind>(), Err(UnknownProblemKind));
    }
}

//! The limit that a call reached, as errors and audit records name it.

use std::fmt;
use std::time::Duration;

/// A limit that a call reached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limit {
    /// Which limit.
    pub which: LimitKind,
    /// The limit's value with its unit, as people read it: `16.0 MiB`, `30s`.
    pub bound: String,
    /// Whether the service may have carried out the request.
    pub maybe_applied: bool,
}

impl Limit {
    /// Creates the limit that was reached, with its value.
    ///
    /// ```
    /// use portcullis_policy::{Limit, LimitKind};
    ///
    /// let limit = Limit::new(LimitKind::Requests, "1000", false);
    /// assert_eq!(limit.to_string(), "the call reached limits.requests of its policy, 1000");
    /// ```
    #[must_use]
    pub fn new(which: LimitKind, bound: impl Into<String>, maybe_applied: bool) -> Self {
        Self { which, bound: bound.into(), maybe_applied }
    }

    /// Creates the limit of a call that reached its deadline. `requested` is the caller's own time
    /// limit, if it is shorter than the policy's.
    #[must_use]
    pub fn deadline(policy: Duration, requested: Option<Duration>, maybe_applied: bool) -> Self {
        let bound = match requested {
            Some(requested) => format!("{policy:?}; the caller allowed {requested:?}"),
            None => format!("{policy:?}"),
        };
        Self { which: LimitKind::Deadline, bound, maybe_applied }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the call reached limits.{} of its policy, {}", self.which.key(), self.bound)?;
        if self.maybe_applied {
            f.write_str("; the service may have carried out the request")?;
        }
        Ok(())
    }
}

impl std::error::Error for Limit {}

/// The limits of a policy that can end a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitKind {
    /// The time for the whole call.
    Deadline,
    /// The linear memory of an instance.
    Memory,
    /// The WebAssembly tables of an instance.
    WasmTables,
    /// The host resources that an instance holds.
    Resources,
    /// The size of the headers of one request or response.
    HeaderBytes,
    /// The nesting depth of JSON.
    JsonDepth,
    /// The size of the body of one request.
    RequestBytes,
    /// The size of the body of one response.
    ResponseBytes,
    /// The number of requests of one call.
    Requests,
}

impl LimitKind {
    /// Returns the limit's key in the policy's `limits` table.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::WasmTables => "wasm-tables",
            Self::Resources => "resources",
            Self::HeaderBytes => "header-bytes",
            Self::JsonDepth => "json-depth",
            Self::RequestBytes => "request-bytes",
            Self::ResponseBytes => "response-bytes",
            Self::Requests => "requests",
        }
    }
}

impl fmt::Display for LimitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

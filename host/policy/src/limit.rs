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
        match self.which {
            LimitKind::ProcessMemory => write!(
                f,
                "the call needed more memory than the host has left for all calls, of {} in all; \
                 raise host.memory in the policy file, or make fewer and smaller calls at a time",
                self.bound
            )?,
            which => {
                write!(f, "the call reached limits.{} of its policy, {}", which.key(), self.bound)?;
            }
        }
        if self.maybe_applied {
            f.write_str("; the service may have carried out the request")?;
        }
        Ok(())
    }
}

impl std::error::Error for Limit {}

/// The limits that can end a call: those of its policy, and the host's memory limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitKind {
    /// The time for the whole call.
    Deadline,
    /// The linear memory of an instance.
    Memory,
    /// The memory that the host holds for an instance.
    HostMemory,
    /// The memory of the process, over all calls. It is the host's limit, and not the policy's.
    ProcessMemory,
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
    /// Returns the limit's name: its key in the policy's `limits` table, or `process-memory`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::HostMemory => "host-memory",
            Self::ProcessMemory => "process-memory",
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

//! Bounds on what one call may take.

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Bounds on a call, each with its default and the reason for it.
///
/// ```
/// use portcullis_policy::Limits;
/// use std::time::Duration;
///
/// let limits = Limits::default().with_deadline(Duration::from_secs(5));
/// assert_eq!(limits.deadline, Duration::from_secs(5));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Time for the whole call: waiting, all attempts, all pages. 30 s: DynamoDB answers in milliseconds, and the
    /// retries of AWS's standard mode end well before.
    #[serde(with = "humantime_serde")]
    pub deadline: Duration,
    /// Time to resolve, connect and shake hands, for one request. 5 s: three lost TCP SYNs.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// Memory of one instance. 192 MiB: the largest answer of `response-bytes`, and the copies that growing and
    /// rewriting it take.
    pub memory: ByteSize,
    /// Bytes of one request's body. 16 MiB: what DynamoDB takes at most.
    pub request_bytes: ByteSize,
    /// Bytes of one answer's body. 32 MiB: DynamoDB's 16 MB of data, written as JSON.
    pub response_bytes: ByteSize,
    /// Requests of one call, with all retries and pages. 1000: a thousand pages of 1 MB are more than memory holds.
    pub requests: u32,
    /// Calls of one datasource at the same time; further ones wait for their deadline. 64: as many as AWS's SDKs
    /// keep connections.
    pub concurrent_calls: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            memory: ByteSize::mib(192),
            request_bytes: ByteSize::mib(16),
            response_bytes: ByteSize::mib(32),
            requests: 1000,
            concurrent_calls: 64,
        }
    }
}

/// The longest deadline: a day. A call that takes longer is a job for something else.
pub const MAX_DEADLINE: Duration = Duration::from_hours(24);

impl Limits {
    /// Whether calls are possible within these bounds.
    ///
    /// # Errors
    /// The bound that allows none, or is beyond what a clock can count.
    pub fn check(&self) -> Result<(), String> {
        let zero = [
            ("deadline", self.deadline.is_zero()),
            ("connect-timeout", self.connect_timeout.is_zero()),
            ("memory", self.memory.as_u64() == 0),
            ("request-bytes", self.request_bytes.as_u64() == 0),
            ("response-bytes", self.response_bytes.as_u64() == 0),
            ("requests", self.requests == 0),
            ("concurrent-calls", self.concurrent_calls == 0),
        ];
        if let Some((key, _)) = zero.iter().find(|(_, zero)| *zero) {
            return Err(format!("limits.{key} is zero, which lets no call succeed; leave it out for the default"));
        }
        if self.deadline > MAX_DEADLINE || self.connect_timeout > MAX_DEADLINE {
            return Err("limits.deadline and limits.connect-timeout are at most a day".to_string());
        }
        Ok(())
    }

    /// With another deadline; default 30 s.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// With another time to connect; default 5 s.
    #[must_use]
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// With another bound on an instance's memory, in bytes; default 192 MiB.
    #[must_use]
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = ByteSize::b(bytes);
        self
    }

    /// With another bound on a request's body, in bytes; default 16 MiB.
    #[must_use]
    pub fn with_request_bytes(mut self, bytes: u64) -> Self {
        self.request_bytes = ByteSize::b(bytes);
        self
    }

    /// With another bound on an answer's body, in bytes; default 32 MiB.
    #[must_use]
    pub fn with_response_bytes(mut self, bytes: u64) -> Self {
        self.response_bytes = ByteSize::b(bytes);
        self
    }

    /// With another bound on the requests of a call; default 1000.
    #[must_use]
    pub fn with_requests(mut self, requests: u32) -> Self {
        self.requests = requests;
        self
    }

    /// With another bound on calls at the same time; default 64.
    #[must_use]
    pub fn with_concurrent_calls(mut self, calls: u32) -> Self {
        self.concurrent_calls = calls;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_that_allow_nothing_or_never_end_are_refused() {
        assert!(Limits::default().check().is_ok());
        assert!(Limits::default().with_deadline(Duration::ZERO).check().unwrap_err().contains("limits.deadline"));
        assert!(Limits::default().with_deadline(Duration::MAX).check().is_err());
        assert!(Limits::default().with_concurrent_calls(0).check().unwrap_err().contains("concurrent-calls"));
    }
}

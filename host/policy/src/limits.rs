//! Limits on the time, memory and traffic of one call.

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The error of [`Limits::check`]: a limit with which no call can succeed, or that the host does
/// not support.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitsError {
    /// The limit is zero.
    #[error("limits.{key} is zero, so no call can succeed; remove it to use the default")]
    Zero {
        /// The limit's key in the policy.
        key: &'static str,
    },
    /// The time is longer than [`MAX_DEADLINE`].
    #[error("limits.{key} is longer than one day, the maximum")]
    TooLong {
        /// The limit's key in the policy.
        key: &'static str,
    },
    /// The count is larger than the host's instance pool supports.
    #[error("limits.{key} is larger than {max}, the maximum")]
    TooMany {
        /// The limit's key in the policy.
        key: &'static str,
        /// The largest value allowed.
        max: u32,
    },
}

/// Limits on one call. Each field documents its default and the reason for it.
///
/// The struct is exhaustive, so that `Limits { requests: 10, ..Limits::default() }` works. A later
/// version may add fields: do not list them all.
///
/// ```
/// use portcullis_policy::Limits;
/// use std::time::Duration;
///
/// let limits = Limits::default().with_deadline(Duration::from_secs(5)).with_requests(10);
/// assert_eq!(limits.deadline, Duration::from_secs(5));
/// assert!(limits.check().is_ok());
/// assert_eq!(
///     limits.with_requests(0).check().unwrap_err().to_string(),
///     "limits.requests is zero, so no call can succeed; remove it to use the default"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Time for the whole call: waiting, all attempts and all pages. 30 s: `DynamoDB` responds in
    /// milliseconds, and the retries of AWS's standard mode end well before.
    #[serde(with = "humantime_serde")]
    pub deadline: Duration,
    /// Time to resolve a name and connect, for one request, with all addresses that are tried. 5 s:
    /// enough for two lost TCP SYNs, which are sent again after 1 s and 3 s.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// Time for the TLS handshake of a new connection. 5 s: enough for two round trips with two
    /// lost segments each.
    #[serde(with = "humantime_serde")]
    pub tls_timeout: Duration,
    /// Time from the last byte of a request to the head of its response. 15 s: half the deadline,
    /// so that there is time for a second attempt if a server does not respond.
    #[serde(with = "humantime_serde")]
    pub first_byte_timeout: Duration,
    /// Time between two parts of a response body. 10 s: a connection without any data for that long
    /// has been lost.
    #[serde(with = "humantime_serde")]
    pub read_timeout: Duration,
    /// Linear memory of one instance. 192 MiB: the largest response that `response-bytes` allows,
    /// and the copies that are made while it grows and is transcoded.
    pub memory: ByteSize,
    /// Memory that the host holds for one instance: requests that are not sent yet, bodies that are
    /// being checked, and a response before the plugin gets it. 48 MiB: the largest request and the
    /// largest response of the other limits at once.
    pub host_memory: ByteSize,
    /// WebAssembly tables in one instance, with at most [`MAX_TABLE_ELEMENTS`] elements each. 8: a
    /// plugin has one or two, and the adapter of a component has another two. `tables` is the
    /// deprecated spelling of this key.
    #[serde(alias = "tables")]
    pub wasm_tables: u32,
    /// Core instances in one component instance. 16: a component built from one module has three or
    /// four.
    pub instances: u32,
    /// Host resources that an instance may hold: requests, bodies, streams, timers. 256: a call
    /// needs about ten.
    pub resources: u32,
    /// Size of the headers of one request or response, including the overhead of storing them.
    /// 64 KiB: AWS's own limit for a request is 8 to 16 KiB.
    pub header_bytes: ByteSize,
    /// Size of one request body, and of a caller's input. 16 MiB: the most that `DynamoDB` accepts.
    pub request_bytes: ByteSize,
    /// Size of one response body. 32 MiB: `DynamoDB`'s 16 MB of data, written as JSON.
    pub response_bytes: ByteSize,
    /// Nesting depth of JSON, in the caller's input, in the plugin's result and in the details of its
    /// error. What `relay` passes on is not read. 128: `DynamoDB`
    /// nests values up to 32 deep, each takes two levels of JSON, and most JSON parsers stop at
    /// 128.
    pub json_depth: u32,
    /// Requests of one call, including all retries and pages. 1000: a thousand pages of 1 MB exceed
    /// the memory of an instance.
    pub requests: u32,
    /// Concurrent calls of one datasource. 64: about as many connections as AWS's SDKs keep.
    pub concurrent_calls: u32,
    /// Calls of one datasource that wait for a permit, in order of arrival. Further calls end with
    /// `busy` at once. 1024: sixteen for each running call, which absorbs a short burst. Zero is
    /// allowed: then no call waits.
    pub queued_calls: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            tls_timeout: Duration::from_secs(5),
            first_byte_timeout: Duration::from_secs(15),
            read_timeout: Duration::from_secs(10),
            memory: ByteSize::mib(192),
            host_memory: ByteSize::mib(48),
            wasm_tables: 8,
            instances: 16,
            resources: 256,
            header_bytes: ByteSize::kib(64),
            request_bytes: ByteSize::mib(16),
            response_bytes: ByteSize::mib(32),
            json_depth: 128,
            requests: 1000,
            concurrent_calls: 64,
            queued_calls: 1024,
        }
    }
}

/// The longest time that a limit may have: one day. Longer work does not belong in a single call.
pub const MAX_DEADLINE: Duration = Duration::from_hours(24);
/// The most WebAssembly tables in one instance. The host's instance pool reserves this many for
/// each instance, twice the number that a plugin with its adapter needs.
pub const MAX_TABLES: u32 = 8;
/// The most core instances in one component instance. The host's instance pool reserves this many,
/// four times the number that a component built from one module needs.
pub const MAX_INSTANCES: u32 = 16;
/// The most elements in one WebAssembly table. A plugin's function table has some hundreds, and
/// 20,000 pointers take 160 kB.
pub const MAX_TABLE_ELEMENTS: usize = 20_000;

impl Limits {
    /// Checks that a call can succeed within these limits, and that the host supports them.
    ///
    /// # Errors
    /// Returns an error that names a limit which is zero or larger than the host supports.
    pub fn check(&self) -> Result<(), LimitsError> {
        let times = [
            ("deadline", self.deadline),
            ("connect-timeout", self.connect_timeout),
            ("tls-timeout", self.tls_timeout),
            ("first-byte-timeout", self.first_byte_timeout),
            ("read-timeout", self.read_timeout),
        ];
        let bytes = [
            ("memory", self.memory),
            ("host-memory", self.host_memory),
            ("header-bytes", self.header_bytes),
            ("request-bytes", self.request_bytes),
            ("response-bytes", self.response_bytes),
        ];
        let counts = [
            ("wasm-tables", self.wasm_tables),
            ("instances", self.instances),
            ("resources", self.resources),
            ("json-depth", self.json_depth),
            ("requests", self.requests),
            ("concurrent-calls", self.concurrent_calls),
        ];
        let zero = times.iter().filter(|(_, time)| time.is_zero()).map(|(key, _)| *key);
        let zero =
            zero.chain(bytes.iter().filter(|(_, bytes)| bytes.as_u64() == 0).map(|(key, _)| *key));
        let mut zero =
            zero.chain(counts.iter().filter(|(_, count)| *count == 0).map(|(key, _)| *key));
        if let Some(key) = zero.next() {
            return Err(LimitsError::Zero { key });
        }
        if let Some((key, _)) = times.iter().find(|(_, time)| *time > MAX_DEADLINE) {
            return Err(LimitsError::TooLong { key });
        }
        let maxima = [
            ("wasm-tables", self.wasm_tables, MAX_TABLES),
            ("instances", self.instances, MAX_INSTANCES),
        ];
        match maxima.iter().find(|(_, value, max)| value > max) {
            Some(&(key, _, max)) => Err(LimitsError::TooMany { key, max }),
            None => Ok(()),
        }
    }

    /// Sets `deadline`; default 30 s.
    #[must_use]
    pub fn with_deadline(mut self, time: Duration) -> Self {
        self.deadline = time;
        self
    }

    /// Sets `connect-timeout`; default 5 s.
    #[must_use]
    pub fn with_connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = time;
        self
    }

    /// Sets `tls-timeout`; default 5 s.
    #[must_use]
    pub fn with_tls_timeout(mut self, time: Duration) -> Self {
        self.tls_timeout = time;
        self
    }

    /// Sets `first-byte-timeout`; default 15 s.
    #[must_use]
    pub fn with_first_byte_timeout(mut self, time: Duration) -> Self {
        self.first_byte_timeout = time;
        self
    }

    /// Sets `read-timeout`; default 10 s.
    #[must_use]
    pub fn with_read_timeout(mut self, time: Duration) -> Self {
        self.read_timeout = time;
        self
    }

    /// Sets `memory`, in bytes; default 192 MiB.
    #[must_use]
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = ByteSize::b(bytes);
        self
    }

    /// Sets `host-memory`, in bytes; default 48 MiB.
    #[must_use]
    pub fn with_host_memory(mut self, bytes: u64) -> Self {
        self.host_memory = ByteSize::b(bytes);
        self
    }

    /// Sets `wasm-tables`; default 8.
    #[must_use]
    pub fn with_wasm_tables(mut self, count: u32) -> Self {
        self.wasm_tables = count;
        self
    }

    /// Sets `instances`; default 16.
    #[must_use]
    pub fn with_instances(mut self, count: u32) -> Self {
        self.instances = count;
        self
    }

    /// Sets `resources`; default 256.
    #[must_use]
    pub fn with_resources(mut self, count: u32) -> Self {
        self.resources = count;
        self
    }

    /// Sets `header-bytes`; default 64 KiB.
    #[must_use]
    pub fn with_header_bytes(mut self, bytes: u64) -> Self {
        self.header_bytes = ByteSize::b(bytes);
        self
    }

    /// Sets `request-bytes`; default 16 MiB.
    #[must_use]
    pub fn with_request_bytes(mut self, bytes: u64) -> Self {
        self.request_bytes = ByteSize::b(bytes);
        self
    }

    /// Sets `response-bytes`; default 32 MiB.
    #[must_use]
    pub fn with_response_bytes(mut self, bytes: u64) -> Self {
        self.response_bytes = ByteSize::b(bytes);
        self
    }

    /// Sets `json-depth`; default 128.
    #[must_use]
    pub fn with_json_depth(mut self, count: u32) -> Self {
        self.json_depth = count;
        self
    }

    /// Sets `requests`; default 1000.
    #[must_use]
    pub fn with_requests(mut self, count: u32) -> Self {
        self.requests = count;
        self
    }

    /// Sets `concurrent-calls`; default 64.
    #[must_use]
    pub fn with_concurrent_calls(mut self, count: u32) -> Self {
        self.concurrent_calls = count;
        self
    }

    /// Sets `queued-calls`; default 1024.
    #[must_use]
    pub fn with_queued_calls(mut self, count: u32) -> Self {
        self.queued_calls = count;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_are_zero_or_unsupported_are_refused() {
        assert_eq!(Limits::default().check(), Ok(()));
        for (limits, error) in [
            (
                Limits::default().with_deadline(Duration::ZERO),
                LimitsError::Zero { key: "deadline" },
            ),
            (
                Limits::default().with_read_timeout(Duration::MAX),
                LimitsError::TooLong { key: "read-timeout" },
            ),
            (
                Limits::default().with_concurrent_calls(0),
                LimitsError::Zero { key: "concurrent-calls" },
            ),
            (Limits::default().with_memory(0), LimitsError::Zero { key: "memory" }),
            (
                Limits::default().with_wasm_tables(9),
                LimitsError::TooMany { key: "wasm-tables", max: 8 },
            ),
        ] {
            assert_eq!(limits.check(), Err(error));
        }
    }

    #[test]
    fn error_names_the_key_and_the_maximum() {
        let error = Limits::default().with_wasm_tables(9).check().unwrap_err();
        assert_eq!(error.to_string(), "limits.wasm-tables is larger than 8, the maximum");
    }

    #[test]
    fn no_calls_may_be_queued() {
        assert_eq!(Limits::default().with_queued_calls(0).check(), Ok(()));
    }

    #[test]
    fn old_spelling_of_wasm_tables_is_accepted_and_not_written() {
        let limits: Limits = toml::from_str("tables = 4").unwrap();
        assert_eq!(limits, Limits::default().with_wasm_tables(4));
        let written = toml::Value::try_from(&limits).unwrap();
        assert_eq!(written.get("wasm-tables"), Some(&toml::Value::Integer(4)));
        assert_eq!(written.get("tables"), None);
    }
}

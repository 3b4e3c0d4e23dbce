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
    /// Time to resolve a name and connect, for one request. 5 s: three lost TCP SYNs.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// Time for the TLS handshake of a new connection. 5 s: two round trips, each with two lost segments.
    #[serde(with = "humantime_serde")]
    pub tls_timeout: Duration,
    /// Time from a request's last byte to the head of its answer. 15 s: half a deadline, so that one silent server leaves
    /// time for a second attempt.
    #[serde(with = "humantime_serde")]
    pub first_byte_timeout: Duration,
    /// Time between two pieces of an answer's body. 10 s: a connection that is silent for so long has been lost.
    #[serde(with = "humantime_serde")]
    pub read_timeout: Duration,
    /// Memory of one instance. 192 MiB: the largest answer of `response-bytes`, and the copies that growing and
    /// rewriting it take.
    pub memory: ByteSize,
    /// Tables of functions in one instance, of at most [`MAX_TABLE_ELEMENTS`] each. 8: a plugin has one or two, and the
    /// adapter of a component another two.
    pub tables: u32,
    /// Core modules in one instance. 16: a component that was made of one module has three or four.
    pub instances: u32,
    /// Resources of the host that an instance may hold: requests, bodies, streams, timers. 256: a call needs about ten.
    pub resources: u32,
    /// Bytes of the headers of one request or answer, with what keeping them takes. 64 KiB: AWS's own limit for a
    /// request is 8 to 16 KiB.
    pub header_bytes: ByteSize,
    /// Bytes of one request's body, and of what a caller hands in. 16 MiB: what DynamoDB takes at most.
    pub request_bytes: ByteSize,
    /// Bytes of one answer's body. 32 MiB: DynamoDB's 16 MB of data, written as JSON.
    pub response_bytes: ByteSize,
    /// Levels of nesting in JSON, of the caller and of the plugin's result. 128: DynamoDB nests values 32 deep, which takes
    /// two levels each, and most parsers of JSON stop at 128.
    pub json_depth: u32,
    /// Requests of one call, with all retries and pages. 1000: a thousand pages of 1 MB are more than memory holds.
    pub requests: u32,
    /// Calls of one datasource at the same time. 64: as many as AWS's SDKs keep connections.
    pub concurrent_calls: u32,
    /// Calls of one datasource that wait for their turn, first come, first served; further ones end in `busy` at once.
    /// 1024: sixteen for each that runs, which is the wait of a short burst.
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
            tables: 8,
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

/// The longest deadline: a day. A call that takes longer is a job for something else.
pub const MAX_DEADLINE: Duration = Duration::from_hours(24);
/// The most tables of one instance: what the pool of instances has places for.
pub const MAX_TABLES: u32 = 8;
/// The most core modules of one instance: what the pool of instances has places for.
pub const MAX_INSTANCES: u32 = 16;
/// The most elements of a table of functions. A plugin has some hundreds.
pub const MAX_TABLE_ELEMENTS: usize = 20_000;

impl Limits {
    /// Whether calls are possible within these bounds.
    ///
    /// # Errors
    /// The bound that allows none, or is beyond what can be kept.
    pub fn check(&self) -> Result<(), String> {
        let times = [
            ("deadline", self.deadline),
            ("connect-timeout", self.connect_timeout),
            ("tls-timeout", self.tls_timeout),
            ("first-byte-timeout", self.first_byte_timeout),
            ("read-timeout", self.read_timeout),
        ];
        let bytes = [
            ("memory", self.memory),
            ("header-bytes", self.header_bytes),
            ("request-bytes", self.request_bytes),
            ("response-bytes", self.response_bytes),
        ];
        let counts = [
            ("tables", self.tables),
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
            return Err(format!(
                "limits.{key} is zero, which lets no call succeed; leave it out for the default"
            ));
        }
        if let Some((key, _)) = times.iter().find(|(_, time)| *time > MAX_DEADLINE) {
            return Err(format!("limits.{key} is at most a day"));
        }
        for (key, value, most) in
            [("tables", self.tables, MAX_TABLES), ("instances", self.instances, MAX_INSTANCES)]
        {
            if value > most {
                return Err(format!("limits.{key} is at most {most}"));
            }
        }
        Ok(())
    }

    /// With another deadline; default 30 s.
    #[must_use]
    pub fn with_deadline(mut self, time: Duration) -> Self {
        self.deadline = time;
        self
    }

    /// With another time to connect; default 5 s.
    #[must_use]
    pub fn with_connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = time;
        self
    }

    /// With another time for the TLS handshake; default 5 s.
    #[must_use]
    pub fn with_tls_timeout(mut self, time: Duration) -> Self {
        self.tls_timeout = time;
        self
    }

    /// With another time to the first byte of an answer; default 15 s.
    #[must_use]
    pub fn with_first_byte_timeout(mut self, time: Duration) -> Self {
        self.first_byte_timeout = time;
        self
    }

    /// With another time between two pieces of an answer; default 10 s.
    #[must_use]
    pub fn with_read_timeout(mut self, time: Duration) -> Self {
        self.read_timeout = time;
        self
    }

    /// With another bound on an instance's memory, in bytes; default 192 MiB.
    #[must_use]
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = ByteSize::b(bytes);
        self
    }

    /// With another bound on an instance's tables; default 8.
    #[must_use]
    pub fn with_tables(mut self, count: u32) -> Self {
        self.tables = count;
        self
    }

    /// With another bound on an instance's core modules; default 16.
    #[must_use]
    pub fn with_instances(mut self, count: u32) -> Self {
        self.instances = count;
        self
    }

    /// With another bound on an instance's resources; default 256.
    #[must_use]
    pub fn with_resources(mut self, count: u32) -> Self {
        self.resources = count;
        self
    }

    /// With another bound on the headers of a request or an answer, in bytes; default 64 KiB.
    #[must_use]
    pub fn with_header_bytes(mut self, bytes: u64) -> Self {
        self.header_bytes = ByteSize::b(bytes);
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

    /// With another bound on the nesting of JSON; default 128.
    #[must_use]
    pub fn with_json_depth(mut self, count: u32) -> Self {
        self.json_depth = count;
        self
    }

    /// With another bound on the requests of a call; default 1000.
    #[must_use]
    pub fn with_requests(mut self, count: u32) -> Self {
        self.requests = count;
        self
    }

    /// With another bound on calls at the same time; default 64.
    #[must_use]
    pub fn with_concurrent_calls(mut self, count: u32) -> Self {
        self.concurrent_calls = count;
        self
    }

    /// With another bound on calls that wait; default 1024.
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
    fn bounds_that_allow_nothing_or_never_end_are_refused() {
        assert!(Limits::default().check().is_ok());
        assert!(
            Limits::default()
                .with_deadline(Duration::ZERO)
                .check()
                .unwrap_err()
                .contains("limits.deadline")
        );
        assert!(
            Limits::default()
                .with_read_timeout(Duration::MAX)
                .check()
                .unwrap_err()
                .contains("limits.read-timeout")
        );
        assert!(
            Limits::default()
                .with_concurrent_calls(0)
                .check()
                .unwrap_err()
                .contains("concurrent-calls")
        );
        assert!(Limits::default().with_memory(0).check().unwrap_err().contains("memory"));
        assert!(Limits::default().with_tables(9).check().unwrap_err().contains("at most 8"));
        // Nothing waits then: a call runs at once or not at all.
        assert!(Limits::default().with_queued_calls(0).check().is_ok());
    }
}

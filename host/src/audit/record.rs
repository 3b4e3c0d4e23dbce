//! One audit record.

use crate::error_kind::ErrorKind;
use portcullis_policy::Denial;
use serde::{Serialize, Serializer};
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// One audit record. [`JsonLines`](crate::JsonLines) writes it as a JSON object with these fields;
/// fields without a value are left out.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Record<'r> {
    /// The time in the form of RFC 3339, in UTC with milliseconds.
    pub time: String,
    /// What is recorded.
    pub event: Event,
    /// The number of the call within this process.
    pub call: u64,
    /// The id of the caller's request; see
    /// [`Datasource::for_request`](crate::Datasource::for_request).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<&'r str>,
    /// The datasource's name.
    pub datasource: &'r str,
    /// The plugin's name, from its manifest.
    pub plugin: &'r str,
    /// The export that ran: `execute`, `relay`, `test`, `structure` …
    pub export: &'r str,
    /// The action that the caller named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'r str>,
    /// What was decided.
    pub decision: Decision,
    /// The rule that denied the request, or would have denied it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'static str>,
    /// What was denied: an origin, an action, a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Where the last request went, or would have gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The address of the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The number of requests that were sent.
    pub attempts: u32,
    /// The bytes of request bodies that were sent.
    pub bytes_sent: u64,
    /// The bytes of response bodies that were received.
    pub bytes_received: u64,
    /// Microseconds since the call began.
    pub micros: u64,
    /// How the call ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The number of refusals without a record of their own, after the first 32 of the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unrecorded: Option<u32>,
}

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Event {
    /// A call has ended.
    Call,
    /// A rule denied a request, or would have denied it.
    Refusal,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Decision {
    /// Nothing was denied.
    Allowed,
    /// It was denied.
    Denied,
    /// It would have been denied, but the policy only reports the rule.
    Observed,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Outcome {
    /// With a result.
    Ok,
    /// With an error of this kind.
    Error(ErrorKind),
    /// The caller stopped waiting for it.
    Dropped,
}

impl Outcome {
    /// `ok`, `dropped`, or the name of the error's kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error(kind) => kind.as_str(),
            Self::Dropped => "dropped",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Whether a subscriber of `tracing` reads the records of calls.
pub(super) fn is_traced() -> bool {
    tracing::enabled!(target: "portcullis::audit", tracing::Level::INFO)
}

/// Emits a summary of a record through `tracing`.
pub(super) fn trace(record: &Record<'_>) {
    let Record { call, request, datasource, export, action, rule, .. } = record;
    let Record { attempts, bytes_sent, bytes_received, micros, .. } = record;
    let (rule, action) = (rule.unwrap_or_default(), action.unwrap_or_default());
    let request = request.unwrap_or_default();
    match record.event {
        Event::Call => {
            let outcome = record.outcome.map_or("", Outcome::as_str);
            tracing::info!(
                target: "portcullis::audit",
                call, request, datasource, export, action, attempts, bytes_sent, bytes_received,
                micros, outcome, "call"
            );
        }
        Event::Refusal => {
            let decision =
                if record.decision == Decision::Observed { "observed" } else { "denied" };
            let subject = record.subject.as_deref().unwrap_or_default();
            let origin = record.origin.as_deref().unwrap_or_default();
            tracing::warn!(
                target: "portcullis::audit",
                call, request, datasource, export, action, rule, subject, origin, decision,
                "refusal"
            );
        }
    }
}

/// The current time, as records write it.
pub(crate) fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

/// The number of the next call.
pub(crate) fn next_call() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The subject of a denial for a record. A plugin may have written it, so it is short and redacted.
pub(crate) fn subject(denial: &Denial, redact: impl Fn(&mut String)) -> String {
    let mut subject: String = denial.subject.chars().take(300).collect();
    redact(&mut subject);
    subject
}

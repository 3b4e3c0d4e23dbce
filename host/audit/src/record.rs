//! One audit record.

use crate::error_kind::ErrorKind;
use portcullis_policy::Denial;
use serde::{Serialize, Serializer};
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// One audit record. [`JsonLines`](crate::JsonLines) writes it as a JSON object with these fields;
/// fields without a value are left out. What is about a call is left out of other records.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Record<'r> {
    /// The number of the record among those of its host, from 1. The sink gets the records in this
    /// order and without gaps, so a missing number is a record that could not be written, or one
    /// that was removed. The count starts again with each process.
    pub sequence: u64,
    /// The time in the form of RFC 3339, in UTC with milliseconds.
    pub time: String,
    /// What is recorded.
    pub event: Event,
    /// The number of the call within this process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<u64>,
    /// The id of the caller's request; see `Datasource::for_request`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<&'r str>,
    /// The name of the caller's token; see `Datasource::for_caller`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<&'r str>,
    /// The address of the caller's machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<IpAddr>,
    /// The datasource's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datasource: Option<&'r str>,
    /// The tenant whose datasource it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<&'r str>,
    /// The plugin's name, from its manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<&'r str>,
    /// The export that ran: `execute`, `relay`, `test`, `structure` …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub export: Option<&'r str>,
    /// The action that the caller named, or what the operator did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'r str>,
    /// What was decided.
    pub decision: Decision,
    /// The rule that denied the request, or would have denied it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'static str>,
    /// What was denied: an origin, an action, a table. Of an operator's action, what it concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Where the last request went, or would have gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The address of the connection to the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The number of requests that were sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// The bytes of request bodies that were sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_sent: Option<u64>,
    /// The bytes of response bodies that were received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_received: Option<u64>,
    /// Microseconds since the call began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micros: Option<u64>,
    /// How the call, or the operator's action, ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The number of refusals without a record of their own: those after the first 32 of the call,
    /// or those that the server left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unrecorded: Option<u32>,
}

impl Record<'_> {
    /// A record with nothing but what all records have. [`Audit::write`](crate::Audit::write)
    /// numbers and dates it.
    #[must_use]
    pub fn new(event: Event, decision: Decision) -> Self {
        Self {
            sequence: 0,
            time: String::new(),
            event,
            call: None,
            request: None,
            caller: None,
            peer: None,
            datasource: None,
            tenant: None,
            plugin: None,
            export: None,
            action: None,
            decision,
            rule: None,
            subject: None,
            origin: None,
            address: None,
            attempts: None,
            bytes_sent: None,
            bytes_received: None,
            micros: None,
            outcome: None,
            unrecorded: None,
        }
    }
}

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Event {
    /// A call has ended.
    Call,
    /// A rule denied a request of a plugin, or would have denied it.
    Refusal,
    /// A server refused a request of a caller before any call began.
    Request,
    /// An operator did something.
    Operator,
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

/// How a call, or an operator's action, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Outcome {
    /// With a result.
    Ok,
    /// With an error of this kind.
    Error(ErrorKind),
    /// The caller stopped waiting for it.
    Dropped,
    /// The operator's action failed. No call ends like this.
    Failed,
}

impl Outcome {
    /// `ok`, `dropped`, `failed`, or the name of the error's kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error(kind) => kind.as_str(),
            Self::Dropped => "dropped",
            Self::Failed => "failed",
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
pub(crate) fn is_traced() -> bool {
    tracing::enabled!(target: "portcullis::audit", tracing::Level::INFO)
}

/// Emits a summary of a record through `tracing`. Fields without a value are left out.
pub(crate) fn trace(record: &Record<'_>) {
    let Record { sequence, call, request, caller, datasource, export, action, .. } = record;
    let Record { rule, attempts, bytes_sent, bytes_received, micros, unrecorded, .. } = record;
    let (subject, origin) = (record.subject.as_deref(), record.origin.as_deref());
    let peer = record.peer.map(tracing::field::display);
    let outcome = record.outcome.map(Outcome::as_str);
    match record.event {
        Event::Call => tracing::info!(
            target: "portcullis::audit",
            sequence, call, request, caller, peer, datasource, export, action, attempts,
            bytes_sent, bytes_received, micros, outcome, "call"
        ),
        Event::Refusal => {
            let decision =
                if record.decision == Decision::Observed { "observed" } else { "denied" };
            tracing::warn!(
                target: "portcullis::audit",
                sequence, call, request, caller, peer, datasource, export, action, rule, subject,
                origin, decision, "refusal"
            );
        }
        Event::Request => tracing::warn!(
            target: "portcullis::audit",
            sequence, request, caller, peer, datasource, action, rule, subject, unrecorded,
            "request"
        ),
        Event::Operator => tracing::info!(
            target: "portcullis::audit",
            sequence, request, caller, peer, action, subject, outcome, "operator"
        ),
    }
}

/// The current time, as records write it.
pub(crate) fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

/// The number of the next call within this process.
#[must_use]
pub fn next_call() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The longest text in a record that a caller or a plugin may have written, in characters: an ARN
/// of a table has less, and a line stays short.
const MAX_TEXT: usize = 300;

/// The beginning of a text that is not longer than a record's texts.
pub(crate) fn cut(text: &str) -> &str {
    text.char_indices().nth(MAX_TEXT).map_or(text, |(end, _)| &text[..end])
}

/// The subject of a denial for a record. A plugin may have written it, so it is short and redacted.
pub fn subject(denial: &Denial, redact: impl Fn(&mut String)) -> String {
    let mut subject = cut(&denial.subject).to_string();
    redact(&mut subject);
    subject
}

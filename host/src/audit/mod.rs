//! What is written down of calls and refusals: one structured record each, never a body and never a secret.
//!
//! Every record goes to `tracing` (target `portcullis::audit`). A host may have an [`AuditSink`] as well; calls are then
//! refused while it cannot be written to, unless the host was told to let them pass.

mod counters;
mod json_lines;

pub use counters::Counters;
pub(crate) use counters::{Counting, Usage};
pub use json_lines::JsonLines;

use portcullis_policy::Denial;
use serde::Serialize;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// One record.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Record<'r> {
    /// When, by RFC 3339, in UTC with milliseconds.
    pub time: String,
    /// What is recorded.
    pub event: Event,
    /// The number of the call within this process.
    pub call: u64,
    /// The id of the caller's request; see [`Datasource::for_request`](crate::Datasource::for_request).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<&'r str>,
    /// The datasource's name.
    pub datasource: &'r str,
    /// The plugin's name, by its manifest.
    pub plugin: &'r str,
    /// The export that ran: `execute`, `relay`, `test`, `structure` …
    pub export: &'r str,
    /// The action that the caller named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'r str>,
    /// What was decided.
    pub decision: Decision,
    /// The rule that refused, or would have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'static str>,
    /// What was refused: an origin, an action, a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Where the last request went, or would have gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The address that was dialled, or that the connection was kept open to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// Requests sent.
    pub attempts: u32,
    /// Bytes of request bodies sent.
    pub bytes_sent: u64,
    /// Bytes of answer bodies received.
    pub bytes_received: u64,
    /// Microseconds since the call began.
    pub micros: u64,
    /// How the call ended: `ok`, or the case of its error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
    /// Refusals of the call that have no record of their own, beyond the first 32.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unrecorded: Option<u32>,
}

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// A call has ended.
    Call,
    /// A rule refused something, or would have.
    Refusal,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Nothing was refused.
    Allowed,
    /// It was refused.
    Denied,
    /// It would have been refused, and the policy only observes the rule.
    Observed,
}

/// Where records are kept.
pub trait AuditSink: Send + Sync {
    /// Writes a record. It is called on the way of a call, so it must not wait for long.
    ///
    /// # Errors
    /// The record is not kept.
    fn write(&self, record: &Record<'_>) -> io::Result<()>;

    /// Whether the next record can be kept, as far as is known; asked before a call begins.
    ///
    /// # Errors
    /// It cannot.
    fn check(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Where a host's records go.
#[derive(Clone, Default)]
pub(crate) struct Audit {
    sink: Option<Arc<dyn AuditSink>>,
    /// Whether calls pass that cannot be written down.
    lets_pass: bool,
}

impl Audit {
    pub(crate) fn new(sink: Arc<dyn AuditSink>, lets_pass: bool) -> Self {
        Self { sink: Some(sink), lets_pass }
    }

    /// Whether a call may begin.
    pub(crate) fn check(&self) -> Result<(), String> {
        let checked = self.sink.as_ref().map_or(Ok(()), |sink| sink.check());
        self.judge(checked)
    }

    /// Whether anybody reads the records of calls.
    pub(crate) fn is_read(&self) -> bool {
        self.sink.is_some() || tracing::enabled!(target: "portcullis::audit", tracing::Level::INFO)
    }

    pub(crate) fn write(&self, record: &Record<'_>) -> Result<(), String> {
        trace(record);
        let written = self.sink.as_ref().map_or(Ok(()), |sink| sink.write(record));
        self.judge(written)
    }

    fn judge(&self, result: io::Result<()>) -> Result<(), String> {
        result.or_else(|error| {
            tracing::error!(target: "portcullis::audit", "an audit record cannot be written: {error}");
            if self.lets_pass { Ok(()) } else { Err(error.to_string()) }
        })
    }
}

fn trace(record: &Record<'_>) {
    let Record {
        call,
        request,
        datasource,
        export,
        action,
        rule,
        attempts,
        bytes_sent,
        bytes_received,
        micros,
        ..
    } = record;
    let (rule, action, request) =
        (rule.unwrap_or_default(), action.unwrap_or_default(), request.unwrap_or_default());
    match record.event {
        Event::Call => {
            let outcome = record.outcome.unwrap_or_default();
            tracing::info!(target: "portcullis::audit", call, request, datasource, export, action, attempts, bytes_sent, bytes_received, micros, outcome, "call");
        }
        Event::Refusal => {
            let decision =
                if record.decision == Decision::Observed { "observed" } else { "denied" };
            let (subject, origin) = (
                record.subject.as_deref().unwrap_or_default(),
                record.origin.as_deref().unwrap_or_default(),
            );
            tracing::warn!(target: "portcullis::audit", call, request, datasource, export, action, rule, subject, origin, decision, "refusal");
        }
    }
}

/// Now, as records write it.
pub(crate) fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

/// The number of the next call.
pub(crate) fn next_call() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What a denial says in a record; the texts are a plugin's in part, and the record stays short.
pub(crate) fn subject(denial: &Denial, redact: impl Fn(&mut String)) -> String {
    let mut subject: String = denial.subject.chars().take(300).collect();
    redact(&mut subject);
    subject
}

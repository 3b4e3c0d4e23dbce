//! Audit records: one for each call and one for each refusal. They never contain a body or a secret.
//!
//! Every record is also emitted through `tracing` (target `portcullis::audit`). If the host has an
//! [`AuditSink`], it refuses calls while the sink cannot be written, unless it was told to let them
//! pass.

mod counters;
mod json_lines;
mod record;

pub use counters::Counters;
pub(crate) use counters::{CallCounters, Usage};
pub use json_lines::JsonLines;
pub use record::{Decision, Event, Outcome, Record};
pub(crate) use record::{next_call, now, subject};

use crate::error::AuditError;
use portcullis_policy::WhenFull;
use std::io;
use std::sync::Arc;

/// Keeps audit records.
///
/// ```
/// use portcullis::{AuditSink, Record};
/// use std::io::{self, Write};
///
/// /// Writes each record to standard error.
/// struct Stderr;
///
/// impl AuditSink for Stderr {
///     fn write(&self, record: &Record<'_>) -> io::Result<()> {
///         writeln!(io::stderr(), "{} {}", record.datasource, record.export)
///     }
/// }
/// ```
pub trait AuditSink: Send + Sync {
    /// Writes a record. It runs within a call, so it must not block for long.
    ///
    /// # Errors
    /// Implementations return an error if the record is not kept.
    fn write(&self, record: &Record<'_>) -> io::Result<()>;

    /// Checks, as far as possible, that the next record can be written. It runs before each call.
    ///
    /// # Errors
    /// Implementations return an error if the next record cannot be written.
    fn check(&self) -> io::Result<()> {
        Ok(())
    }
}

/// The audit of a host.
#[derive(Clone, Default)]
pub(crate) struct Audit {
    sink: Option<Arc<dyn AuditSink>>,
    when_full: WhenFull,
}

impl Audit {
    pub(crate) fn new(sink: Arc<dyn AuditSink>, when_full: WhenFull) -> Self {
        Self { sink: Some(sink), when_full }
    }

    /// Checks that a call may begin.
    pub(crate) fn check(&self) -> Result<(), AuditError> {
        let checked = self.sink.as_ref().map_or(Ok(()), |sink| sink.check());
        self.enforce(checked)
    }

    /// Whether anybody reads the records of calls.
    pub(crate) fn is_read(&self) -> bool {
        self.sink.is_some() || record::is_traced()
    }

    pub(crate) fn write(&self, record: &Record<'_>) -> Result<(), AuditError> {
        record::trace(record);
        let written = self.sink.as_ref().map_or(Ok(()), |sink| sink.write(record));
        self.enforce(written)
    }

    fn enforce(&self, result: io::Result<()>) -> Result<(), AuditError> {
        result.or_else(|error| {
            tracing::error!(
                target: "portcullis::audit",
                "an audit record cannot be written: {error}"
            );
            if self.when_full == WhenFull::Pass { Ok(()) } else { Err(error.into()) }
        })
    }
}

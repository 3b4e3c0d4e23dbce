//! Audit records: one for each call and one for each refusal. They never contain a body or a
//! secret.
//!
//! Every record is also emitted through `tracing` (target `portcullis::audit`). If the host has an
//! [`AuditSink`], it refuses calls while the sink cannot be written, unless it was told to let them
//! pass.

mod counters;
mod json_lines;
mod record;
mod sink;

pub use counters::Counters;
pub(crate) use counters::{CallCounters, Usage};
pub use json_lines::JsonLines;
pub use record::{Decision, Event, Outcome, Record};
pub(crate) use record::{next_call, now, subject};
pub use sink::AuditSink;

use crate::error::AuditError;
use portcullis_policy::WhenFull;
use std::io;
use std::sync::Arc;

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

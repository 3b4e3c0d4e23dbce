//! Writes records: numbers them, and says what happens if one cannot be written.

use crate::latencies::Latencies;
use crate::outside_calls::{OperatorAction, RefusedRequest};
use crate::record::{self, Record};
use crate::sink::AuditSink;
use parking_lot::Mutex;
use portcullis_policy::WhenFull;
use std::fmt;
use std::io;
use std::sync::Arc;

/// The audit of a host, and how long its calls took.
///
/// Every record is emitted through `tracing` (target `portcullis::audit`). If there is a sink,
/// calls are refused while it cannot be written, unless [`WhenFull`] says that they pass.
///
/// ```no_run
/// use portcullis_audit::{Audit, JsonLines, OperatorAction};
/// use portcullis_policy::WhenFull;
/// use std::sync::Arc;
///
/// let file = Arc::new(JsonLines::open("/var/log/portcullis/audit.jsonl".as_ref())?);
/// let audit = Audit::new(file, WhenFull::Refuse);
/// audit.record_operator(&OperatorAction::new("start", true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct Audit {
    sink: Option<Arc<dyn AuditSink>>,
    when_full: WhenFull,
    /// The number of the last record. It is held while the sink writes, so that the sink gets the
    /// records in order.
    last: Mutex<u64>,
    latencies: Latencies,
}

/// An audit sink that cannot keep a record.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct AuditError(Arc<io::Error>);

impl Audit {
    /// An audit that writes to `sink`. The default one writes to none.
    #[must_use]
    pub fn new(sink: Arc<dyn AuditSink>, when_full: WhenFull) -> Self {
        Self { sink: Some(sink), when_full, ..Self::default() }
    }

    /// Checks that a call may begin.
    ///
    /// # Errors
    /// Returns an error if the next record cannot be written, and calls are then refused.
    pub fn check(&self) -> Result<(), AuditError> {
        let checked = self.sink.as_ref().map_or(Ok(()), |sink| sink.check());
        self.enforce(checked)
    }

    /// Whether anybody reads the records of calls.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.sink.is_some() || record::is_traced()
    }

    /// Numbers, dates and writes a record. One that cannot be written keeps its number.
    ///
    /// # Errors
    /// Returns an error if the record cannot be written, and calls are then refused.
    pub fn write(&self, mut record: Record<'_>) -> Result<(), AuditError> {
        let mut last = self.last.lock();
        *last += 1;
        record.sequence = *last;
        record.time = record::now();
        let written = self.sink.as_ref().map_or(Ok(()), |sink| sink.write(&record));
        drop(last);
        record::trace(&record);
        self.enforce(written)
    }

    /// Records a request that a server refused before any call began. A record that cannot be
    /// written is logged: the request is refused anyway.
    pub fn record_refused_request(&self, request: &RefusedRequest<'_>) {
        let _ = self.write(request.record());
    }

    /// Records something that an operator did. A record that cannot be written is logged, since it
    /// is already done.
    pub fn record_operator(&self, action: &OperatorAction<'_>) {
        let _ = self.write(action.record());
    }

    /// How long calls took.
    #[must_use]
    pub fn latencies(&self) -> &Latencies {
        &self.latencies
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

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit").field("when_full", &self.when_full).finish_non_exhaustive()
    }
}

impl From<io::Error> for AuditError {
    fn from(error: io::Error) -> Self {
        Self(Arc::new(error))
    }
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;

//! `-v`: what happened, on standard error.

use crate::terminal::visible;
use portcullis::{AuditSink, Event, JsonLines, Record};
use std::io::{self, Write};
use std::sync::Arc;

/// Prints a line about each call, and passes records on to the audit file if there is one.
pub(crate) struct Verbose(pub(crate) Option<Arc<JsonLines>>);

impl AuditSink for Verbose {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), |file| file.write(record))?;
        if record.event == Event::Call {
            // Nobody may read standard error any more.
            let _ = writeln!(io::stderr(), "{}", visible(&describe(record)));
        }
        Ok(())
    }

    fn check(&self) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), |file| file.check())
    }
}

/// A sentence about a call.
fn describe(record: &Record<'_>) -> String {
    let name = record.action.or(record.export).unwrap_or("call");
    let sent = match (record.attempts.unwrap_or(0), &record.origin) {
        (0, _) | (_, None) => "nothing was sent".to_string(),
        (attempts, Some(origin)) => {
            let s = if attempts == 1 { "" } else { "s" };
            let at = record.address.map(|address| format!(" at {address}")).unwrap_or_default();
            format!(
                "{attempts} request{s} to {origin}{at}, {} bytes sent and {} received",
                record.bytes_sent.unwrap_or(0),
                record.bytes_received.unwrap_or(0)
            )
        }
    };
    let micros = record.micros.unwrap_or(0);
    let millis = format!("{}.{} ms", micros / 1000, micros % 1000 / 100);
    let outcome = record.outcome.as_ref().map(|outcome| format!(", {outcome}")).unwrap_or_default();
    format!("{name}: {sent}, {millis}{outcome}")
}

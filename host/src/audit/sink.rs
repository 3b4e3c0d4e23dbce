//! Where audit records are kept.

use super::record::Record;
use std::io;

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

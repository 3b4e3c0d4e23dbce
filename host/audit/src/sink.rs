//! Where audit records are kept.

use crate::record::Record;
use std::io;

/// Keeps audit records.
///
/// ```
/// use portcullis_audit::{AuditSink, Record};
/// use std::io::{self, Write};
///
/// /// Writes each record to standard error.
/// struct Stderr;
///
/// impl AuditSink for Stderr {
///     fn write(&self, record: &Record<'_>) -> io::Result<()> {
///         let datasource = record.datasource.unwrap_or_default();
///         writeln!(io::stderr(), "{} {} {datasource}", record.sequence, record.time)
///     }
/// }
/// ```
pub trait AuditSink: Send + Sync {
    /// Writes a record. It runs within a call, so it must not block for long. Records come one at
    /// a time, in the order of their numbers. It must not call what writes a record.
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

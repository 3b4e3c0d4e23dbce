//! Standard output. A closed pipe is not a failure, but a full disk is one.

use crate::failure::Failure;
use std::io::{ErrorKind, Write};

/// Prints a line. Colours are removed if standard output is not a terminal.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    bytes(format!("{text}\n").as_bytes())
}

fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    write(&mut anstream::stdout().lock(), bytes)
}

/// Prints a line unchanged. [`line()`] would take some control characters for colours, and remove
/// them.
pub(crate) fn raw(text: &str) -> Result<(), Failure> {
    write(&mut std::io::stdout().lock(), format!("{text}\n").as_bytes())
}

/// Prints bytes unchanged.
pub(crate) fn raw_bytes(bytes: &[u8]) -> Result<(), Failure> {
    write(&mut std::io::stdout().lock(), bytes)
}

fn write(stdout: &mut impl Write, bytes: &[u8]) -> Result<(), Failure> {
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        // As in `portcullis actions | head`: the reader needs no more.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::other(format!("cannot write to standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// Prints a line like `println`, but returns an error if that fails.
macro_rules! out {
    () => { $crate::out::line("") };
    ($($argument:tt)*) => { $crate::out::line(&format!($($argument)*)) };
}
pub(crate) use out;

//! Standard output: a reader that has gone is no failure, a full disk is one.

use crate::failure::Failure;
use std::io::{ErrorKind, Write};

/// Prints a line; colours are left out where they are not wanted.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    bytes(format!("{text}\n").as_bytes())
}

fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    write(&mut anstream::stdout().lock(), bytes)
}

/// Prints a line as it is. What prints coloured text would take some of its characters for colours, and lose them.
pub(crate) fn raw(text: &str) -> Result<(), Failure> {
    write(&mut std::io::stdout().lock(), format!("{text}\n").as_bytes())
}

/// Prints bytes as they are.
pub(crate) fn raw_bytes(bytes: &[u8]) -> Result<(), Failure> {
    write(&mut std::io::stdout().lock(), bytes)
}

fn write(stdout: &mut impl Write, bytes: &[u8]) -> Result<(), Failure> {
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        // As in `portcullis actions | head`: the reader has what it wants.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::other(format!("standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// Prints a line, as `println` does, and says when that fails.
macro_rules! out {
    () => { $crate::out::line("") };
    ($($argument:tt)*) => { $crate::out::line(&format!($($argument)*)) };
}
pub(crate) use out;

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

/// Text from elsewhere, without what a terminal would obey.
pub(crate) fn visible(text: &str) -> String {
    let obeyed = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if obeyed(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Prints a line, as `println` does, and says when that fails.
macro_rules! out {
    () => { $crate::out::line("") };
    ($($argument:tt)*) => { $crate::out::line(&format!($($argument)*)) };
}
pub(crate) use out;

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn terminal_escapes_from_elsewhere_are_not_obeyed() {
        assert_eq!(visible("a\u{1b}[31mb\r\u{9b}"), "a\u{fffd}[31mb\u{fffd}\u{fffd}");
        assert_eq!(
            visible("a\u{202e}b\u{2066}"),
            "a\u{fffd}b\u{fffd}",
            "nor are changes of direction"
        );
    }
}

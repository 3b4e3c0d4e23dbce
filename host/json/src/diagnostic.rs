//! One problem in JSON that a caller gave.

use std::fmt;

/// One problem in JSON that a caller gave.
///
/// ```
/// use portcullis_json::Diagnostic;
///
/// let diagnostic = Diagnostic::new("/Key/id", "expected a string or a number");
/// assert_eq!(diagnostic.to_string(), "/Key/id: expected a string or a number");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// A JSON Pointer (RFC 6901) to the value; empty for the whole document.
    pub pointer: String,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl Diagnostic {
    /// A problem with the value at `pointer`.
    #[must_use]
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() { "/" } else { &self.pointer };
        write!(f, "{pointer}: {}", self.message)
    }
}

impl std::error::Error for Diagnostic {}

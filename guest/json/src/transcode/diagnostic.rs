//! Problems in the caller's JSON, with their positions.

use alloc::string::String;

/// A problem in the caller's JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// A JSON Pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)) to the value. Empty for
    /// the whole text.
    pub pointer: String,
    /// What is wrong and what was expected.
    pub message: String,
}

impl Diagnostic {
    /// Creates a diagnostic for the value at `pointer`.
    ///
    /// ```
    /// use dynamodb_json::transcode::Diagnostic;
    ///
    /// let diagnostic = Diagnostic::new("/region", "this field is required");
    /// assert_eq!(diagnostic.pointer, "/region");
    /// ```
    #[must_use]
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

//! Errors in the syntax.

use alloc::string::String;

/// An error in the JSON syntax, with its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The offset of the error, in bytes.
    pub offset: usize,
    /// What is wrong, or what was expected.
    pub message: &'static str,
}

/// Returns the message for an error of a scanner that read `text`: where it is, what was found and
/// what to write instead.
///
/// ```
/// use dynamodb_json::json::{Scanner, explain};
///
/// let text = "{\"Key\": {'id': 7}}";
/// let error = Scanner::new(text).skip_value().unwrap_err();
/// assert_eq!(
///     explain(text, &error),
///     "not JSON at line 1, column 10: found a single quote; write double quotes: \"id\""
/// );
/// ```
#[must_use]
pub fn explain(text: &str, error: &SyntaxError) -> String {
    dynamodb_syntax::explain(text, error.offset, error.message)
}

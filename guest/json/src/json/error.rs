//! Errors in the syntax.

/// An error in the JSON syntax, with its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The offset of the error, in bytes.
    pub offset: usize,
    /// What is wrong, or what was expected.
    pub message: &'static str,
}

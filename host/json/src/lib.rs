//! JSON as text, without a tree: whether it is UTF-8, how deep it nests, where a string ends, and
//! templates whose placeholders are replaced by whole values.
//!
//! # Invariants
//!
//! - Every function takes one pass over its input, or two, and panics on none.
//! - What is returned is bounded: a filled template by a limit, an error to some 10 KiB.
//! - A value is copied as it is, so that numbers keep every digit.

mod block;
mod depth;
mod diagnostic;
mod encoding;
mod parts;
mod string;
mod template;

pub use depth::{InputDepth, is_deeper};
pub use diagnostic::Diagnostic;
pub use encoding::{NotUtf8, text};
pub use string::string_length;
pub use template::{BindError, MAX_BOUND_VALUES, bind, quoted_placeholder};

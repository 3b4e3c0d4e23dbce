//! Says what is wrong with a text that is not JSON: where, what was found, and what to write
//! instead.
//!
//! - [`explain`]: the message for an error at an offset
//! - [`foreign`]: inputs that are a statement or the name of a file
//! - [`similar_type`]: misspelt types of attribute values
//!
//! This is a separate crate because it is compiled for size, while the scanner is compiled for
//! speed: this runs once, for a text that is refused.
#![no_std]

extern crate alloc;

mod explain;
mod foreign;
mod place;
mod types;
mod words;

pub use explain::explain;
pub use foreign::foreign;
pub use types::similar_type;

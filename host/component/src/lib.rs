//! Reads the bytes of a component before anything compiles them.
//!
//! A compiler is a large program. A small file can make it use gigabytes, minutes, or the whole
//! stack, and a compilation cannot be stopped. [`check`] refuses such a file first. The limits are
//! chosen so that what it accepts compiles within 512 MB and 20 s on two cores: [`limits`] lists
//! them, with the measurement behind each number, and says where this is not certain.
//!
//! ```
//! # let bytes = b"GET / HTTP/1.1";
//! match portcullis_component::check(bytes) {
//!     Ok(summary) => println!("it imports {:?}", summary.imports),
//!     Err(error) => println!("{error}"),
//! }
//! ```
//!
//! The checks are ordered by what they cost: a pass over the structure, which counts and compares
//! lengths; validation, with the cost of each function and type; imports and exports. None of them
//! recurses deeper than 100 levels.

mod error;
mod expansion;
mod function;
pub mod limits;
mod module;
mod structure;
mod type_size;
mod validation;
mod world;

pub use error::ComponentError;
pub use world::{CONNECTOR, ComponentSummary, IMPORTS, is_allowed};

/// Checks that these bytes are a component that compiles within the limits, imports what a plugin
/// may import, and exports what a plugin must export.
///
/// # Errors
/// Returns an error that says what was found, where, and what was expected.
pub fn check(bytes: &[u8]) -> Result<ComponentSummary, ComponentError> {
    structure::check(bytes)?;
    let items = validation::check(bytes)?;
    world::check(items)
}

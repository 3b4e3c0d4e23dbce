//! The components that the tests of the portable forms run.

use portable_component::{FRONT, GUARD, PLATFORM};
use portable_compose::{ComposeError, Parts, library};
use std::error::Error;

/// The parts that plugins are composed with.
pub const PARTS: fn() -> Parts<'static> =
    || Parts { platform: PLATFORM, guard: GUARD, front: FRONT };

/// Composes the library form of a plugin.
///
/// # Errors
/// Returns the error of the composition.
pub fn composed(plugin: &[u8]) -> Result<Vec<u8>, ComposeError> {
    library(plugin, &PARTS())
}

/// Returns a component as if it was built for another release of WASI 0.2: all of its interfaces of
/// 0.2.12 have this version.
///
/// # Errors
/// Returns an error if the component cannot be printed or parsed.
pub fn with_wasi(component: &[u8], version: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let text = wasmprinter::print_bytes(component)?.replace("@0.2.12", &format!("@{version}"));
    Ok(wat::parse_str(&text)?)
}

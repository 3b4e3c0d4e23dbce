//! Composes a plugin with the components below and around it, into one component that runs on any
//! engine with WASI 0.2.
//!
//! | form | parts | exports |
//! |---|---|---|
//! | [`library`] | plugin, platform, guard | `portcullis:datasource/connector` |
//! | [`service`] | the same and the front | `wasi:http/incoming-handler` |
//!
//! The plugin gets its imports from the platform, which checks what it sends. Three mistakes would
//! leave a way around it, and this crate refuses all of them:
//!
//! - A plugin built for another release of WASI 0.2 imports `wasi:http/outgoing-handler@0.2.9`. Matched
//!   by the exact name, this import is left to the engine, and its requests pass no check. Imports are
//!   therefore matched by name **and compatible version**.
//! - A plugin imports more than the contract has, such as `wasi:cli/environment`, and reads the secret
//!   where the platform reads it. Every import beyond the contract is therefore an error.
//! - A plugin exports an interface of the platform, such as the `session` that tells the guard what was
//!   refused. Each part therefore gets its imports from named parts, and every export beyond the contract
//!   is an error.
//!
//! ```
//! use portable_compose::{Parts, library};
//!
//! # let (platform, guard, front) = (b"", b"", b"");
//! let parts = Parts { platform, guard, front };
//! let error = library(b"not a component", &parts).unwrap_err();
//! assert!(error.to_string().starts_with("the plugin is refused"));
//! ```

mod composition;
mod error;
mod version;

use composition::Composition;
pub use error::{ComposeError, Part};

/// The components that a plugin is composed with: those of `guest/portable`.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'p> {
    /// `guest/portable/platform`.
    pub platform: &'p [u8],
    /// `guest/portable/guard`.
    pub guard: &'p [u8],
    /// `guest/portable/front`. The library form does not need it.
    pub front: &'p [u8],
}

/// Composes the library form: what a program calls through an engine.
///
/// # Errors
/// Returns an error if the plugin is not of the world `portcullis:datasource/plugin`, if it exports
/// something else, if one of its imports is not one that a plugin gets, or if the platform supplies it in another form. The error
/// names the import and the remedy.
pub fn library(plugin: &[u8], parts: &Parts<'_>) -> Result<Vec<u8>, ComposeError> {
    let mut composition = Composition::default();
    let guard = connect(&mut composition, plugin, parts)?;
    composition.finish(guard, Part::Guard)
}

/// Composes the service form: an HTTP service.
///
/// # Errors
/// See [`library`].
pub fn service(plugin: &[u8], parts: &Parts<'_>) -> Result<Vec<u8>, ComposeError> {
    let mut composition = Composition::default();
    connect(&mut composition, plugin, parts)?;
    let front = composition.add(Part::Front, parts.front)?;
    composition.connect(front)?;
    composition.finish(front, Part::Front)
}

/// Connects plugin, platform and guard. Returns the guard.
fn connect(
    composition: &mut Composition,
    plugin: &[u8],
    parts: &Parts<'_>,
) -> Result<usize, ComposeError> {
    // Its cost and its imports are limited before anything else reads it.
    portcullis_component::check(plugin).map_err(ComposeError::Plugin)?;
    let platform = composition.add(Part::Platform, parts.platform)?;
    composition.connect(platform)?;
    let plugin = composition.add(Part::Plugin, plugin)?;
    composition.check_exports(plugin)?;
    composition.connect(plugin)?;
    let guard = composition.add(Part::Guard, parts.guard)?;
    composition.connect(guard)?;
    Ok(guard)
}

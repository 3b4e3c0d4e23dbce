//! The plugins that tests use, as built components.

/// The component of `tests/echo`.
pub static ECHO: &[u8] = include_bytes!(env!("ECHO_PLUGIN"));
/// Its manifest.
pub static ECHO_MANIFEST: &str = include_str!("../../echo/manifest.toml");
/// The component of `tests/hostile`.
pub static HOSTILE: &[u8] = include_bytes!(env!("HOSTILE_PLUGIN"));
/// Its manifest.
pub static HOSTILE_MANIFEST: &str = include_str!("../../hostile/manifest.toml");

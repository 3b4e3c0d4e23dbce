//! The DynamoDB plugin as a component, built with this crate, and its trusted manifest.

/// The component's bytes: a WebAssembly component of the world `portcullis:datasource/plugin`.
pub static COMPONENT: &[u8] = include_bytes!(env!("DYNAMODB_COMPONENT"));

/// The manifest, as TOML: what the publisher states of the plugin and a host may decide by.
pub static MANIFEST: &str = include_str!("../manifest.toml");

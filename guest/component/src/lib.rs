//! The DynamoDB plugin as a component, built with this crate, and its trusted manifest.

/// The component's bytes: a WebAssembly component of the world `portcullis:datasource/plugin`.
pub static COMPONENT: &[u8] = include_bytes!(env!("DYNAMODB_COMPONENT"));

/// The SHA-256 of [`COMPONENT`], in hexadecimal: what to pin it by.
pub static SHA256: &str = env!("DYNAMODB_COMPONENT_SHA256");

/// The manifest, as TOML: what the publisher states of the plugin and a host may decide by.
pub static MANIFEST: &str = include_str!("../manifest.toml");

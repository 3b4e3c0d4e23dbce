//! The DynamoDB plugin as a WebAssembly component, and its trusted manifest.
//!
//! The build script of this crate builds the component.

/// The bytes of the component, which implements the world `portcullis:datasource/plugin`.
pub static COMPONENT: &[u8] = include_bytes!(env!("DYNAMODB_COMPONENT"));

/// The SHA-256 of [`COMPONENT`], in hexadecimal. Use it to pin the component.
pub static SHA256: &str = env!("DYNAMODB_COMPONENT_SHA256");

/// The manifest, as TOML: the publisher's statement about the plugin, which a host may trust.
pub static MANIFEST: &str = include_str!("../manifest.toml");

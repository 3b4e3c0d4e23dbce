//! The DynamoDB connector.
//!
//! [`call::Connection`] runs actions with checked [`settings`]. It encodes the input
//! ([`transcode`]), signs the request ([`sigv4`]), retries ([`retry`]) and decodes the response.
//! Everything but the module `shell` is pure: it uses no network, no clock and no WebAssembly, so
//! it runs and is tested natively.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

pub mod call;
pub mod catalogue;
pub mod cursor;
pub mod describe;
pub mod endpoint;
pub mod hints;
mod object;
pub mod origin;
mod region;
pub mod response;
pub mod retry;
pub mod settings;
pub mod sigv4;

pub use dynamodb_json::{json, nearest, transcode};

#[cfg(target_arch = "wasm32")]
mod shell;

//! The DynamoDB connector.
//!
//! Everything here but the shell is pure: no network, no clock, no wasm. It runs and is tested natively.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

pub mod answer;
pub mod call;
pub mod catalogue;
pub mod describe;
pub mod endpoint;
pub mod hints;
pub mod retry;
pub mod settings;
pub mod sigv4;

pub use dynamodb_json::{json, nearest, transcode};

#[cfg(target_arch = "wasm32")]
mod shell;

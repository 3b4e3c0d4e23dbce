//! DynamoDB JSON: a scanner, and both directions between the caller's JSON and the service's.
//!
//! Each direction is one forward pass over the text. No tree of values is built.
//!
//! - [`json`]: the scanner, which yields spans of the text
//! - [`shape`]: the shapes of the service's inputs and outputs
//! - [`transcode`]: [`transcode::encode`] for requests, [`transcode::decode`] for responses
//! - [`nearest`]: suggestions for misspelt names
//!
//! This is a separate crate because it is compiled for speed, while the rest of the plugin is
//! compiled for size: every byte of every call passes through here.
#![no_std]
#![expect(
    clippy::inline_always,
    reason = "these functions are a few instructions of the loops over a text; a call costs more"
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod json;
pub mod nearest;
pub mod shape;
pub mod transcode;

//! DynamoDB JSON, between the caller and the service: one forward pass over text, and never a tree.
//!
//! A crate of its own, because it is built for speed and the rest of the plugin for size: each byte of every call passes
//! here.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod json;
pub mod nearest;
pub mod shape;
pub mod transcode;

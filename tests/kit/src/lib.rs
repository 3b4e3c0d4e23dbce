//! Servers that integration tests use. They listen on loopback and end with the test.

pub mod dynoxide;
pub mod raw;
pub mod recorder;
pub mod tls;

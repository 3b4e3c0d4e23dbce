//! Servers for integration tests of plugins and hosts.
//!
//! Every server listens on loopback, on a port that the operating system chooses, and stops when
//! its value is dropped. Tests can therefore run in parallel.
//!
//! | module | what the server does |
//! |---|---|
//! | [`closed`] | refuses connections: a reserved port without a server |
//! | [`dynoxide`] | speaks the DynamoDB API, with an empty in-memory database |
//! | [`recorder`] | records every request and sends the responses you give it |
//! | [`scripted`] | sends exactly the bytes you give it: for broken, slow and hostile services |
//! | [`tls`] | is not a server: it issues certificates for the TLS side of the recorder |
//!
//! The crate is for tests only. It panics where a test could not continue anyway.

pub mod closed;
pub mod dynoxide;
pub mod recorder;
pub mod scripted;
pub mod tls;

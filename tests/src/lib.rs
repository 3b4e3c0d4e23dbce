//! Starters for the servers and plugins that integration tests use. Servers listen on loopback and end with the test.

pub mod attack;
pub mod calls;
pub mod dynoxide;
pub mod matrix;
pub mod oracle;
pub mod plugins;
pub mod raw;
pub mod recorder;
pub mod tls;

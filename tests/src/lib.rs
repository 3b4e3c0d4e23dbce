//! Plugins, calls and comparisons that the integration tests share. The servers are in `tests/kit`.

pub mod attack;
pub mod calls;
pub mod matrix;
pub mod oracle;
pub mod plugins;

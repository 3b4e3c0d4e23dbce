//! Compiles components.
//!
//! Compiling takes more time and memory than anything else that a plugin makes the host do, and it
//! cannot be stopped. [`Compiler`] compiles on a thread, or better in a process of its own
//! ([`CompilerProcess`]), whose memory is limited and which is ended when its time is over. [`Cache`]
//! keeps compiled code in files.
//!
//! Whoever compiles checks the component first, with `portcullis-component`.

mod cache;
mod compiler;
mod config;
mod error;
mod process;
mod protocol;

pub use cache::{Cache, CacheFolderError};
pub use compiler::Compiler;
pub use config::engine_config;
pub use error::{CompileError, WasmError};
pub use process::CompilerProcess;
pub use protocol::compile_for_parent;

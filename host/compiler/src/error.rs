//! Why a component is not compiled.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

/// An error of wasmtime, with its causes.
pub type WasmError = Box<dyn StdError + Send + Sync>;

/// A component that is not compiled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// wasmtime does not compile the component.
    #[error("this is not a WebAssembly component that can be compiled: {0}")]
    Invalid(#[source] WasmError),
    /// The compiler crashed.
    #[error("the compiler crashed on this component")]
    Crashed,
    /// The compiler took more memory than it may, or crashed.
    #[error(
        "the compiler ended on this component without a result ({status}); it may use {} MiB", .memory >> 20
    )]
    Ended {
        /// How its process ended.
        status: std::process::ExitStatus,
        /// The memory that it may use, in bytes.
        memory: u64,
    },
    /// The compiler took too long.
    #[error("compiling the component took longer than {0:?}")]
    TooSlow(Duration),
    /// No thread or process can be started to compile the component.
    #[error("the compiler cannot be started: {0}")]
    Start(#[source] io::Error),
}

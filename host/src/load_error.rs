//! Why a host or a plugin is not there.

use portcullis_files::FileError;
use portcullis_gate::TlsError;
use portcullis_policy::ManifestError;
use std::error::Error as StdError;
use std::io;
use std::time::Duration;

/// An error of wasmtime, with its causes.
pub type WasmError = Box<dyn StdError + Send + Sync>;

/// A host that cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// wasmtime does not run on this machine.
    #[error("wasmtime does not run on this machine: {0}")]
    Engine(#[source] WasmError),
    /// A thread of the host cannot be started.
    #[error("a thread of the host cannot be started: {0}")]
    Thread(#[source] io::Error),
    /// The folder for compiled code cannot be created or examined.
    #[error("the folder for compiled code cannot be used: {0}")]
    CacheFolder(#[source] io::Error),
    /// The folder for compiled code is open to others, or is not a folder. Compiled code runs
    /// outside the sandbox's checks, so nobody else may write it.
    #[error("the folder for compiled code cannot be used: {0}")]
    CacheAccess(#[source] FileError),
    /// The host's own TLS cannot be configured.
    #[error("the TLS configuration cannot be used: {0}")]
    Tls(#[from] TlsError),
}

/// A plugin that cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The component is larger than [`MAX_COMPONENT_BYTES`](crate::MAX_COMPONENT_BYTES).
    #[error("the component has {bytes} bytes; the maximum is {limit}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The file does not start with WebAssembly's magic number.
    #[error("this is not a WebAssembly component: it does not start with \\0asm")]
    NotWebAssembly,
    /// The file is a core module.
    #[error("this is a WebAssembly core module; a plugin is a component")]
    CoreModule,
    /// The component is invalid or cannot be compiled.
    #[error("this is not a WebAssembly component that can be compiled: {0}")]
    Invalid(#[source] WasmError),
    /// The compiler crashed.
    #[error("the compiler crashed on this component")]
    CompilerCrashed,
    /// The compiler took too long.
    #[error("compiling the component took longer than {0:?}")]
    TooSlow(Duration),
    /// No thread can be started to compile the component.
    #[error("no thread can be started to compile the component: {0}")]
    Thread(#[source] io::Error),
    /// The SHA-256 differs from the pinned one.
    #[error(
        "the component's SHA-256 is {found}, but {expected} is pinned: this is not the file that was \
         approved"
    )]
    Digest {
        /// The pinned digest.
        expected: String,
        /// The file's digest.
        found: String,
    },
    /// The component imports more than a plugin gets.
    #[error("the component imports what no plugin gets: {}", .0.join(", "))]
    Imports(Vec<String>),
    /// The component does not export what a plugin must export, or with other types.
    #[error("the component is not of the world portcullis:datasource/plugin@0.1.0: {0}")]
    World(#[source] WasmError),
    /// The manifest cannot be used.
    #[error("the manifest cannot be used: {0}")]
    Manifest(#[from] ManifestError),
}

//! Why a host or a plugin is not there.

use portcullis_compiler::{CacheFolderError, CompileError, WasmError};
use portcullis_component::ComponentError;
use portcullis_files::FileError;
use portcullis_gate::TlsError;
use portcullis_policy::ManifestError;
use std::io;

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
    /// The folder for compiled code cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheFolderError),
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
    /// The component exceeds a limit on what is compiled, is invalid, imports what no plugin gets, or
    /// does not export what a plugin exports.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The component is not compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
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
    /// The component has other types than the interfaces of the world.
    #[error("the component is not of the world portcullis:datasource/plugin@0.1: {0}")]
    World(#[source] WasmError),
    /// The manifest cannot be used.
    #[error("the manifest cannot be used: {0}")]
    Manifest(#[from] ManifestError),
}

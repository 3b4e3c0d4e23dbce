//! Plugins: checked, compiled, and ready to be instantiated.

use crate::bindings;
use crate::load_error::LoadError;
use crate::store_state::StoreState;
use portcullis_compiler::Compiler;
use portcullis_files::{FileError, read_untrusted};
use portcullis_policy::{Isolation, Manifest};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::Linker;

/// A plugin that was loaded. Cheap to clone.
///
/// ```no_run
/// use std::path::Path;
///
/// let host = portcullis::Host::new()?;
/// let manifest = std::fs::read_to_string("plugin.toml")?;
/// let plugin = host.load(Path::new("plugin.wasm"), &manifest, None)?;
/// println!("{} may import {:?}", plugin.digest(), plugin.imports());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Plugin {
    inner: Arc<Inner>,
}

struct Inner {
    pre: bindings::PluginPre<StoreState>,
    manifest: Arc<Manifest>,
    digest: String,
    bytes: usize,
    imports: Vec<String>,
    exports: Vec<String>,
    is_pinned: bool,
    is_from_cache: bool,
}

/// A component, as bytes or as a file.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Source<'a> {
    /// Bytes in memory.
    Bytes(&'a [u8]),
    /// A file.
    File(&'a Path),
}

/// The largest component that is loaded, in bytes. Compiling takes time and memory in proportion,
/// and the DynamoDB plugin has 340 KB.
pub const MAX_COMPONENT_BYTES: usize = 16 * 1024 * 1024;

impl Plugin {
    /// The manifest that it was loaded with.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.inner.manifest
    }

    /// The SHA-256 of its bytes, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.inner.digest
    }

    /// The size of the component in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.inner.bytes
    }

    /// Whether its compiled code was found in the host's cache.
    #[must_use]
    pub fn is_from_cache(&self) -> bool {
        self.inner.is_from_cache
    }

    /// The interfaces that it imports. They are its permissions.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.inner.imports
    }

    /// The interfaces that it exports.
    #[must_use]
    pub fn exports(&self) -> &[String] {
        &self.inner.exports
    }

    pub(crate) fn load(
        loader: &Loader<'_>,
        bytes: &[u8],
        manifest: Manifest,
        sha256: Option<&str>,
    ) -> Result<Self, LoadError> {
        let engine = loader.engine;
        if bytes.len() > MAX_COMPONENT_BYTES {
            return Err(LoadError::TooLarge { bytes: bytes.len(), limit: MAX_COMPONENT_BYTES });
        }
        // Before anything is parsed: a file that was not approved is not examined.
        let digest = hex::encode(Sha256::digest(bytes));
        if let Some(expected) = sha256.filter(|sha256| !sha256.eq_ignore_ascii_case(&digest)) {
            return Err(LoadError::Digest { expected: expected.to_string(), found: digest });
        }
        if bytes.get(..4) != Some(b"\0asm") {
            return Err(LoadError::NotWebAssembly);
        }
        if bytes.get(4..8) == Some(&[1, 0, 0, 0]) {
            return Err(LoadError::CoreModule);
        }
        let compiler = loader.compiler;
        let found = compiler.find(engine, &digest);
        let is_from_cache = found.is_some();
        let component = if let Some(found) = found {
            // It was checked before it was kept.
            found
        } else {
            portcullis_component::check(bytes)?;
            compiler.compile(engine, bytes)?
        };
        let types = component.component_type();
        let exports = types.exports(engine).map(|(name, _)| name.to_string()).collect();
        let imports = types.imports(engine).map(|(name, _)| name.to_string()).collect();
        let world = |error: wasmtime::Error| LoadError::World(error.into());
        let pre = loader.linker.instantiate_pre(&component).map_err(world)?;
        let pre = bindings::PluginPre::new(pre).map_err(world)?;
        if !is_from_cache {
            compiler.keep(engine, &digest, &component);
        }
        Ok(Self {
            inner: Arc::new(Inner {
                pre,
                manifest: Arc::new(manifest),
                digest,
                bytes: bytes.len(),
                imports,
                exports,
                is_pinned: sha256.is_some(),
                is_from_cache,
            }),
        })
    }

    pub(crate) fn pre(&self) -> &bindings::PluginPre<StoreState> {
        &self.inner.pre
    }

    pub(crate) fn shared_manifest(&self) -> Arc<Manifest> {
        self.inner.manifest.clone()
    }

    /// The isolation of its instances if the policy does not say. Only a pinned plugin is trusted
    /// to leave nothing behind from one call to the next.
    pub(crate) fn default_isolation(&self) -> Isolation {
        if self.inner.is_pinned { Isolation::Reuse } else { Isolation::Fresh }
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.inner.manifest.name())
            .field("digest", &self.inner.digest)
            .finish_non_exhaustive()
    }
}

impl Source<'_> {
    pub(crate) fn read(&self) -> Result<Cow<'_, [u8]>, LoadError> {
        match self {
            Self::Bytes(bytes) => Ok((*bytes).into()),
            Self::File(path) => match read_untrusted(path, MAX_COMPONENT_BYTES as u64) {
                Ok(bytes) => Ok(bytes.into()),
                Err(FileError::TooLarge { size, .. }) => {
                    let bytes = usize::try_from(size).unwrap_or(usize::MAX);
                    Err(LoadError::TooLarge { bytes, limit: MAX_COMPONENT_BYTES })
                }
                Err(error) => Err(error.into()),
            },
        }
    }
}

impl<'a> From<&'a [u8]> for Source<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a> From<&'a Path> for Source<'a> {
    fn from(path: &'a Path) -> Self {
        Self::File(path)
    }
}

/// The parts of a host that load plugins.
pub(crate) struct Loader<'l> {
    pub(crate) engine: &'l Engine,
    pub(crate) linker: &'l Linker<StoreState>,
    pub(crate) compiler: &'l Compiler,
}

//! Plugins: checked, compiled, and ready to be instantiated.

use crate::bindings;
use crate::cache::Cache;
use crate::load_error::LoadError;
use crate::store_state::StoreState;
use portcullis_files::{FileError, read_limited};
use portcullis_policy::{Isolation, Manifest};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker};

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
        let (component, is_from_cache) = compile(loader, &digest, bytes)?;
        let types = component.component_type();
        let exports: Vec<String> =
            types.exports(engine).map(|(name, _)| name.to_string()).collect();
        let imports: Vec<String> =
            types.imports(engine).map(|(name, _)| name.to_string()).collect();
        let forbidden: Vec<String> = types
            .imports(engine)
            .filter(|(name, item)| {
                !is_allowed(name) || !matches!(item.ty, ComponentItem::ComponentInstance(_))
            })
            .map(|(name, _)| name.to_string())
            .collect();
        if !forbidden.is_empty() {
            return Err(LoadError::Imports(forbidden));
        }
        let world = |error: wasmtime::Error| LoadError::World(error.into());
        let pre = loader.linker.instantiate_pre(&component).map_err(world)?;
        let pre = bindings::PluginPre::new(pre).map_err(world)?;
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
            Self::File(path) => match read_limited(path, MAX_COMPONENT_BYTES as u64) {
                Ok(bytes) => Ok(bytes.into()),
                Err(FileError::TooLarge { .. }) => {
                    let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
                    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
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
    pub(crate) cache: Option<&'l Cache>,
    pub(crate) compile_timeout: Duration,
}

/// Compiles a component, or takes its code from the cache (then true).
fn compile(
    loader: &Loader<'_>,
    digest: &str,
    bytes: &[u8],
) -> Result<(Component, bool), LoadError> {
    if let Some(found) = loader.cache.and_then(|cache| cache.load(loader.engine, digest)) {
        return Ok((found, true));
    }
    let component = compile_in_time(loader, bytes)?;
    if let Some(cache) = loader.cache {
        cache.store(loader.engine, digest, &component);
    }
    Ok((component, false))
}

/// Compiles on a thread of its own. A compilation that takes too long cannot be stopped: the thread
/// runs to its end, and nobody waits for it.
fn compile_in_time(loader: &Loader<'_>, bytes: &[u8]) -> Result<Component, LoadError> {
    let (engine, bytes) = (loader.engine.clone(), bytes.to_vec());
    let (sender, receiver) = mpsc::channel();
    let run = move || {
        // If nobody waits any more, nobody misses it.
        let _ = sender.send(Component::from_binary(&engine, &bytes));
    };
    let thread = std::thread::Builder::new().name("portcullis-compile".to_string());
    thread.spawn(run).map_err(LoadError::Thread)?;
    match receiver.recv_timeout(loader.compile_timeout) {
        Ok(compiled) => compiled.map_err(|error| LoadError::Invalid(error.into())),
        Err(mpsc::RecvTimeoutError::Timeout) => Err(LoadError::TooSlow(loader.compile_timeout)),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(LoadError::CompilerCrashed),
    }
}

/// The interfaces that a plugin may import, with the prefix of their versions: any 0.2 release of
/// WASI.
const IMPORTS: [(&str, &str); 12] = [
    ("wasi:io/poll", "0.2."),
    ("wasi:io/error", "0.2."),
    ("wasi:io/streams", "0.2."),
    ("wasi:clocks/wall-clock", "0.2."),
    ("wasi:clocks/monotonic-clock", "0.2."),
    ("wasi:random/random", "0.2."),
    ("wasi:http/types", "0.2."),
    ("wasi:http/outgoing-handler", "0.2."),
    ("portcullis:datasource/types", "0.1."),
    ("portcullis:datasource/http-messages", "0.1."),
    ("portcullis:datasource/aws-signing", "0.1."),
    ("portcullis:datasource/call", "0.1."),
];

fn is_allowed(import: &str) -> bool {
    let (name, version) = import.split_once('@').unwrap_or((import, ""));
    IMPORTS.iter().any(|(known, prefix)| *known == name && version.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn only_the_interfaces_of_the_world_are_allowed() {
        assert!(
            is_allowed("wasi:http/types@0.2.3") && is_allowed("portcullis:datasource/call@0.1.0")
        );
        for other in [
            "wasi:cli/environment@0.2.12",
            "wasi:http/types@0.3.0",
            "wasi:filesystem/types@0.2.12",
            "wasi:sockets/tcp@0.2.12",
            "wasi:http/types",
            "x",
        ] {
            assert!(!is_allowed(other), "{other}");
        }
    }
}

//! Plugins: bytes → validated, compiled, ready to be instantiated.

use crate::bindings;
use crate::cache::Cache;
use crate::error::LoadError;
use crate::manifest::Manifest;
use crate::state::State;
use portcullis_policy::Isolation;
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker};

/// A plugin that was loaded. Cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    inner: Arc<Inner>,
}

struct Inner {
    pre: bindings::PluginPre<State>,
    manifest: Arc<Manifest>,
    digest: String,
    bytes: usize,
    imports: Vec<String>,
    exports: Vec<String>,
    pinned: bool,
    from_cache: bool,
}

/// What loads plugins.
pub(crate) struct Loader<'l> {
    pub(crate) engine: &'l Engine,
    pub(crate) linker: &'l Linker<State>,
    pub(crate) cache: Option<&'l Cache>,
    /// How long compiling may take.
    pub(crate) patience: Duration,
}

/// The largest component that is loaded, in bytes: compiling takes time and memory with the size, and ours has 400 KB.
pub const MAX_COMPONENT_BYTES: usize = 16 * 1024 * 1024;

/// What a plugin may import: these interfaces, of any 0.2 release of WASI.
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

impl Plugin {
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
        // Before anything is parsed: a file that was not approved is not looked into.
        let digest = hex::encode(Sha256::digest(bytes));
        if let Some(expected) = sha256.filter(|expected| !expected.eq_ignore_ascii_case(&digest)) {
            return Err(LoadError::Digest { expected: expected.to_string(), found: digest });
        }
        if bytes.get(..4) != Some(b"\0asm") {
            return Err(LoadError::Invalid("it does not begin as WebAssembly does".to_string()));
        }
        if bytes.get(4..8) == Some(&[1, 0, 0, 0]) {
            return Err(LoadError::Invalid(
                "it is a core module; a plugin is a component".to_string(),
            ));
        }
        let (component, from_cache) = compile(loader, &digest, bytes)?;
        let types = component.component_type();
        let imports: Vec<String> =
            types.imports(engine).map(|(name, _)| name.to_string()).collect();
        let exports: Vec<String> =
            types.exports(engine).map(|(name, _)| name.to_string()).collect();
        let spare: Vec<String> = types
            .imports(engine)
            .filter(|(name, item)| {
                !is_allowed(name) || !matches!(item.ty, ComponentItem::ComponentInstance(_))
            })
            .map(|(name, _)| name.to_string())
            .collect();
        if !spare.is_empty() {
            return Err(LoadError::Imports(spare));
        }
        let world = |error: wasmtime::Error| LoadError::World(format!("{error:#}"));
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
                pinned: sha256.is_some(),
                from_cache,
            }),
        })
    }

    /// The manifest it was loaded with.
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

    /// Whether its code was compiled at an earlier start, and found in the host's folder for that.
    #[must_use]
    pub fn is_from_cache(&self) -> bool {
        self.inner.from_cache
    }

    /// The interfaces it imports: its permissions.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.inner.imports
    }

    /// The interfaces it exports.
    #[must_use]
    pub fn exports(&self) -> &[String] {
        &self.inner.exports
    }

    pub(crate) fn pre(&self) -> &bindings::PluginPre<State> {
        &self.inner.pre
    }

    pub(crate) fn shared_manifest(&self) -> Arc<Manifest> {
        self.inner.manifest.clone()
    }

    /// How its instances are used where the policy does not say: only what was pinned is trusted to leave nothing
    /// behind from one call to the next.
    pub(crate) fn default_isolation(&self) -> Isolation {
        if self.inner.pinned { Isolation::Reuse } else { Isolation::Fresh }
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

/// The component's code, and whether it was compiled before.
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

/// Compiles on a thread of its own. One that takes too long cannot be stopped; it is left to its end, and nobody waits.
fn compile_in_time(loader: &Loader<'_>, bytes: &[u8]) -> Result<Component, LoadError> {
    let (engine, bytes) = (loader.engine.clone(), bytes.to_vec());
    let (sender, receiver) = mpsc::channel();
    let run = move || {
        // If nobody waits any more, nobody misses it.
        let _ = sender.send(Component::from_binary(&engine, &bytes));
    };
    let started = std::thread::Builder::new().name("portcullis-compile".to_string()).spawn(run);
    started.map_err(|error| {
        LoadError::Invalid(format!("no thread can be started to compile it: {error}"))
    })?;
    match receiver.recv_timeout(loader.patience) {
        Ok(compiled) => compiled.map_err(|error| LoadError::Invalid(format!("{error:#}"))),
        Err(mpsc::RecvTimeoutError::Timeout) => Err(LoadError::TooSlow(loader.patience)),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            Err(LoadError::Invalid("the compiler crashed on it".to_string()))
        }
    }
}

fn is_allowed(import: &str) -> bool {
    let (name, version) = import.split_once('@').unwrap_or((import, ""));
    IMPORTS.iter().any(|(known, release)| *known == name && version.starts_with(release))
}

/// A component and where it comes from.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// Bytes in memory.
    Bytes(&'a [u8]),
    /// A file.
    File(&'a Path),
}

impl Source<'_> {
    pub(crate) fn read(&self) -> Result<std::borrow::Cow<'_, [u8]>, LoadError> {
        match self {
            Self::Bytes(bytes) => Ok((*bytes).into()),
            Self::File(path) => {
                let fail = |error| LoadError::Read { file: path.display().to_string(), error };
                let metadata = std::fs::metadata(path).map_err(fail)?;
                // A pipe would be waited for.
                if !metadata.is_file() {
                    return Err(fail(std::io::Error::other("it is not a regular file")));
                }
                if metadata.len() > MAX_COMPONENT_BYTES as u64 {
                    return Err(LoadError::TooLarge {
                        bytes: metadata.len() as usize,
                        limit: MAX_COMPONENT_BYTES,
                    });
                }
                std::fs::read(path).map(Into::into).map_err(fail)
            }
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

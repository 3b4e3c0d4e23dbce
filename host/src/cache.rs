//! Compiled code on disk, so that a plugin is compiled once on a machine and not at each start.
//!
//! Compiled code runs outside the sandbox's checks, so nothing is read that somebody else could have written: folder and
//! file must belong to this process's user and be closed to all others, and a digest covers the code, the component it
//! was made of, and the engine it was made for.

use crate::error::LoadError;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

/// A folder of compiled code.
pub(crate) struct Cache {
    folder: PathBuf,
}

/// Bytes of the digest before the code.
const DIGEST_BYTES: usize = 32;
/// The most that is read: compiled code has some ten times the component's size.
const MAX_FILE_BYTES: u64 = 512 * 1024 * 1024;

impl Cache {
    /// Opens a folder, and makes it where there is none.
    pub(crate) fn open(folder: &Path) -> Result<Self, LoadError> {
        let fail =
            |reason: String| LoadError::Cache { folder: folder.display().to_string(), reason };
        make(folder).map_err(|error| fail(error.to_string()))?;
        let metadata =
            std::fs::symlink_metadata(folder).map_err(|error| fail(error.to_string()))?;
        if !metadata.is_dir() {
            return Err(fail("it is not a folder".to_string()));
        }
        check_owner(&metadata).map_err(fail)?;
        Ok(Self { folder: folder.to_path_buf() })
    }

    /// The code of the component with this digest, if it is there and nobody else can have changed it.
    pub(crate) fn load(&self, engine: &Engine, component: &str) -> Option<Component> {
        let path = self.path(engine, component);
        match read(&path, &salt(engine, component)) {
            Ok(code) => restore(engine, &code)
                .inspect_err(|error| tracing::warn!("compiled code is made anew: {error:#}"))
                .ok(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!("compiled code in {} is not used: {error}", path.display());
                // So that good code can take its place; if it cannot be removed, it is not used the next time either.
                let _ = std::fs::remove_file(&path);
                None
            }
        }
    }

    /// Keeps the code of a component. That it cannot be kept is no failure.
    pub(crate) fn store(&self, engine: &Engine, component: &str, compiled: &Component) {
        let path = self.path(engine, component);
        let stored = compiled
            .serialize()
            .map_err(io::Error::other)
            .and_then(|code| write(&path, &salt(engine, component), &code));
        if let Err(error) = stored {
            tracing::warn!("compiled code cannot be kept in {}: {error}", path.display());
        }
    }

    fn path(&self, engine: &Engine, component: &str) -> PathBuf {
        self.folder.join(format!("{component}-{:016x}.cwasm", engine_hash(engine)))
    }
}

/// What the code was made of and for.
fn salt(engine: &Engine, component: &str) -> String {
    format!("{component} {:016x} {}\n", engine_hash(engine), env!("CARGO_PKG_VERSION"))
}

fn engine_hash(engine: &Engine) -> u64 {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

fn digest(salt: &str, code: &[u8]) -> [u8; DIGEST_BYTES] {
    Sha256::new().chain_update(salt).chain_update(code).finalize().into()
}

fn read(path: &Path, salt: &str) -> io::Result<Vec<u8>> {
    let regular = |metadata: &std::fs::Metadata| {
        if metadata.is_file() { Ok(()) } else { Err(io::Error::other("it is not a regular file")) }
    };
    // Asked first, as opening a pipe would wait; and again of what was opened.
    regular(&std::fs::metadata(path)?)?;
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    regular(&metadata)?;
    check_owner(&metadata).map_err(io::Error::other)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
    let code = bytes.split_off(DIGEST_BYTES.min(bytes.len()));
    if bytes != digest(salt, &code) {
        return Err(io::Error::other("it is not what was written"));
    }
    Ok(code)
}

/// Writes beside the place and renames, so that nobody ever reads half of it.
fn write(path: &Path, salt: &str, code: &[u8]) -> io::Result<()> {
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&beside).and_then(|mut file| {
        file.write_all(&digest(salt, code))?;
        file.write_all(code)
    });
    written.and_then(|()| std::fs::rename(&beside, path)).inspect_err(|_| {
        // Whatever is left of it is never read.
        let _ = std::fs::remove_file(&beside);
    })
}

#[expect(unsafe_code, reason = "wasmtime's way to load what it compiled before")]
fn restore(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the code was written by `store` of this user: file and folder are closed to all others, and the digest,
    // which covers the engine's settings too, matches.
    unsafe { Component::deserialize(engine, code) }
}

fn make(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(unix)]
fn check_owner(metadata: &std::fs::Metadata) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid().as_raw();
    if metadata.uid() != own {
        return Err(format!(
            "it belongs to the user with the id {}, and not to this process's",
            metadata.uid()
        ));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(format!(
            "it is open to others (mode {:o}); run: chmod go= on it",
            metadata.mode() & 0o777
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_owner(_: &std::fs::Metadata) -> Result<(), String> {
    Ok(())
}

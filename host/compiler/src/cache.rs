//! Compiled code on disk, so that a plugin is compiled once on a machine and not at each start.
//!
//! Compiled code runs outside the sandbox's checks, so nothing is read that somebody else could
//! have written: folder and file must belong to this process's user and be closed to all others,
//! and a digest covers the code, the component that it was compiled from, and the engine that it
//! was compiled for.

use portcullis_files::{FileError, check_own_folder, read_own};
use sha2::{Digest, Sha256};
use std::fs::OpenOptions;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

/// A folder of compiled code.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
}

/// The bytes of the digest before the code.
const DIGEST_BYTES: usize = 32;
/// The most bytes that are read: compiled code has some ten times the component's size.
const MAX_FILE_BYTES: u64 = 512 * 1024 * 1024;

impl Cache {
    /// Opens a folder, and creates it if it does not exist.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be created, or if it is open to others.
    pub fn open(folder: &Path) -> Result<Self, CacheFolderError> {
        create(folder)?;
        check_own_folder(folder)?;
        Ok(Self { folder: folder.to_path_buf() })
    }

    /// The compiled code of the component with this digest, if it exists and nobody else can have
    /// changed it.
    pub(crate) fn load(&self, engine: &Engine, component: &str) -> Option<Component> {
        let path = self.path(engine, component);
        match read(&path, &salt(engine, component)) {
            Ok(code) => restore(engine, &code)
                .inspect_err(|error| tracing::warn!("a plugin is compiled again: {error:#}"))
                .ok(),
            Err(CacheError::File(FileError::Open { source, .. }))
                if source.kind() == io::ErrorKind::NotFound =>
            {
                None
            }
            Err(error) => {
                tracing::warn!("compiled code is not used: {error}");
                // So that new code can take its place. If it cannot be removed, it is not used the
                // next time either.
                let _ = std::fs::remove_file(&path);
                None
            }
        }
    }

    /// Stores the compiled code of a component. A failure is logged only.
    pub(crate) fn store(&self, engine: &Engine, component: &str, compiled: &Component) {
        let path = self.path(engine, component);
        let stored = compiled
            .serialize()
            .map_err(io::Error::other)
            .and_then(|code| write(&path, &salt(engine, component), &code));
        if let Err(error) = stored {
            tracing::warn!("compiled code cannot be stored in {}: {error}", path.display());
        }
    }

    fn path(&self, engine: &Engine, component: &str) -> PathBuf {
        self.folder.join(format!("{component}-{:016x}.cwasm", engine_hash(engine)))
    }
}

/// A folder that cannot be used for compiled code.
#[derive(Debug, thiserror::Error)]
#[error("the folder for compiled code cannot be used: {0}")]
#[non_exhaustive]
pub enum CacheFolderError {
    /// The folder cannot be created or examined.
    Folder(#[from] io::Error),
    /// The folder is open to others, or is not a folder. Compiled code runs outside the sandbox's
    /// checks, so nobody else may write it.
    Access(#[from] FileError),
}

/// Compiled code that is not used.
#[derive(Debug, thiserror::Error)]
enum CacheError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("its digest does not match")]
    Digest,
}

/// What the code was compiled from and for.
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

fn read(path: &Path, salt: &str) -> Result<Vec<u8>, CacheError> {
    let mut bytes = read_own(path, MAX_FILE_BYTES)?;
    let code = bytes.split_off(DIGEST_BYTES.min(bytes.len()));
    if bytes == digest(salt, &code) { Ok(code) } else { Err(CacheError::Digest) }
}

/// Writes to a temporary file and renames it, so that nobody ever reads half of it.
fn write(path: &Path, salt: &str, code: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&temporary).and_then(|mut file| {
        file.write_all(&digest(salt, code))?;
        file.write_all(code)
    });
    written.and_then(|()| std::fs::rename(&temporary, path)).inspect_err(|_| {
        // A file that stays behind is never read.
        let _ = std::fs::remove_file(&temporary);
    })
}

#[expect(unsafe_code, reason = "wasmtime's way to load what it compiled before")]
fn restore(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `store` of this user wrote the code: folder and file are closed to all others, and
    // the digest, which covers the engine's settings too, matches.
    unsafe { Component::deserialize(engine, code) }
}

fn create(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

//! One server at a time uses a store.

use crate::store::StoreError;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// The right to use the store at a path, for one process at a time: a datasource that another one
/// deletes would go on working in this one. Beside the store is an empty file whose name ends in
/// `.lock`, which is locked until this is dropped or the process ends.
///
/// ```
/// use portcullis_store::{StoreError, StoreLock};
///
/// let folder = tempfile::tempdir()?;
/// let store = folder.path().join("store.db");
/// let lock = StoreLock::of(&store)?;
/// assert!(matches!(StoreLock::of(&store), Err(StoreError::InUse)));
/// drop(lock);
/// assert!(StoreLock::of(&store).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StoreLock {
    _file: File,
}

impl StoreLock {
    /// Takes the lock.
    ///
    /// # Errors
    /// Returns an error if another process has it, or if there can be no file beside the store.
    pub fn of(store: &Path) -> Result<Self, StoreError> {
        let mut path = store.as_os_str().to_owned();
        path.push(".lock");
        let path = Path::new(&path);
        let failed = |error: std::io::Error| StoreError::Io(format!("{}: {error}", path.display()));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

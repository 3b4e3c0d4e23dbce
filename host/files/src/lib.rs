//! Opens files that others may have written or may read.
//!
//! Every file is checked through its open handle, so that the file that was checked is the file
//! that is used. A pipe is refused before it is opened, since opening it would wait for its other
//! end.
//!
//! | function | for | accepts |
//! |---|---|---|
//! | [`read_limited`] | settings, manifests, plugins, certificates | a regular file, up to a size |
//! | [`read_private`] | secrets and private keys | the same, readable by its owner alone |
//! | [`append_private`] | audit records | a file for its owner alone, or a device |
//! | [`check_private`] | the cache of compiled code | a file or folder for this user alone |

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A file that cannot be used, and why. The message never quotes the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file cannot be opened.
    #[error("{} cannot be opened: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The file is a folder, a pipe, a socket or a device.
    #[error("{} is not a regular file", .0.display())]
    NotRegular(PathBuf),
    /// The file is larger than its reader accepts.
    #[error("{} is larger than {max} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most bytes that are read.
        max: u64,
    },
    /// The file's mode lets other users read or write it.
    #[error("{} is open to others (mode {mode:o}); run: chmod 600 {}", path.display(), path.display())]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// The permission bits of its mode.
        mode: u32,
    },
    /// The file belongs to another user, who may change it.
    #[error("{} belongs to the user with the id {owner}, who may change it; run: chown on it", path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// The id of its owner.
        owner: u32,
    },
}

/// Reads a regular file of at most `max` bytes.
///
/// # Errors
/// Returns an error if the file is not a regular file, is larger, or cannot be read.
pub fn read_limited(path: &Path, max: u64) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    read(&open_regular(path)?, path, max, &mut bytes)?;
    Ok(bytes)
}

/// Reads a file that holds a secret, of at most 64 KiB: credentials have three lines, one of them
/// a token of some kilobytes, and a private key is as large. On Unix it must belong to this
/// process's user or to root, and its mode must leave it to its owner alone.
///
/// # Errors
/// Returns an error that says what is wrong with the file and how to fix it. It never quotes the
/// file.
pub fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let file = open_regular(path)?;
    let metadata = metadata(&file, path)?;
    check_mode(path, &metadata)?;
    check_owner(path, &metadata, true)?;
    // Reserved at once: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SECRET_BYTES as usize + 1));
    read(&file, path, MAX_SECRET_BYTES, &mut bytes)?;
    Ok(bytes)
}

/// Opens a file to append to it. A new file is created for its owner alone. A character device is
/// accepted as well.
///
/// # Errors
/// Returns an error if the file is a pipe, is open to others, or cannot be opened.
pub fn append_private(path: &Path) -> Result<File, FileError> {
    #[cfg(unix)]
    if std::fs::metadata(path)
        .is_ok_and(|metadata| std::os::unix::fs::FileTypeExt::is_fifo(&metadata.file_type()))
    {
        return Err(FileError::NotRegular(path.to_path_buf()));
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options
        .open(path)
        .map_err(|source| FileError::Open { path: path.to_path_buf(), source })?;
    let metadata = metadata(&file, path)?;
    // A device belongs to whoever reads it.
    if !is_char_device(&metadata) {
        check_mode(path, &metadata)?;
    }
    Ok(file)
}

/// Opens a regular file.
///
/// # Errors
/// Returns an error if it is not a regular file, or cannot be opened.
pub fn open_regular(path: &Path) -> Result<File, FileError> {
    let fail = |source| FileError::Open { path: path.to_path_buf(), source };
    let is_regular = |metadata: &Metadata| {
        metadata.is_file().then_some(()).ok_or_else(|| FileError::NotRegular(path.to_path_buf()))
    };
    // Checked before it is opened, since opening a pipe waits, and then through the handle.
    is_regular(&std::fs::metadata(path).map_err(fail)?)?;
    let file = File::open(path).map_err(fail)?;
    is_regular(&metadata(&file, path)?)?;
    Ok(file)
}

/// Checks that a file or folder belongs to this process's user and is closed to all others.
///
/// # Errors
/// Returns an error that names the condition that fails.
pub fn check_private(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
    check_owner(path, metadata, false)?;
    check_mode(path, metadata)
}

const MAX_SECRET_BYTES: u64 = 64 * 1024;

fn metadata(file: &File, path: &Path) -> Result<Metadata, FileError> {
    file.metadata().map_err(|source| FileError::Open { path: path.to_path_buf(), source })
}

fn read(file: &File, path: &Path, max: u64, bytes: &mut Vec<u8>) -> Result<(), FileError> {
    file.take(max.saturating_add(1))
        .read_to_end(bytes)
        .map_err(|source| FileError::Read { path: path.to_path_buf(), source })?;
    if bytes.len() as u64 > max {
        return Err(FileError::TooLarge { path: path.to_path_buf(), max });
    }
    Ok(())
}

#[cfg(unix)]
fn check_mode(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
    let mode = std::os::unix::fs::MetadataExt::mode(metadata) & 0o777;
    if mode.trailing_zeros() >= 6 {
        return Ok(());
    }
    Err(FileError::OpenToOthers { path: path.to_path_buf(), mode })
}

#[cfg(unix)]
fn check_owner(path: &Path, metadata: &Metadata, or_root: bool) -> Result<(), FileError> {
    let owner = std::os::unix::fs::MetadataExt::uid(metadata);
    if owner == rustix::process::geteuid().as_raw() || (or_root && owner == 0) {
        return Ok(());
    }
    Err(FileError::Owner { path: path.to_path_buf(), owner })
}

#[cfg(unix)]
fn is_char_device(metadata: &Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_char_device(&metadata.file_type())
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &Metadata) -> Result<(), FileError> {
    Ok(())
}

#[cfg(not(unix))]
fn check_owner(_: &Path, _: &Metadata, _: bool) -> Result<(), FileError> {
    Ok(())
}

#[cfg(not(unix))]
fn is_char_device(_: &Metadata) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn file(folder: &tempfile::TempDir, mode: u32) -> PathBuf {
        let path = folder.path().join(format!("{mode:o}"));
        std::fs::write(&path, "hunter2").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(*read_private(&file(&folder, 0o600)).unwrap(), b"hunter2");
        let message = read_private(&file(&folder, 0o644)).unwrap_err().to_string();
        assert!(message.contains("mode 644") && message.contains("chmod 600"), "{message}");
        assert!(!message.contains("hunter2"));
    }

    #[test]
    fn a_pipe_or_a_folder_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        for path in [&pipe, &folder.path().to_path_buf()] {
            assert!(matches!(read_limited(path, 10), Err(FileError::NotRegular(_))));
            assert!(matches!(read_private(path), Err(FileError::NotRegular(_))));
        }
        assert!(matches!(append_private(&pipe), Err(FileError::NotRegular(_))));
    }

    #[test]
    fn a_file_larger_than_its_limit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, 0o600);
        assert!(read_limited(&path, 7).is_ok());
        assert!(matches!(read_limited(&path, 6), Err(FileError::TooLarge { max: 6, .. })));
    }
}

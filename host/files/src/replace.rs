//! Replaces a secret as a whole.

use crate::contents::{READING, read_into};
use crate::error::FileError;
use crate::own::check_own;
use crate::part::FileKind;
use crate::secret::MAX_SECRET_BYTES;
use crate::trust::FolderRule;
use crate::us::Us;
use crate::walk::{Found, Way, walk};
use rustix::fd::OwnedFd;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, Stat, fchmod, fsync, openat, renameat, unlinkat,
};
use rustix::io::Errno;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A secret of this process's user that is about to be replaced, and what it is replaced by.
///
/// Whoever reads the file meanwhile gets the old content or the new one, and never a part. The new
/// content is written to a file with the mode 0600 beside it, whose name has `.new` at its end. That
/// one is on the disk before it gets the name of the old one. While it exists, no other process
/// replaces the secret, so that nothing is lost that another one has just written.
///
/// ```
/// use portcullis_files::SecretReplacement;
/// # use std::os::unix::fs::PermissionsExt;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("key");
/// std::fs::write(&path, "old")?;
/// std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600))?;
///
/// let replacement = SecretReplacement::begin(&path)?;
/// let new = [b"new ", replacement.old()].concat();
/// replacement.finish(&new)?;
/// assert_eq!(std::fs::read(&path)?, b"new old");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SecretReplacement {
    path: PathBuf,
    old: Zeroizing<Vec<u8>>,
    /// The permissions that the file keeps.
    mode: Mode,
    new: NewFile,
}

/// A file beside another one. It is removed when it is dropped, unless it has taken the other's
/// place.
struct NewFile {
    path: PathBuf,
    file: File,
    /// The folder, opened for reading: only so it can be written to the disk.
    folder: OwnedFd,
    /// The name in the folder, until the file has another one.
    name: Option<OsString>,
    /// The name of the other file.
    replaces: OsString,
}

impl SecretReplacement {
    /// Reads the secret, of at most [`MAX_SECRET_BYTES`], and creates the file that will take its
    /// place. If this is dropped, that file is removed, and nothing has changed.
    ///
    /// The secret must belong to this process's user and be closed to all others. A link in its
    /// place is not followed. The conditions for its folders are
    /// [those of a trusted file](crate#whom-a-trusted-file-trusts).
    ///
    /// # Errors
    /// Returns an error that names the condition that fails, or the file that cannot be created. If
    /// there is a file whose name has `.new` at its end, another process is at work, or was ended
    /// while it was.
    pub fn begin(path: &Path) -> Result<Self, FileError> {
        let us = Us::now();
        let way = Way { folders: FolderRule::Closed, follows_last: false };
        let found = walk(&us, path, way)?;
        // What is wrong with the secret is said before anything is created.
        open(&us, &found, path)?;
        let new = NewFile::beside(&found, path)?;
        // Another process may have replaced it before.
        let (file, stat) = open(&us, &found, path)?;
        // Reserved at once: memory that grows leaves copies behind.
        let mut old = Zeroizing::new(vec![0; MAX_SECRET_BYTES as usize + 1]);
        read_into(&mut old, &file, &stat, path, MAX_SECRET_BYTES)?;
        let mode = Mode::from_raw_mode(stat.st_mode & OWNER_READS_AND_WRITES);
        Ok(Self { path: path.to_path_buf(), old, mode, new })
    }

    /// What the file holds.
    #[must_use]
    pub fn old(&self) -> &[u8] {
        &self.old
    }

    /// Replaces the file. It keeps its mode.
    ///
    /// # Errors
    /// Returns an error if `secret` is longer than [`MAX_SECRET_BYTES`], or if a file cannot be
    /// written. Then the file is as it was, unless only its folder could not be written to the disk.
    pub fn finish(mut self, secret: &[u8]) -> Result<(), FileError> {
        let size = secret.len() as u64;
        if size > MAX_SECRET_BYTES {
            return Err(FileError::TooLarge { path: self.path, size, max: MAX_SECRET_BYTES });
        }
        self.new.write(secret, self.mode)?;
        self.new.rename().map_err(|error| write_error(&self.path, error.into()))
    }
}

impl fmt::Debug for SecretReplacement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretReplacement").field("path", &self.path).finish_non_exhaustive()
    }
}

const OWNER_READS_AND_WRITES: u32 = 0o600;

/// How the new file is opened. There must be none.
const CREATING: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Opens the secret that a walk has found, and checks it through its handle.
fn open(us: &Us, found: &Found, path: &Path) -> Result<(File, Stat), FileError> {
    let check_kind = |kind: Option<FileKind>| match kind {
        None => Ok(()),
        Some(found) => Err(FileError::NotRegular { path: path.to_path_buf(), found }),
    };
    // A descriptor is one of the links.
    check_kind(if found.is_descriptor { Some(FileKind::Link) } else { found.kind(path)? })?;
    let (handle, stat) = found.open(path, READING)?;
    check_kind(FileKind::unless_regular(FileType::from_raw_mode(stat.st_mode)))?;
    check_own(us, &stat, path).map_err(|error| match error {
        // The new file would be this user's, and the owner of the old one could not read it.
        FileError::NotOurs { path, owner, user } => FileError::OtherUser { path, owner, user },
        error => error,
    })?;
    Ok((File::from(handle), stat))
}

impl NewFile {
    fn beside(found: &Found, path: &Path) -> Result<Self, FileError> {
        let mut name = found.name.clone();
        name.push(".new");
        let new_path = path.with_file_name(&name);
        let fail = |error: Errno| write_error(&new_path, error.into());
        let reading = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(&found.folder, ".", reading, Mode::empty()).map_err(fail)?;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = openat(&folder, &name, CREATING, mode).map_err(|error| match error {
            Errno::EXIST => {
                FileError::Unfinished { path: path.to_path_buf(), new: new_path.clone() }
            }
            error => fail(error),
        })?;
        let (file, replaces) = (File::from(file), found.name.clone());
        Ok(Self { path: new_path, file, folder, name: Some(name), replaces })
    }

    fn write(&mut self, bytes: &[u8], mode: Mode) -> Result<(), FileError> {
        let mut write = || {
            fchmod(&self.file, mode)?;
            self.file.write_all(bytes)?;
            self.file.sync_all()
        };
        write().map_err(|error| write_error(&self.path, error))
    }

    /// Takes the place of the other file.
    fn rename(mut self) -> Result<(), Errno> {
        if let Some(name) = &self.name {
            renameat(&self.folder, name, &self.folder, &self.replaces)?;
        }
        self.name = None;
        match fsync(&self.folder) {
            // There are file systems that cannot do this with a folder.
            Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
            done => done,
        }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            let _ = unlinkat(&self.folder, name, AtFlags::empty());
        }
    }
}

fn write_error(path: &Path, source: io::Error) -> FileError {
    FileError::Write { path: path.to_path_buf(), source }
}

#[cfg(test)]
#[path = "replace_tests.rs"]
mod tests;

//! Files that only this process's user and root may change.

use crate::contents::{READING, read, read_pipe};
use crate::error::FileError;
use crate::part::{FileKind, Part};
use crate::trust::{Place, check_file};
use crate::us::Us;
use crate::walk::{Found, Way, walk};
use rustix::fd::AsFd;
use rustix::fs::{FileType, Stat};
use std::fs::File;
use std::path::Path;

/// Reads a file of at most `max` bytes that only this process's user and root may change: a policy,
/// a profile, a manifest, or a certificate.
///
/// The conditions for the file, its folders and links are
/// [those of the crate](crate#whom-a-trusted-file-trusts).
///
/// The path of a descriptor, such as `/dev/stdin` or the one that a shell writes for `<(program)`,
/// may lead to a pipe, too. A pipe's content is there only once. No folder is checked for a
/// descriptor: whoever started the process has opened it.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let policy = folder.path().join("portcullis.toml");
/// std::fs::write(&policy, "[datasources]")?;
/// assert!(portcullis_files::read_trusted(&policy, 1024).is_ok());
///
/// // Now everybody may change it.
/// std::fs::set_permissions(&policy, std::os::unix::fs::PermissionsExt::from_mode(0o666))?;
/// let refused = portcullis_files::read_trusted(&policy, 1024).unwrap_err().to_string();
/// assert!(refused.contains("mode 0666; run: chmod go-w"), "{refused}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if the file cannot be opened or read, is not a regular file or the pipe of a
/// descriptor, is larger, or if others may change it or a part of the way to it. For a pipe, also
/// if its writer takes longer than 30 seconds or writes nothing.
pub fn read_trusted(path: &Path, max: u64) -> Result<Vec<u8>, FileError> {
    let us = Us::now();
    let found = walk(&us, path, Way::TRUSTED)?;
    let opened = open(&us, &found, path, found.is_descriptor)?;
    if opened.is_pipe {
        return read_pipe(&opened.file, path, max);
    }
    read(&opened.file, &opened.stat, path, max)
}

/// A file that only this process's user and root may change.
pub(crate) struct Trusted {
    pub(crate) file: File,
    pub(crate) stat: Stat,
    is_pipe: bool,
}

/// Opens what a walk has found, and checks it through its handle.
pub(crate) fn open(
    us: &Us,
    found: &Found,
    path: &Path,
    accepts_pipe: bool,
) -> Result<Trusted, FileError> {
    let accepts = |kind: Option<FileKind>| match kind {
        None => Ok(false),
        Some(FileKind::Pipe) if accepts_pipe => Ok(true),
        Some(found) => Err(FileError::NotRegular { path: path.to_path_buf(), found }),
    };
    accepts(found.kind(path)?)?;
    let (handle, stat) = found.open(path, READING)?;
    let kind = FileKind::unless_regular(FileType::from_raw_mode(stat.st_mode));
    let is_pipe = accepts(kind)?;
    let part = if is_pipe { Part::Pipe } else { Part::File };
    let at = if found.is_descriptor { path } else { &found.at };
    check_file(us, handle.as_fd(), &stat, Place { path, at, part })?;
    Ok(Trusted { file: File::from(handle), stat, is_pipe })
}

#[cfg(test)]
#[path = "trusted_tests.rs"]
mod tests;

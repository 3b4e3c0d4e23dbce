//! The file to which audit records are appended.

use crate::error::FileError;
use crate::own::check_own;
use crate::part::FileKind;
use crate::trust::FolderRule;
use crate::us::Us;
use crate::walk::{Way, walk};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{FileType, OFlags, Stat, fcntl_getfl, fcntl_setfl, fstat};
use rustix::io::Errno;
use std::fs::File;
use std::path::Path;

const APPENDING: OFlags = OFlags::RDWR
    .union(OFlags::APPEND)
    .union(OFlags::CREATE)
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOCTTY);

/// Opens a file to append audit records to it. A new file is created with the mode 0600.
///
/// An existing file must be a regular one that belongs to this process's user, is closed to all
/// others, and has no second name. A link in its place is not followed. Links among its folders
/// are, if root or this process's user made them; the folders must belong to one of the two, and
/// not be writable by others, unless they are sticky as `/tmp` is. A group may write a folder that
/// belongs to root, as it may with `/var/log` in Ubuntu: it could remove the file, and not replace
/// it.
///
/// A character device such as `/dev/full` or a terminal is accepted as well: it belongs to whoever
/// reads it. `/dev/stdout` and `/dev/stderr` stand for what this process has as those, which may
/// also be a pipe or a socket, as with containers and systemd.
///
/// # Errors
/// Returns an error that names the condition that fails.
pub fn append_audit(path: &Path) -> Result<File, FileError> {
    if path == Path::new("/dev/stdout") {
        return inherited(std::io::stdout().as_fd(), path);
    }
    if path == Path::new("/dev/stderr") {
        return inherited(std::io::stderr().as_fd(), path);
    }
    let us = Us::now();
    let way = Way { folders: FolderRule::RootsGroups, follows_last: false };
    let found = walk(&us, path, way)?;
    // A pipe, a socket or a link is refused before it is opened. A descriptor is one of the links.
    if found.is_descriptor {
        return Err(not_regular(path, FileKind::Link));
    }
    if let Some(kind) = found.kind(path)?.filter(|kind| *kind != FileKind::CharacterDevice) {
        return Err(not_regular(path, kind));
    }
    let (handle, stat) = found.open(path, APPENDING)?;
    match FileKind::unless_regular(FileType::from_raw_mode(stat.st_mode)) {
        None => check(&us, &stat, path)?,
        Some(FileKind::CharacterDevice) => {}
        Some(kind) => return Err(not_regular(path, kind)),
    }
    // Only opening must not wait. A terminal that is busy is no reason to lose a record.
    wait_for_writes(&handle).map_err(|error| open_error(path, error))?;
    Ok(File::from(handle))
}

/// What this process was started with.
fn inherited(handle: BorrowedFd<'_>, path: &Path) -> Result<File, FileError> {
    let stat = fstat(handle).map_err(|error| open_error(path, error))?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
        check(&Us::now(), &stat, path)?;
    }
    let own = handle
        .try_clone_to_owned()
        .map_err(|source| FileError::Open { path: path.to_path_buf(), source })?;
    Ok(File::from(own))
}

fn check(us: &Us, stat: &Stat, path: &Path) -> Result<(), FileError> {
    check_own(us, stat, path)?;
    // Whoever may write the folder can give a name to another file of this user.
    if stat.st_nlink > 1 {
        return Err(FileError::OtherNames { path: path.to_path_buf() });
    }
    Ok(())
}

fn wait_for_writes(handle: &OwnedFd) -> Result<(), Errno> {
    fcntl_setfl(handle, fcntl_getfl(handle)?.difference(OFlags::NONBLOCK))
}

fn not_regular(path: &Path, found: FileKind) -> FileError {
    FileError::NotRegular { path: path.to_path_buf(), found }
}

fn open_error(path: &Path, error: Errno) -> FileError {
    FileError::Open { path: path.to_path_buf(), source: error.into() }
}

#[cfg(test)]
#[path = "append_tests.rs"]
mod tests;

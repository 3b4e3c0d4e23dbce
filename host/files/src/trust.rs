//! Whether a part of a path can be changed by this process's user and root alone.

use crate::error::FileError;
use crate::group::doubt;
use crate::part::Part;
use crate::us::Us;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{Mode, OFlags, Stat, StatVfsMountFlags, fstatvfs, openat};
use std::path::Path;

/// What a folder on the way to a file must meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FolderRule {
    /// Only root and this process's user may write it.
    Closed,
    /// As `Closed`, but root may have given a folder of its own to a group: `/var/log` belongs to
    /// root and the group `syslog` in Ubuntu, with the mode 0775. For files that are trusted only
    /// if they belong to this process's user, so that the group can remove but not replace them.
    RootsGroups,
}

/// The part of a path that is checked, for messages.
#[derive(Clone, Copy)]
pub(crate) struct Place<'p> {
    /// The path that the caller named.
    pub(crate) path: &'p Path,
    /// The part of it, or of the target of a link.
    pub(crate) at: &'p Path,
    pub(crate) part: Part,
}

const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITES: u32 = 0o020;
const STICKY: u32 = 0o1000;

/// Checks who owns a folder, a link or a file.
pub(crate) fn check_owner(us: &Us, stat: &Stat, place: Place<'_>) -> Result<(), FileError> {
    if us.trusts_owner(stat) {
        return Ok(());
    }
    Err(FileError::ForeignOwner {
        path: place.path.into(),
        part: place.part,
        at: place.at.into(),
        owner: stat.st_uid,
        user: us.user(),
    })
}

/// Checks owner and mode of a folder. The handle may be one for paths only.
pub(crate) fn check_folder(
    us: &Us,
    folder: BorrowedFd<'_>,
    stat: &Stat,
    rule: FolderRule,
    place: Place<'_>,
) -> Result<(), FileError> {
    check_owner(us, stat, place)?;
    // In a sticky folder, entries of root and of this user stay theirs.
    if stat.st_mode & (OTHERS_WRITE | GROUP_WRITES) == 0 || stat.st_mode & STICKY != 0 {
        return Ok(());
    }
    let is_roots = rule == FolderRule::RootsGroups && stat.st_uid == 0;
    if is_roots && stat.st_mode & OTHERS_WRITE == 0 {
        return Ok(());
    }
    if is_read_only(folder) {
        return Ok(());
    }
    // Its access control list can be read only through a handle that was opened for reading.
    let opened =
        openat(folder, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    match opened {
        Ok(opened) => check_mode(us, opened.as_fd(), stat, place),
        Err(source) => Err(FileError::Open { path: place.at.into(), source: source.into() }),
    }
}

/// Checks owner and mode of an open file or pipe.
pub(crate) fn check_file(
    us: &Us,
    file: BorrowedFd<'_>,
    stat: &Stat,
    place: Place<'_>,
) -> Result<(), FileError> {
    check_owner(us, stat, place)?;
    check_mode(us, file, stat, place)
}

/// Whether the mount of a file or folder is read-only.
pub(crate) fn is_read_only(handle: BorrowedFd<'_>) -> bool {
    fstatvfs(handle).is_ok_and(|fs| fs.f_flag.contains(StatVfsMountFlags::RDONLY))
}

fn check_mode(
    us: &Us,
    handle: BorrowedFd<'_>,
    stat: &Stat,
    place: Place<'_>,
) -> Result<(), FileError> {
    let group = if stat.st_mode & OTHERS_WRITE != 0 {
        None
    } else if stat.st_mode & GROUP_WRITES != 0 {
        let Some(doubt) = doubt(us, handle, stat) else { return Ok(()) };
        Some(doubt)
    } else {
        return Ok(());
    };
    Err(FileError::WritableByOthers {
        path: place.path.into(),
        part: place.part,
        at: place.at.into(),
        mode: stat.st_mode & 0o7777,
        group,
        may_change_mode: us.may_change_mode(stat.st_uid),
    })
}

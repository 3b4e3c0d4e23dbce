//! Follows a path one part after another, and checks each.
//!
//! The kernel would follow it at once, but through folders and links that others may change while
//! they are checked. Here each part is opened in the folder that was checked before it, and the
//! checks look at what was opened.

use crate::error::FileError;
use crate::part::{FileKind, Part};
use crate::trust::{FolderRule, Place, check_folder, check_owner};
use crate::us::Us;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{
    CWD, FileType, Mode, OFlags, PROC_SUPER_MAGIC, Stat, fstat, fstatfs, openat, readlinkat,
};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

/// As many links as the kernel follows.
const MAX_LINKS: u32 = 40;

/// A device and the number of a file on it.
pub(crate) type Id = (u64, u64);

/// How to follow a path.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    pub(crate) folders: FolderRule,
    /// Whether a link in the last place is followed.
    pub(crate) follows_last: bool,
}

impl Way {
    /// The way to a file that is trusted.
    pub(crate) const TRUSTED: Self = Self { folders: FolderRule::Closed, follows_last: true };
}

/// The end of a path.
pub(crate) struct Found {
    /// The folder of the last part.
    pub(crate) folder: OwnedFd,
    /// The name in the folder; `.` if the path ends in the folder itself.
    pub(crate) name: OsString,
    /// What has this name, if anything has. It is not a link that should have been followed.
    pub(crate) stat: Option<Stat>,
    /// The name stands for an open file of a process, in `/proc/<process>/fd`. Whoever started the
    /// process has opened it, and no folder leads to it.
    pub(crate) is_descriptor: bool,
    /// The folders that lead to the file, without links, from the root folder on.
    pub(crate) folders: Vec<Id>,
    /// The path to the file, without links.
    pub(crate) at: PathBuf,
}

/// Follows a path to its end, which may not exist.
pub(crate) fn walk(us: &Us, path: &Path, way: Way) -> Result<Found, FileError> {
    let mut walk = Walk { us, path, way, folders: Vec::new(), pending: Vec::new(), links: 0 };
    // A relative path is held to the same conditions as the absolute one: it should not depend on
    // the current folder whether a file is trusted.
    let absolute = match path {
        _ if path.as_os_str().is_empty() => return Err(walk.fail(Errno::NOENT)),
        _ if path.is_absolute() => path.to_path_buf(),
        _ => std::env::current_dir().map_err(|source| walk.open_error(source))?.join(path),
    };
    walk.enter(Path::new("/"), openat(CWD, "/", HANDLE, Mode::empty()))?;
    walk.follow(&absolute);
    walk.into_end()
}

/// Handles that stand for a place only: opening one has no effect on what is there.
const HANDLE: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

struct Walk<'w> {
    us: &'w Us,
    path: &'w Path,
    way: Way,
    /// The folders from the root folder to where the walk is. Never empty once it has begun.
    folders: Vec<Folder>,
    /// The parts that are left, the next one last.
    pending: Vec<OsString>,
    links: u32,
}

struct Folder {
    handle: OwnedFd,
    at: PathBuf,
    id: Id,
}

impl Walk<'_> {
    fn into_end(mut self) -> Result<Found, FileError> {
        while let Some(name) = self.pending.pop() {
            if name == ".." {
                // The folder above the root folder is the root folder.
                self.folders.truncate(self.folders.len().saturating_sub(1).max(1));
                continue;
            }
            if name == "/" {
                self.folders.truncate(1);
                continue;
            }
            let Some(here) = self.folders.last() else { break };
            let is_last = self.pending.is_empty();
            let handle = match openat(&here.handle, &name, HANDLE, Mode::empty()) {
                Err(Errno::NOENT) if is_last => return self.found(name, None, false),
                handle => handle.map_err(|error| self.fail(error))?,
            };
            let stat = fstat(&handle).map_err(|error| self.fail(error))?;
            let at = here.at.join(&name);
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => self.enter(&at, Ok(handle))?,
                FileType::Symlink if is_last && is_descriptor(here, &name) => {
                    return self.found(name, Some(stat), true);
                }
                FileType::Symlink if is_last && !self.way.follows_last => {
                    return self.found(name, Some(stat), false);
                }
                FileType::Symlink => {
                    check_owner(self.us, &stat, self.place(&at, Part::Link))?;
                    self.links += 1;
                    if self.links > MAX_LINKS {
                        let path = self.path.to_path_buf();
                        return Err(FileError::TooManyLinks { path, max: MAX_LINKS });
                    }
                    // An empty name stands for the link itself, as it was opened.
                    let target = readlinkat(&handle, "", Vec::new());
                    let target = target.map_err(|error| self.fail(error))?.into_bytes();
                    self.follow(Path::new(&OsString::from_vec(target)));
                }
                _ if !is_last => return Err(self.fail(Errno::NOTDIR)),
                _ => return self.found(name, Some(stat), false),
            }
        }
        let here = self.folders.last().ok_or_else(|| self.fail(Errno::NOENT))?;
        let stat = fstat(&here.handle).map_err(|error| self.fail(error))?;
        self.found(".".into(), Some(stat), false)
    }

    /// Puts the parts of a path before those that are left.
    fn follow(&mut self, path: &Path) {
        let parts = path.components().filter(|part| *part != Component::CurDir);
        self.pending.extend(parts.rev().map(|part| part.as_os_str().to_os_string()));
    }

    /// Checks a folder, and goes into it.
    fn enter(&mut self, at: &Path, handle: Result<OwnedFd, Errno>) -> Result<(), FileError> {
        let handle = handle.map_err(|error| self.fail(error))?;
        let stat = fstat(&handle).map_err(|error| self.fail(error))?;
        let place = self.place(at, Part::Folder);
        check_folder(self.us, handle.as_fd(), &stat, self.way.folders, place)?;
        self.folders.push(Folder { handle, at: at.to_path_buf(), id: id(&stat) });
        Ok(())
    }

    fn found(
        mut self,
        name: OsString,
        stat: Option<Stat>,
        is_descriptor: bool,
    ) -> Result<Found, FileError> {
        let folders = self.folders.iter().map(|folder| folder.id).collect();
        let here = self.folders.pop().ok_or_else(|| self.fail(Errno::NOENT))?;
        let at = here.at.join(&name);
        Ok(Found { folder: here.handle, name, stat, is_descriptor, folders, at })
    }

    fn place<'p>(&'p self, at: &'p Path, part: Part) -> Place<'p> {
        Place { path: self.path, at, part }
    }

    fn fail(&self, error: Errno) -> FileError {
        self.open_error(error.into())
    }

    fn open_error(&self, source: std::io::Error) -> FileError {
        FileError::Open { path: self.path.to_path_buf(), source }
    }
}

/// Whether a link stands for an open file of a process. In `/proc`, only those links are named by a
/// number. What they say is not a path if the file has none, as a pipe.
fn is_descriptor(folder: &Folder, name: &OsStr) -> bool {
    name.as_bytes().iter().all(u8::is_ascii_digit)
        && fstatfs(&folder.handle).is_ok_and(|fs| fs.f_type == PROC_SUPER_MAGIC)
}

pub(crate) fn id(stat: &Stat) -> Id {
    (stat.st_dev, stat.st_ino)
}

impl Found {
    /// Opens the file. It may have been replaced since, so the checks must look at what is opened.
    pub(crate) fn open(&self, path: &Path, flags: OFlags) -> Result<(OwnedFd, Stat), FileError> {
        let fail =
            |error: Errno| FileError::Open { path: path.to_path_buf(), source: error.into() };
        if self.stat.is_none() && !flags.contains(OFlags::CREATE) {
            return Err(fail(Errno::NOENT));
        }
        // A descriptor's link must be followed, and leads to that file only.
        let follow = if self.is_descriptor { OFlags::empty() } else { OFlags::NOFOLLOW };
        let mode = Mode::RUSR | Mode::WUSR;
        let opened = openat(&self.folder, &self.name, flags | follow, mode).map_err(fail)?;
        let stat = fstat(&opened).map_err(fail)?;
        Ok((opened, stat))
    }

    /// What the end of the path is: for a descriptor, what that stands for.
    ///
    /// Looks before [`Found::open`] does, since opening a device or a pipe has effects.
    pub(crate) fn kind(&self, path: &Path) -> Result<Option<FileKind>, FileError> {
        let stat = match &self.stat {
            Some(_) if self.is_descriptor => self.open(path, OFlags::PATH | OFlags::CLOEXEC)?.1,
            Some(stat) => *stat,
            None => return Ok(None),
        };
        Ok(FileKind::unless_regular(FileType::from_raw_mode(stat.st_mode)))
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;

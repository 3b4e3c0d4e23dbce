//! What can be wrong with a file.

use crate::doubt::GroupDoubt;
use crate::exposure::Exposure;
use crate::part::{FileKind, Part};
use crate::remedy::ModeRemedy;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A file that cannot be used, and why. The message begins with the path, names the condition that
/// fails and what to do, and never quotes the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file cannot be opened, or there is none.
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
    #[error("{} is not a regular file, but {found}", path.display())]
    NotRegular {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: FileKind,
    },
    /// The file is larger than its reader accepts.
    #[error("{} is larger than {max} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How many bytes it has at least.
        size: u64,
        /// The most bytes that are read.
        max: u64,
    },
    /// A pipe ended before its first byte.
    #[error(
        "{} is a pipe that holds nothing: it was read before, or its writer failed; to read it \
         more than once, write it to a file and name that",
        path.display()
    )]
    EmptyPipe {
        /// The pipe.
        path: PathBuf,
    },
    /// Links lead to links, more often than is accepted.
    #[error(
        "{} leads through more than {max} links; name the file that they lead to",
        path.display()
    )]
    TooManyLinks {
        /// The path.
        path: PathBuf,
        /// The most links that are followed.
        max: u32,
    },
    /// A part of the path belongs to neither this process's user nor root. Its owner may change it.
    #[error(
        "{} may be changed by the user with the id {owner}, to whom {} belongs; {}",
        path.display(),
        Named { part: *part, at, path },
        ForeignRemedy { part: *part, at, owner: *owner, user: *user }
    )]
    ForeignOwner {
        /// The file.
        path: PathBuf,
        /// What belongs to another user.
        part: Part,
        /// Where that is.
        at: PathBuf,
        /// The id of its owner.
        owner: u32,
        /// The id of this process's user.
        user: u32,
    },
    /// Users other than this process's and root may write a part of the path.
    #[error(
        "{} may be changed by others: {} has the mode {mode:04o}{}; {}",
        path.display(),
        Named { part: *part, at, path },
        Because(group.as_ref()),
        ModeRemedy { change: "go-w", at, possible: *may_change_mode }
    )]
    WritableByOthers {
        /// The file.
        path: PathBuf,
        /// What others may write.
        part: Part,
        /// Where that is.
        at: PathBuf,
        /// The permission bits of its mode.
        mode: u32,
        /// Why its group may contain others, if the group may write it and all others may not.
        group: Option<GroupDoubt>,
        /// Whether this process's user could change the mode.
        may_change_mode: bool,
    },
    /// A secret that others may read.
    #[error("{} is a secret that others may read: {exposure}", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// The condition that fails.
        exposure: Exposure,
    },
    /// The file's or folder's mode lets other users read or write it, and it must be for its owner
    /// alone.
    #[error(
        "{} is open to others (mode {mode:o}); {}",
        path.display(),
        ModeRemedy { change: "go-rwx", at: path, possible: true }
    )]
    OpenToOthers {
        /// The file or folder.
        path: PathBuf,
        /// The permission bits of its mode.
        mode: u32,
    },
    /// The file or folder does not belong to this process's user, and must.
    #[error(
        "{} belongs to the user with the id {owner}, and must belong to the server's own, {user}; \
         name another, or let root run: chown {user} {}",
        path.display(),
        path.display()
    )]
    NotOurs {
        /// The file or folder.
        path: PathBuf,
        /// The id of its owner.
        owner: u32,
        /// The id of this process's user.
        user: u32,
    },
    /// A file to append to has a second name, and may thus be another file of this user.
    #[error(
        "{} has a second name (a hard link); remove it, so that it is created anew",
        path.display()
    )]
    OtherNames {
        /// The file.
        path: PathBuf,
    },
    /// A secret to replace belongs to another user, who could not read the new file.
    #[error(
        "{} belongs to the user with the id {owner}, and the new file would belong to {user}; run \
         this as the user {owner}",
        path.display()
    )]
    OtherUser {
        /// The secret.
        path: PathBuf,
        /// The id of its owner.
        owner: u32,
        /// The id of this process's user.
        user: u32,
    },
    /// Beside a secret to replace there is a new one already.
    #[error(
        "{} is being replaced by another process, or that was ended too early: there is {}; if no \
         other process is at work, remove that file",
        path.display(),
        new.display()
    )]
    Unfinished {
        /// The secret.
        path: PathBuf,
        /// The file that is beside it.
        new: PathBuf,
    },
    /// The file cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

/// A part of a path in a sentence: the file itself needs no name.
struct Named<'e> {
    part: Part,
    at: &'e Path,
    path: &'e Path,
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at == self.path {
            return write!(f, "the {}", self.part);
        }
        write!(f, "the {} {}", self.part, self.at.display())
    }
}

struct Because<'e>(Option<&'e GroupDoubt>);

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(doubt) => write!(f, ", and {doubt}"),
            None => Ok(()),
        }
    }
}

struct ForeignRemedy<'e> {
    part: Part,
    at: &'e Path,
    owner: u32,
    user: u32,
}

impl fmt::Display for ForeignRemedy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, at, owner, user } = self;
        if *owner == 65534 {
            // In a user namespace, this stands for all users that the namespace does not know.
            f.write_str("(65534 may stand for a user whom this container does not know) ")?;
        }
        match part {
            Part::Folder => write!(
                f,
                "expected root or the user {user}: name a file in another folder, or let root run: \
                 chown {user} {}",
                at.display()
            ),
            Part::Link => write!(
                f,
                "expected root or the user {user}: name the file that the link leads to, or make \
                 the link anew"
            ),
            Part::Pipe => write!(f, "expected root or the user {user}: name a file"),
            Part::File => write!(
                f,
                "expected root or the user {user}: let root run: chown {user} {}",
                at.display()
            ),
        }
    }
}

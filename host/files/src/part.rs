//! The kinds of files, and the parts of a path.

use rustix::fs::FileType;
use std::fmt;

/// What a path leads to that is not a regular file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// A folder.
    Folder,
    /// A pipe: reading it could wait for ever.
    Pipe,
    /// A socket.
    Socket,
    /// A terminal, `/dev/zero` and the like.
    CharacterDevice,
    /// A disk.
    BlockDevice,
    /// A symbolic link, where links are not followed.
    Link,
    /// Anything else.
    Other,
}

impl FileKind {
    /// The kind of a file; none if it is a regular file.
    pub(crate) fn unless_regular(kind: FileType) -> Option<Self> {
        Some(match kind {
            FileType::RegularFile => return None,
            FileType::Directory => Self::Folder,
            FileType::Fifo => Self::Pipe,
            FileType::Socket => Self::Socket,
            FileType::CharacterDevice => Self::CharacterDevice,
            FileType::BlockDevice => Self::BlockDevice,
            FileType::Symlink => Self::Link,
            FileType::Unknown => Self::Other,
        })
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Folder => "a folder",
            Self::Pipe => "a pipe",
            Self::Socket => "a socket",
            Self::CharacterDevice | Self::BlockDevice => "a device",
            Self::Link => "a link",
            Self::Other => "something else",
        })
    }
}

/// A part of the way to a file, or the file itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// A folder on the way.
    Folder,
    /// A symbolic link on the way.
    Link,
    /// The file itself.
    File,
    /// The pipe that takes the file's place.
    Pipe,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Folder => "folder",
            Self::Link => "link",
            Self::File => "file",
            Self::Pipe => "pipe",
        })
    }
}

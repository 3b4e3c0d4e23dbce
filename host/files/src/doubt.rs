//! Doubts about a group.

use std::fmt;

/// Why the group of a file may let others in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupDoubt {
    /// This process is not a member of the group.
    NotOurs(u32),
    /// The group stands for all groups that are not known.
    Nogroup,
    /// Another user is a member, too.
    Shared {
        /// The id of the group.
        group: u32,
        /// The name of the other user.
        with: String,
    },
    /// The file has an access control list, which may let anybody in.
    AccessList,
    /// The list of users or the list of groups cannot be read.
    Unknown,
}

impl fmt::Display for GroupDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurs(group) => write!(f, "its group {group} is not a group of this process"),
            Self::Nogroup => write!(f, "its group {NOGROUP} stands for all unknown groups"),
            Self::Shared { group, with } => {
                write!(f, "its group {group} is also that of the user {with:?}")
            }
            Self::AccessList => f.write_str("it has an access control list"),
            Self::Unknown => {
                f.write_str("/etc/passwd and /etc/group do not show who is in its group")
            }
        }
    }
}

/// The id that stands for all groups that a namespace does not know, and for no group.
pub(crate) const NOGROUP: u32 = 65534;

//! Opens files that others may have written, and files that nobody else may write or read.
//!
//! Every file is checked through its open handle, so that the file that was checked is the file
//! that is used. No function waits for the other end of a pipe to appear, or reads more than its
//! limit.
//!
//! | function | for | owner | others may |
//! |---|---|---|---|
//! | [`read_untrusted`] | settings, plugins | anybody | write and read |
//! | [`read_trusted`] | policies, profiles, manifests, certificates | this user or root | read |
//! | [`read_secret`] | private keys, credentials, tokens | this user or root | do nothing |
//! | [`SecretReplacement`] | keys that get a new content | this user | do nothing |
//! | [`append_audit`] | audit records | this user | do nothing |
//! | [`read_own`], [`check_own_folder`] | the cache of compiled code | this user | do nothing |
//!
//! The functions block: reading from a file system that does not respond takes as long as that
//! does, and [`read_trusted`] waits up to 30 seconds for a pipe. Asynchronous code must call them
//! on a thread that may block, as `tokio::task::spawn_blocking` provides.
//!
//! # Whom a trusted file trusts
//!
//! Root can change everything anyway, and so can this process change what belongs to its own
//! effective user. [`read_trusted`] and [`read_secret`] accept what these two alone can change: the
//! file itself, and each folder and link on the way to it, from the root folder on. A link's target
//! is held to the same conditions, and so on, for up to 40 links.
//!
//! - A folder that others may write is accepted if its sticky bit is set, as that of `/tmp` is. In
//!   it only the owner of an entry may rename or remove the entry, and the next part of the path
//!   belongs to root or to this user, as every part must. `sudo` and `ssh` decide alike.
//! - A folder on a read-only mount is accepted whatever its mode is: Kubernetes leaves that of a
//!   `ConfigMap` with the mode 0777. The files in it are checked as everywhere.
//! - What a group may write is accepted if the group is this process's own and nobody else's: where
//!   each user has such a group, new files often have the mode 0664.
//!
//! # A group that is nobody else's
//!
//! A group is this process's own if it is its effective or a supplementary group. It is nobody
//! else's if `/etc/group` lists no other member, and `/etc/passwd` no other user whose main group
//! it is; root does not count, nor does this process's user under another name. A missing file
//! lists nobody: a container often has neither, and its only user is the process. Only the users of
//! the machine or container that these two files describe are seen: neither those of a directory
//! such as LDAP, nor other containers with the same volume and group. The group 65534 (`nogroup`)
//! is never accepted, since it also stands for all groups that a namespace does not know. Neither
//! is a file with an access control list, since its mode then shows what the list allows to
//! anybody.
//!
//! # Limits
//!
//! In a user namespace, the owner of a file is 65534 if the namespace does not know its owner. A
//! process whose own user is 65534 cannot tell such a file from one of its own.

mod append;
mod contents;
mod doubt;
mod error;
mod exposure;
mod group;
mod own;
mod part;
mod remedy;
mod replace;
mod secret;
#[cfg(test)]
mod testing;
mod trust;
mod trusted;
mod untrusted;
mod us;
mod walk;

pub use append::append_audit;
pub use doubt::GroupDoubt;
pub use error::FileError;
pub use exposure::Exposure;
pub use own::{check_own_folder, read_own};
pub use part::{FileKind, Part};
pub use replace::SecretReplacement;
pub use secret::{MAX_SECRET_BYTES, read_secret};
pub use trusted::read_trusted;
pub use untrusted::{open_untrusted, read_untrusted};

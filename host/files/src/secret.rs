//! Files that only this process may read.

use crate::contents::read_into;
use crate::error::FileError;
use crate::exposure::Exposure;
use crate::group::doubt;
use crate::trust::is_read_only;
use crate::trusted::open;
use crate::us::Us;
use crate::walk::{Found, Way, id, walk};
use rustix::fd::AsFd;
use rustix::fs::Stat;
use std::fs::File;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The most bytes of a secret, 64 KiB: credentials have three lines, one of them a token of some
/// kilobytes, and a private key is as large.
pub const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// Reads a file that holds a secret, of at most [`MAX_SECRET_BYTES`]: a private key, credentials or
/// a token. What was read is overwritten when it is dropped.
///
/// Only this process's user and root may change it, as with [`read_trusted`](crate::read_trusted).
/// In addition, nobody else may read it. One of these suffices:
///
/// - Its mode lets neither group nor others in: 0400 or 0600.
/// - It lies below `$CREDENTIALS_DIRECTORY`, whatever links lead there. With `LoadCredential=`,
///   systemd provides a file for root with an access control list, which shows as 0440, in a folder
///   that only the service can enter.
/// - It is on a read-only mount. Compose mounts secrets with the mode 0444 into a container in
///   which there is nobody else.
/// - Its mode lets others do nothing, and its group is
///   [this process's own and nobody else's](crate#a-group-that-is-nobody-elses). With `fsGroup`,
///   Kubernetes provides a file for root and that group with the mode 0440.
///
/// # Errors
/// Returns an error that names the condition that fails and what can be done. It never quotes the
/// file. A `chmod` is proposed only if this process's user could run it.
pub fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|value| !value.is_empty());
    read(path, credentials.map(PathBuf::from))
}

const GROUP_AND_OTHERS: u32 = 0o077;
const OTHERS: u32 = 0o007;

/// Reads a secret, given `$CREDENTIALS_DIRECTORY`.
fn read(path: &Path, credentials: Option<PathBuf>) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let us = Us::now();
    let found = walk(&us, path, Way::TRUSTED)?;
    let opened = open(&us, &found, path, false)?;
    if let Some(exposure) = exposure(&us, &found, &opened.file, &opened.stat, credentials) {
        return Err(FileError::Exposed { path: path.to_path_buf(), exposure });
    }
    // Reserved at once: memory that grows leaves copies behind.
    let mut bytes = Zeroizing::new(vec![0; MAX_SECRET_BYTES as usize + 1]);
    read_into(&mut bytes, &opened.file, &opened.stat, path, MAX_SECRET_BYTES)?;
    Ok(bytes)
}

fn exposure(
    us: &Us,
    found: &Found,
    file: &File,
    stat: &Stat,
    credentials: Option<PathBuf>,
) -> Option<Exposure> {
    let mode = stat.st_mode & 0o7777;
    if mode & GROUP_AND_OTHERS == 0 || is_read_only(file.as_fd()) {
        return None;
    }
    if credentials.as_deref().is_some_and(|folder| is_below(us, found, folder)) {
        return None;
    }
    let group = if mode & OTHERS == 0 { Some(doubt(us, file, stat)?) } else { None };
    Some(Exposure {
        path: found.at.clone(),
        mode,
        credentials,
        group,
        may_change_mode: us.may_change_mode(stat.st_uid),
    })
}

/// Whether a file lies below a folder, whatever links lead to either. The folder must meet the
/// conditions of a trusted file's.
fn is_below(us: &Us, file: &Found, folder: &Path) -> bool {
    // For a descriptor, the folders are those in `/proc`.
    if file.is_descriptor || !folder.is_absolute() {
        return false;
    }
    walk(us, folder, Way::TRUSTED).is_ok_and(|found| {
        found.name == "." && found.stat.is_some_and(|stat| file.folders.contains(&id(&stat)))
    })
}

#[cfg(test)]
#[path = "secret_tests.rs"]
mod tests;

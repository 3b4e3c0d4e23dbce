//! Files and folders for this process's user alone.

use crate::contents::{READING, read};
use crate::error::FileError;
use crate::part::FileKind;
use crate::us::Us;
use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, openat};
use rustix::io::Errno;
use std::fs::File;
use std::path::Path;

/// Reads a regular file of at most `max` bytes that belongs to this process's user, and is closed
/// to all others. A link in its place is not followed.
///
/// For what this process wrote itself. The way to the file is not checked, since nobody else can
/// create such a file: root could, and is trusted anyway.
///
/// # Errors
/// Returns an error if the file cannot be opened or read, is not a regular file, is larger, belongs
/// to another user, or is open to others.
pub fn read_own(path: &Path, max: u64) -> Result<Vec<u8>, FileError> {
    let file = openat(CWD, path, READING | OFlags::NOFOLLOW, Mode::empty());
    let file = file.map_err(|error| not_opened(path, error))?;
    let stat = fstat(&file).map_err(|error| not_opened(path, error))?;
    if let Some(found) = FileKind::unless_regular(FileType::from_raw_mode(stat.st_mode)) {
        return Err(FileError::NotRegular { path: path.to_path_buf(), found });
    }
    check_own(&Us::now(), &stat, path)?;
    read(&File::from(file), &stat, path, max)
}

/// Checks that a folder belongs to this process's user and is closed to all others. A link in its
/// place is not followed.
///
/// # Errors
/// Returns an error that names the condition that fails.
pub fn check_own_folder(path: &Path) -> Result<(), FileError> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = openat(CWD, path, flags, Mode::empty());
    let folder = folder.map_err(|error| not_opened(path, error))?;
    let stat = fstat(&folder).map_err(|error| not_opened(path, error))?;
    check_own(&Us::now(), &stat, path)
}

const GROUP_AND_OTHERS: u32 = 0o077;

/// Checks that this process's user owns something that was opened, and that it is closed to all
/// others.
pub(crate) fn check_own(us: &Us, stat: &Stat, path: &Path) -> Result<(), FileError> {
    let path = path.to_path_buf();
    if stat.st_uid != us.user() {
        return Err(FileError::NotOurs { path, owner: stat.st_uid, user: us.user() });
    }
    let mode = stat.st_mode & 0o777;
    if mode & GROUP_AND_OTHERS != 0 {
        return Err(FileError::OpenToOthers { path, mode });
    }
    Ok(())
}

fn not_opened(path: &Path, error: Errno) -> FileError {
    FileError::Open { path: path.to_path_buf(), source: error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{BOB, US, as_us, file, folder, give, link, on_a_machine};

    #[test]
    fn only_what_is_closed_to_all_others_is_this_users_own() {
        on_a_machine(|| {
            let folder_path = Path::new("/cache");
            folder(folder_path, US, US, 0o700);
            file("/cache/code", US, US, 0o600);
            link("/cache/link", "code", US);
            link("/linked", "/cache", US);
            let read = |path: &str| as_us(|| read_own(Path::new(path), 100));
            assert_eq!(read("/cache/code").unwrap(), b"hunter2");
            assert!(matches!(read("/cache/link"), Err(FileError::Open { .. })));
            assert!(as_us(|| check_own_folder(Path::new("/linked"))).is_err());
            as_us(|| check_own_folder(folder_path)).unwrap();
            for mode in [0o622, 0o640, 0o604] {
                give("/cache/code", US, US, mode);
                assert!(matches!(read("/cache/code"), Err(FileError::OpenToOthers { .. })));
            }
            for owner in [0, BOB] {
                give("/cache/code", owner, US, 0o644);
                assert!(matches!(read("/cache/code"), Err(FileError::NotOurs { .. })));
                give("/cache", owner, US, 0o700);
                let error = as_us(|| check_own_folder(folder_path)).unwrap_err();
                assert!(matches!(error, FileError::NotOurs { .. }), "{error}");
                give("/cache", US, US, 0o755);
            }
            let error = as_us(|| check_own_folder(folder_path)).unwrap_err();
            assert!(matches!(error, FileError::OpenToOthers { mode: 0o755, .. }), "{error}");
        });
    }
}

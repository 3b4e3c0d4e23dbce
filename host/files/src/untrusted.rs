//! Files that anybody may have written.

use crate::contents::{READING, read};
use crate::error::FileError;
use crate::part::FileKind;
use rustix::fs::{CWD, FileType, Mode, Stat, fstat, openat};
use std::fs::File;
use std::path::Path;

/// Reads a regular file of at most `max` bytes that anybody may have written: settings, or a
/// plugin.
///
/// It is opened first, without waiting, and then checked. A file that reports a larger size is
/// refused without being read; one that reports none, or that grows, is read up to the limit.
/// Links are followed, whoever made them: what is read is not trusted.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let settings = folder.path().join("settings.json");
/// std::fs::write(&settings, "{}")?;
/// assert_eq!(portcullis_files::read_untrusted(&settings, 1024)?, b"{}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if the file cannot be opened or read, is not a regular file, or is larger.
pub fn read_untrusted(path: &Path, max: u64) -> Result<Vec<u8>, FileError> {
    let (file, stat) = open(path)?;
    read(&file, &stat, path, max)
}

/// Opens a regular file that anybody may have written, to look at its beginning.
///
/// # Errors
/// Returns an error if the file cannot be opened, or is not a regular file.
pub fn open_untrusted(path: &Path) -> Result<File, FileError> {
    open(path).map(|(file, _)| file)
}

fn open(path: &Path) -> Result<(File, Stat), FileError> {
    let fail =
        |error: rustix::io::Errno| FileError::Open { path: path.into(), source: error.into() };
    let file = openat(CWD, path, READING, Mode::empty()).map_err(fail)?;
    let stat = fstat(&file).map_err(fail)?;
    if let Some(found) = FileKind::unless_regular(FileType::from_raw_mode(stat.st_mode)) {
        return Err(FileError::NotRegular { path: path.into(), found });
    }
    Ok((File::from(file), stat))
}

#[cfg(test)]
#[path = "untrusted_tests.rs"]
mod tests;

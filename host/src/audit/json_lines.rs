//! Records in a file, a JSON object in each line.

use super::{AuditSink, Record, now};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Appends records to a file; where there is none, it makes one that its owner alone can read. Texts are escaped as JSON escapes them, so that
/// no record can begin another line.
pub struct JsonLines {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    file: File,
    /// The last write failed, perhaps in the middle of a line.
    is_torn: bool,
}

impl JsonLines {
    /// Opens `path` for appending.
    ///
    /// # Errors
    /// It cannot be opened or made.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_path_buf(),
            state: Mutex::new(State { file: append(path)?, is_torn: false }),
        })
    }

    /// Opens the file anew, after it was renamed by whatever rotates logs.
    ///
    /// # Errors
    /// It cannot be opened or made; records go where they went before.
    pub fn reopen(&self) -> io::Result<()> {
        let file = append(&self.path)?;
        self.state().file = file;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn append(path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    if std::fs::metadata(path)
        .is_ok_and(|metadata| std::os::unix::fs::FileTypeExt::is_fifo(&metadata.file_type()))
    {
        return Err(io::Error::other("it is a pipe, which would have to be waited for"));
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    check(&file)?;
    Ok(file)
}

/// An older file may be open to others; what is written from now on must not be.
#[cfg(unix)]
fn check(file: &File) -> io::Result<()> {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    let metadata = file.metadata()?;
    // A device is whoever reads it.
    let kind = metadata.file_type();
    let is_open = metadata.permissions().mode() & 0o077 != 0;
    if kind.is_char_device() || !is_open {
        return Ok(());
    }
    let reason = format!(
        "it is open to others (mode {:o}); run: chmod 600 on it",
        metadata.permissions().mode() & 0o777
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, reason))
}

#[cfg(not(unix))]
fn check(_: &File) -> io::Result<()> {
    Ok(())
}

impl State {
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.file.write_all(b"\n")?;
        }
        self.is_torn = true;
        self.file.write_all(line)?;
        self.is_torn = false;
        Ok(())
    }
}

impl AuditSink for JsonLines {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        self.state().write(&line)
    }

    fn check(&self) -> io::Result<()> {
        let mut state = self.state();
        if !state.is_torn {
            return Ok(());
        }
        // Whether there is room again is only known by writing.
        let line = format!("{{\"time\":\"{}\",\"event\":\"resumed\"}}\n", now());
        state.write(line.as_bytes())
    }
}

//! Records in a file, a JSON object in each line.

use super::{AuditSink, Record, now};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Appends records to a file, which it makes readable by its owner alone. Texts are escaped as JSON escapes them, so that
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
        Ok(Self { path: path.to_path_buf(), state: Mutex::new(State { file: append(path)?, is_torn: false }) })
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
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
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

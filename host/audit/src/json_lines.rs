//! Audit records in a file, one JSON object in each line.

use crate::record::{Record, now};
use crate::sink::AuditSink;
use parking_lot::Mutex;
use portcullis_files::{FileError, append_audit};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Appends audit records to a file, one JSON object in each line. A new file is created for its
/// owner alone. JSON escapes line breaks, so that no text in a record can begin another line.
///
/// ```no_run
/// use portcullis_audit::{Audit, JsonLines};
/// use portcullis_policy::WhenFull;
/// use std::sync::Arc;
///
/// let file = Arc::new(JsonLines::open("/var/log/portcullis/audit.jsonl".as_ref())?);
/// // With the crate `portcullis`: `Host::builder().audit(file, WhenFull::Refuse)`.
/// let audit = Audit::new(file, WhenFull::Refuse);
/// # drop(audit);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct JsonLines {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    file: File,
    /// Whether the last write failed, perhaps in the middle of a line, or the file ends in one.
    is_torn: bool,
}

impl JsonLines {
    /// Opens a file to append to it, as `portcullis_files::append_audit` does.
    ///
    /// # Errors
    /// Returns an error if the file is a link or a pipe, is not this process's own, is open to
    /// others, or cannot be opened.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let state = Mutex::new(State::new(append_audit(path)?));
        Ok(Self { path: path.to_path_buf(), state })
    }

    /// Opens the file again, after a log rotation has renamed it.
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened. Records then go to the previous file.
    pub fn reopen(&self) -> Result<(), FileError> {
        let state = State::new(append_audit(&self.path)?);
        *self.state.lock() = state;
        Ok(())
    }
}

impl fmt::Debug for JsonLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLines").field("path", &self.path).finish_non_exhaustive()
    }
}

impl State {
    fn new(mut file: File) -> Self {
        // What is no file, such as a pipe, has no last line.
        let is_torn = is_torn(&mut file).unwrap_or(false);
        Self { file, is_torn }
    }

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

/// Whether the last line of a file has no end: a disk that is full breaks off in the middle of a line.
fn is_torn(file: &mut File) -> io::Result<bool> {
    let mut last = [b'\n'];
    let found = file.metadata()?;
    if found.is_file() && found.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    Ok(last != [b'\n'])
}

impl AuditSink for JsonLines {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        self.state.lock().write(&line)
    }

    fn check(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        if !state.is_torn {
            return Ok(());
        }
        // Only a write can show whether there is space again.
        let line = format!("{{\"time\":\"{}\",\"event\":\"resumed\"}}\n", now());
        state.write(line.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_begins_a_line_of_its_own_after_a_line_that_broke_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let write = |lines: &JsonLines| lines.state.lock().write(b"{}\n").unwrap();
        let lines = JsonLines::open(&path).unwrap();
        write(&lines);
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"to").unwrap();
        let lines = JsonLines::open(&path).unwrap();
        write(&lines);
        write(&lines);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{}\n{\"to\n{}\n{}\n");
        // A new file, after a rotation, begins without an empty line.
        lines.state.lock().is_torn = true;
        std::fs::rename(&path, folder.path().join("audit.1")).unwrap();
        lines.reopen().unwrap();
        write(&lines);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{}\n");
    }
}

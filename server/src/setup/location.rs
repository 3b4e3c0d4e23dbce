//! Where a policy file is, and who chose it.

use portcullis::Processes;
use std::path::{Path, PathBuf};

/// The path of a policy file, and whether somebody named it.
///
/// A policy that was found in the current folder may come from anybody: from an archive or a
/// repository that somebody wanted to look at. So it runs no processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyLocation {
    path: PathBuf,
    processes: Processes,
}

impl PolicyLocation {
    /// A policy that somebody named, and so trusts.
    #[must_use]
    pub fn named(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), processes: Processes::Allowed }
    }

    /// A policy that nobody named. The profile files that it names run no processes.
    #[must_use]
    pub fn found(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), processes: Processes::Refused }
    }

    /// The path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the file. Paths in the policy are relative to it.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.path.parent()
    }

    /// Whether the processes run that a profile file of the policy names.
    #[must_use]
    pub fn processes(&self) -> Processes {
        self.processes
    }
}

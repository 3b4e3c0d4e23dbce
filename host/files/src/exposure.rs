//! Why others may read a secret.

use crate::doubt::GroupDoubt;
use crate::remedy::ModeRemedy;
use std::fmt;
use std::path::PathBuf;

/// Why a file whose mode is wider than 0600 is not accepted as a secret. Each of three conditions
/// would have sufficed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exposure {
    /// The file.
    pub path: PathBuf,
    /// The permission bits of its mode.
    pub mode: u32,
    /// The folder `$CREDENTIALS_DIRECTORY`, which the file is not below; none if it is not set.
    pub credentials: Option<PathBuf>,
    /// Why its group may contain others; none if its mode lets everybody in.
    pub group: Option<GroupDoubt>,
    /// Whether this process's user could change the mode.
    pub may_change_mode: bool,
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its mode is {:04o}", self.mode)?;
        match &self.group {
            Some(doubt) => write!(f, ", {doubt}")?,
            None => f.write_str(", which lets everybody read it")?,
        }
        f.write_str(", it is not on a read-only mount, and ")?;
        match &self.credentials {
            Some(folder) => {
                write!(f, "it is not below $CREDENTIALS_DIRECTORY ({})", folder.display())?;
            }
            None => f.write_str("there is no $CREDENTIALS_DIRECTORY")?,
        }
        let remedy = ModeRemedy { change: "600", at: &self.path, possible: self.may_change_mode };
        if self.may_change_mode {
            return write!(f, "; {remedy}");
        }
        f.write_str(
            "; this process's user cannot change the mode: provide the file with systemd's \
             LoadCredential=, on a read-only mount, or with the mode 0440 and a group of this \
             process alone (fsGroup in Kubernetes)",
        )
    }
}

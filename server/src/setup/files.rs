//! The policy file, and the files that it names.

use super::error::SetupError;
use portcullis_config::PolicyFile;
use portcullis_files::read_limited;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The most bytes of a policy: 10,000 datasources with long lists have ten megabytes.
const MAX_POLICY_BYTES: u64 = 32 * 1024 * 1024;
/// The most bytes of settings, of a manifest or of certificates: a list of all public authorities has
/// a quarter of a megabyte.
pub(crate) const MAX_TEXT_BYTES: u64 = 4 * 1024 * 1024;

/// Reads a policy file.
///
/// # Errors
/// Returns an error if the file cannot be read, is larger than 32 MiB, or is not a policy. It names
/// the line.
pub fn read_policy(path: &Path) -> Result<PolicyFile, SetupError> {
    let text = read_policy_text(path)?;
    PolicyFile::parse(&text).map_err(|error| {
        SetupError::configuration(format!("{}: {error}", path.display())).because(error)
    })
}

/// Reads the text of a policy file.
///
/// # Errors
/// Returns an error if the file cannot be read or is larger than 32 MiB.
pub fn read_policy_text(path: &Path) -> Result<String, SetupError> {
    let read = || {
        // It may be a pipe from another program, but not an endless one.
        let mut text = String::new();
        File::open(path)?.take(MAX_POLICY_BYTES + 1).read_to_string(&mut text)?;
        if text.len() as u64 > MAX_POLICY_BYTES {
            return Err(io::Error::other(format!("it is larger than {MAX_POLICY_BYTES} bytes")));
        }
        Ok(text)
    };
    read().map_err(|error: io::Error| {
        let message = format!("the policy file {} cannot be read: {error}", path.display());
        let failed = SetupError::configuration(message);
        if error.kind() == io::ErrorKind::NotFound {
            let remedy = "`portcullis init` writes one to start from";
            return failed.remedy(remedy).because(error);
        }
        failed.because(error)
    })
}

/// A path in a policy file. It is relative to the file that names it.
#[must_use]
pub fn beside(folder: Option<&Path>, path: &Path) -> PathBuf {
    folder.map_or_else(|| path.to_path_buf(), |folder| folder.join(path))
}

/// Reads a text that a policy file names.
pub(super) fn read_text(what: &str, path: &Path) -> Result<String, SetupError> {
    let bytes = read_limited(path, MAX_TEXT_BYTES)
        .map_err(|error| SetupError::configuration(format!("the {what} {error}")).because(error))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let message = format!("the {what} {} is not UTF-8 from byte {at} on", path.display());
        SetupError::configuration(message).because(error)
    })
}

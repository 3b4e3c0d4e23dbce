//! The policy file, and the files that it names.

use super::error::SetupError;
use portcullis_config::PolicyFile;
use portcullis_files::{FileError, read_trusted, read_untrusted};
use std::io::ErrorKind;
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

/// Reads the text of a policy file. It may be a pipe from another program, as `<(program)` in a
/// shell is.
///
/// # Errors
/// Returns an error if the file cannot be read, is larger than 32 MiB, or if others may change it.
pub fn read_policy_text(path: &Path) -> Result<String, SetupError> {
    let bytes = read_trusted(path, MAX_POLICY_BYTES).map_err(|error| {
        let failed = SetupError::configuration(format!("the policy file {error}"));
        if matches!(&error, FileError::Open { source, .. } if source.kind() == ErrorKind::NotFound)
        {
            let remedy = "`portcullis init` writes one to start from";
            return failed.remedy(remedy).because(error);
        }
        failed.because(error)
    })?;
    text("policy file", path, bytes)
}

/// A path in a policy file. It is relative to the file that names it.
#[must_use]
pub fn beside(folder: Option<&Path>, path: &Path) -> PathBuf {
    folder.map_or_else(|| path.to_path_buf(), |folder| folder.join(path))
}

/// Reads a manifest or certificates that a policy file names, and that nobody else may change.
pub(super) fn read_text(what: &str, path: &Path) -> Result<String, SetupError> {
    let bytes = read_trusted(path, MAX_TEXT_BYTES)
        .map_err(|error| SetupError::configuration(format!("the {what} {error}")).because(error))?;
    text(what, path, bytes)
}

/// Reads settings that anybody may have written.
pub(super) fn read_settings(path: &Path) -> Result<String, SetupError> {
    let bytes = read_untrusted(path, MAX_TEXT_BYTES).map_err(|error| {
        SetupError::configuration(format!("the settings {error}")).because(error)
    })?;
    text("settings", path, bytes)
}

fn text(what: &str, path: &Path, bytes: Vec<u8>) -> Result<String, SetupError> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let message = format!("the {what} {} is not UTF-8 from byte {at} on", path.display());
        SetupError::configuration(message).because(error)
    })
}

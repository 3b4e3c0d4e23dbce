//! Whether the files of a datasource or a plugin are still the same.

use crate::setup::read_others;
use portcullis_files::read_untrusted;
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::time::Duration;

/// A digest of files. Files that cannot be read have one too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 32]);

/// How long the files may take: a file of others may be on a disk that does not respond.
const TIME: Duration = Duration::from_secs(2);

/// The fingerprint of texts.
pub(crate) fn of_parts<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> Fingerprint {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    Fingerprint(hash.finalize().into())
}

/// The fingerprint of files of at most `max` bytes each. `None` if they cannot be read in time.
pub(crate) async fn of_files(files: Vec<PathBuf>, max: u64) -> Option<Fingerprint> {
    if files.is_empty() {
        return Some(of_parts([]));
    }
    let read = move || {
        // Only compared: whoever uses the file decides whether it is trusted.
        let content = |file: &PathBuf| {
            read_untrusted(file, max).unwrap_or_else(|error| error.to_string().into())
        };
        let contents: Vec<Vec<u8>> = files.iter().map(content).collect();
        of_parts(contents.iter().map(Vec::as_slice))
    };
    read_others(TIME, read).await
}

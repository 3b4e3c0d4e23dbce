//! Whether the files of a datasource or a plugin are still the same.

use portcullis_files::read_untrusted;
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::timeout;

/// A digest of files. Files that cannot be read have one too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 32]);

/// How long the files may take: a file of others may be on a disk that does not respond.
const TIME: Duration = Duration::from_secs(2);

/// The fingerprint of files of at most `max` bytes each. `None` if they cannot be read in time.
pub(crate) async fn fingerprint(files: Vec<PathBuf>, max: u64) -> Option<Fingerprint> {
    if files.is_empty() {
        return Some(Fingerprint([0; 32]));
    }
    let reading = tokio::task::spawn_blocking(move || {
        let mut hash = Sha256::new();
        for file in files {
            // Only compared: whoever uses the file decides whether it is trusted.
            let content =
                read_untrusted(&file, max).unwrap_or_else(|error| error.to_string().into());
            hash.update((content.len() as u64).to_be_bytes());
            hash.update(content);
        }
        Fingerprint(hash.finalize().into())
    });
    timeout(TIME, reading).await.ok()?.ok()
}

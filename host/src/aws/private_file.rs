//! Files with secrets: they are read only where nobody else can read them.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use zeroize::Zeroizing;

/// The most that is read of such a file, in bytes: credentials are three lines, one of them a token of up to some
/// kilobytes, and a private key has as many.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Reads a file that holds a secret. On Unix it must belong to this process's user or to root, and its mode must leave
/// it to its owner alone.
///
/// # Errors
/// What is wrong with the file, and what mends it; never what it holds.
pub fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let fail = |what: String| format!("{} {what}", path.display());
    // Opening a pipe would wait for its writer.
    let kind =
        std::fs::metadata(path).map_err(|error| fail(format!("cannot be opened: {error}")))?;
    if !kind.is_file() {
        return Err(fail("is not a regular file".to_string()));
    }
    // What is judged is the file that was opened: the one that is read.
    let file = File::open(path).map_err(|error| fail(format!("cannot be opened: {error}")))?;
    check(&file).map_err(fail)?;
    // With room for all from the start: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES as usize + 1));
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| fail(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(fail(format!("is larger than {MAX_FILE_BYTES} bytes")));
    }
    Ok(bytes)
}

#[cfg(unix)]
fn check(file: &File) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata().map_err(|error| format!("cannot be examined: {error}"))?;
    if metadata.mode() & 0o077 != 0 {
        return Err(format!(
            "is open to others (mode {:o}); run: chmod 600 on it",
            metadata.mode() & 0o777
        ));
    }
    let owner = metadata.uid();
    if owner != rustix::process::geteuid().as_raw() && owner != 0 {
        return Err(format!(
            "belongs to the user with the id {owner}, who may change it; run: chown on it"
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check(_: &File) -> Result<(), String> {
    Ok(())
}

//! `portcullis store`: creates the store of a server, and its key, and rotates the key.

use crate::args::StoreCommand;
use crate::failure::Failure;
use crate::out::out;
use portcullis_files::{FileError, FileKind, SecretReplacement};
use portcullis_store::{SqliteStore, StoreKeys};
use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

pub(crate) fn run(what: &StoreCommand) -> Result<(), Failure> {
    match what {
        StoreCommand::Key { rotate: Some(path), .. } => rotate_key(path),
        StoreCommand::Key { output: Some(path), .. } => write_key(path),
        StoreCommand::Key { .. } => {
            let key = StoreKeys::generate().text();
            out!("{}", key.trim_end())
        }
        StoreCommand::Create { file } => {
            SqliteStore::create(file)
                .map_err(|error| Failure::other(format!("{}: {error}", file.display())))?;
            out!("{} is an empty store", file.display())
        }
    }
}

/// Writes a new key into a new file.
fn write_key(path: &Path) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let failed = |error: std::io::Error| {
        let reason = match error.kind() {
            ErrorKind::AlreadyExists => {
                "exists already; nothing was changed, since secrets may be sealed with its key"
                    .to_string()
            }
            ErrorKind::NotFound => "is in a folder that does not exist".to_string(),
            _ => format!("cannot be written: {error}"),
        };
        Failure::other(format!("{} {reason}", path.display()))
    };
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(StoreKeys::generate().text().as_bytes()).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    out!(
        "{} has a new key. Keep a copy in another place than the store: without the key, nobody can \
         read the secrets in it.",
        path.display()
    )
}

/// Puts a new key before those of a file, and says what to do next.
fn rotate_key(path: &Path) -> Result<(), Failure> {
    let file = path.display();
    let replacement = SecretReplacement::begin(path).map_err(|error| unusable(&error))?;
    let wrong = |reason: &dyn Display| {
        Failure::other(format!("{file} cannot get a new key: {reason}")).with("nothing was changed")
    };
    let old = str::from_utf8(replacement.old()).map_err(|_| wrong(&"it is not UTF-8"))?;
    let new = StoreKeys::rotate(old).map_err(|error| wrong(&error))?;
    replacement.finish(new.as_bytes()).map_err(|error| Failure::other(error.to_string()))?;
    out!("{file} has a new key in its first line; the old ones are still needed. Next:")?;
    for step in NEXT {
        out!("{step}")?;
    }
    Ok(())
}

/// What to do after a rotation. `docs/policy.md` says the same.
const NEXT: [&str; 3] = [
    "1. Copy the file to where you keep a copy of the key: in another place than the store.",
    "2. Restart the server; a reload is not enough. It seals all secrets again with the new key, and \
     logs how many.",
    "3. After that, remove the lines of the old keys. Keep these keys for as long as you keep backups \
     of the store from before.",
];

/// A file that cannot get a new key.
fn unusable(error: &FileError) -> Failure {
    let failure = Failure::other(error.to_string()).with("nothing was changed");
    match error {
        FileError::Open { source, .. } if source.kind() == ErrorKind::NotFound => {
            failure.with("`portcullis store key -o FILE` writes a new file")
        }
        FileError::NotRegular { found: FileKind::Link, .. } => {
            failure.with("name the file that the link leads to")
        }
        FileError::ForeignOwner { .. } => failure.with("or run this as the user of the server"),
        _ => failure,
    }
}

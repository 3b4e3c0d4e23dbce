//! `portcullis store`: creates the store of a server, and its key.

use crate::args::StoreCommand;
use crate::failure::Failure;
use crate::out::out;
use portcullis_store::{SqliteStore, StoreKeys};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

pub(crate) fn run(what: &StoreCommand) -> Result<(), Failure> {
    match what {
        StoreCommand::Key { output: Some(path) } => write_key(path),
        StoreCommand::Key { output: None } => {
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

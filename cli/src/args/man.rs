//! The arguments of `portcullis man`.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder to write to. It is created if it does not exist.
    pub(crate) folder: PathBuf,
}

pub(super) const MAN_EXAMPLE: &str = "\
Example:
  portcullis man ~/.local/share/man/man1";

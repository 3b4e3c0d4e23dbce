//! The arguments of `portcullis store`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    pub(crate) what: StoreCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Generate a key that secrets are sealed with. Without an option, print it.
    Key {
        /// The file to write, which only its owner can read. It must not exist.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// The file of a key to rotate: put the new key into its first line, and leave the others
        /// below it, which the server still needs. Says what to do next.
        #[arg(long, value_name = "FILE", conflicts_with = "output")]
        rotate: Option<PathBuf>,
    },
    /// Create an empty store, which only its owner can read.
    Create {
        /// The file. It must not exist.
        file: PathBuf,
    },
}

pub(super) const STORE_EXAMPLES: &str = "\
Examples:
  portcullis store key -o store.key
  portcullis store create store.db
  portcullis store key --rotate store.key

The policy file then has:
  [server.store]
  file = \"store.db\"
  key = { from = \"file\", path = \"store.key\" }";

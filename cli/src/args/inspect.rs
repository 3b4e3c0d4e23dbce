//! The arguments of `portcullis inspect`.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A component file. The default is the built-in DynamoDB plugin.
    pub(crate) file: Option<PathBuf>,
    /// Print the plugin's own description as JSON. Its fields `settings` and `options` are JSON
    /// Schemas.
    #[arg(long)]
    pub(crate) json: bool,
}

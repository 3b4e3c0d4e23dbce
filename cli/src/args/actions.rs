//! The arguments of `portcullis actions`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Actions {
    /// The action to show.
    pub(crate) action: Option<String>,
    /// Print the JSON Schema of the action's input.
    #[arg(long, requires = "action")]
    pub(crate) schema: bool,
}

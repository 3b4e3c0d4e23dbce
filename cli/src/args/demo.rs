//! The arguments of `portcullis demo`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Open the console in a browser instead, with some tables to look at.
    #[arg(long)]
    pub(crate) open: bool,
}

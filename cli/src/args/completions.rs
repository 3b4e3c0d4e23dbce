//! The arguments of `portcullis completions`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

pub(super) const COMPLETIONS_EXAMPLE: &str = "\
Example:
  portcullis completions bash > ~/.local/share/bash-completion/completions/portcullis";

//! The arguments of `portcullis structure`.

use super::output::OutputArgs;
use super::target::NamedTarget;
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Structure {
    #[command(flatten)]
    pub(crate) target: NamedTarget,
    /// List only tables whose names start with this prefix.
    #[arg(long, default_value = "")]
    pub(crate) prefix: String,
    /// The maximum number of tables.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

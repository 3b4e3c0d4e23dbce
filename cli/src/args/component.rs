//! The arguments of `portcullis component`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Component {
    /// The file to write. The default is standard output.
    #[arg(long, short = 'o', value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write the component's trusted manifest instead.
    #[arg(long, conflicts_with = "form")]
    pub(crate) manifest: bool,
    /// The plugin alone, for hosts that supply its imports; a library, for programs with an engine
    /// for WASI 0.2; or an HTTP service, for engines that serve components.
    #[arg(long, value_enum, default_value = "plugin")]
    pub(crate) form: Form,
}

/// A form of the built-in plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    Plugin,
    Library,
    Service,
}

//! `portcullis man`: generates the manual pages.

use crate::args::{Cli, Man};
use crate::failure::Failure;
use crate::out::out;
use clap::CommandFactory;

pub(crate) fn run(arguments: &Man) -> Result<(), Failure> {
    let folder = arguments.folder.display();
    let failed = |error: std::io::Error| {
        Failure::other(format!("the manual pages cannot be written to {folder}: {error}"))
    };
    std::fs::create_dir_all(&arguments.folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), &arguments.folder).map_err(failed)?;
    out!("wrote portcullis.1 and a page for each command to {folder}")
}

//! `portcullis completions` and `portcullis man`: the command line, for shells and for `man`.

use crate::args::{Cli, Completions, Man};
use crate::failure::Failure;
use crate::out::{out, raw_bytes};
use clap::CommandFactory;

pub(crate) fn completions(arguments: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "portcullis", &mut script);
    raw_bytes(&script)
}

pub(crate) fn man(arguments: &Man) -> Result<(), Failure> {
    let folder = arguments.folder.display();
    let wrong = |error: std::io::Error| {
        Failure::other(format!("the manual pages cannot be written to {folder}: {error}"))
    };
    std::fs::create_dir_all(&arguments.folder).map_err(wrong)?;
    clap_mangen::generate_to(Cli::command(), &arguments.folder).map_err(wrong)?;
    out!("wrote portcullis.1, and a page for each command, to {folder}")
}

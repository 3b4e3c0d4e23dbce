//! `portcullis completions`: generates a shell completion script.

use crate::args::{Cli, Completions};
use crate::failure::Failure;
use crate::out::raw_bytes;
use clap::CommandFactory;

pub(crate) fn run(arguments: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "portcullis", &mut script);
    raw_bytes(&script)
}

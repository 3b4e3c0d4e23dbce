//! `portcullis component`: exports the built-in component or its manifest.

use crate::args::Component;
use crate::failure::Failure;
use crate::out;
use std::io::IsTerminal;

pub(crate) fn run(arguments: &Component) -> Result<(), Failure> {
    let bytes = if arguments.manifest {
        dynamodb_component::MANIFEST.as_bytes()
    } else {
        dynamodb_component::COMPONENT
    };
    match &arguments.out {
        Some(file) => {
            std::fs::write(file, bytes).map_err(|error| {
                Failure::other(format!("{} cannot be written: {error}", file.display()))
            })?;
            let what = if arguments.manifest { "manifest" } else { "component" };
            eprintln!("wrote the {what}, {} bytes, to {}", bytes.len(), file.display());
            Ok(())
        }
        None if std::io::stdout().is_terminal() && !arguments.manifest => {
            Err(Failure::usage("a component is a binary file, and standard output is a terminal")
                .with("write it to a file: portcullis component -o dynamodb.wasm"))
        }
        None => out::raw_bytes(bytes),
    }
}

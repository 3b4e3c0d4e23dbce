//! `portcullis component`: exports the built-in component or its manifest.

use crate::args::{Component, Form};
use crate::failure::Failure;
use crate::out;
use std::io::IsTerminal;

pub(crate) fn run(arguments: &Component) -> Result<(), Failure> {
    let bytes = if arguments.manifest {
        dynamodb_component::MANIFEST.as_bytes()
    } else {
        form(arguments.form)?
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

#[cfg(feature = "portable")]
#[expect(clippy::unnecessary_wraps, reason = "a build without the forms has an error here")]
fn form(form: Form) -> Result<&'static [u8], Failure> {
    Ok(match form {
        Form::Plugin => portable_component::Form::Plugin.bytes(),
        Form::Library => portable_component::Form::Library.bytes(),
        Form::Service => portable_component::Form::Service.bytes(),
    })
}

#[cfg(not(feature = "portable"))]
fn form(form: Form) -> Result<&'static [u8], Failure> {
    match form {
        Form::Plugin => Ok(dynamodb_component::COMPONENT),
        Form::Library | Form::Service => {
            let message = "this portcullis was built without the forms for other engines";
            Err(Failure::usage(message)
                .with("build it with --features portcullis-cli/portable; `make component` writes all forms"))
        }
    }
}

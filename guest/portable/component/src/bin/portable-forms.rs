//! Writes the forms of the DynamoDB plugin, or composes another plugin.

use portable_component::{FRONT, Form, GUARD, PLATFORM};
use portable_compose::{Parts, library, service};
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: portable-forms FORM FILE [PLUGIN]

FORM is plugin, library or service. The component is written to FILE. PLUGIN is the file of another
plugin of the world portcullis:datasource/plugin; the default is the DynamoDB plugin. A platform for
other services than DynamoDB does not exist: requests must have DynamoDB's operations.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("portable-forms: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let (form, file, plugin) = match arguments {
        [form, file] => (form, file, None),
        [form, file, plugin] => (form, file, Some(plugin)),
        _ => return Err(USAGE.into()),
    };
    let form: Form = form.parse()?;
    let bytes = match plugin {
        None => form.bytes().to_vec(),
        Some(plugin) => compose(form, &read(Path::new(plugin))?)?,
    };
    std::fs::write(file, bytes).map_err(|error| format!("{file}: cannot be written: {error}"))?;
    Ok(())
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| format!("{}: cannot be read: {error}", file.display()))
}

fn compose(form: Form, plugin: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let parts = Parts { platform: PLATFORM, guard: GUARD, front: FRONT };
    Ok(match form {
        Form::Plugin => plugin.to_vec(),
        Form::Library => library(plugin, &parts)?,
        Form::Service => service(plugin, &parts)?,
    })
}

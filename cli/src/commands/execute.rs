//! `portcullis execute`: one action.

use crate::args::{Execute, Format, Pages};
use crate::failure::Failure;
use crate::json;
use crate::target::Opened;
use serde_json::json;
use std::io::Read;

pub(crate) async fn run(arguments: Execute) -> Result<(), Failure> {
    let Some(action) = &arguments.action else {
        return Err(Failure::usage("which action?")
            .with("for example: portcullis execute --local ListTables")
            .with("`portcullis actions` lists all"));
    };
    let input = read(arguments.input.as_deref())?;
    let mut options = json!({});
    if let Some(format) = arguments.format {
        options["format"] = json!(if format == Format::Plain { "plain" } else { "typed" });
    }
    if arguments.no_strict {
        options["strict"] = json!(false);
    }
    if arguments.pages == Some(Pages::All) {
        options["pages"] = json!("all");
    }
    if let Some(items) = arguments.max_items {
        options["maxItems"] = json!(items);
    }
    if arguments.resubmit {
        options["resubmit"] = json!(true);
    }
    let opened = Opened::open(&arguments.target).await?;
    let result = if options.as_object().is_some_and(serde_json::Map::is_empty) {
        opened.datasource.execute(action, &input).await
    } else {
        opened.datasource.execute_with(action, &input, &options.to_string()).await
    };
    opened.close().await;
    json::print(&result?, arguments.output.output)
}

/// The most that is read of an input, in bytes: `limits.request-bytes` is the bound for what is then sent.
const MAX_INPUT_BYTES: u64 = 1024 * 1024 * 1024;

fn read_all(source: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_INPUT_BYTES {
        return Err(std::io::Error::other(format!("it is larger than {MAX_INPUT_BYTES} bytes")));
    }
    Ok(bytes)
}

/// The input that was given, or what it points to.
fn read(input: Option<&str>) -> Result<String, Failure> {
    let bytes = match input {
        None => return Ok(String::new()),
        Some("-") => read_all(std::io::stdin()).map_err(|error| Failure::input(format!("standard input cannot be read: {error}")))?,
        Some("@") => return Err(Failure::usage("@ stands before the name of a file, as in @key.json")),
        Some(text) => match text.strip_prefix('@') {
            Some(file) => std::fs::File::open(file)
                .and_then(read_all)
                .map_err(|error| Failure::input(format!("the input {file} cannot be read: {error}")))?,
            None => return Ok(text.to_string()),
        },
    };
    String::from_utf8(bytes)
        .map_err(|error| Failure::input(format!("the input is not UTF-8 from byte {} on", error.utf8_error().valid_up_to())))
}

//! `portcullis execute`: runs one action.

use crate::args::{Execute, Format, Output, PageMode};
use crate::failure::Failure;
use crate::pages::Pages;
use crate::target::Opened;
use crate::{json, print_items};
use dynamodb_plugin::catalogue::operation;
use portcullis::bind;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::Read;

pub(crate) async fn run(arguments: Execute) -> Result<(), Failure> {
    let Some(action) = &arguments.action else {
        return Err(Failure::usage("which action?")
            .with("for example: portcullis execute --local ListTables")
            .with("`portcullis actions` lists all actions"));
    };
    let input = read_input(arguments.input.as_deref())?;
    let options = options(&arguments);
    let opened = Opened::open(&arguments.target, true).await?;
    let result = run_action(&opened, action, &input, options, &arguments).await;
    opened.close().await;
    result
}

async fn run_action(
    opened: &Opened,
    action: &str,
    input: &str,
    options: Map<String, Value>,
    arguments: &Execute,
) -> Result<(), Failure> {
    let filled = bind_values(input, &arguments.bind, opened.request_bytes())?;
    let input = filled.as_deref().unwrap_or(input);
    let paging = operation(action).and_then(|operation| operation.paging.as_ref());
    match (arguments.output.output, paging) {
        (Some(output), Some(paging)) if arguments.streams_pages() => {
            let pages = Pages::new(opened, action, paging, &options, input)?;
            print_items::print_pages(pages, output, arguments.max_items).await
        }
        (Some(output @ (Output::Table | Output::Csv | Output::Ndjson)), _) => {
            let response = opened.execute(action, input, &options).await?;
            print_items::print_response(&response, paging.map(|paging| paging.results), output)
        }
        (output, _) => json::print(&opened.execute(action, input, &options).await?, output),
    }
}

/// Returns the options of the call.
fn options(arguments: &Execute) -> Map<String, Value> {
    let mut options = Map::new();
    let mut set = |name: &str, value: Value| drop(options.insert(name.to_string(), value));
    // The cells of a table show values without their types.
    let has_cells = matches!(arguments.output.output, Some(Output::Table | Output::Csv));
    match arguments.format {
        Some(Format::Plain) => set("format", "plain".into()),
        Some(Format::Typed) => set("format", "typed".into()),
        None if has_cells => set("format", "plain".into()),
        None => {}
    }
    if arguments.no_strict {
        set("strict", false.into());
    }
    // The plugin fetches all pages, unless this command fetches one after the other.
    if arguments.pages == Some(PageMode::All) && !arguments.streams_pages() {
        set("pages", "all".into());
        if let Some(items) = arguments.max_items {
            set("maxItems", items.into());
        }
    }
    if arguments.resubmit {
        set("resubmit", true.into());
    }
    options
}

/// Replaces the placeholders of the input. The result has at most `limit` bytes. Returns `None`
/// without values: the input does not change, because `{{` may be data.
fn bind_values(
    input: &str,
    values: &[(String, String)],
    limit: usize,
) -> Result<Option<String>, Failure> {
    if values.is_empty() {
        return Ok(None);
    }
    let by_name: BTreeMap<&str, &str> =
        values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    if by_name.len() < values.len() {
        return Err(Failure::usage("--bind names a placeholder twice"));
    }
    bind(input, &by_name, limit).map(Some).map_err(|error| {
        if error.is_too_large() {
            return Failure::limit(format!(
                "with its values, the input is larger than the limit of {limit} bytes"
            ))
            .with("raise it in the datasource's policy: limits.request-bytes");
        }
        let problems = error.to_string().replace('\n', "\n  ");
        Failure::input(format!("the values do not fit the input:\n  {problems}"))
    })
}

/// The maximum size of an input, in bytes. It only protects this process's memory: a request is
/// limited by `limits.request-bytes`.
const MAX_INPUT_BYTES: u64 = 1024 * 1024 * 1024;

fn read_all(source: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_INPUT_BYTES {
        return Err(std::io::Error::other(format!("it is larger than {MAX_INPUT_BYTES} bytes")));
    }
    Ok(bytes)
}

/// Returns the input itself, or reads the file or standard input that it names.
fn read_input(input: Option<&str>) -> Result<String, Failure> {
    let bytes = match input {
        None => return Ok(String::new()),
        Some("-") => read_all(std::io::stdin())
            .map_err(|error| Failure::input(format!("standard input cannot be read: {error}")))?,
        Some("@") => {
            return Err(Failure::usage("expected the name of a file after @, as in @key.json"));
        }
        Some(text) => match text.strip_prefix('@') {
            Some(file) => std::fs::File::open(file).and_then(read_all).map_err(|error| {
                Failure::input(format!("the input {file} cannot be read: {error}"))
            })?,
            None => return Ok(text.to_string()),
        },
    };
    String::from_utf8(bytes).map_err(|error| {
        Failure::input(format!(
            "the input is not valid UTF-8 at byte {}",
            error.utf8_error().valid_up_to()
        ))
    })
}

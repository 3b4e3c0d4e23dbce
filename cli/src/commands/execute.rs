//! `portcullis execute`: runs one action.

use super::actions::unknown_action;
use crate::args::{Execute, Format, Output, PageMode};
use crate::call_words::CallWords;
use crate::completeness::check_complete;
use crate::dry_run::{self, FirstRequest};
use crate::failure::Failure;
use crate::json;
use crate::pages::Pages;
use crate::print_rows::{self, Values, View};
use crate::rows::{Columns, keys_of_description, keys_of_input};
use crate::target::Opened;
use dynamodb_plugin::catalogue::{OPERATIONS, Operation, Rows, operation};
use portcullis::{ActionName, bind};
use portcullis_json::quoted_placeholder;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::{IsTerminal, Read};
use std::sync::Arc;

pub(crate) async fn run(mut arguments: Execute) -> Result<(), Failure> {
    let CallWords { action, input } = arguments.take_call()?;
    let has_input = input.is_some();
    check_options(&action, &arguments)?;
    let input = read_input(input.as_deref())?;
    let options = options(&arguments);
    check_placeholders(&input, &arguments)?;
    if arguments.dry_run {
        let result = run_dry(&action, &input, &options, &arguments).await;
        return result.map_err(|failure| arguments.with_access(failure));
    }
    let opened = Opened::open(&arguments.target, true).await?;
    let result = run_action(&opened, &action, &input, options, &arguments).await;
    opened.close().await;
    result.map_err(|failure| {
        let is_piped = !has_input && !std::io::stdin().is_terminal() && failure.is_about_input();
        let failure = if is_piped {
            failure.with("if you piped the input, write - for it: standard input is read only then")
        } else {
            failure
        };
        arguments.with_access(failure)
    })
}

/// Shows the request that the action would send.
async fn run_dry(
    action: &str,
    input: &str,
    options: &Map<String, Value>,
    arguments: &Execute,
) -> Result<(), Failure> {
    let first = Arc::new(FirstRequest::default());
    let opened = Opened::open_dry(&arguments.target, first.clone()).await?;
    let filled = bind_values(input, &arguments.bind, opened.request_bytes())?;
    let result = opened.execute(action, filled.as_deref().unwrap_or(input), options).await;
    match (first.take(), result) {
        (Some(request), _) => dry_run::print(&request),
        (None, Err(failure)) => Err(failure),
        (None, Ok(_)) => Err(Failure::other("the action sends no request")),
    }
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
    let operation = operation(action);
    let Some(output) = arguments.output.output.filter(|output| output.has_rows()) else {
        let response = opened.execute(action, input, &options).await?;
        json::print(&response, arguments.output.output)?;
        return check_complete(&response, arguments.max_items);
    };
    let first = match operation.and_then(|operation| operation.rows) {
        Some(Rows::List("Items" | "Item"))
            if output.has_columns() && arguments.columns.is_empty() =>
        {
            keys(opened, input).await
        }
        _ => keys_of_input(input),
    };
    let mut chosen: Vec<String> = Vec::new();
    for column in &arguments.columns {
        if !chosen.contains(column) {
            chosen.push(column.clone());
        }
    }
    let chosen = Some(chosen).filter(|columns| !columns.is_empty());
    let rows = operation.and_then(|operation| operation.rows);
    let paging = operation.and_then(|operation| operation.paging.as_ref());
    // The cells of a table show values without their types. The format of the input stays.
    let values = match (operation, arguments.format) {
        (Some(operation), None) if output.has_columns() => Values::Plain(operation.output),
        _ => Values::AsTheyAre,
    };
    let view = View { output, columns: Columns { chosen, first }, rows, paging, values };
    if let Some(paging) = paging.filter(|_| arguments.pages == Some(PageMode::All)) {
        let pages = Pages::new(opened, action, paging, &options, input)?;
        return print_rows::print_pages(pages, view, arguments.max_items).await;
    }
    let response = opened.execute(action, input, &options).await?;
    print_rows::print_response(&response, view)?;
    check_complete(&response, arguments.max_items)
}

/// The names of the key attributes of a table, if the input or the service tells them.
async fn keys(opened: &Opened, input: &str) -> Vec<String> {
    let keys = keys_of_input(input);
    if !keys.is_empty() {
        return keys;
    }
    let Ok(NamesTable { table }) = serde_json::from_str(input) else { return Vec::new() };
    let description = opened.describe_table(&table).await;
    description.map(|description| keys_of_description(&description)).unwrap_or_default()
}

/// An input that names a table.
#[derive(serde::Deserialize)]
struct NamesTable {
    #[serde(rename = "TableName")]
    table: String,
}

/// Refuses a text with a placeholder, if nothing is bound: it would be sent as it is.
fn check_placeholders(input: &str, arguments: &Execute) -> Result<(), Failure> {
    if arguments.literal || !arguments.bind.is_empty() {
        return Ok(());
    }
    match quoted_placeholder(input) {
        None => Ok(()),
        Some((name, line)) => Err(Failure::input(format!(
            "line {line} of the input: {{{{{name}}}}} is within a text, and would be sent as it is"
        ))
        .with(format!(
            "to bind a value, write {{{{{name}}}}} in place of the whole text, without quotes, and \
             --bind {name}=TEXT"
        ))
        .with("to send these characters, add --literal")),
    }
}

/// Refuses options that have no effect on the action.
fn check_options(action: &str, arguments: &Execute) -> Result<(), Failure> {
    let has_rows = arguments.output.output.is_some_and(Output::has_rows);
    if !arguments.columns.is_empty() && !has_rows {
        return Err(Failure::usage("--columns needs --output table, csv or ndjson"));
    }
    let names = |has: fn(&Operation) -> bool| {
        let names = OPERATIONS.iter().filter(|operation| has(operation)).map(|one| one.name);
        names.collect::<Vec<_>>().join(", ")
    };
    // An action that is not DynamoDB's may be another plugin's.
    match operation(action) {
        None if action.parse::<ActionName>().is_err() => Err(unknown_action(action)),
        Some(operation) if arguments.pages.is_some() && operation.paging.is_none() => {
            Err(Failure::usage(format!("{action} has no pages, so --pages has no effect"))
                .with(format!("these have: {}", names(|operation| operation.paging.is_some()))))
        }
        Some(operation) if !arguments.columns.is_empty() && operation.rows.is_none() => {
            Err(Failure::usage(format!("{action} returns no rows, so --columns has no effect"))
                .with(format!("these do: {}", names(|operation| operation.rows.is_some()))))
        }
        _ => Ok(()),
    }
}

/// Returns the options of the call.
fn options(arguments: &Execute) -> Map<String, Value> {
    let mut options = Map::new();
    let mut set = |name: &str, value: Value| drop(options.insert(name.to_string(), value));
    match arguments.format {
        Some(Format::Plain) => set("format", "plain".into()),
        Some(Format::Typed) => set("format", "typed".into()),
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
    portcullis_json::text(bytes)
        .map_err(|error| Failure::input(format!("the input cannot be read: {error}")))
}

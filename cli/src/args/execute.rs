//! The arguments of `portcullis execute`.

use super::output::{Output, OutputArgs};
use super::target::Target;
use anyhow::{Context as _, anyhow};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};

#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[derive(Debug, Args)]
pub(crate) struct Execute {
    #[command(flatten)]
    pub(crate) target: Target,
    /// The action, by its DynamoDB name, such as GetItem, and its input as JSON: the text itself,
    /// @FILE to read a file, or - to read standard input. Without it, the input is {}. The name of
    /// the datasource may come first; same as --datasource.
    #[arg(value_name = "[NAME] ACTION [JSON | @FILE | -]", num_args = 0..=3)]
    pub(crate) words: Vec<String>,
    /// Replace the placeholder {{NAME}} in the input with a value: NAME=TEXT binds a string,
    /// whatever it contains, and NAME:=JSON binds a JSON value. Can be repeated.
    #[arg(long, value_name = "NAME=TEXT | NAME:=JSON", value_parser = parse_bind)]
    pub(crate) bind: Vec<(String, String)>,
    /// The format of attribute values: typed ({"S": "a"}) or plain ("a").
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Fetch all pages of a list, query, scan or statement. With --output json or pretty, they form
    /// one result of limited size (see --max-items). With ndjson, each page is printed as it
    /// arrives, and the number of items is not limited.
    #[arg(long, value_enum)]
    pub(crate) pages: Option<PageMode>,
    /// Print only these columns, in this order. Needs --output table, csv or ndjson. Without it,
    /// the columns are the table's keys and all other attributes, sorted.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    pub(crate) columns: Vec<String>,
    /// With --pages all: stop after the page that reaches this number of items.
    #[arg(long, value_name = "COUNT", requires = "pages", value_parser = parse_count)]
    pub(crate) max_items: Option<u64>,
    /// Send the unprocessed items of a batch again.
    #[arg(long)]
    pub(crate) resubmit: bool,
    /// Send {{NAME}} within a text as it is. Without this option, a text with a placeholder is
    /// refused unless --bind is given: it was probably meant to be replaced.
    #[arg(long)]
    pub(crate) literal: bool,
    /// Skip client-side validation.
    #[arg(long)]
    pub(crate) no_strict: bool,
    /// Show the request that would leave, and whether the policy allows it. Sends nothing.
    #[arg(long, conflicts_with_all = ["local", "server"])]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Typed,
    Plain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PageMode {
    One,
    All,
}

impl Execute {
    /// Whether this command fetches one page after the other and prints their items. It then
    /// handles signals itself.
    pub(crate) fn streams_pages(&self) -> bool {
        self.pages == Some(PageMode::All) && self.output.output.is_some_and(Output::has_rows)
    }
}

/// Parses `NAME=TEXT` or `NAME:=JSON` into the name and the value as JSON.
fn parse_bind(text: &str) -> anyhow::Result<(String, String)> {
    let (name, value) = text
        .split_once('=')
        .context("expected NAME=TEXT or NAME:=JSON, as in id=42 or limit:=10")?;
    match name.strip_suffix(':') {
        Some(name) => Ok((name.to_string(), value.to_string())),
        None => Ok((name.to_string(), serde_json::Value::from(value).to_string())),
    }
}

/// Parses a number of items.
fn parse_count(text: &str) -> anyhow::Result<u64> {
    text.parse().map_err(|_| anyhow!("expected a whole number, as in 1000"))
}

pub(super) const EXECUTE_EXAMPLES: &str = "\
Examples:
  portcullis execute --local ListTables
  portcullis execute --region eu-west-1 ListTables
  portcullis execute --local data.db PutItem '{\"TableName\": \"users\", \"Item\": {\"id\": \"1\"}}'
  portcullis execute --datasource orders GetItem @key.json
  echo '{\"TableName\": \"orders\"}' | portcullis execute --datasource orders Scan -";

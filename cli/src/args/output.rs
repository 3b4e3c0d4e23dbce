//! How a command prints its result.

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// The output format: json prints one line, as the service sent it; pretty prints indented
    /// JSON; table, csv and ndjson print only the items. Without --format, table and csv use plain
    /// values. The default is pretty on a terminal and json elsewhere.
    #[arg(long, short, value_enum)]
    pub(crate) output: Option<Output>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Json,
    Pretty,
    Table,
    Ndjson,
    Csv,
}

impl Output {
    /// Whether it prints rows: items, and not the whole response.
    pub(crate) fn has_rows(self) -> bool {
        matches!(self, Self::Table | Self::Csv | Self::Ndjson)
    }

    /// Whether rows are printed with the same columns.
    pub(crate) fn has_columns(self) -> bool {
        matches!(self, Self::Table | Self::Csv)
    }
}

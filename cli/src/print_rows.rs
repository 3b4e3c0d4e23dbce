//! Prints the rows of responses: as a table, as CSV, or as one line of JSON each.

use crate::args::Output;
use crate::failure::Failure;
use crate::out::{out, raw_bytes};
use crate::pages::Pages;
use crate::rows::{Columns, Counted, Found, Table, counted, keys_of_cursor};
use crate::signals;
use crate::terminal::escaped;
use dynamodb_plugin::catalogue::{Paging, Rows, Shape};
use dynamodb_plugin::cursor::is_end;
use dynamodb_plugin::transcode::{Format, decode};
use indicatif::{HumanBytes, HumanCount, ProgressBar};
use portcullis_server::OrderedFields;
use serde_json::value::RawValue;
use std::pin::pin;
use std::time::{Duration, Instant};

/// How rows are printed.
pub(crate) struct View {
    pub(crate) output: Output,
    pub(crate) columns: Columns,
    /// Where responses have their rows.
    pub(crate) rows: Option<Rows>,
    /// How responses name the next page.
    pub(crate) paging: Option<&'static Paging>,
    pub(crate) values: Values,
}

/// How attribute values are shown.
#[derive(Clone, Copy)]
pub(crate) enum Values {
    AsTheyAre,
    /// Without their types, where a response of this shape has them.
    Plain(&'static Shape),
}

impl Values {
    /// A page with its values as they are shown.
    fn shown_page(self, page: OrderedFields) -> Result<OrderedFields, Failure> {
        match self {
            Self::AsTheyAre => Ok(page),
            Self::Plain(_) => self.shown(&page.to_json()),
        }
    }

    /// A response with its values as they are shown.
    fn shown(self, response: &str) -> Result<OrderedFields, Failure> {
        let plain = match self {
            Self::AsTheyAre => None,
            // What is no attribute value stays as it is.
            Self::Plain(shape) => decode(response.to_string(), shape, Format::Plain).ok(),
        };
        serde_json::from_str(plain.as_deref().unwrap_or(response)).map_err(|error| {
            Failure::other(format!("the plugin's response is not a JSON object: {error}"))
        })
    }
}

/// Prints the rows of one response.
///
/// # Errors
/// Returns an error if the response says that rows are missing. Those that it has are printed.
pub(crate) fn print_response(response: &str, mut view: View) -> Result<(), Failure> {
    let response = view.values.shown(response)?;
    let mut found = Found::new(&response, view.rows);
    found.rows.extend(found.counted.and_then(counted));
    view.columns.add_keys(keys_of_cursor(&response));
    view.print(&found.rows)?;
    // These formats do not show the cursor, so say that more items follow.
    let cursor = view.paging.and_then(|paging| response.get(paging.output));
    if let Some(cursor) = cursor.filter(|cursor| !is_end(cursor.get())) {
        let cursor: String = cursor.get().chars().map(escaped).collect();
        eprintln!("there are more items after {cursor}; --pages all fetches all of them");
    }
    Ok(())
}

/// Prints the rows of all pages: lines as they arrive, tables and CSV at the end, when all columns
/// are known. If it is interrupted, it prints the complete rows, and standard error says how to
/// continue. `max` is the number of rows after which it stops.
pub(crate) async fn print_pages(
    mut pages: Pages<'_>,
    mut view: View,
    max: Option<u64>,
) -> Result<(), Failure> {
    let progress = Progress::new();
    let mut kept = Vec::new();
    let (mut only_counted, mut was_counted) = (Counted::default(), false);
    let mut count = 0;
    // One future for all pages, so that a signal is not lost while a page is printed.
    let mut interrupted = pin!(signals::interrupted());
    let result = loop {
        let page = tokio::select! {
            page = pages.next() => page,
            signal = &mut interrupted => break Err(Failure::interrupted_in_pages(signal)),
        };
        let page = match page {
            Ok(Some(page)) => page,
            Ok(None) => break Ok(()),
            Err(failure) => break Err(failure),
        };
        let page = view.values.shown_page(page)?;
        let found = Found::new(&page, view.rows);
        if let Some(counted) = found.counted {
            only_counted.add(counted);
            was_counted = true;
        }
        count += found.rows.len() as u64;
        view.columns.add_keys(keys_of_cursor(&page));
        progress.add(&found.rows);
        if view.output == Output::Ndjson {
            progress.bar.suspend(|| view.print(&found.rows))?;
        } else {
            kept.extend(found.rows);
        }
        if max.is_some_and(|max| count >= max) {
            break Ok(());
        }
    };
    progress.bar.finish_and_clear();
    if was_counted {
        kept.extend(counted(only_counted));
    }
    if view.output != Output::Ndjson || !kept.is_empty() {
        view.print(&kept)?;
    }
    if let Some(cursor) = pages.cursor_field() {
        let cursor: String = cursor.chars().map(escaped).collect();
        eprintln!("stopped after {count} items; to continue, add this to the input:\n  {cursor}");
    }
    result
}

impl View {
    fn print(&self, rows: &[Box<RawValue>]) -> Result<(), Failure> {
        let single = self.rows.map_or("value", Rows::field);
        let table = || {
            let table = Table::new(rows, single, &self.columns);
            if self.columns.chosen.is_some() && !rows.is_empty() {
                for column in table.empty_columns() {
                    eprintln!("no item has the column {}", crate::terminal::visible(column));
                }
            }
            table
        };
        match self.output {
            Output::Table => {
                let (text, left_out) = table().text();
                out!("{text}")?;
                if left_out > 0 {
                    eprintln!(
                        "{left_out} more columns have no room; choose some with --columns, or print \
                         all with --output csv"
                    );
                }
                Ok(())
            }
            Output::Csv => raw_bytes(&table().csv()?),
            _ => {
                let mut lines = Vec::new();
                for row in rows {
                    let row = self.columns.choose(row);
                    lines.extend_from_slice(row.get().as_bytes());
                    lines.push(b'\n');
                }
                raw_bytes(&lines)
            }
        }
    }
}

/// The number of items and bytes, and their rates, on standard error if it is a terminal.
struct Progress {
    bar: ProgressBar,
    started: Instant,
}

impl Progress {
    fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, started: Instant::now() }
    }

    fn add(&self, page: &[Box<RawValue>]) {
        self.bar.inc(page.len() as u64);
        let bytes: usize = page.iter().map(|item| item.get().len()).sum();
        // The bar's position counts items. A spinner does not use its length, so that counts bytes.
        let bytes = self.bar.length().unwrap_or_default() + bytes as u64;
        self.bar.set_length(bytes);
        let items = self.bar.position();
        let rate = items * 1000 / (self.started.elapsed().as_millis() as u64).max(1);
        self.bar.set_message(format!(
            "{} items, {}, {} items/s",
            HumanCount(items),
            HumanBytes(bytes),
            HumanCount(rate)
        ));
    }
}

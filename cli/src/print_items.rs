//! Prints the items of responses: as a table, as CSV, or as one line of JSON each.

use crate::args::Output;
use crate::failure::Failure;
use crate::items::{Table, items_of};
use crate::out::{out, raw_bytes};
use crate::pages::Pages;
use crate::signals;
use indicatif::{HumanBytes, HumanCount, ProgressBar};
use portcullis_server::OrderedFields;
use serde_json::value::RawValue;
use std::pin::pin;
use std::time::{Duration, Instant};

/// Prints the items of one response. `results` is the response's field that holds them.
pub(crate) fn print_response(
    response: &str,
    results: Option<&str>,
    output: Output,
) -> Result<(), Failure> {
    let response: OrderedFields = serde_json::from_str(response).map_err(|error| {
        Failure::other(format!("the plugin's response is not a JSON object: {error}"))
    })?;
    print(&items_of(&response, results), results, output)?;
    // These formats do not show the cursor, so say that more items follow.
    if let Some(cursor) =
        response.get("LastEvaluatedKey").or_else(|| response.get("LastEvaluatedTableName"))
    {
        eprintln!("there are more items after {cursor}; --pages all fetches all of them");
    }
    Ok(())
}

/// Prints the items of all pages: lines as they arrive, tables and CSV at the end, when all columns
/// are known. If it is interrupted, it prints the complete items, and standard error says how to
/// continue. `max` is the number of items after which it stops.
pub(crate) async fn print_pages(
    mut pages: Pages<'_>,
    output: Output,
    max: Option<u64>,
) -> Result<(), Failure> {
    let results = Some(pages.results());
    let progress = Progress::new();
    let mut kept = Vec::new();
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
        count += page.len() as u64;
        progress.add(&page);
        if output == Output::Ndjson {
            progress.bar.suspend(|| print(&page, results, output))?;
        } else {
            kept.extend(page);
        }
        if max.is_some_and(|max| count >= max) {
            break Ok(());
        }
    };
    progress.bar.finish_and_clear();
    if output != Output::Ndjson {
        print(&kept, results, output)?;
    }
    if let Some(cursor) = pages.cursor_field() {
        eprintln!("stopped after {count} items; to continue, add this to the input:\n  {cursor}");
    }
    result
}

fn print(items: &[Box<RawValue>], results: Option<&str>, output: Output) -> Result<(), Failure> {
    let table = || Table::new(items, results.unwrap_or("value"));
    match output {
        Output::Table => out!("{}", table().text()),
        Output::Csv => {
            let csv = table().csv().map_err(|error| {
                Failure::other(format!("the items cannot be written as CSV: {error}"))
            })?;
            raw_bytes(&csv)
        }
        _ => {
            let lines: Vec<u8> =
                items.iter().flat_map(|item| item.get().bytes().chain([b'\n'])).collect();
            raw_bytes(&lines)
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

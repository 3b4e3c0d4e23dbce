//! Items on their way to standard output: tables, CSV, and a line of JSON each.

use crate::args::Output;
use crate::failure::Failure;
use crate::out::{out, raw_bytes};
use crate::pages::Pages;
use crate::rows::{Grid, rows};
use indicatif::{HumanBytes, HumanCount, ProgressBar};
use portcullis_server::OrderedFields;
use serde_json::value::RawValue;
use std::pin::pin;
use std::time::{Duration, Instant};

/// Prints the items of one answer.
pub(crate) fn print_answer(
    answer: &str,
    results: Option<&str>,
    output: Output,
) -> Result<(), Failure> {
    let answer: OrderedFields = serde_json::from_str(answer).map_err(|error| {
        Failure::other(format!("the plugin's answer is no JSON object: {error}"))
    })?;
    print(&rows(&answer, results), results, output)?;
    // What is left out here must not go unnoticed.
    if let Some(cursor) =
        answer.get("LastEvaluatedKey").or_else(|| answer.get("LastEvaluatedTableName"))
    {
        eprintln!("there is more, from {cursor} on; --pages all fetches all");
    }
    Ok(())
}

fn print(rows: &[Box<RawValue>], results: Option<&str>, output: Output) -> Result<(), Failure> {
    let grid = || Grid::new(rows, results.unwrap_or("value"));
    match output {
        Output::Table => out!("{}", grid().table()),
        Output::Csv => raw_bytes(
            &grid()
                .csv()
                .map_err(|error| Failure::other(format!("the items are no CSV: {error}")))?,
        ),
        _ => {
            let lines: Vec<u8> =
                rows.iter().flat_map(|row| row.get().bytes().chain([b'\n'])).collect();
            raw_bytes(&lines)
        }
    }
}

/// Prints the items of all pages; lines as they come, tables and CSV at the end, when all columns are known. When it is
/// interrupted, what has come is printed whole, and standard error says how to go on.
pub(crate) async fn print_pages(
    mut pages: Pages<'_>,
    output: Output,
    most: Option<u64>,
) -> Result<(), Failure> {
    let results = Some(pages.paging.results);
    let progress = Progress::new();
    let mut kept = Vec::new();
    let mut count = 0;
    // One for all pages: a signal that comes while a page is printed is not lost.
    let mut interrupted = pin!(crate::signals::interrupted());
    let ended = loop {
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
            progress.0.suspend(|| print(&page, results, output))?;
        } else {
            kept.extend(page);
        }
        if most.is_some_and(|most| count >= most) {
            break Ok(());
        }
    };
    progress.0.finish_and_clear();
    if output != Output::Ndjson {
        print(&kept, results, output)?;
    }
    if let Some(rest) = pages.rest() {
        eprintln!("stopped after {count} items; to go on, add this to the input:\n  {rest}");
    }
    ended
}

/// Items, bytes and their rates, on standard error where that is a terminal.
struct Progress(ProgressBar, Instant);

impl Progress {
    fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar, Instant::now())
    }

    fn add(&self, page: &[Box<RawValue>]) {
        self.0.inc(page.len() as u64);
        let bytes: usize = page.iter().map(|item| item.get().len()).sum();
        // The bar counts items; its length is free for the bytes.
        let bytes = self.0.length().unwrap_or_default() + bytes as u64;
        self.0.set_length(bytes);
        let items = self.0.position();
        let rate = items * 1000 / (self.1.elapsed().as_millis() as u64).max(1);
        self.0.set_message(format!(
            "{} items, {}, {} items/s",
            HumanCount(items),
            HumanBytes(bytes),
            HumanCount(rate)
        ));
    }
}

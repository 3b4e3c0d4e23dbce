//! The tables that do not compare clients with each other in one run.

use crate::clients::{ClientKind, Transport};
use crate::report::results::micros;
use crate::report::{Report, TEXT};
use std::fmt::Write;

impl Report {
    /// Returns the table of time and memory by the size of a response.
    pub(super) fn growth_table(&self) -> String {
        let mut text = String::from("### Growth with the size of the response (`Scan`, HTTP)\n\n");
        text.push_str(
            "| response | format | p50 µs | ns per byte | peak memory ÷ response |\n\
             |---|---|---|---|---|\n",
        );
        for point in &self.growth {
            let (bytes, p50) = (point.bytes as f64, micros(point.p50));
            let peak = if point.bytes >= 1_000_000 {
                format!("{:.2}", point.peak as f64 / bytes)
            } else {
                "–".to_string()
            };
            writeln!(
                text,
                "| {} | {} | {p50:.0} | {:.2} | {peak} |",
                size(point.bytes),
                point.format.title(),
                p50 * 1e3 / bytes
            )
            .expect(TEXT);
        }
        text
    }

    /// Returns the table of clients in other languages.
    pub(super) fn other_languages_table(&self) -> String {
        let mut text = String::from(
            "### Other languages, HTTP, one caller\n\n\
             | | client | p50 µs | ÷ the sandbox, `typed` |\n\
             |---|---|---|---|\n",
        );
        for language in &self.other_languages {
            for (case, p50) in &language.p50 {
                let times = micros(*p50) / self.p50(Transport::Http, *case, ClientKind::Typed);
                writeln!(
                    text,
                    "| {} | {} | {:.0} | {times:.1} |",
                    case.title(),
                    language.name,
                    micros(*p50)
                )
                .expect(TEXT);
            }
            if language.p50.is_empty() {
                writeln!(text, "| | {} | not installed: `make servers` | |", language.name)
                    .expect(TEXT);
            }
        }
        text
    }
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} KB", bytes / 1_000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

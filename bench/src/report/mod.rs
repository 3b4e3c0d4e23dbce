//! Writes the results as tables, and says which goals are met.
//!
//! | file | role |
//! |---|---|
//! | `results` | the results of the runs, and how to look them up |
//! | `figure` | one figure with its range over the runs |
//! | `goals` | the goals, and whether they are met |
//! | `clients` | tables of clients: one caller, and many |
//! | `server` | tables of `portcullis serve` |
//! | `others` | tables of sizes and of other languages |

mod clients;
mod figure;
mod goals;
mod others;
mod results;
mod server;

pub use results::{Apart, Run, Runs, Together, micros};

use crate::cases::Case;
use crate::clients::{ClientKind, Transport};
use crate::growth::Point;
use crate::memory::Memory;
use crate::programs::{OtherLanguage, Startup};
use crate::serve::Peak;

/// All results.
pub struct Report {
    /// The results of each run. The tables show medians, and ranges over the runs.
    pub runs: Runs,
    /// How time and memory grow with the response.
    pub growth: Vec<Point>,
    /// The memory of warm instances and idle datasources.
    pub memory: Memory,
    /// The memory of `portcullis serve` after a peak. `None` if it is not built.
    pub peak: Option<Peak>,
    /// The results of clients in other languages.
    pub other_languages: Vec<OtherLanguage>,
    /// How long command lines take. `None` if ours is not built.
    pub startup: Option<Startup>,
}

/// Why `writeln!` to a `String` is not handled.
const TEXT: &str = "writing to a string cannot fail";

impl Report {
    /// Returns the median latency of a client, in microseconds.
    pub fn p50(&self, transport: Transport, case: Case, kind: ClientKind) -> f64 {
        self.runs.median(|run| run.latency(transport, case, kind).map(|sample| micros(sample.p50)))
    }

    /// Returns all tables as Markdown.
    pub fn markdown(&self) -> String {
        [
            self.goals(),
            self.server_tables(),
            self.latency_tables(),
            self.placement_table(),
            self.throughput_table(),
            self.growth_table(),
            self.other_languages_table(),
        ]
        .join("\n")
    }
}

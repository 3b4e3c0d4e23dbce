//! The whole comparison: several runs, and what is measured once.

use crate::plots;
use crate::process::bound_self;
use crate::programs;
use crate::report::{Report, Run, Runs};
use crate::upstream::Upstream;
use crate::{growth, memory};
use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Compares everything, and writes the page or prints the tables.
pub fn run(upstream: &Upstream, runs: u32, page: Option<&Path>) -> Result<()> {
    // First what can fail because of the machine: what was measured before would be lost.
    let page = page.map(Page::open).transpose()?;
    eprintln!("other languages, and the start of command lines");
    let other_languages = programs::other_languages(&upstream.endpoints)?;
    let startup = programs::startup(&upstream.endpoints)?;
    eprintln!("memory after a peak");
    let peak = child("peak")?;
    eprintln!("memory");
    let MemoryResults { memory, growth } = child("memory")?;
    let mut results = Vec::new();
    let mut failure = None;
    for number in 1..=runs {
        match one_run(&format!("run {number} of {runs}")) {
            Ok(run) => results.push(run),
            Err(error) => {
                failure = Some(error.context(format!("run {number} failed")));
                break;
            }
        }
    }
    // The runs before one that failed are shown.
    if !results.is_empty() {
        let runs = Runs(results);
        let report = Report { runs, growth, memory, peak, other_languages, startup };
        match page {
            None => println!("{}", report.markdown()),
            Some(page) => {
                page.write(&report.markdown())?;
                plots::draw(&report, &page.path.with_extension(""))?;
            }
        }
    }
    failure.map_or(Ok(()), Err)
}

fn one_run(title: &str) -> Result<Run> {
    eprintln!("{title}: clients");
    let (apart, together) = (child("run-apart")?, child("run-together")?);
    eprintln!("{title}: portcullis serve");
    Ok(Run { apart, together, serve: child("run-serve")? })
}

/// What is measured in the process `memory`.
#[derive(Serialize, Deserialize)]
pub struct MemoryResults {
    /// The memory of warm instances and idle datasources.
    pub memory: memory::Memory,
    /// How time and memory grow with the response.
    pub growth: Vec<growth::Point>,
}

/// Runs a subcommand of this program in a new process, and returns the results that it prints.
///
/// A new process, since memory that earlier measurements allocated and freed would change later
/// ones.
fn child<T: DeserializeOwned>(subcommand: &str) -> Result<T> {
    let output = bound_self(None, subcommand)?.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "`{subcommand}` ended with {}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The page with the tables.
struct Page {
    path: PathBuf,
}

const BEGIN: &str = "<!-- written by `make bench`: begin -->\n";
const END: &str = "<!-- written by `make bench`: end -->";

impl Page {
    /// Checks that it has a generated part.
    fn open(path: &Path) -> Result<Self> {
        let page = Self { path: path.to_path_buf() };
        page.parts().map(|_| page)
    }

    /// What is before and after its generated part.
    fn parts(&self) -> Result<(String, String)> {
        let path = &self.path;
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let (before, rest) = text
            .split_once(BEGIN)
            .context("the page has no line that begins the generated part")?;
        let (_, after) =
            rest.split_once(END).context("the page has no line that ends the generated part")?;
        Ok((before.to_string(), after.to_string()))
    }

    /// Replaces its generated part. It is read again: somebody may have edited it meanwhile.
    fn write(&self, tables: &str) -> Result<()> {
        let (before, after) = self.parts()?;
        std::fs::write(&self.path, format!("{before}{BEGIN}\n{tables}\n{END}{after}"))
            .with_context(|| self.path.display().to_string())
    }
}

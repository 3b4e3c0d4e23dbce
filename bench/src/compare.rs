//! The whole comparison: several runs, and what is measured once.

use crate::plots;
use crate::process::bound_self;
use crate::programs;
use crate::report::{Report, Run, Runs};
use crate::server::Server;
use crate::{growth, memory};
use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::Stdio;

/// Compares everything, and writes the page or prints the tables.
pub fn run(server: &Server, runs: u32, page: Option<&Path>) -> Result<()> {
    // First what can fail because of the machine: what was measured before would be lost.
    eprintln!("other languages, and the start of command lines");
    let other_languages = programs::other_languages(&server.endpoints)?;
    let startup = programs::startup(&server.endpoints)?;
    eprintln!("memory after a peak");
    let peak = child("peak")?;
    let mut results = Vec::new();
    for number in 1..=runs {
        eprintln!("run {number} of {runs}: clients");
        let (apart, together) = (child("run-apart")?, child("run-together")?);
        eprintln!("run {number} of {runs}: portcullis serve");
        results.push(Run { apart, together, serve: child("run-serve")? });
    }
    eprintln!("memory");
    let MemoryResults { memory, growth } = child("memory")?;
    let report = Report { runs: Runs(results), growth, memory, peak, other_languages, startup };
    let Some(page) = page else {
        println!("{}", report.markdown());
        return Ok(());
    };
    write(page, &report.markdown())?;
    plots::draw(&report, &page.with_extension(""))
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

/// Replaces the generated part of a page.
fn write(page: &Path, tables: &str) -> Result<()> {
    const BEGIN: &str = "<!-- written by `make bench`: begin -->\n";
    const END: &str = "<!-- written by `make bench`: end -->";
    let text = std::fs::read_to_string(page).with_context(|| page.display().to_string())?;
    let (before, rest) =
        text.split_once(BEGIN).context("the page has no line that begins the generated part")?;
    let (_, after) =
        rest.split_once(END).context("the page has no line that ends the generated part")?;
    std::fs::write(page, format!("{before}{BEGIN}\n{tables}\n{END}{after}"))?;
    Ok(())
}

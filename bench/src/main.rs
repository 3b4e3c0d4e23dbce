//! Compares the sandbox with AWS's own SDKs and with bare HTTP: one run, one server, paths by turns.
//!
//! `make bench` runs it and writes `docs/performance.md`.

mod cases;
mod clients;
mod growth;
mod latency;
mod memory;
mod meter;
mod plots;
mod programs;
mod report;
mod server;
mod throughput;

use anyhow::{Context, Result};
use cases::Case;
use clap::{Parser, Subcommand};
use clients::{Client, Path, Wire, host, plugin};
use report::{Report, Run};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use server::{Places, Server};
use std::collections::HashMap;
use std::path::{Path as File, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use throughput::CALLERS;

#[global_allocator]
static ALLOCATOR: meter::Counting = meter::Counting;

/// Compares the sandbox with AWS's own SDKs and with bare HTTP.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Runs; the tables show the medians over them.
    #[arg(long, default_value_t = 5)]
    runs: u32,
    /// The page whose generated part is replaced; without it, the tables are printed.
    #[arg(long)]
    page: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// The server that all paths call.
    #[command(hide = true)]
    Serve,
    /// Compares all paths once, and prints the samples as JSON.
    #[command(hide = true)]
    Run,
    /// Measures memory, and how it grows, as JSON.
    #[command(hide = true)]
    Weigh,
    /// Compares the paths in one case, quickly.
    Case {
        /// get-item, query, scan or batch-write.
        case: Case,
        /// http, tls, or cold: TLS with a new connection for each call.
        #[arg(long, default_value = "http")]
        wire: Wire,
    },
    /// Calls one path again and again, for a profiler.
    Loop {
        /// typed, plain, relay, fresh, sdk or bare.
        path: Path,
        /// get-item, query, scan or batch-write.
        case: Case,
        /// How often.
        calls: u32,
    },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if matches!(arguments.command, Some(Command::Serve)) {
        return server::serve();
    }
    let server = Server::start()?;
    tokio::runtime::Runtime::new()?.block_on(async {
        // As a task: an embedder's calls run on the runtime's own threads.
        tokio::spawn(async move {
            match &arguments.command {
                Some(Command::Loop { path, case, calls }) => {
                    repeat(&server, *path, *case, *calls).await
                }
                Some(Command::Run) => run(&server).await,
                Some(Command::Weigh) => weigh(&server).await,
                Some(Command::Case { case, wire }) => one_case(&server, *case, *wire).await,
                _ => compare(&server, &arguments).await,
            }
        })
        .await?
    })
}

async fn compare(server: &Server, arguments: &Arguments) -> Result<()> {
    let mut runs = Vec::new();
    for number in 1..=arguments.runs {
        eprintln!("run {number} of {}", arguments.runs);
        runs.push(child("run")?);
    }
    let places = server.places.clone();
    let (foreign, startup) = tokio::task::spawn_blocking(move || {
        Ok::<_, anyhow::Error>((programs::foreign(&places)?, programs::startup(&places)?))
    })
    .await??;
    let Weights { memory, growth } = child("weigh")?;
    let report = Report { runs, growth, memory, foreign, startup };
    match &arguments.page {
        None => println!("{}", report.markdown()),
        Some(page) => {
            write(page, &report.markdown())?;
            plots::draw(&report, &page.with_extension(""))?;
        }
    }
    Ok(())
}

/// What this program measures in a process of its own: memory that was taken and given back changes what follows.
fn child<T: DeserializeOwned>(command: &str) -> Result<T> {
    let output = std::process::Command::new(std::env::current_exe()?)
        .arg(command)
        .stderr(Stdio::inherit())
        .output()?;
    anyhow::ensure!(output.status.success(), "`{command}` ended with {}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[derive(Serialize, Deserialize)]
struct Weights {
    memory: memory::Memory,
    growth: Vec<growth::Point>,
}

async fn weigh(server: &Server) -> Result<()> {
    let (host, plugin) = loaded()?;
    let memory = memory::run(&host, &plugin, &server.places).await?;
    let growth = growth::run(&host, &plugin, &server.places).await?;
    println!("{}", serde_json::to_string(&Weights { memory, growth })?);
    Ok(())
}

fn loaded() -> Result<(portcullis::Host, portcullis::Plugin)> {
    let host = host()?;
    let plugin = plugin(&host)?;
    Ok((host, plugin))
}

/// A client for each path and wire.
async fn clients(
    places: &Places,
    host: &portcullis::Host,
    plugin: &portcullis::Plugin,
) -> Result<HashMap<(Path, Wire), Arc<Client>>> {
    let mut clients = HashMap::new();
    for path in Path::ALL {
        for wire in Wire::ALL {
            let client = Client::new(path, wire, places, host, plugin).await?;
            for case in Case::ALL {
                client.call(case).await.with_context(|| {
                    format!("{}, {}, {}", path.title(), wire.title(), case.title())
                })?;
            }
            clients.insert((path, wire), Arc::new(client));
        }
    }
    Ok(clients)
}

async fn run(server: &Server) -> Result<()> {
    let (host, plugin) = loaded()?;
    let clients = &clients(&server.places, &host, &plugin).await?;
    let mut run = Run::default();
    for wire in Wire::ALL {
        for case in Case::ALL {
            // What a new connection costs does not hang on the case.
            if wire != Wire::Cold || case == Case::GetItem {
                let samples = latency::run(clients, wire, case, &Path::ALL).await?;
                run.latency
                    .extend(samples.into_iter().map(|(path, sample)| (wire, case, path, sample)));
            }
        }
    }
    for wire in [Wire::Http, Wire::Tls] {
        let mut memory: HashMap<Path, u64> = HashMap::new();
        for callers in CALLERS {
            let mut samples: HashMap<Path, Vec<throughput::Sample>> = HashMap::new();
            // The first turn warms up: connections and instances are made, and kept. What fewer callers made is there already.
            for turn in 0..4 {
                for path in Path::ALL {
                    let (sample, grown) =
                        throughput::weighed(&clients[&(path, wire)], Case::GetItem, callers, 2000)
                            .await?;
                    if turn == 0 {
                        *memory.entry(path).or_default() += grown;
                    } else {
                        samples.entry(path).or_default().push(sample);
                    }
                }
            }
            let middle = samples.into_iter().map(|(path, mut all)| {
                all.sort_by(|one, other| one.rate.total_cmp(&other.rate));
                let middle = all.swap_remove(all.len() / 2);
                (wire, callers, path, throughput::Sample { memory: memory[&path], ..middle })
            });
            run.throughput.extend(middle);
        }
    }
    println!("{}", serde_json::to_string(&run)?);
    Ok(())
}

/// Replaces the generated part of a page.
fn write(page: &File, tables: &str) -> Result<()> {
    const BEGIN: &str = "<!-- written by `make bench`: begin -->\n";
    const END: &str = "<!-- written by `make bench`: end -->";
    let text = std::fs::read_to_string(page).with_context(|| page.display().to_string())?;
    let (before, rest) = text.split_once(BEGIN).context("the page has no generated part")?;
    let (_, after) = rest.split_once(END).context("the page's generated part has no end")?;
    std::fs::write(page, format!("{before}{BEGIN}\n{tables}\n{END}{after}"))?;
    Ok(())
}

async fn one_case(server: &Server, case: Case, wire: Wire) -> Result<()> {
    let (host, plugin) = loaded()?;
    let clients = clients(&server.places, &host, &plugin).await?;
    for _ in 0..3 {
        let samples = latency::run(&clients, wire, case, &Path::ALL).await?;
        for path in Path::ALL {
            let latency::Sample { p50, p99, processor, allocations } = samples[&path];
            let share = p50.as_secs_f64() / samples[&Path::Sdk].p50.as_secs_f64();
            println!(
                "{:18} {share:5.2} of the SDK's, p50 {p50:?}, p99 {p99:?}, processor {processor:?}, {allocations:.0} allocations",
                path.title()
            );
        }
    }
    Ok(())
}

async fn repeat(server: &Server, path: Path, case: Case, calls: u32) -> Result<()> {
    let (host, plugin) = loaded()?;
    let client = Client::new(path, Wire::Http, &server.places, &host, &plugin).await?;
    client.call(case).await?;
    let (began, processor) = (std::time::Instant::now(), meter::processor_time());
    for _ in 0..calls {
        client.call(case).await?;
    }
    let (took, processor) =
        (began.elapsed() / calls, meter::processor_time_since(processor) / calls);
    eprintln!("{calls} calls, each {took:?}, of which {processor:?} of the processor");
    Ok(())
}

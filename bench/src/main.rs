//! Compares the sandbox with AWS's SDKs and with bare HTTP. All clients call one server, and take
//! turns within one run.
//!
//! `make bench` runs it and writes `docs/performance.md`.

mod cases;
mod clients;
mod constants;
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
use clients::{Client, ClientKind, Transport, host, plugin};
use constants::CALLERS;
use report::{Report, Run};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use server::{Endpoints, Server};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: meter::Counting = meter::Counting;

/// Compares the sandbox with AWS's SDKs and with bare HTTP.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// How many times to run the comparison; the tables show the medians of all runs.
    #[arg(long, default_value_t = 5)]
    runs: u32,
    /// The page whose generated part to replace; without it, the tables are printed.
    #[arg(long)]
    page: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the server that all clients call.
    #[command(hide = true)]
    Serve,
    /// Compares all clients once, and prints the results as JSON.
    #[command(hide = true)]
    Run,
    /// Measures memory and growth, and prints the results as JSON.
    #[command(hide = true)]
    Memory,
    /// Compares all clients in one case, as a quick check.
    Case {
        /// The case: get-item, query, scan or batch-write.
        case: Case,
        /// The transport: http, tls, or cold (TLS with a new connection for each call).
        #[arg(long, default_value = "http")]
        transport: Transport,
    },
    /// Makes the same call again and again, for a profiler.
    Loop {
        /// The client: typed, plain, relay, fresh, sdk or bare.
        kind: ClientKind,
        /// The case: get-item, query, scan or batch-write.
        case: Case,
        /// The number of calls.
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
        // In a task, because the calls of an embedder run on the runtime's worker threads too.
        tokio::spawn(async move {
            match &arguments.command {
                Some(Command::Loop { kind, case, calls }) => {
                    repeat(&server, *kind, *case, *calls).await
                }
                Some(Command::Run) => run(&server).await,
                Some(Command::Memory) => measure_memory(&server).await,
                Some(Command::Case { case, transport }) => {
                    one_case(&server, *case, *transport).await
                }
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
    let endpoints = server.endpoints.clone();
    let (other_languages, startup) = tokio::task::spawn_blocking(move || {
        Ok::<_, anyhow::Error>((
            programs::other_languages(&endpoints)?,
            programs::startup(&endpoints)?,
        ))
    })
    .await??;
    let MemoryResults { memory, growth } = child("memory")?;
    let report = Report { runs, growth, memory, other_languages, startup };
    match &arguments.page {
        None => println!("{}", report.markdown()),
        Some(page) => {
            write(page, &report.markdown())?;
            plots::draw(&report, &page.with_extension(""))?;
        }
    }
    Ok(())
}

/// Runs a subcommand of this program in a new process, and returns the results that it prints.
///
/// A new process, since memory that earlier measurements allocated and freed would change later
/// ones.
fn child<T: DeserializeOwned>(command: &str) -> Result<T> {
    let output = std::process::Command::new(std::env::current_exe()?)
        .arg(command)
        .stderr(Stdio::inherit())
        .output()?;
    anyhow::ensure!(output.status.success(), "`{command}` ended with {}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[derive(Serialize, Deserialize)]
struct MemoryResults {
    memory: memory::Memory,
    growth: Vec<growth::Point>,
}

async fn measure_memory(server: &Server) -> Result<()> {
    let (host, plugin) = load()?;
    let memory = memory::run(&host, &plugin, &server.endpoints).await?;
    let growth = growth::run(&host, &plugin, &server.endpoints).await?;
    println!("{}", serde_json::to_string(&MemoryResults { memory, growth })?);
    Ok(())
}

fn load() -> Result<(portcullis::Host, portcullis::Plugin)> {
    let host = host()?;
    let plugin = plugin(&host)?;
    Ok((host, plugin))
}

/// Creates a client for each kind and transport, and makes one call of each case with it.
async fn clients(
    endpoints: &Endpoints,
    host: &portcullis::Host,
    plugin: &portcullis::Plugin,
) -> Result<HashMap<(ClientKind, Transport), Arc<Client>>> {
    let mut clients = HashMap::new();
    for kind in ClientKind::ALL {
        for transport in Transport::ALL {
            let client = Client::new(kind, transport, endpoints, host, plugin).await?;
            for case in Case::ALL {
                client.call(case).await.with_context(|| {
                    format!("{}, {}, {}", kind.title(), transport.title(), case.title())
                })?;
            }
            clients.insert((kind, transport), Arc::new(client));
        }
    }
    Ok(clients)
}

async fn run(server: &Server) -> Result<()> {
    let (host, plugin) = load()?;
    let clients = &clients(&server.endpoints, &host, &plugin).await?;
    let mut run = Run::default();
    for transport in Transport::ALL {
        for case in Case::ALL {
            // The cost of a new connection is the same in all cases.
            if transport != Transport::Cold || case == Case::GetItem {
                let samples = latency::run(clients, transport, case, &ClientKind::ALL).await?;
                run.latency.extend(
                    samples.into_iter().map(|(kind, sample)| (transport, case, kind, sample)),
                );
            }
        }
    }
    for transport in [Transport::Http, Transport::Tls] {
        let mut memory: HashMap<ClientKind, u64> = HashMap::new();
        for callers in CALLERS {
            let mut samples: HashMap<ClientKind, Vec<throughput::Sample>> = HashMap::new();
            // The first turn warms up: it creates connections and instances, which later turns
            // reuse. Those for fewer callers exist already.
            for turn in 0..4 {
                for kind in ClientKind::ALL {
                    let (sample, grown) = throughput::run_and_measure_memory(
                        &clients[&(kind, transport)],
                        Case::GetItem,
                        callers,
                        2000,
                    )
                    .await?;
                    if turn == 0 {
                        *memory.entry(kind).or_default() += grown;
                    } else {
                        samples.entry(kind).or_default().push(sample);
                    }
                }
            }
            let middle = samples.into_iter().map(|(kind, mut all)| {
                all.sort_by(|one, other| one.rate.total_cmp(&other.rate));
                let middle = all.swap_remove(all.len() / 2);
                (transport, callers, kind, throughput::Sample { memory: memory[&kind], ..middle })
            });
            run.throughput.extend(middle);
        }
    }
    println!("{}", serde_json::to_string(&run)?);
    Ok(())
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

async fn one_case(server: &Server, case: Case, transport: Transport) -> Result<()> {
    let (host, plugin) = load()?;
    let clients = clients(&server.endpoints, &host, &plugin).await?;
    for _ in 0..3 {
        let samples = latency::run(&clients, transport, case, &ClientKind::ALL).await?;
        for kind in ClientKind::ALL {
            let latency::Sample { p50, p99, processor, allocations } = samples[&kind];
            let share = p50.as_secs_f64() / samples[&ClientKind::Sdk].p50.as_secs_f64();
            println!(
                "{:18} {share:5.2} of the SDK's, p50 {p50:?}, p99 {p99:?}, \
                 processor {processor:?}, {allocations:.0} allocations",
                kind.title()
            );
        }
    }
    Ok(())
}

async fn repeat(server: &Server, kind: ClientKind, case: Case, calls: u32) -> Result<()> {
    let (host, plugin) = load()?;
    let client = Client::new(kind, Transport::Http, &server.endpoints, &host, &plugin).await?;
    client.call(case).await?;
    let (began, processor) = (std::time::Instant::now(), meter::processor_time());
    for _ in 0..calls {
        client.call(case).await?;
    }
    let (took, processor) =
        (began.elapsed() / calls, meter::processor_time_since(processor) / calls);
    eprintln!("{calls} calls, each {took:?}, with {processor:?} of processor time");
    Ok(())
}

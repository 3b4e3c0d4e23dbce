//! Compares the sandbox with AWS's SDKs and with bare HTTP, and `portcullis serve` with nginx. All
//! call one server, and take turns within one run.
//!
//! `make bench` runs it and writes `docs/performance.md`.

mod budget;
mod cases;
mod certificate;
mod clients;
mod compare;
mod constants;
mod cores;
mod growth;
mod latency;
mod memory;
mod meter;
mod percentile;
mod plots;
mod process;
mod programs;
mod quick;
mod report;
mod run;
mod serve;
mod throughput;
mod upstream;

use anyhow::Result;
use cases::Case;
use clap::{Parser, Subcommand};
use clients::{ClientKind, Transport, host, plugin};
use compare::MemoryResults;
use cores::Core;
use serde::Serialize;
use serve::Log;
use std::ffi::OsString;
use std::path::PathBuf;
use upstream::{Endpoints, Upstream};

#[global_allocator]
static ALLOCATOR: meter::Counting = meter::Counting;

/// Compares the sandbox with AWS's SDKs and with bare HTTP, and `portcullis serve` with nginx.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// How many times to run the comparison; the tables show the medians of all runs.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// The page whose generated part to replace; without it, the tables are printed.
    #[arg(long)]
    page: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Compares all clients in one case, as a quick check.
    Case {
        /// The case: get-item, query, scan or batch-write.
        case: Case,
        /// The transport: http, tls, or cold (TLS with a new connection for each call).
        #[arg(long, default_value = "http")]
        transport: Transport,
    },
    /// Measures `portcullis serve` in one case, as a quick check.
    ServeCase(serve::ServeCase),
    /// Makes the same call again and again, for a profiler.
    Loop {
        /// The client: typed, plain, relay, fresh, sdk or bare.
        kind: ClientKind,
        /// The case: get-item, query, scan or batch-write.
        case: Case,
        /// The number of calls.
        calls: u32,
    },
    /// Compares all clients once, and prints the results as JSON. They have a core of their own.
    #[command(hide = true)]
    RunApart,
    /// Does the same for a few cases, with clients that share a core with the server.
    #[command(hide = true)]
    RunTogether,
    /// Compares `portcullis serve` with other programs once, and prints the results as JSON.
    #[command(hide = true)]
    RunServe,
    /// Measures memory and growth, and prints the results as JSON.
    #[command(hide = true)]
    Memory,
    /// Measures the memory of `portcullis serve` after a peak, and prints the results as JSON.
    #[command(hide = true)]
    Peak,
    /// Runs the server that all clients call.
    #[command(hide = true)]
    Upstream,
    /// Runs `portcullis serve`.
    #[command(hide = true)]
    ServePolicy {
        policy: PathBuf,
        #[arg(long)]
        quiet: bool,
    },
    /// Makes calls whenever the input says so.
    #[command(hide = true)]
    Callers { kind: ClientKind, endpoints: String, cache: PathBuf },
    /// Becomes another program, which runs on one core and ends with this process.
    #[command(hide = true)]
    Bound {
        #[arg(long)]
        core: Option<usize>,
        #[arg(last = true)]
        command: Vec<OsString>,
    },
}

fn main() -> Result<()> {
    let Arguments { command, runs, page } = Arguments::parse();
    // Before any other process starts, because they inherit the limit.
    process::allow_many_files()?;
    match command {
        None => compare::run(&Upstream::start(Core::Last)?, runs, page.as_deref()),
        Some(Command::Case { case, transport }) => on_core(Core::First, async move |endpoints| {
            quick::one_case(&endpoints, case, transport).await
        }),
        Some(Command::Loop { kind, case, calls }) => on_core(Core::First, async move |endpoints| {
            quick::repeat(&endpoints, kind, case, calls).await
        }),
        Some(Command::RunApart) => {
            on_core(Core::First, async |endpoints| print(&run::apart(&endpoints).await?))
        }
        Some(Command::RunTogether) => {
            on_core(Core::Last, async |endpoints| print(&run::together(&endpoints).await?))
        }
        Some(Command::Memory) => {
            serve::map_large_buffers();
            on_core(Core::First, async |endpoints| print(&measure_memory(&endpoints).await?))
        }
        Some(Command::ServeCase(case)) => case.run(),
        Some(Command::RunServe) => print(&serve::run()?),
        Some(Command::Peak) => print(&serve::peak(&programs::portcullis()?)?),
        Some(Command::Upstream) => upstream::serve(),
        Some(Command::ServePolicy { policy, quiet }) => {
            serve::serve_policy(&policy, if quiet { Log::Off } else { Log::On })
        }
        Some(Command::Callers { kind, endpoints, cache }) => {
            serve::serve_callers(kind, &endpoints, &cache)
        }
        Some(Command::Bound { core, command }) => process::become_bound(core, &command),
    }
}

/// Runs clients on a core. The server runs on the last one.
fn on_core<F: Future<Output = Result<()>> + Send + 'static>(
    core: Core,
    clients: impl FnOnce(Endpoints) -> F,
) -> Result<()> {
    let upstream = Upstream::start(Core::Last)?;
    core.bind()?;
    // In a task, because the calls of an embedder run on the runtime's worker threads too.
    let clients = clients(upstream.endpoints.clone());
    tokio::runtime::Runtime::new()?.block_on(async { tokio::spawn(clients).await? })
}

async fn measure_memory(endpoints: &Endpoints) -> Result<MemoryResults> {
    let host = host(None)?;
    let plugin = plugin(&host)?;
    let memory = memory::run(&host, &plugin, endpoints).await?;
    let growth = growth::run(&host, &plugin, endpoints).await?;
    Ok(MemoryResults { memory, growth })
}

/// Prints results as JSON.
fn print(results: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string(results)?);
    Ok(())
}

//! `portcullis serve` under load, next to nginx and to the library in the callers' own process.
//!
//! The program under test has the last core for itself. The clients, and the upstream that all
//! programs call, share the first one.

mod callers;
mod connection;
mod load;
mod nginx;
mod peak;
mod policy;
mod portcullis_serve;
mod programs;
mod request;
mod running;

pub use callers::serve as serve_callers;
pub use load::Load;
pub use nginx::version as nginx_version;
pub use peak::{Peak, run as peak};
pub use portcullis_serve::{Log, serve as serve_policy};
pub use programs::Program;

use crate::clients::Transport;
use crate::constants::CALLERS;
use crate::cores::Core;
use crate::server::Server;
use anyhow::{Context, Result};
use running::Stage;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The results of one run.
#[derive(Default, Serialize, Deserialize)]
pub struct ServeRun {
    /// The anonymous memory of each process after its first call, in bytes.
    pub before: Vec<(Program, Transport, u64)>,
    /// The results of each program for each number of connections.
    pub loads: Vec<(Program, Transport, u32, Load)>,
}

/// How many calls of one program are measured at most.
const CALLS: u32 = 20_000;
/// How long one program is measured at most.
const TIME: Duration = Duration::from_millis(800);

/// Compares all programs once. They take turns.
pub fn run() -> Result<ServeRun> {
    on_first_core(async {
        let server = Server::start(Core::First)?;
        let mut stage = Stage::new(&server.endpoints)?;
        let mut run = ServeRun::default();
        let transports = [Transport::Http, Transport::Tls];
        for transport in transports {
            for program in Program::ALL {
                if let Some(before) = stage.start(program, transport).await? {
                    run.before.push((program, transport, before));
                }
            }
        }
        for transport in transports {
            for connections in CALLERS {
                for program in Program::ALL {
                    if !program.is_measured(transport, connections) {
                        continue;
                    }
                    let load = stage.load(program, transport, connections, CALLS, TIME).await;
                    let load = load.with_context(|| {
                        format!("{}, {connections} connections", program.title())
                    })?;
                    if let Some(load) = load {
                        run.loads.push((program, transport, connections, load));
                    }
                }
            }
        }
        Ok(run)
    })
}

/// One case, as a quick check.
#[derive(clap::Args)]
pub struct ServeCase {
    /// The API of `portcullis serve`.
    #[arg(long, default_value = "wire")]
    api: Api,
    /// The number of connections, each of which waits for its response.
    #[arg(long, default_value_t = 64)]
    connections: u32,
    /// How clients reach it: http or tls.
    #[arg(long, default_value = "http")]
    transport: Transport,
    /// Starts the server without its log.
    #[arg(long)]
    quiet: bool,
    /// Another program: nginx, or relay, typed, bare or sdk in the callers' own process.
    #[arg(long)]
    program: Option<Program>,
    /// How often it is measured.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// How long it is measured each time, in seconds.
    #[arg(long, default_value_t = 1)]
    seconds: u32,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Api {
    Wire,
    Json,
}

impl ServeCase {
    fn program(&self) -> Program {
        self.program.unwrap_or(match (self.api, self.quiet) {
            (Api::Wire, false) => Program::ServeWire,
            (Api::Wire, true) => Program::QuietWire,
            (Api::Json, false) => Program::ServeJson,
            (Api::Json, true) => Program::QuietJson,
        })
    }

    /// Measures the case, and prints the results.
    pub fn run(&self) -> Result<()> {
        let (program, transport) = (self.program(), self.transport);
        on_first_core(async {
            let server = Server::start(Core::First)?;
            let mut stage = Stage::new(&server.endpoints)?;
            let before = stage.start(program, transport).await?.context("it is not installed")?;
            println!(
                "{}, {}, {} connections, process {}",
                program.title(),
                transport.title(),
                self.connections,
                stage.process(program, transport).context("it runs")?.id()
            );
            for _ in 0..self.rounds {
                let time = Duration::from_secs(self.seconds.into());
                let load = stage.load(program, transport, self.connections, u32::MAX, time).await?;
                let Load { sample, memory } = load.context("it runs")?;
                println!(
                    "CPU {:.1} µs a call; p50 {:.0} µs, p99 {:.0} µs ({:.2} × p50); {:.0} calls/s; \
                     memory {:.1} MB, {:.1} MB after the first call",
                    sample.processor.as_secs_f64() * 1e6,
                    sample.p50.as_secs_f64() * 1e6,
                    sample.p99.as_secs_f64() * 1e6,
                    sample.p99.as_secs_f64() / sample.p50.as_secs_f64(),
                    sample.rate,
                    memory as f64 / 1e6,
                    before as f64 / 1e6,
                );
            }
            Ok(())
        })
    }
}

/// Runs a future on a runtime with one thread, which is bound to the first core.
fn on_first_core<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    Core::First.bind()?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future)
}

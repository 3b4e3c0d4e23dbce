//! `portcullis serve` under load, next to nginx and to the library in the callers' own process.
//!
//! The program under test runs on the last core, where the other programs are idle. The clients, and
//! the upstream that all programs call, share the first one.

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
pub(crate) use portcullis_serve::map_large_buffers;
pub use portcullis_serve::{Log, serve as serve_policy};
pub use programs::Program;

use crate::clients::Transport;
use crate::constants::CALLERS;
use crate::cores::Core;
use crate::upstream::Upstream;
use anyhow::{Context, Result, ensure};
use running::Stage;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::Duration;

/// The results of one run.
#[derive(Default, Serialize, Deserialize)]
pub struct ServeRun {
    /// The anonymous memory of each process after its first call, in bytes.
    pub before: Vec<(Program, Transport, u64)>,
    /// The results of each program for each number of connections.
    pub loads: Vec<(Program, Transport, u32, Load)>,
}

/// How often each program is measured with each number of connections. The second time in reverse, so
/// that what changes slowly on the machine affects all alike.
const TURNS: usize = 2;
/// How many calls are measured in a turn at most.
const CALLS: u32 = 50_000;
/// How long a turn takes at most, and in addition for each connection, each of which makes a few calls.
const TIME: Duration = Duration::from_millis(400);
const TIME_OF_EACH: Duration = Duration::from_millis(1);

/// Compares all programs once. They take turns.
pub fn run() -> Result<ServeRun> {
    on_first_core(async {
        let upstream = Upstream::start(Core::First)?;
        let mut stage = Stage::new(&upstream.endpoints)?;
        stage.compile()?;
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
                let loads = take_turns(&mut stage, transport, connections).await?;
                run.loads.extend(
                    loads
                        .into_iter()
                        .map(|(program, load)| (program, transport, connections, load)),
                );
            }
        }
        Ok(run)
    })
}

/// Measures all programs that run with this number of connections.
async fn take_turns(
    stage: &mut Stage,
    transport: Transport,
    connections: u32,
) -> Result<Vec<(Program, Load)>> {
    let time = TIME + TIME_OF_EACH * connections;
    let mut programs = Program::ALL;
    let mut turns: HashMap<Program, Vec<Load>> = HashMap::new();
    for _ in 0..TURNS {
        for program in programs {
            if program.is_measured(transport, connections) {
                let load = stage.load(program, transport, connections, CALLS, time).await;
                let load = load
                    .with_context(|| format!("{}, {connections} connections", program.title()))?;
                turns.entry(program).or_default().extend(load);
            }
        }
        programs.reverse();
    }
    Ok(turns.into_iter().filter_map(|(program, all)| Some((program, Load::mean(&all)?))).collect())
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
    /// Another program: nginx, serve-inline, serve-saved, or relay, typed, bare or sdk in the callers'
    /// own process.
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
        ensure!(transport != Transport::Cold, "choose the transport http or tls");
        on_first_core(async {
            let upstream = Upstream::start(Core::First)?;
            let mut stage = Stage::new(&upstream.endpoints)?;
            stage.compile()?;
            let before = stage.start(program, transport).await?.with_context(|| {
                format!(
                    "{} is not measured over {}, or is not installed: `make servers` installs nginx",
                    program.title(),
                    transport.title()
                )
            })?;
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

//! Callers in the process under test: tasks that call the library, AWS's SDK or hyper.

use crate::budget::Budget;
use crate::cases::Case;
use crate::clients::{Client, ClientKind, Transport, host, plugin};
use crate::cores::Core;
use crate::process::{Process, anonymous_memory, bound_self};
use crate::serve::load::{Load, warm_up};
use crate::throughput;
use crate::upstream::Endpoints;
use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// A process with callers, on the last core.
pub struct Callers {
    /// The process.
    pub process: Process,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Callers {
    /// Starts the process, and makes one call. The folder keeps compiled code.
    pub fn start(kind: ClientKind, endpoints: &Endpoints, folder: &Path) -> Result<Self> {
        let kind = kind.to_possible_value().context("every client has a name")?;
        let mut command = bound_self(Some(Core::Last), "callers")?;
        command.args([kind.get_name(), &serde_json::to_string(endpoints)?]);
        command.arg(folder.join("cache")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start(&mut command)?;
        let input = process.child().stdin.take().context("its input is a pipe")?;
        let output = process.child().stdout.take().context("its output is a pipe")?;
        let mut callers = Self { process, input, output: BufReader::new(output) };
        ensure!(callers.line()?.trim() == READY, "the callers did not start");
        Ok(callers)
    }

    /// Lets this number of callers make calls.
    pub fn load(&mut self, callers: u32, calls: u32, time: Duration) -> Result<Load> {
        writeln!(self.input, "{callers} {calls} {}", time.as_millis())?;
        Ok(serde_json::from_str(&self.line()?)?)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let length = self.output.read_line(&mut line)?;
        ensure!(length > 0, "the callers have ended; their message is above");
        Ok(line)
    }
}

/// What the process prints when it is ready.
const READY: &str = "ready";

/// Returns a client. The sandbox is in this process only if the client needs it.
async fn client(kind: ClientKind, endpoints: &Endpoints, cache: &Path) -> Result<Client> {
    if let Some(client) = Client::outside(kind, Transport::Http, endpoints)? {
        return Ok(client);
    }
    let host = host(Some(cache))?;
    let plugin = plugin(&host)?;
    Client::new(kind, Transport::Http, endpoints, &host, &plugin).await
}

/// Makes calls whenever a line of the input says so, and prints the results as JSON.
pub fn serve(kind: ClientKind, endpoints: &str, cache: &Path) -> Result<()> {
    let endpoints: Endpoints = serde_json::from_str(endpoints)?;
    tokio::runtime::Runtime::new()?.block_on(async move {
        let client = Arc::new(client(kind, &endpoints, cache).await?);
        client.call(Case::GetItem).await?;
        println!("{READY}");
        for line in std::io::stdin().lines() {
            let line = line?;
            let mut numbers = line.split(' ').map(str::parse::<u32>);
            let mut next =
                || -> Result<u32> { Ok(numbers.next().context("a number is missing")??) };
            let (callers, calls, millis) = (next()?, next()?, next()?);
            let time = Duration::from_millis(millis.into());
            let run = async |budget| throughput::run(&client, Case::GetItem, callers, budget).await;
            run(Budget::new(calls, warm_up(callers))).await?;
            let sample = run(Budget::new(calls, time)).await?;
            let load = Load { sample, memory: anonymous_memory("self")? };
            println!("{}", serde_json::to_string(&load)?);
        }
        Ok(())
    })
}

//! `portcullis serve` as a process: the crate `portcullis-server`, built as everything here, with
//! the log and the allocator's settings of the command line.

use crate::constants::{ACCESS_KEY_ID, SECRET};
use crate::cores::Core;
use crate::process::{Process, bound_self};
use anyhow::{Context, Result};
use portcullis_server::setup::PolicyLocation;
use portcullis_server::{Options, Served};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// The command line's settings of the allocator.
#[path = "../../../cli/src/allocator.rs"]
mod allocator;

pub(crate) use allocator::map_large_buffers;

/// Whether the server logs its requests, as it does by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Log {
    /// It does. The lines go to `/dev/null`.
    On,
    /// It does not: `PORTCULLIS_LOG=off`.
    Off,
}

/// Starts the server on the last core, and returns its address.
pub fn start(policy: &Path, log: Log) -> Result<(Process, SocketAddr)> {
    let mut command = bound_self(Some(Core::Last), "serve-policy")?;
    command.arg(policy).stderr(Stdio::null());
    if log == Log::Off {
        command.arg("--quiet");
    }
    started(&mut command, policy)
}

/// Starts a program that serves a policy file and prints its address first, or why it does not.
pub fn started(command: &mut Command, policy: &Path) -> Result<(Process, SocketAddr)> {
    command
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env_remove("AWS_SESSION_TOKEN")
        .env("PORTCULLIS_CACHE", policy.with_file_name("cache"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut process = Process::start(command)?;
    let output = process.child().stdout.take().context("its output is a pipe")?;
    let mut output = BufReader::new(output);
    let mut line = String::new();
    output.read_line(&mut line)?;
    // The command line prints more, and ends if nobody reads it.
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    let address = line
        .split_whitespace()
        .next()
        .and_then(|url| url.split_once("://"))
        .and_then(|(_, address)| address.parse().ok())
        .with_context(|| format!("the server did not start: {line}"))?;
    Ok((process, address))
}

/// Serves a policy file until the process ends. Prints the server's address, or why there is none.
pub fn serve(policy: &Path, log: Log) -> Result<()> {
    map_large_buffers();
    allocator::trim_regularly()?;
    if log == Log::On {
        start_log();
    }
    // As in the command line.
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let served = Served::Policy(PolicyLocation::named(policy));
        let server = portcullis_server::open(Options::new(served)).await;
        let server = server.inspect_err(|error| println!("{error}"))?;
        for endpoint in server.endpoints() {
            println!("{}", endpoint.url);
        }
        Ok(server.serve(std::future::pending()).await?)
    })
}

/// Starts the same log as the command line does for a server.
fn start_log() {
    let filter = EnvFilter::new("info,portcullis::span=off");
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(false).boxed();
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
}

//! The memory of `portcullis serve` after a peak of large calls.
//!
//! This is the binary of the command line, since it returns memory to the operating system: see
//! `cli/src/allocator.rs`. It may use all cores.

use crate::budget::{Budget, in_time};
use crate::cases::{Case, large_write, scan};
use crate::constants::PEAK_SIZES;
use crate::cores::Core;
use crate::process::{Process, bound};
use crate::serve::connection::Connection;
use crate::serve::{policy, portcullis_serve, request};
use crate::upstream::Upstream;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Anonymous memory, in bytes.
#[derive(Serialize, Deserialize, Clone, Copy, Debug)]
pub struct Peak {
    /// After small calls, and a rest.
    pub before: u64,
    /// The most during the large calls.
    pub peak: u64,
    /// After the large calls, and a rest.
    pub after: u64,
    /// The number of large calls.
    pub calls: usize,
}

/// How many connections make calls.
const CONNECTIONS: usize = 32;
/// How long small calls are made before the peak.
const SMALL: Duration = Duration::from_secs(5);
/// How long large calls are made.
const LARGE: Duration = Duration::from_secs(20);
/// The rest before memory is read. Instances that are idle are dropped after a minute.
const REST: Duration = Duration::from_secs(90);
/// How often memory is read during the peak.
const INTERVAL: Duration = Duration::from_millis(50);
/// The inputs of large writes, in bytes.
const WRITES: [usize; 3] = [1_000_000, 4_000_000, 12_000_000];

/// Measures a binary of the command line. Returns `None` if it is not built.
pub fn run(program: &Path) -> Result<Option<Peak>> {
    if !program.exists() {
        return Ok(None);
    }
    let upstream = Upstream::start(Core::Last)?;
    let folder = tempfile::tempdir()?;
    let policy = policy::write(folder.path(), upstream.endpoints.http, None)?;
    let log = folder.path().join("log");
    let start = || {
        let mut command = bound(None, program)?;
        command.args(["serve", "--policy"]).arg(&policy).stderr(File::create(&log)?);
        let started = portcullis_serve::started(&mut command, &policy);
        started.with_context(|| std::fs::read_to_string(&log).unwrap_or_default())
    };
    // The first one compiles the plugin, and its memory would be counted.
    drop(start()?);
    let (process, address) = start()?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let small = request::json(address, "GetItem", "", &Case::GetItem.input());
        call(address, &[small], SMALL, &process).await?;
        tokio::time::sleep(REST).await;
        let before = process.anonymous_memory()?;
        let (calls, peak) = call(address, &large(address), LARGE, &process).await?;
        tokio::time::sleep(REST).await;
        Ok(Some(Peak { before, peak, after: process.anonymous_memory()?, calls }))
    })
}

/// Returns requests whose input or response is large.
fn large(server: SocketAddr) -> Vec<Vec<u8>> {
    let scans = PEAK_SIZES.into_iter().enumerate().map(|(number, bytes)| {
        let query = if number % 2 == 0 { "" } else { "?format=plain" };
        request::json(server, "Scan", query, &scan(bytes))
    });
    let writes = WRITES
        .into_iter()
        .map(|bytes| request::json(server, "BatchWriteItem", "", &large_write(bytes)));
    scans.chain(writes).collect()
}

/// Sends these requests in turn from each connection, each of which begins with another one. Returns
/// the number of calls, and the most anonymous memory of the process.
async fn call(
    server: SocketAddr,
    requests: &[Vec<u8>],
    time: Duration,
    process: &Process,
) -> Result<(usize, u64)> {
    let (requests, budget) = (Arc::new(requests.to_vec()), Arc::new(Budget::new(u32::MAX, time)));
    let mut clients = Vec::new();
    for number in 0..CONNECTIONS {
        let mut connection = Connection::open(server, None).await?;
        let (requests, budget) = (requests.clone(), budget.clone());
        clients.push(tokio::spawn(async move {
            let mut calls = 0;
            for request in requests.iter().cycle().skip(number) {
                if !budget.take(Instant::now()) {
                    break;
                }
                let response = connection.call(request).await?;
                ensure!(response.status == 200, "refused: {}", connection.text());
                calls += 1;
            }
            Ok::<_, anyhow::Error>(calls)
        }));
    }
    let mut peak = 0;
    let began = Instant::now();
    while began.elapsed() < time && clients.iter().any(|client| !client.is_finished()) {
        peak = peak.max(process.anonymous_memory()?);
        tokio::time::sleep(INTERVAL).await;
    }
    let mut calls = 0;
    for client in clients {
        calls += in_time(client).await???;
    }
    Ok((calls, peak))
}

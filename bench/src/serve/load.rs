//! A closed loop of clients: each connection sends its next request when it has its response.

use crate::budget::{Budget, in_time};
use crate::process::Process;
use crate::serve::connection::{Connection, Response};
use crate::throughput::Sample;
use anyhow::{Result, ensure};
use rustls::ClientConfig;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What clients call.
pub struct Target {
    /// The address of the server.
    pub server: SocketAddr,
    /// How to encrypt connections, if they are encrypted.
    pub tls: Option<Arc<ClientConfig>>,
    /// The bytes of the request.
    pub request: Vec<u8>,
    /// What every response must be.
    pub expected: Response,
}

/// The results of a program under load.
#[derive(serde::Serialize, serde::Deserialize, Clone, Debug)]
pub struct Load {
    /// The calls, and the processor time of the program.
    pub sample: Sample,
    /// The anonymous memory of the program at the end of the load, in bytes.
    pub memory: u64,
}

/// How long a program warms up with its new connections, and in addition for each of them.
const WARM_UP: Duration = Duration::from_millis(250);
const WARM_UP_OF_EACH: Duration = Duration::from_millis(1);

/// Returns how long a program warms up with this number of connections or callers: each needs an
/// instance, too.
pub fn warm_up(connections: u32) -> Duration {
    WARM_UP + WARM_UP_OF_EACH * connections
}

impl Load {
    /// Returns the mean of several turns, and the memory after the last one. `None` if there was none.
    pub fn mean(turns: &[Self]) -> Option<Self> {
        let samples: Vec<_> = turns.iter().map(|turn| turn.sample.clone()).collect();
        Some(Self { sample: Sample::mean(&samples)?, memory: turns.last()?.memory })
    }
}

impl Target {
    /// Makes one call, which must succeed and return the item. Later responses must be the same.
    pub async fn new(
        server: SocketAddr,
        tls: Option<Arc<ClientConfig>>,
        request: Vec<u8>,
    ) -> Result<Self> {
        let mut connection = Connection::open(server, tls.as_ref()).await?;
        let expected = connection.call(&request).await?;
        let text = connection.text();
        ensure!(expected.status == 200 && text.contains("c-000042"), "unexpected: {text}");
        Ok(Self { server, tls, request, expected })
    }

    /// Calls a process from this number of connections.
    pub async fn load(
        self: &Arc<Self>,
        process: &Process,
        connections: u32,
        calls: u32,
        time: Duration,
    ) -> Result<Load> {
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(Connection::open(self.server, self.tls.as_ref()).await?);
        }
        let (open, _) = self.run(open, Budget::new(calls, warm_up(connections))).await?;
        let (began, processor) = (Instant::now(), process.processor_time()?);
        let (_open, latencies) = self.run(open, Budget::new(calls, time)).await?;
        let took = began.elapsed();
        let processor = process.processor_time()?.saturating_sub(processor);
        let sample = Sample::new(latencies, took, processor)?;
        // The connections are still open.
        Ok(Load { sample, memory: process.anonymous_memory()? })
    }

    /// Returns the connections, and how long each call took.
    async fn run(
        self: &Arc<Self>,
        connections: Vec<Connection>,
        budget: Budget,
    ) -> Result<(Vec<Connection>, Vec<Duration>)> {
        let budget = Arc::new(budget);
        let mut clients = Vec::new();
        for connection in connections {
            clients.push(tokio::spawn(call_again(self.clone(), connection, budget.clone())));
        }
        let (mut connections, mut latencies) = (Vec::new(), Vec::new());
        for client in clients {
            let (connection, mut taken) = in_time(client).await???;
            connections.push(connection);
            latencies.append(&mut taken);
        }
        Ok((connections, latencies))
    }
}

async fn call_again(
    target: Arc<Target>,
    mut connection: Connection,
    budget: Arc<Budget>,
) -> Result<(Connection, Vec<Duration>)> {
    let mut latencies = Vec::new();
    loop {
        let began = Instant::now();
        if !budget.take(began) {
            return Ok((connection, latencies));
        }
        let response = connection.call(&target.request).await?;
        latencies.push(began.elapsed());
        ensure!(response == target.expected, "an unexpected response: {}", connection.text());
    }
}

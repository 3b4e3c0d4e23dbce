//! One caller: how long a call takes, and how much processor time and how many allocations it
//! needs.

use crate::cases::Case;
use crate::clients::{Client, ClientKind, Transport};
use crate::meter;
use crate::percentile::percentile;
use anyhow::Result;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The results of one client in one run.
#[derive(serde::Serialize, serde::Deserialize, Clone, Debug, Default)]
pub struct Sample {
    /// The median latency.
    pub p50: Duration,
    /// The 99th percentile of latency.
    pub p99: Duration,
    /// The processor time of a call in this process, over all threads.
    pub processor: Duration,
    /// The number of allocations of a call.
    pub allocations: f64,
}

/// Longer than the preparation of an instance takes.
const PREPARATION: Duration = Duration::from_millis(2);

/// The sums over all rounds so far.
#[derive(Default)]
struct Sum {
    latencies: Vec<Duration>,
    processor: Duration,
    allocations: u64,
}

/// Lets the clients in `kinds` take turns, and returns the results of each.
pub async fn run(
    clients: &HashMap<(ClientKind, Transport), Arc<Client>>,
    transport: Transport,
    case: Case,
    kinds: &[ClientKind],
) -> Result<HashMap<ClientKind, Sample>> {
    let (calls, rounds) = case.rounds();
    let mut sums: HashMap<ClientKind, Sum> = HashMap::new();
    for round in 0..=rounds {
        for turn in 0..kinds.len() {
            // Another client begins each round, since the first one finds colder caches.
            let kind = kinds[(turn + round as usize) % kinds.len()];
            let client = &clients[&(kind, transport)];
            let mut sum = Sum::default();
            let (processor, allocations) = (meter::processor_time(), meter::allocations());
            for _ in 0..calls {
                let began = Instant::now();
                client.call(case).await?;
                sum.latencies.push(began.elapsed());
            }
            if kind == ClientKind::Fresh {
                // The instance for its next call is still being prepared.
                tokio::time::sleep(PREPARATION).await;
            }
            // The first round only warms up.
            if round > 0 {
                let all = sums.entry(kind).or_default();
                all.latencies.append(&mut sum.latencies);
                all.processor += meter::processor_time_since(processor);
                all.allocations += meter::allocations() - allocations;
            }
        }
    }
    Ok(sums.into_iter().map(|(kind, sum)| (kind, sum.sample())).collect())
}

impl Sum {
    fn sample(mut self) -> Sample {
        self.latencies.sort_unstable();
        let calls = self.latencies.len().max(1);
        Sample {
            p50: percentile(&self.latencies, 0.5),
            p99: percentile(&self.latencies, 0.99),
            processor: self.processor / calls as u32,
            allocations: self.allocations as f64 / calls as f64,
        }
    }
}

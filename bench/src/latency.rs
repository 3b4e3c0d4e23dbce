//! One caller: how long a call takes, and what it costs.

use crate::cases::Case;
use crate::clients::{Client, Path, Wire};
use crate::meter;
use anyhow::Result;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What was measured of one path in one run.
#[derive(serde::Serialize, serde::Deserialize, Clone, Debug, Default)]
pub struct Sample {
    /// The median of latency.
    pub p50: Duration,
    /// The 99th percentile.
    pub p99: Duration,
    /// Processor time of a call in this process, over all threads.
    pub processor: Duration,
    /// Allocations of a call.
    pub allocations: f64,
}

/// What is added up while rounds go on.
#[derive(Default)]
struct Sum {
    latencies: Vec<Duration>,
    processor: Duration,
    allocations: u64,
}

/// Calls of `paths` by turns, and what each took.
pub async fn run(
    clients: &HashMap<(Path, Wire), Arc<Client>>,
    wire: Wire,
    case: Case,
    paths: &[Path],
) -> Result<HashMap<Path, Sample>> {
    let (calls, rounds) = case.rounds();
    let mut sums: HashMap<Path, Sum> = HashMap::new();
    for round in 0..=rounds {
        for turn in 0..paths.len() {
            // Another one begins in each round: whoever is first finds colder caches.
            let path = paths[(turn + round as usize) % paths.len()];
            let client = &clients[&(path, wire)];
            let mut sum = Sum::default();
            let (processor, allocations) = (meter::processor_time(), meter::allocations());
            for _ in 0..calls {
                let began = Instant::now();
                client.call(case).await?;
                sum.latencies.push(began.elapsed());
            }
            // The first round warms up.
            if round > 0 {
                let all = sums.entry(path).or_default();
                all.latencies.append(&mut sum.latencies);
                all.processor += meter::processor_time_since(processor);
                all.allocations += meter::allocations() - allocations;
            }
        }
    }
    Ok(sums.into_iter().map(|(path, sum)| (path, sum.sample())).collect())
}

impl Sum {
    fn sample(mut self) -> Sample {
        self.latencies.sort_unstable();
        let calls = self.latencies.len().max(1);
        let at = |share: f64| {
            self.latencies.get((calls as f64 * share) as usize).copied().unwrap_or_default()
        };
        Sample {
            p50: at(0.5),
            p99: at(0.99),
            processor: self.processor / calls as u32,
            allocations: self.allocations as f64 / calls as f64,
        }
    }
}

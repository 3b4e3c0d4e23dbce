//! Many concurrent callers: calls per second, latency and processor time.

use crate::budget::{Budget, in_time};
use crate::cases::Case;
use crate::clients::Client;
use crate::meter;
use crate::percentile::percentile;
use anyhow::{Result, ensure};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The results of one client, or of one server.
#[derive(serde::Serialize, serde::Deserialize, Clone, Debug, Default)]
pub struct Sample {
    /// Calls per second.
    pub rate: f64,
    /// The median latency.
    pub p50: Duration,
    /// The 99th percentile of latency.
    pub p99: Duration,
    /// The processor time of a call.
    pub processor: Duration,
}

impl Sample {
    /// Summarizes calls that took `took` together, and `processor` of the processor.
    pub fn new(mut latencies: Vec<Duration>, took: Duration, processor: Duration) -> Result<Self> {
        ensure!(!latencies.is_empty(), "no call was made");
        latencies.sort_unstable();
        let calls = latencies.len();
        Ok(Self {
            rate: calls as f64 / took.as_secs_f64(),
            p50: percentile(&latencies, 0.5),
            p99: percentile(&latencies, 0.99),
            processor: processor / calls as u32,
        })
    }

    /// Returns the mean of each figure over several turns. `None` if there was none.
    pub fn mean(turns: &[Self]) -> Option<Self> {
        let count = u32::try_from(turns.len()).ok().filter(|count| *count > 0)?;
        let mean = |of: fn(&Self) -> Duration| turns.iter().map(of).sum::<Duration>() / count;
        Some(Self {
            rate: turns.iter().map(|turn| turn.rate).sum::<f64>() / f64::from(count),
            p50: mean(|turn| turn.p50),
            p99: mean(|turn| turn.p99),
            processor: mean(|turn| turn.processor),
        })
    }
}

/// Makes calls with one client, from `callers` concurrent tasks.
pub async fn run(client: &Arc<Client>, case: Case, callers: u32, budget: Budget) -> Result<Sample> {
    let budget = Arc::new(budget);
    let (began, processor) = (Instant::now(), meter::processor_time());
    let mut tasks = Vec::new();
    for _ in 0..callers {
        let (client, budget) = (client.clone(), budget.clone());
        tasks.push(tokio::spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let began = Instant::now();
                if !budget.take(began) {
                    return Ok::<_, anyhow::Error>(latencies);
                }
                client.call(case).await?;
                latencies.push(began.elapsed());
            }
        }));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.append(&mut in_time(task).await???);
    }
    Sample::new(latencies, began.elapsed(), meter::processor_time_since(processor))
}

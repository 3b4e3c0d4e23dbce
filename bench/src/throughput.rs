//! Many concurrent callers: calls per second, latency and processor time.

use crate::cases::Case;
use crate::clients::Client;
use crate::meter;
use anyhow::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The results of one client.
#[derive(serde::Serialize, serde::Deserialize, Clone, Debug, Default)]
pub struct Sample {
    /// Calls per second.
    pub rate: f64,
    /// The 99th percentile of latency.
    pub p99: Duration,
    /// The processor time of a call.
    pub processor: Duration,
    /// The peak memory that the client needs for this many callers, in bytes. It includes
    /// connections and instances.
    pub memory: u64,
}

/// Makes `calls` calls with one client, from `callers` concurrent tasks.
pub async fn run(client: &Arc<Client>, case: Case, callers: u32, calls: u32) -> Result<Sample> {
    let left = Arc::new(AtomicU32::new(calls));
    let (began, processor) = (Instant::now(), meter::processor_time());
    let mut tasks = Vec::new();
    for _ in 0..callers {
        let (client, left) = (client.clone(), left.clone());
        tasks.push(tokio::spawn(async move {
            let mut latencies = Vec::new();
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .is_ok()
            {
                let began = Instant::now();
                client.call(case).await?;
                latencies.push(began.elapsed());
            }
            Ok::<_, anyhow::Error>(latencies)
        }));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.append(&mut task.await??);
    }
    let took = began.elapsed();
    latencies.sort_unstable();
    Ok(Sample {
        rate: f64::from(calls) / took.as_secs_f64(),
        p99: latencies.get(latencies.len() * 99 / 100).copied().unwrap_or_default(),
        processor: meter::processor_time_since(processor) / calls,
        memory: 0,
    })
}

/// Does the same as [`run`], and also returns by how many bytes memory grew at its peak.
pub async fn run_and_measure_memory(
    client: &Arc<Client>,
    case: Case,
    callers: u32,
    calls: u32,
) -> Result<(Sample, u64)> {
    meter::forget_peak()?;
    let before = meter::memory()?;
    let sample = run(client, case, callers, calls).await?;
    Ok((sample, meter::peak_memory()?.saturating_sub(before)))
}

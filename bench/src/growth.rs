//! How time and memory grow with the size of the response.

use crate::cases::scan;
use crate::clients::{Format, Sandbox};
use crate::constants::RESPONSE_SIZES;
use crate::meter;
use crate::percentile::percentile;
use crate::upstream::Endpoints;
use anyhow::Result;
use portcullis::{Host, Isolation, Plugin};
use std::time::{Duration, Instant};

/// The results for one format and one size.
#[derive(serde::Serialize, serde::Deserialize, Clone, Copy, Debug)]
pub struct Point {
    /// The format of the calls.
    pub format: Format,
    /// The size of the response, in bytes.
    pub bytes: usize,
    /// The median latency.
    pub p50: Duration,
    /// The peak memory during a call, minus the memory in use before it, in bytes. It includes the
    /// response.
    pub peak: u64,
}

/// Measures all formats and sizes.
pub async fn run(host: &Host, plugin: &Plugin, endpoints: &Endpoints) -> Result<Vec<Point>> {
    let endpoint = format!("http://localhost:{}", endpoints.http);
    let mut points = Vec::new();
    for format in [Format::Relay, Format::Typed, Format::Plain] {
        let connect = async |isolation| {
            Sandbox::connect(host, plugin, &endpoint, &endpoints.ca, format, isolation).await
        };
        let sandbox = connect(Isolation::Reuse).await?;
        // An instance that was used keeps memory, which would not be measured.
        let fresh = connect(Isolation::Fresh).await?;
        for bytes in RESPONSE_SIZES {
            let input = scan(bytes);
            // The first call opens a connection and creates an instance.
            sandbox.run("Scan", &input).await?;
            let peak = peak(&fresh, &input).await?;
            let mut latencies = Vec::new();
            let calls = (40_000_000 / (bytes + 20_000)).clamp(5, 500);
            for _ in 0..calls {
                let began = Instant::now();
                sandbox.run("Scan", &input).await?;
                latencies.push(began.elapsed());
            }
            latencies.sort_unstable();
            points.push(Point { format, bytes, p50: percentile(&latencies, 0.5), peak });
        }
    }
    Ok(points)
}

/// How long a fresh client rests between calls: its next instance is prepared meanwhile, unless the one
/// before had much memory. Then the instance is in the peak.
const REST: Duration = Duration::from_millis(50);

/// Returns the median peak of five calls.
async fn peak(sandbox: &Sandbox, input: &str) -> Result<u64> {
    let mut peaks = Vec::new();
    for _ in 0..5 {
        tokio::time::sleep(REST).await;
        meter::return_free_memory();
        let before = meter::memory()?;
        meter::forget_peak()?;
        sandbox.run("Scan", input).await?;
        peaks.push(meter::peak_memory()?.saturating_sub(before));
    }
    peaks.sort_unstable();
    Ok(peaks[2])
}

//! How time and memory grow with the size of the response.

use crate::cases::scan;
use crate::clients::{Format, Sandbox};
use crate::constants::RESPONSE_SIZES;
use crate::meter;
use crate::server::Endpoints;
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
        let sandbox =
            Sandbox::connect(host, plugin, &endpoint, &endpoints.ca, format, Isolation::Reuse)
                .await?;
        for bytes in RESPONSE_SIZES {
            let input = scan(bytes);
            // The first call opens a connection and creates an instance.
            sandbox.run("Scan", &input).await?;
            let peak = peak(&sandbox, &input).await?;
            let mut latencies = Vec::new();
            let calls = (40_000_000 / (bytes + 20_000)).clamp(5, 500);
            for _ in 0..calls {
                let began = Instant::now();
                sandbox.run("Scan", &input).await?;
                latencies.push(began.elapsed());
            }
            latencies.sort_unstable();
            points.push(Point { format, bytes, p50: latencies[calls / 2], peak });
        }
    }
    Ok(points)
}

/// Returns the median peak of five calls, since the allocator may return memory during one of them.
async fn peak(sandbox: &Sandbox, input: &str) -> Result<u64> {
    let mut peaks = Vec::new();
    for _ in 0..5 {
        let before = meter::memory()?;
        meter::forget_peak()?;
        sandbox.run("Scan", input).await?;
        peaks.push(meter::peak_memory()?.saturating_sub(before));
    }
    peaks.sort_unstable();
    Ok(peaks[2])
}

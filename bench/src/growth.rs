//! How time and memory grow with an answer.

use crate::cases::scan;
use crate::clients::{Format, Sandbox};
use crate::meter;
use crate::server::Places;
use anyhow::Result;
use portcullis::{Host, Isolation, Plugin};
use std::time::{Duration, Instant};

/// Bytes of the answers.
pub const SIZES: [usize; 7] = [300, 4_000, 64_000, 250_000, 1_000_000, 4_000_000, 16_000_000];

/// What was measured of one format and one size.
#[derive(serde::Serialize, serde::Deserialize, Clone, Copy, Debug)]
pub struct Point {
    /// `typed`, `plain` or `relay`.
    pub format: Format,
    /// Bytes of the answer.
    pub bytes: usize,
    /// The median of latency.
    pub p50: Duration,
    /// The most memory that a call takes beside what is in use without it, in bytes, the answer included.
    pub peak: u64,
}

/// All formats and sizes.
pub async fn run(host: &Host, plugin: &Plugin, places: &Places) -> Result<Vec<Point>> {
    let endpoint = format!("http://localhost:{}", places.http);
    let mut points = Vec::new();
    for format in [Format::Relay, Format::Typed, Format::Plain] {
        let sandbox =
            Sandbox::connect(host, plugin, &endpoint, &places.ca, format, Isolation::Reuse).await?;
        for bytes in SIZES {
            let input = scan(bytes);
            // The first calls make a connection and an instance.
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

/// The median over a few calls: what the allocator gave back at the wrong moment must not count.
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

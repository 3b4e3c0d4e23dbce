//! Percentiles of latencies.

use std::time::Duration;

/// Returns the latency that this share of the calls does not exceed (the nearest rank). Zero if there
/// is no call. The latencies must be sorted.
pub fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_99th_percentile_of_100_calls_is_not_their_maximum() {
        let sorted: Vec<_> = (1..=100).map(Duration::from_secs).collect();
        assert_eq!(percentile(&sorted, 0.99), Duration::from_secs(99));
        assert_eq!(percentile(&sorted, 0.5), Duration::from_secs(50));
        assert_eq!(percentile(&sorted[..1], 0.5), Duration::from_secs(1));
        assert_eq!(percentile(&[], 0.5), Duration::ZERO);
    }
}

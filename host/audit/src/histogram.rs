//! Durations in buckets.

use std::time::Duration;

/// Durations, counted in buckets like a histogram of Prometheus.
///
/// ```
/// use portcullis_audit::Histogram;
/// use std::time::Duration;
///
/// let mut histogram = Histogram::default();
/// histogram.record(Duration::from_millis(2));
/// let within = |bound| histogram.buckets().find(|(upper, _)| *upper == bound);
/// assert_eq!((within(0.001), within(0.0025)), (Some((0.001, 0)), Some((0.0025, 1))));
/// assert_eq!((histogram.count(), histogram.sum()), (1, Duration::from_millis(2)));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// The durations in each bucket that are in no smaller one. The last one has no upper bound.
    counts: [u64; Self::BOUNDS.len() + 1],
    sum: Duration,
}

impl Histogram {
    /// The upper bounds of the buckets, in seconds: from a call of a warm instance to the default
    /// deadline, with two or three in each power of ten.
    pub const BOUNDS: [f64; 14] =
        [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

    /// Counts a duration.
    pub fn record(&mut self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        self.counts[Self::BOUNDS.partition_point(|bound| *bound < seconds)] += 1;
        self.sum = self.sum.saturating_add(duration);
    }

    /// Adds the durations of another histogram.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// The buckets: the upper bound of each in seconds, and the number of all durations up to it.
    /// Longer ones are only in the [count](Self::count), which is Prometheus's bucket `+Inf`.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        Self::BOUNDS.iter().zip(&self.counts).scan(0, |all, (bound, count)| {
            *all += count;
            Some((*bound, *all))
        })
    }

    /// The number of all durations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The sum of all durations.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_each_bucket_whose_bound_it_does_not_exceed() {
        let mut histogram = Histogram::default();
        for bound in Histogram::BOUNDS {
            histogram.record(Duration::from_secs_f64(bound));
        }
        let counts: Vec<u64> = histogram.buckets().map(|(_, count)| count).collect();
        assert_eq!(counts, (1..=14).collect::<Vec<u64>>());
        histogram.record(Duration::from_micros(30_000_001));
        histogram.record(Duration::ZERO);
        let counts: Vec<u64> = histogram.buckets().map(|(_, count)| count).collect();
        assert_eq!(counts, (2..=15).collect::<Vec<u64>>());
        assert_eq!(histogram.count(), 16);
        histogram.add(&histogram.clone());
        assert_eq!((histogram.count(), histogram.buckets().last()), (32, Some((30.0, 30))));
    }

    #[test]
    fn bounds_are_printed_as_prometheus_expects_them() {
        let printed = Histogram::BOUNDS.map(|bound| bound.to_string()).join(" ");
        assert_eq!(printed, "0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 30");
    }
}

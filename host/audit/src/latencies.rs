//! How long the calls of a host took, by action and outcome.

use crate::histogram::Histogram;
use crate::record::Outcome;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;

/// Pairs of an action and an outcome with a histogram of their own, so that neither memory nor the
/// metrics grow with what callers do: the DynamoDB plugin has 62 actions, each with few outcomes.
const MAX_SERIES: usize = 512;

/// How long the calls of a host took, by action and outcome.
///
/// ```
/// use portcullis_audit::{Latencies, Outcome};
/// use std::time::Duration;
///
/// let latencies = Latencies::default();
/// latencies.record("GetItem", Outcome::Ok, Duration::from_millis(2));
/// let (action, outcome, histogram) = &latencies.read()[0];
/// assert_eq!((action.as_str(), *outcome, histogram.count()), ("GetItem", Outcome::Ok, 1));
/// ```
#[derive(Debug, Default)]
pub struct Latencies(Mutex<Series>);

#[derive(Debug, Default)]
struct Series {
    by_action: BTreeMap<String, BTreeMap<Outcome, Histogram>>,
    count: usize,
}

impl Latencies {
    /// The name for actions that no manifest lists, and for those after the first 512 pairs of an
    /// action and an outcome.
    pub const OTHER: &str = "other";

    /// Counts a call that has ended.
    pub fn record(&self, action: &str, outcome: Outcome, duration: Duration) {
        let Series { by_action, count } = &mut *self.0.lock();
        if let Some(found) = by_action.get_mut(action).and_then(|all| all.get_mut(&outcome)) {
            return found.record(duration);
        }
        let action = if *count < MAX_SERIES { action } else { Self::OTHER };
        *count += 1;
        let outcomes = by_action.entry(action.to_string()).or_default();
        outcomes.entry(outcome).or_default().record(duration);
    }

    /// All histograms, in order of the actions.
    #[must_use]
    pub fn read(&self) -> Vec<(String, Outcome, Histogram)> {
        let all = self.0.lock();
        let all = all.by_action.iter().flat_map(|(action, outcomes)| {
            outcomes
                .iter()
                .map(|(outcome, histogram)| (action.clone(), *outcome, histogram.clone()))
        });
        all.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_kind::ErrorKind;

    const TIME: Duration = Duration::from_micros(60);

    #[test]
    fn each_action_and_outcome_has_a_histogram() {
        let latencies = Latencies::default();
        let denied = Outcome::Error(ErrorKind::Denied);
        for (action, outcome) in
            [("Query", Outcome::Ok), ("GetItem", denied), ("Query", denied), ("Query", Outcome::Ok)]
        {
            latencies.record(action, outcome, TIME);
        }
        let found = latencies.read();
        let found: Vec<_> = found
            .iter()
            .map(|(action, outcome, histogram)| (action.as_str(), *outcome, histogram.count()))
            .collect();
        assert_eq!(
            found,
            [("GetItem", denied, 1), ("Query", Outcome::Ok, 2), ("Query", denied, 1)]
        );
    }

    #[test]
    fn actions_beyond_the_limit_count_as_other() {
        let latencies = Latencies::default();
        for _ in 0..2 {
            for number in 0..1000 {
                latencies.record(&format!("Action{number}"), Outcome::Ok, TIME);
            }
        }
        let found = latencies.read();
        assert_eq!(found.len(), MAX_SERIES + 1);
        let other = found.iter().find(|(action, ..)| action == Latencies::OTHER).unwrap();
        assert_eq!(other.2.count(), 2 * (1000 - MAX_SERIES as u64));
        assert_eq!(found[0].2.count(), 2);
    }
}

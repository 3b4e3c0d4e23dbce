//! What the calls of each tenant add up to.

use super::text::Text;
use parking_lot::Mutex;
use portcullis::TenantName;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The calls of each tenant, for as many tenants as a metrics server can hold.
#[derive(Default)]
pub(crate) struct ByTenant(Mutex<Tenants>);

#[derive(Default)]
struct Tenants {
    by_name: HashMap<TenantName, Figures>,
    /// All tenants for whom there was no room.
    others: Figures,
}

struct Figures {
    succeeded: u64,
    failed: u64,
    time: Duration,
    used: Instant,
}

impl Default for Figures {
    fn default() -> Self {
        Self { succeeded: 0, failed: 0, time: Duration::ZERO, used: Instant::now() }
    }
}

/// The most tenants with figures of their own. 1,000: three lines each, about 200 KB.
const MOST: usize = 1000;
/// The name of all others. No tenant has such a name.
const OTHERS: &str = "(others)";

impl ByTenant {
    /// Counts a call that has ended.
    pub(crate) fn count(&self, tenant: Option<&TenantName>, is_ok: bool, time: Duration) {
        let Some(tenant) = tenant else { return };
        let tenants = &mut *self.0.lock();
        let has_room = tenants.by_name.len() < MOST || tenants.by_name.contains_key(tenant);
        let figures = if has_room {
            tenants.by_name.entry(tenant.clone()).or_default()
        } else {
            &mut tenants.others
        };
        *(if is_ok { &mut figures.succeeded } else { &mut figures.failed }) += 1;
        figures.time += time;
        figures.used = Instant::now();
    }

    /// Forgets the tenants who have made no call for `time`, so that others have room.
    pub(crate) fn release_idle(&self, time: Duration) {
        self.0.lock().by_name.retain(|_, figures| figures.used.elapsed() < time);
    }

    pub(super) fn write(&self, text: &mut Text) {
        let tenants = self.0.lock();
        let mut all: Vec<(&str, &Figures)> =
            tenants.by_name.iter().map(|(name, figures)| (name.as_str(), figures)).collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        all.push((OTHERS, &tenants.others));
        text.family(
            "portcullis_tenant_calls_total",
            "counter",
            "Calls of the datasources of tenants. At most 1000 tenants have figures of their own.",
        );
        for (name, figures) in &all {
            for (result, count) in [("ok", figures.succeeded), ("failed", figures.failed)] {
                let labels = [("tenant", *name), ("result", result)];
                text.sample("portcullis_tenant_calls_total", &labels, count);
            }
        }
        text.family(
            "portcullis_tenant_call_seconds_total",
            "counter",
            "Total time of these calls.",
        );
        for (name, figures) in &all {
            let seconds = figures.time.as_secs_f64();
            text.sample("portcullis_tenant_call_seconds_total", &[("tenant", *name)], seconds);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_tenants_is_counted_together_and_those_that_leave_make_room() {
        let by_tenant = ByTenant::default();
        let count = |number: usize| {
            let name: TenantName = format!("t{number}").parse().unwrap();
            by_tenant.count(Some(&name), number.is_multiple_of(2), Duration::from_millis(1));
        };
        (0..MOST + 500).for_each(count);
        count(0);
        let mut text = Text::default();
        by_tenant.write(&mut text);
        for line in [
            "portcullis_tenant_calls_total{tenant=\"t0\",result=\"ok\"} 2",
            "portcullis_tenant_calls_total{tenant=\"t1\",result=\"failed\"} 1",
            "portcullis_tenant_calls_total{tenant=\"(others)\",result=\"ok\"} 250",
            "portcullis_tenant_call_seconds_total{tenant=\"t0\"} 0.002",
        ] {
            assert!(text.0.contains(line), "{line}");
        }
        assert!(text.0.lines().count() < 3 * MOST + 10);
        by_tenant.release_idle(Duration::ZERO);
        assert!(by_tenant.0.lock().by_name.is_empty());
        assert!("(others)".parse::<TenantName>().is_err());
    }
}

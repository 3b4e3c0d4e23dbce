//! The datasources of a host, as far as their idle instances and connections are concerned.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// Something with idle instances and connections.
pub(crate) trait Evict: Send + Sync {
    /// The tenant whose it is. Without one it is on its own.
    fn owner(&self) -> Option<&str>;

    /// The memory of the idle instances, in bytes.
    fn idle_bytes(&self) -> u64;

    /// Drops idle instances until as much is free as wanted, and at most half of them. Returns whether
    /// it dropped any.
    fn evict(&self, wanted: &mut Wanted) -> bool;

    /// Drops instances and connections that have been idle for long.
    fn prune(&self);
}

/// What is still to be freed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    /// Bytes of memory.
    pub(crate) bytes: u64,
    /// Instances.
    pub(crate) instances: usize,
}

impl Wanted {
    /// Counts an instance that is dropped.
    pub(crate) fn count(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
        self.instances = self.instances.saturating_sub(1);
    }

    pub(crate) fn is_met(&self) -> bool {
        self.bytes == 0 && self.instances == 0
    }
}

/// The datasources of one tenant, the largest last, and the bytes of those that may lose instances.
#[derive(Default)]
struct Group {
    bytes: u64,
    datasources: Vec<(u64, usize)>,
}

/// The datasources of a host. A datasource that is dropped leaves the registry by itself.
#[derive(Default)]
pub(crate) struct Registry(Mutex<Vec<Weak<dyn Evict>>>);

impl Registry {
    pub(crate) fn add(&self, datasource: Weak<dyn Evict>) {
        self.0.lock().push(datasource);
    }

    /// Drops idle instances until as much is free as wanted, each time of the tenant that has most
    /// then, and of its datasource that has most. No datasource loses more than half of its instances
    /// (rounded up), so that one datasource with large calls does not make all others start cold.
    ///
    /// Returns whether it dropped any.
    pub(crate) fn evict(&self, mut wanted: Wanted) -> bool {
        let mut live: Vec<_> = self.live().into_iter().map(|one| (one.idle_bytes(), one)).collect();
        live.retain(|(bytes, _)| *bytes > 0);
        // If it is not enough, nothing is gained by dropping it.
        if live.iter().map(|(bytes, _)| bytes).sum::<u64>() < wanted.bytes {
            return false;
        }
        // Those of each tenant; a datasource without one is on its own.
        let mut groups: HashMap<(Option<&str>, usize), Group> = HashMap::new();
        for (index, (bytes, datasource)) in live.iter().enumerate() {
            let owner = datasource.owner();
            let own = if owner.is_some() { 0 } else { index };
            let group = groups.entry((owner, own)).or_default();
            group.bytes += bytes;
            group.datasources.push((*bytes, index));
        }
        let mut groups: Vec<Group> = groups.into_values().collect();
        for group in &mut groups {
            group.datasources.sort_unstable();
        }
        let mut dropped = false;
        while !wanted.is_met() {
            let largest = groups.iter_mut().max_by_key(|group| group.bytes);
            let Some((group, (bytes, index))) =
                largest.and_then(|group| group.datasources.pop().map(|one| (group, one)))
            else {
                break;
            };
            dropped |= live[index].1.evict(&mut wanted);
            // What is left of it is not dropped now.
            group.bytes = group.bytes.saturating_sub(bytes);
        }
        dropped
    }

    /// Drops what has been idle for long, in all datasources.
    pub(crate) fn prune_all(&self) {
        self.live().iter().for_each(|datasource| datasource.prune());
    }

    /// The datasources that still exist. The lock is not held while they are used.
    fn live(&self) -> Vec<Arc<dyn Evict>> {
        let mut live = Vec::new();
        self.0.lock().retain(|datasource| {
            live.extend(datasource.upgrade());
            datasource.strong_count() > 0
        });
        live
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Idle instances of one byte each, of a tenant.
    struct Idle(Mutex<usize>, Option<&'static str>);

    impl Evict for Idle {
        fn owner(&self) -> Option<&str> {
            self.1
        }

        fn idle_bytes(&self) -> u64 {
            *self.0.lock() as u64
        }

        fn evict(&self, wanted: &mut Wanted) -> bool {
            let mut idle = self.0.lock();
            let before = *idle;
            for _ in 0..idle.div_ceil(2) {
                if !wanted.is_met() {
                    *idle -= 1;
                    wanted.count(1);
                }
            }
            *idle < before
        }

        fn prune(&self) {}
    }

    #[test]
    fn datasource_with_most_idle_instances_loses_some_first() {
        let registry = Registry::default();
        let idle = [3, 10, 1].map(|count| Arc::new(Idle(Mutex::new(count), None)));
        add(&registry, &idle);
        let left = || idle.each_ref().map(|one| *one.0.lock());
        registry.evict(Wanted { bytes: 2, instances: 0 });
        assert_eq!(left(), [3, 8, 1]);
        registry.evict(Wanted { bytes: 0, instances: 5 });
        assert_eq!(left(), [2, 4, 1], "half of the largest, then the next");
    }

    #[test]
    fn a_tenant_with_many_datasources_loses_instances_before_others() {
        let registry = Registry::default();
        let many = [1; 20].map(|count| Arc::new(Idle(Mutex::new(count), Some("many"))));
        let few = [2, 3].map(|count| Arc::new(Idle(Mutex::new(count), Some("few"))));
        let own = [Arc::new(Idle(Mutex::new(4), None))];
        for idle in [&own[..], &few, &many] {
            add(&registry, idle);
        }
        registry.evict(Wanted { bytes: 0, instances: 20 });
        let left = |idle: &[Arc<Idle>]| idle.iter().map(|one| *one.0.lock()).sum::<usize>();
        // 16 of those of the tenant that had most, and then by turns.
        assert!(left(&many) <= 4 && left(&few) + left(&own) >= 5, "{}", left(&many));
    }

    fn add(registry: &Registry, idle: &[Arc<Idle>]) {
        for one in idle {
            let weak: Weak<Idle> = Arc::downgrade(one);
            registry.add(weak);
        }
    }
}

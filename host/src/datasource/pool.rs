//! The idle instances of one datasource.

use super::instance::Instance;
use crate::runtime::registry::Wanted;
use parking_lot::Mutex;

/// Idle connected instances. With `Isolation::Reuse` they have served calls; with
/// `Isolation::Fresh` they are prepared and were never used.
pub(super) struct InstancePool {
    instances: Mutex<Vec<Instance>>,
    /// As many as calls run at the same time.
    max: usize,
}

impl InstancePool {
    pub(super) fn new(max: usize) -> Self {
        Self { instances: Mutex::default(), max }
    }

    /// Takes the instance that was used last, so that the others expire.
    pub(super) fn take(&self) -> Option<Instance> {
        let mut unusable = Vec::new();
        let mut instances = self.instances.lock();
        let taken = loop {
            match instances.pop() {
                // An instance that knows a previous identity is not used any more.
                Some(instance) if instance.is_expired() || !instance.is_clean() => {
                    unusable.push(instance);
                }
                taken => break taken,
            }
        };
        // Dropping instances takes time, and calls of the datasource must not wait for it.
        drop(instances);
        drop(unusable);
        taken
    }

    /// Keeps an instance, if it may serve another call.
    pub(super) fn put(&self, instance: Instance) {
        if !instance.is_reusable() {
            return;
        }
        let mut instances = self.instances.lock();
        if instances.len() < self.max {
            instances.push(instance);
        }
    }

    /// Drops the instances that have been idle for long.
    pub(super) fn prune(&self) {
        let mut instances = self.instances.lock();
        let expired: Vec<Instance> = instances.extract_if(.., |one| one.is_expired()).collect();
        // Dropping instances takes time, and calls of the datasource must not wait for it.
        drop(instances);
        drop(expired);
    }

    /// The number of idle instances.
    pub(super) fn count(&self) -> usize {
        self.instances.lock().len()
    }

    /// The memory of the idle instances, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.instances.lock().iter().map(Instance::bytes).sum()
    }

    /// Drops the instances that have been idle for longest, until as much is free as wanted, and at
    /// most half of them (rounded up). Returns whether it dropped any.
    pub(super) fn evict(&self, wanted: &mut Wanted) -> bool {
        let mut instances = self.instances.lock();
        let half = instances.len().div_ceil(2);
        let mut count = 0;
        while count < half && !wanted.is_met() {
            wanted.count(instances[count].bytes());
            count += 1;
        }
        let evicted: Vec<Instance> = instances.drain(..count).collect();
        // Dropping instances takes time, and calls of the datasource must not wait for it.
        drop(instances);
        !evicted.is_empty()
    }
}

//! The datasources of a host, as far as their idle instances and connections are concerned.

use parking_lot::Mutex;
use std::sync::{Arc, Weak};

/// Something with idle instances and connections.
pub(crate) trait Evict: Send + Sync {
    /// Drops all idle instances.
    fn evict(&self);

    /// Drops instances and connections that have been idle for long.
    fn prune(&self);
}

/// The datasources of a host. A datasource that is dropped leaves the registry by itself.
#[derive(Default)]
pub(crate) struct Registry(Mutex<Vec<Weak<dyn Evict>>>);

impl Registry {
    pub(crate) fn add(&self, datasource: Weak<dyn Evict>) {
        self.0.lock().push(datasource);
    }

    /// Drops the idle instances of all datasources.
    pub(crate) fn evict_all(&self) {
        self.live().iter().for_each(|datasource| datasource.evict());
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

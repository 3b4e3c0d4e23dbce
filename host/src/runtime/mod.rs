//! What all datasources of a host share: the CPU scheduler, concurrency limits, timers, and the
//! registry of what is idle.

pub(crate) mod permits;
pub(crate) mod registry;
pub(crate) mod scheduler;
mod threads;

use permits::HostLimit;
use portcullis_gate::Timers;
use portcullis_memory::MemoryLimit;
use registry::{Registry, Wanted};
use scheduler::Scheduler;
use std::io;
use std::sync::Arc;
use wasmtime::EngineWeak;

/// Host-wide services that all datasources share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Runtime {
    pub(crate) scheduler: Scheduler,
    pub(crate) timers: Timers,
    pub(crate) limit: Arc<HostLimit>,
    pub(crate) registry: Arc<Registry>,
    /// The memory of all guests and calls.
    pub(crate) memory: Arc<MemoryLimit>,
}

impl Runtime {
    /// Starts the services and their threads, which end with the engine and the host.
    pub(crate) fn start(
        engine: EngineWeak,
        limit: Arc<HostLimit>,
        memory: Arc<MemoryLimit>,
    ) -> io::Result<Self> {
        let scheduler = Scheduler::new();
        let timers = Timers::ticked();
        let registry = Arc::<Registry>::default();
        threads::tick(engine, scheduler.clone(), timers.clone())?;
        threads::sweep(&registry)?;
        let idle = Arc::downgrade(&registry);
        memory.set_reclaim(move |bytes| {
            if let Some(registry) = idle.upgrade() {
                registry.evict(Wanted { bytes, instances: 0 });
            }
        });
        Ok(Self { scheduler, timers, limit, registry, memory })
    }
}

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

/// The part of the memory limit that is reclaimed from idle instances at a time, at least.
const RECLAIMED_SHARE: u64 = 64;

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
        // Some at a time: looking for them takes longer than a call if there are thousands.
        let batch = memory.limit() / RECLAIMED_SHARE;
        memory.set_reclaim(move |bytes| {
            let Some(registry) = idle.upgrade() else { return false };
            let wanted = |bytes| Wanted { bytes, instances: 0 };
            registry.evict(wanted(bytes.max(batch))) || registry.evict(wanted(bytes))
        });
        Ok(Self { scheduler, timers, limit, registry, memory })
    }
}

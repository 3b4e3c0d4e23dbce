//! What all datasources of a host share: the CPU scheduler, concurrency limits, timers, and the
//! registry of what is idle.

pub(crate) mod permits;
pub(crate) mod registry;
pub(crate) mod scheduler;
mod threads;

use permits::HostLimit;
use portcullis_gate::Timers;
use registry::Registry;
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
}

impl Runtime {
    /// Starts the services and their threads, which end with the engine and the host.
    pub(crate) fn start(engine: EngineWeak, limit: Arc<HostLimit>) -> io::Result<Self> {
        let scheduler = Scheduler::new();
        let timers = Timers::ticked();
        let registry = Arc::<Registry>::default();
        threads::tick(engine, scheduler.clone(), timers.clone())?;
        threads::sweep(&registry)?;
        Ok(Self { scheduler, timers, limit, registry })
    }
}

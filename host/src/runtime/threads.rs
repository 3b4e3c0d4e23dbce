//! The two threads of a host.

use super::registry::Registry;
use super::scheduler::Scheduler;
use portcullis_gate::Timers;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::EngineWeak;

/// How often idle instances and connections are looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// Starts the thread that lets running guests yield and fires timers, as long as the engine lives.
pub(super) fn tick(engine: EngineWeak, scheduler: Scheduler, timers: Timers) -> io::Result<()> {
    let run = move || {
        while let Some(engine) = engine.upgrade() {
            // Before the guests see that the slice is over: they ask the scheduler then.
            scheduler.tick();
            engine.increment_epoch();
            drop(engine);
            timers.fire();
            std::thread::sleep(scheduler.slice());
        }
    };
    std::thread::Builder::new().name("portcullis-tick".to_string()).spawn(run).map(drop)
}

/// Starts the thread that drops what is idle, as long as the host lives. It is a thread of its own,
/// since dropping instances takes time and ticks must not wait.
pub(super) fn sweep(registry: &Arc<Registry>) -> io::Result<()> {
    let registry = Arc::downgrade(registry);
    let run = move || {
        loop {
            std::thread::sleep(SWEEP);
            let Some(registry) = registry.upgrade() else { return };
            registry.prune_all();
        }
    };
    std::thread::Builder::new().name("portcullis-sweep".to_string()).spawn(run).map(drop)
}

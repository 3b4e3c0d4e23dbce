//! What all datasources of a host share: processor time, places for calls, timers.

pub(crate) mod permits;
pub(crate) mod scheduler;
pub(crate) mod timers;

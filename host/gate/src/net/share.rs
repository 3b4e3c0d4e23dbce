//! What all datasources of one tenant may have together.

use std::fmt;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// What the datasources of one tenant share: lookups of names, and places for idle connections. A tenant
/// may have thousands of datasources.
pub struct TenantShare {
    lookups: Arc<Semaphore>,
    idle: Arc<Semaphore>,
}

/// The place of an idle connection.
pub(crate) struct IdlePlace {
    _of_tenant: OwnedSemaphorePermit,
    _of_all: SemaphorePermit<'static>,
}

/// Lookups of one tenant at the same time: an eighth of all, so that a tenant whose names do not
/// resolve leaves threads to the others. A lookup takes a millisecond, and a connection lasts.
pub(crate) const LOOKUPS: usize = 8;
/// Idle connections of the process. 4096: each takes a file and some 20 KB, 80 MB in total.
static ALL_IDLE: Semaphore = Semaphore::const_new(4096);
/// Idle connections of one tenant: a quarter of all, as many as a host runs calls at the same time.
const IDLE: usize = 1024;

impl Default for TenantShare {
    fn default() -> Self {
        Self { lookups: Arc::new(Semaphore::new(LOOKUPS)), idle: Arc::new(Semaphore::new(IDLE)) }
    }
}

impl TenantShare {
    /// The lookups that may begin.
    pub(super) fn lookups(&self) -> Arc<Semaphore> {
        self.lookups.clone()
    }

    /// A place for an idle connection, if one is left.
    pub(super) fn idle_place(&self) -> Option<IdlePlace> {
        let of_tenant = self.idle.clone().try_acquire_owned().ok()?;
        let of_all = ALL_IDLE.try_acquire().ok()?;
        Some(IdlePlace { _of_tenant: of_tenant, _of_all: of_all })
    }
}

impl fmt::Debug for TenantShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantShare").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tenant_does_not_take_all_places_of_idle_connections() {
        let (tenant, other) = (TenantShare::default(), TenantShare::default());
        let taken: Vec<IdlePlace> = std::iter::from_fn(|| tenant.idle_place()).collect();
        assert_eq!(taken.len(), IDLE);
        assert!(other.idle_place().is_some());
        drop(taken);
        assert!(tenant.idle_place().is_some());
    }
}

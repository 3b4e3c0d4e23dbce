//! What could not be connected, loaded or described, and is not tried again for a moment.

use crate::setup::SetupError;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The failure of the last try, until one succeeds.
#[derive(Default)]
pub(super) struct Failure(Mutex<Option<(Arc<SetupError>, Instant)>>);

/// How long nothing is tried again after a failure: each try reads files or runs the plugin.
const RETRY: Duration = Duration::from_secs(5);

impl Failure {
    /// The failure of the last try.
    pub(super) fn last(&self) -> Option<Arc<SetupError>> {
        self.0.lock().as_ref().map(|(error, _)| error.clone())
    }

    /// The failure of the last try, if it is too early for another one.
    pub(super) fn recent(&self) -> Option<Arc<SetupError>> {
        let failed = self.0.lock();
        failed.as_ref().filter(|(_, at)| at.elapsed() < RETRY).map(|(error, _)| error.clone())
    }

    /// Remembers how a try has ended.
    pub(super) fn set(&self, error: Option<&Arc<SetupError>>) {
        *self.0.lock() = error.map(|error| (error.clone(), Instant::now()));
    }
}

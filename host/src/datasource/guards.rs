//! Guards that end a call however it ends: also when its future is dropped.

use crate::call::Call;
use crate::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A running call. When its future is dropped, that is recorded as its end.
pub(super) struct CallGuard(Option<Arc<Call>>);

impl CallGuard {
    pub(super) fn new(call: Call) -> Self {
        Self(Some(Arc::new(call)))
    }

    pub(super) fn call(&self) -> &Arc<Call> {
        self.0.as_ref().expect("only `finish` takes it, and consumes the guard")
    }

    /// Records the end of the call.
    pub(super) fn finish<T>(mut self, result: Result<T, Error>) -> Result<T, Error> {
        match self.0.take() {
            Some(call) => call.finish(result),
            None => result,
        }
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            call.abandon();
        }
    }
}

/// Stops the requests of a call when it is dropped.
pub(super) struct EndOnDrop<'c>(pub(super) &'c Call);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.progress().end();
    }
}

/// Whether an instance is being prepared. However that ends, another may be prepared after it.
pub(super) struct Preparing<'d>(pub(super) &'d AtomicBool);

impl Drop for Preparing<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

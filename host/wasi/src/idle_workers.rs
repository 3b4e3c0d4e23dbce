//! A pool of worker handles without work.
//!
//! `HostFutureIncomingResponse::Ready` needs a worker handle, for implementations whose connections
//! are driven by it. Ours are polled by whoever waits for them. Each single spawn would unpark a
//! worker of tokio, so handles are created in batches and used again.

use parking_lot::Mutex;
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};

pub(super) type IdleWorker = AbortOnDropJoinHandle<()>;

static POOL: Mutex<Vec<IdleWorker>> = Mutex::new(Vec::new());
/// Handles in the pool: a batch takes some 20 µs, and a handle 100 bytes.
const MAX_POOLED: usize = 64;

/// Takes a handle from the pool.
pub(super) fn take() -> IdleWorker {
    let mut pool = POOL.lock();
    pool.pop().unwrap_or_else(|| {
        pool.extend((0..MAX_POOLED).map(|_| spawn(async {})));
        spawn(async {})
    })
}

/// Gives a handle back.
pub(super) fn put(worker: IdleWorker) {
    let mut pool = POOL.lock();
    if pool.len() < MAX_POOLED {
        pool.push(worker);
    }
}

//! Threads with a large stack, on which dynoxide runs.

use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use tokio::sync::oneshot;

/// Bytes of each thread's stack. dynoxide parses expressions by recursion. An expression may have
/// 4,096 bytes; with one level for each byte, a level has 16 KiB, which is ten times what it needs.
/// The system provides a page of a stack when it is first touched.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// The most threads. The database runs one request at a time; the other threads read and write
/// JSON meanwhile.
const MAX_THREADS: usize = 4;

/// Why a job has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It panicked.
    Panicked,
    /// The threads were stopped, or none can be started.
    NoThread,
}

/// A few threads, started when there is work, and the work that waits for them.
#[derive(Default)]
pub(crate) struct Threads {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    started: Vec<JoinHandle<()>>,
    idle: usize,
    closed: bool,
}

type Job = Box<dyn FnOnce() + Send>;

impl Threads {
    /// Runs `job` on one of the threads. It does not run if nobody waits for it any more when its
    /// turn comes.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let (sender, receiver) = oneshot::channel();
        self.start(Box::new(move || {
            if !sender.is_closed() {
                let result = catch_unwind(AssertUnwindSafe(job)).map_err(|_| Failure::Panicked);
                // The caller may have left meanwhile.
                let _ = sender.send(result);
            }
        }))?;
        receiver.await.unwrap_or(Err(Failure::NoThread))
    }

    fn start(&self, job: Job) -> Result<(), Failure> {
        let mut state = self.shared.state.lock();
        if state.closed {
            return Err(Failure::NoThread);
        }
        if state.idle <= state.waiting.len() && state.started.len() < MAX_THREADS {
            self.add(&mut state)?;
        }
        state.waiting.push_back(job);
        self.shared.changed.notify_one();
        Ok(())
    }

    /// Starts the first thread, so that the first work does not wait for it.
    pub(crate) fn prepare(&self) {
        // The first work tells of a failure.
        let _ = self.add(&mut self.shared.state.lock());
    }

    fn add(&self, state: &mut State) -> Result<(), Failure> {
        let shared = self.shared.clone();
        let thread = Builder::new().name("embedded-database".into()).stack_size(STACK_BYTES);
        match thread.spawn(move || shared.work()) {
            Ok(thread) => state.started.push(thread),
            // The threads that there are do the work.
            Err(error) if !state.started.is_empty() => {
                tracing::debug!(%error, "no more threads for the embedded database");
            }
            Err(error) => {
                tracing::error!(%error, "no thread for the embedded database can be started");
                return Err(Failure::NoThread);
            }
        }
        Ok(())
    }

    /// Accepts no more work, and waits until all accepted work is done. Blocks.
    pub(crate) fn stop(&self) {
        let started = {
            let mut state = self.shared.state.lock();
            state.closed = true;
            self.shared.changed.notify_all();
            std::mem::take(&mut state.started)
        };
        for thread in started {
            // Work that panics does not end its thread.
            let _ = thread.join();
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    /// What each thread does.
    fn work(&self) {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.waiting.pop_front() {
                drop(state);
                job();
                state = self.state.lock();
            } else if state.closed {
                return;
            } else {
                state.idle += 1;
                self.changed.wait(&mut state);
                state.idle -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, MAX_THREADS, Threads};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_thread_goes_on() {
        let threads = Threads::default();
        for _ in 0..2 * MAX_THREADS {
            let result: Result<(), _> = threads.run(|| panic!("expected by this test")).await;
            assert_eq!(result, Err(Failure::Panicked));
        }
        assert_eq!(threads.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn work_has_a_large_stack() {
        fn down(levels: u32) -> u64 {
            let frame = std::hint::black_box([u64::from(levels); 128]);
            if levels == 0 { frame[0] } else { frame[1] - u64::from(levels) + down(levels - 1) }
        }
        // Each level uses one to three kilobytes: more than the 8 MB of a main thread.
        assert_eq!(Threads::default().run(|| down(15_000)).await, Ok(0));
    }

    #[tokio::test]
    async fn accepted_work_is_done_before_stop_returns_and_later_work_is_refused() {
        let threads = Arc::new(Threads::default());
        let done = Arc::new(AtomicUsize::new(0));
        let mut callers = Vec::new();
        for _ in 0..3 * MAX_THREADS {
            let (threads, done) = (threads.clone(), done.clone());
            callers.push(tokio::spawn(async move {
                let work = move || {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                    done.fetch_add(1, Ordering::SeqCst);
                };
                threads.run(work).await
            }));
        }
        // Lets every caller pass its work on.
        tokio::task::yield_now().await;
        let stopping = threads.clone();
        tokio::task::spawn_blocking(move || stopping.stop()).await.expect("stop does not panic");
        let before = done.load(Ordering::SeqCst);
        assert_eq!(before, 3 * MAX_THREADS);
        assert_eq!(threads.run(|| ()).await, Err(Failure::NoThread));
        for caller in callers {
            assert_eq!(caller.await.expect("no caller panics"), Ok(()));
        }
    }
}

//! Threads that read files of others.

use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// The most threads that read files of others at a time. A file on a disk that does not respond
/// keeps its thread, and the threads for everything else (512 in tokio) must not run out.
const THREADS: usize = 64;

static READERS: Semaphore = Semaphore::const_new(THREADS);

/// Reads files of others on a thread of its own. `None` if that takes longer than `time`.
pub(crate) async fn read_others<T: Send + 'static>(
    time: Duration,
    read: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let reading = async {
        let permit = READERS.acquire().await.ok()?;
        let read = move || {
            let _permit = permit;
            read()
        };
        spawn_blocking(read).await.ok()
    };
    timeout(time, reading).await.ok()?
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn file_that_does_not_respond_keeps_nobody_waiting() {
        let (release, wait) = mpsc::channel::<()>();
        let hanging = read_others(Duration::from_millis(20), move || wait.recv().is_ok());
        assert_eq!(hanging.await, None);
        assert_eq!(read_others(Duration::from_secs(5), || 1).await, Some(1));
        drop(release);
    }
}

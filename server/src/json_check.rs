//! Whether bodies and results are JSON, in one pass without a tree.

use serde::de::IgnoredAny;
use std::num::NonZero;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Checks texts: small ones at once, and large ones on other threads, so that workers serve other
/// requests meanwhile.
pub(crate) struct JsonCheck {
    large: Arc<Semaphore>,
}

/// The largest text that is checked on the worker of its request, in bytes: it takes a few
/// milliseconds, as much as the host takes for the largest result that it examines there.
const MAX_INLINE: usize = 2 * 1024 * 1024;

impl JsonCheck {
    /// Large texts are checked on half of the cores at most.
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { large: Arc::new(Semaphore::new((cores / 2).max(1))) }
    }

    /// Returns a text if it is JSON, or says why it is not.
    pub(crate) async fn checked<T: AsRef<[u8]> + Send + 'static>(
        &self,
        text: T,
    ) -> Result<T, String> {
        if text.as_ref().len() <= MAX_INLINE {
            return check(text.as_ref()).map(|()| text);
        }
        // The semaphore is never closed.
        let permit = self.large.clone().acquire_owned().await.ok();
        let checking = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            check(text.as_ref()).map(|()| text)
        });
        checking.await.unwrap_or_else(|error| Err(error.to_string()))
    }
}

fn check(text: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn small_and_large_texts_are_checked_alike() {
        let check = JsonCheck::new();
        for length in [1, MAX_INLINE + 1] {
            let text = format!("\"{}\"", "x".repeat(length));
            assert_eq!(check.checked(text.clone()).await, Ok(text.clone()));
            let broken = check.checked(text[..length].to_string()).await;
            assert!(broken.unwrap_err().contains("EOF"));
            assert!(check.checked(vec![0xff; length]).await.is_err(), "it is not UTF-8");
        }
    }
}

//! Fetches the credentials of one datasource: once for all calls that wait for them, in a task that
//! no call can cancel, and not again at once after a failure.

use super::check::UNNAMED;
use super::error::CredentialsError;
use super::identity::{Credentials, ProvideCredentials};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::Instant;

/// The time limit of a fetch. It is the default deadline of a call, so that a call which waits for
/// credentials sees why there are none, unless its deadline is shorter.
const LIMIT: Duration = Duration::from_secs(30);
/// How long credentials without an expiry are kept. A rotated file or environment is noticed after
/// that.
const REFRESH: Duration = Duration::from_mins(15);
/// How long before their expiry temporary credentials are fetched again.
const REFRESH_BEFORE_EXPIRY: Duration = Duration::from_mins(5);
/// The shortest time between two fetches. Otherwise credentials that are about to expire would be
/// fetched for every call.
const MIN_REFRESH: Duration = Duration::from_secs(5);
/// How long a call waits for a new fetch while the credentials before it are still valid. Most
/// sources respond sooner, and one that hangs should not hold up calls that could be signed.
const PATIENCE: Duration = Duration::from_secs(1);
/// The wait after the first failure. It doubles with each failure after it: 1, 2, 4, … seconds.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait after a failure: an operator who has repaired the source waits no longer.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// The times that tests shorten.
#[derive(Clone, Copy)]
struct Times {
    limit: Duration,
    first_wait: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { limit: LIMIT, first_wait: FIRST_WAIT }
    }
}

/// The credentials of one datasource.
pub(crate) struct Fetcher {
    shared: Arc<Shared>,
}

/// Credentials that are valid now.
#[derive(Clone)]
pub(crate) struct Fetched {
    pub(crate) credentials: Arc<Credentials>,
    /// When they are fetched again.
    pub(crate) until: SystemTime,
    /// Counts the fetches that gave credentials.
    pub(crate) number: u64,
}

struct Shared {
    provider: Arc<dyn ProvideCredentials>,
    datasource: String,
    times: Times,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: Option<Fetched>,
    failed: Option<Failed>,
    running: Option<watch::Receiver<Option<Outcome>>>,
}

struct Failed {
    error: CredentialsError,
    times: u32,
    again: Instant,
}

type Outcome = Result<Fetched, CredentialsError>;

/// What a call does.
enum Step {
    Done(Outcome),
    Wait(watch::Receiver<Option<Outcome>>, Option<Fetched>),
}

impl Fetcher {
    /// Fetches from `provider`.
    pub(crate) fn new(provider: Arc<dyn ProvideCredentials>) -> Self {
        Self::with(provider, String::new(), Times::default())
    }

    fn with(provider: Arc<dyn ProvideCredentials>, datasource: String, times: Times) -> Self {
        let state = Mutex::default();
        Self { shared: Arc::new(Shared { provider, datasource, times, state }) }
    }

    /// Sets the name of the datasource for the log. Nothing was fetched yet.
    pub(crate) fn named(self, datasource: &str) -> Self {
        Self::with(self.shared.provider.clone(), datasource.to_string(), self.shared.times)
    }

    /// Returns credentials that are valid now. It fetches them if necessary, or waits for a fetch
    /// that runs. A caller may drop this future: the fetch goes on.
    ///
    /// # Errors
    /// Returns an error if there are no credentials. After a failure, all calls get its error at
    /// once until the wait after it is over.
    pub(crate) async fn current(&self) -> Outcome {
        let (mut running, valid) = match self.step() {
            Step::Done(outcome) => return outcome,
            Step::Wait(running, valid) => (running, valid),
        };
        let outcome = running.wait_for(Option::is_some);
        let outcome = match valid {
            Some(valid) => match tokio::time::timeout(PATIENCE, outcome).await {
                Ok(outcome) => outcome,
                Err(_) => return Ok(valid),
            },
            None => outcome.await,
        };
        let interrupted = || Err(CredentialsError::new("the fetch of the credentials was ended"));
        outcome.ok().and_then(|outcome| outcome.clone()).unwrap_or_else(interrupted)
    }

    fn step(&self) -> Step {
        let mut state = self.shared.state.lock();
        let now = SystemTime::now();
        if let Some(last) = state.last.as_ref().filter(|last| last.until > now) {
            return Step::Done(Ok(last.clone()));
        }
        let valid = state.valid(now);
        // The fetch of a runtime that was shut down never ends.
        let running = state.running.clone().filter(|running| running.has_changed().is_ok());
        if let Some(running) = running {
            return Step::Wait(running, valid);
        }
        if let Some(failed) = state.failed.as_ref().filter(|failed| failed.again > Instant::now()) {
            return Step::Done(valid.ok_or_else(|| failed.error.clone()));
        }
        let (sender, running) = watch::channel(None);
        state.running = Some(running.clone());
        let shared = self.shared.clone();
        tokio::spawn(async move {
            let fetched = fetch(shared.provider.clone(), shared.times.limit).await;
            let outcome = shared.finish(fetched);
            sender.send_replace(Some(outcome));
        });
        Step::Wait(running, valid)
    }
}

impl State {
    /// The last credentials, if they have not expired. They are fetched before they expire.
    fn valid(&self, now: SystemTime) -> Option<Fetched> {
        let last = self.last.as_ref()?;
        let valid = last.credentials.expires.is_none_or(|end| end > now);
        valid.then(|| Fetched { until: last.until.max(now + MIN_REFRESH), ..last.clone() })
    }
}

impl Shared {
    /// Keeps the outcome of a fetch.
    fn finish(&self, fetched: Result<Credentials, CredentialsError>) -> Outcome {
        let mut state = self.state.lock();
        state.running = None;
        let now = SystemTime::now();
        match fetched {
            Ok(credentials) => {
                let number = state.last.as_ref().map_or(1, |last| last.number + 1);
                let until = credentials
                    .expires
                    .map_or(now + REFRESH, |end| {
                        end.checked_sub(REFRESH_BEFORE_EXPIRY).unwrap_or(now).min(now + REFRESH)
                    })
                    .max(now + MIN_REFRESH);
                let fetched = Fetched { credentials: Arc::new(credentials), until, number };
                state.last = Some(fetched.clone());
                if let Some(failed) = state.failed.take() {
                    tracing::info!(
                        target: "portcullis::credentials",
                        datasource = self.datasource,
                        failures = failed.times,
                        "there are credentials again"
                    );
                }
                Ok(fetched)
            }
            Err(error) => {
                let times = state.failed.as_ref().map_or(0, |failed| failed.times) + 1;
                let wait = wait_after(times, self.times.first_wait);
                tracing::warn!(
                    target: "portcullis::credentials",
                    datasource = self.datasource,
                    failures = times,
                    again_in_seconds = wait.as_secs(),
                    "no usable credentials: {}",
                    one_line(error.detail())
                );
                let again = Instant::now() + wait;
                state.failed = Some(Failed { error: error.clone(), times, again });
                state.valid(now).ok_or(error)
            }
        }
    }
}

/// The wait after so many failures in a row.
fn wait_after(times: u32, first: Duration) -> Duration {
    let doublings = times.saturating_sub(1).min(16);
    (first * 2_u32.pow(doublings)).min(LONGEST_WAIT)
}

/// Fetches once, within the limit. The provider runs in a task of its own, so that one which blocks
/// or panics cannot hold up or end this one.
async fn fetch(
    provider: Arc<dyn ProvideCredentials>,
    limit: Duration,
) -> Result<Credentials, CredentialsError> {
    let mut task =
        Aborted(tokio::spawn(
            async move { provider.provide_credentials().await?.checked(&UNNAMED) },
        ));
    match tokio::time::timeout(limit, &mut task.0).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(CredentialsError::new("the source of the credentials failed")),
        Err(_) => Err(CredentialsError::new(format!(
            "their source gave none within {}",
            humantime::format_duration(limit)
        ))),
    }
}

/// A task that is ended when this is dropped.
struct Aborted<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for Aborted<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A text as one line of a log.
fn one_line(text: &str) -> String {
    text.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use std::future::Future;
    use std::pin::Pin;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Gives credentials, fails, or never ends.
    #[derive(Debug, Default)]
    struct Source {
        fetches: AtomicU32,
        fails: AtomicU32,
        hangs: bool,
        expires_in: Option<Duration>,
    }

    impl ProvideCredentials for Source {
        fn provide_credentials(
            &self,
        ) -> Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + Send + '_>>
        {
            Box::pin(async {
                let number = self.fetches.fetch_add(1, Ordering::SeqCst);
                if self.hangs {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
                if number < self.fails.load(Ordering::SeqCst) {
                    return Err(CredentialsError::new(format!("failure {number}")));
                }
                Ok(Credentials {
                    access_key_id: "AKID".to_string(),
                    secret_access_key: Secret::new("secret"),
                    session_token: None,
                    expires: self.expires_in.map(|time| SystemTime::now() + time),
                })
            })
        }
    }

    /// A fetcher with a limit of 400 ms, and a first wait of 50 ms.
    fn fetcher(source: Source) -> (Arc<Source>, Arc<Fetcher>) {
        let source = Arc::new(source);
        let times =
            Times { limit: Duration::from_millis(400), first_wait: Duration::from_millis(50) };
        (source.clone(), Arc::new(Fetcher::with(source, String::new(), times)))
    }

    #[tokio::test]
    async fn callers_that_give_up_do_not_end_the_fetch() {
        let (source, fetcher) = fetcher(Source::default());
        for _ in 0..40 {
            let call = tokio::time::timeout(Duration::from_millis(1), fetcher.current());
            assert!(call.await.is_err(), "the source needs 200 ms");
        }
        assert_eq!(fetcher.current().await.unwrap().credentials.access_key_id, "AKID");
        assert_eq!(source.fetches.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn after_a_failure_callers_get_its_error_at_once_and_the_wait_doubles() {
        let (source, fetcher) = fetcher(Source { fails: 4.into(), ..Source::default() });
        for failures in 1..=4 {
            let error = fetcher.current().await.err().unwrap().to_string();
            let again = fetcher.shared.state.lock().failed.as_ref().unwrap().again;
            while Instant::now() < again {
                let next = fetcher.current().await.err().map(|error| error.to_string());
                // It is over in between.
                assert!(Instant::now() >= again || next.as_ref() == Some(&error), "{next:?}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            assert!(source.fetches.load(Ordering::SeqCst) >= failures);
        }
        let waits = [1, 2, 3, 4, 1000].map(|times| wait_after(times, FIRST_WAIT).as_secs());
        assert_eq!(waits, [1, 2, 4, 8, LONGEST_WAIT.as_secs()]);
    }

    #[tokio::test]
    async fn a_source_that_hangs_is_given_up_after_the_limit() {
        let (_, fetcher) = fetcher(Source { hangs: true, ..Source::default() });
        let before = Instant::now();
        let error = fetcher.current().await.err().unwrap().to_string();
        assert!(before.elapsed() >= Duration::from_millis(400));
        assert!(error.contains("within 400ms"), "{error}");
    }

    #[tokio::test]
    async fn credentials_that_are_still_valid_are_used_while_a_source_fails() {
        // They are fetched again after 5 s, since they expire in less than 5 minutes.
        let source = Source { expires_in: Some(Duration::from_mins(2)), ..Source::default() };
        let (source, fetcher) = fetcher(source);
        assert_eq!(fetcher.current().await.unwrap().number, 1);
        source.fails.store(u32::MAX, Ordering::SeqCst);
        fetcher.shared.state.lock().last.as_mut().unwrap().until = SystemTime::now();
        assert_eq!(fetcher.current().await.unwrap().number, 1);
        assert_eq!(source.fetches.load(Ordering::SeqCst), 2);
        assert_eq!(fetcher.current().await.unwrap().number, 1);
        assert_eq!(source.fetches.load(Ordering::SeqCst), 2, "not fetched again at once");
    }

    #[test]
    fn a_text_for_the_log_has_one_line() {
        assert_eq!(one_line("a\n\x1b[31mb\r\n"), "a [31mb");
    }
}

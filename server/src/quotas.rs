//! How many calls each token, template and tenant may make.

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use parking_lot::Mutex;
use portcullis_config::CallQuota;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Whose calls are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Whose {
    /// Those of a token.
    Token(Arc<str>),
    /// Those of all tenants of a template.
    Template(Arc<str>),
    /// Those of one tenant of a template. Without a name, all that have none are one.
    Tenant(Arc<str>, Arc<str>),
}

/// The quotas of all who have made calls.
#[derive(Default)]
pub(crate) struct Quotas(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    by_whose: HashMap<Whose, Entry>,
    /// When unused ones were looked for last.
    cleaned: Option<Instant>,
}

struct Entry {
    quota: CallQuota,
    limiter: Arc<Limiter>,
    used: Instant,
}

struct Limiter {
    rate: Option<DefaultDirectRateLimiter>,
    running: Option<Arc<Semaphore>>,
}

/// The right to run a call, until this is dropped.
pub(crate) type Admitted = Option<OwnedSemaphorePermit>;

/// A call that is one too many.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{whose} may make {limit}")]
pub(crate) struct Exceeded {
    /// Whose calls were counted.
    whose: &'static str,
    /// The limit, in words.
    limit: String,
    /// The key of the policy that has the limit.
    pub(crate) key: &'static str,
    /// When another try may succeed.
    pub(crate) retry_after: Duration,
}

/// How long an entry is kept after its last use. A quota of a second is whole again after a second,
/// so nothing is lost.
const KEPT: Duration = Duration::from_secs(2);
/// The entries from which on those that are not used are looked for at a call: there may be any
/// number of tenants.
const MANY: usize = 10_000;
/// How often that is done at most: it takes some microseconds for each thousand.
const CLEANED_EVERY: Duration = Duration::from_secs(1);

impl Quotas {
    /// Counts a call. Whose it is matters only if there is a limit.
    pub(crate) fn admit(
        &self,
        quota: CallQuota,
        whose: impl FnOnce() -> Whose,
    ) -> Result<Admitted, Exceeded> {
        if quota.is_unlimited() {
            return Ok(None);
        }
        let whose = whose();
        let (named, key) = match &whose {
            Whose::Token(_) => ("this token", "calls of the token"),
            Whose::Template(_) => {
                ("all tenants of this template together", "calls of the template")
            }
            Whose::Tenant(..) => ("one tenant of this template", "tenant-calls of the template"),
        };
        let exceeded = |limit: String, retry_after: Duration| Exceeded {
            whose: named,
            limit,
            key,
            retry_after,
        };
        let limiter = self.limiter(whose, quota);
        let permit = match &limiter.running {
            None => None,
            Some(running) => Some(running.clone().try_acquire_owned().map_err(|_| {
                let most = quota.concurrent.map_or(0, u32::from);
                exceeded(format!("{most} calls at the same time"), Duration::from_secs(1))
            })?),
        };
        if let Some(Err(early)) = limiter.rate.as_ref().map(RateLimiter::check) {
            let most = quota.per_second.map_or(0, u32::from);
            let wait = early.wait_time_from(DefaultClock::default().now());
            return Err(exceeded(format!("{most} calls per second"), wait));
        }
        Ok(permit)
    }

    fn limiter(&self, whose: Whose, quota: CallQuota) -> Arc<Limiter> {
        let mut entries = self.0.lock();
        let is_due = entries.cleaned.is_none_or(|cleaned| cleaned.elapsed() >= CLEANED_EVERY);
        if entries.by_whose.len() >= MANY && is_due {
            entries.remove_unused();
        }
        let entries = &mut entries.by_whose;
        let new = || Entry { quota, limiter: Arc::new(Limiter::new(quota)), used: Instant::now() };
        let entry = entries.entry(whose).or_insert_with(new);
        if entry.quota != quota {
            // The policy was loaded again. Running calls do not count any more.
            *entry = new();
        }
        entry.used = Instant::now();
        entry.limiter.clone()
    }

    /// Forgets those who have made no call for some time.
    pub(crate) fn release_idle(&self) {
        self.0.lock().remove_unused();
    }
}

impl Entries {
    fn remove_unused(&mut self) {
        self.cleaned = Some(Instant::now());
        self.by_whose.retain(|_, entry| {
            let runs = entry.limiter.running.as_ref();
            let most = entry.quota.concurrent.map_or(0, |most| u32::from(most) as usize);
            let is_running = runs.is_some_and(|running| running.available_permits() < most);
            is_running || entry.used.elapsed() < KEPT
        });
    }
}

impl Limiter {
    fn new(quota: CallQuota) -> Self {
        Self {
            rate: quota.per_second.map(|calls| RateLimiter::direct(Quota::per_second(calls))),
            running: quota
                .concurrent
                .map(|calls| Arc::new(Semaphore::new(u32::from(calls) as usize))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(text: &str) -> CallQuota {
        toml::from_str(text).unwrap()
    }

    fn token(name: &str) -> Whose {
        Whose::Token(name.into())
    }

    #[test]
    fn calls_in_a_second_and_at_the_same_time_are_limited_for_each() {
        let quotas = Quotas::default();
        let three = quota("per-second = 3");
        for _ in 0..3 {
            assert!(quotas.admit(three, || token("a")).is_ok());
        }
        let error = quotas.admit(three, || token("a")).unwrap_err();
        assert_eq!(error.to_string(), "this token may make 3 calls per second");
        assert!(error.retry_after <= Duration::from_secs(1), "{error:?}");
        assert!(quotas.admit(three, || token("b")).is_ok(), "another one has its own quota");

        let one = quota("concurrent = 1");
        let tenant = || Whose::Tenant("t".into(), "a".into());
        let running = quotas.admit(one, tenant).unwrap();
        assert!(running.is_some());
        let error = quotas.admit(one, tenant).unwrap_err();
        assert_eq!(
            error.to_string(),
            "one tenant of this template may make 1 calls at the same time"
        );
        quotas.release_idle();
        assert!(quotas.admit(one, tenant).is_err(), "a running call is not forgotten");
        drop(running);
        assert!(quotas.admit(one, tenant).is_ok());
    }

    #[test]
    fn a_changed_quota_applies_at_once_and_unused_ones_are_forgotten() {
        let quotas = Quotas::default();
        let narrow = quota("per-second = 1");
        assert!(quotas.admit(narrow, || token("a")).is_ok());
        assert!(quotas.admit(narrow, || token("a")).is_err());
        assert!(quotas.admit(quota("per-second = 5"), || token("a")).is_ok());
        assert!(quotas.admit(CallQuota::default(), || token("a")).is_ok());
        for entry in quotas.0.lock().by_whose.values_mut() {
            entry.used = Instant::now().checked_sub(KEPT).unwrap();
        }
        quotas.release_idle();
        assert!(quotas.0.lock().by_whose.is_empty());
    }
}

//! What all instances of one datasource share, and nobody else.

use crate::audit::{Audit, Counting};
use crate::aws::{IssuedKeys, KeyRing};
use crate::manifest::Manifest;
use crate::net::{pool::Connections, resolver::Resolve, target::LastOrigin};
use crate::runtime::timers::Timers;
use portcullis_policy::{CredentialScope, Policy};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

/// Policy, keys, connections and quotas of one datasource.
pub(crate) struct Shared {
    /// The datasource's name, for records.
    pub(crate) name: String,
    pub(crate) policy: Policy,
    pub(crate) manifest: Arc<Manifest>,
    /// Scopes that follow from settings which the operator wrote.
    pub(crate) own_scopes: Vec<CredentialScope>,
    pub(crate) keys: KeyRing,
    /// What signing keys were handed out for.
    pub(crate) issued: IssuedKeys,
    pub(crate) connections: Connections,
    pub(crate) last_origin: LastOrigin,
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) audit: Audit,
    pub(crate) timers: Timers,
    pub(crate) counting: Counting,
    quota: Quota,
    /// Counts the identities that there were.
    identity: AtomicU32,
}

/// What instances share of a guest's own bookkeeping.
struct Quota {
    clock_offset_ms: AtomicI64,
    retry_tokens: AtomicU32,
}

/// Tokens of the retry quota, as in the standard mode of AWS's SDKs.
const RETRY_TOKENS: u32 = 500;
/// The furthest that a guest can move its own clock: a day, as far as signing keys reach.
const MAX_CLOCK_OFFSET_MS: i64 = 24 * 60 * 60 * 1000;

/// What a datasource's [`Shared`] is made of.
pub(crate) struct Parts {
    pub(crate) name: String,
    pub(crate) policy: Policy,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) own_scopes: Vec<CredentialScope>,
    pub(crate) keys: KeyRing,
    pub(crate) connections: Connections,
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) audit: Audit,
    pub(crate) timers: Timers,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts {
            name,
            policy,
            manifest,
            own_scopes,
            keys,
            connections,
            resolver,
            audit,
            timers,
        } = parts;
        let quota = Quota {
            clock_offset_ms: AtomicI64::new(0),
            retry_tokens: AtomicU32::new(RETRY_TOKENS),
        };
        Self {
            name,
            policy,
            manifest,
            own_scopes,
            keys,
            issued: IssuedKeys::default(),
            connections,
            last_origin: LastOrigin::default(),
            resolver,
            audit,
            timers,
            counting: Counting::default(),
            quota,
            identity: AtomicU32::new(0),
        }
    }

    /// One of the DynamoDB plugin with a policy and nothing else.
    #[cfg(test)]
    pub(crate) fn of_policy(policy: Policy) -> Self {
        Self::new(Parts {
            name: "test".to_string(),
            policy,
            manifest: Arc::new(Manifest::parse(dynamodb_component::MANIFEST).unwrap()),
            own_scopes: Vec::new(),
            keys: KeyRing::new(None),
            connections: Connections::new(
                1,
                crate::net::tls::Tls::default(),
                Arc::new(rustls::RootCertStore::empty()),
            ),
            resolver: Arc::new(crate::net::resolver::SystemResolver),
            audit: Audit::default(),
            timers: Timers::default(),
        })
    }

    /// Which of the datasource's identities is in use: it changes with each.
    pub(crate) fn identity(&self) -> u32 {
        self.identity.load(Ordering::Acquire)
    }

    /// The datasource has another identity now: what was made with the one before is not used any more.
    pub(crate) fn change_identity(&self) {
        self.identity.fetch_add(1, Ordering::AcqRel);
        self.connections.clear();
    }

    pub(crate) fn clock_offset(&self) -> i64 {
        self.quota.clock_offset_ms.load(Ordering::Relaxed)
    }

    pub(crate) fn set_clock_offset(&self, offset_ms: i64) {
        self.quota
            .clock_offset_ms
            .store(offset_ms.clamp(-MAX_CLOCK_OFFSET_MS, MAX_CLOCK_OFFSET_MS), Ordering::Relaxed);
    }

    pub(crate) fn take_retry(&self, cost: u32) -> bool {
        self.quota
            .retry_tokens
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |tokens| tokens.checked_sub(cost))
            .is_ok()
    }

    pub(crate) fn return_retry(&self, cost: u32) {
        // The closure always gives a value, so this cannot fail.
        let _ =
            self.quota.retry_tokens.fetch_update(Ordering::AcqRel, Ordering::Acquire, |tokens| {
                Some(tokens.saturating_add(cost).min(RETRY_TOKENS))
            });
    }
}

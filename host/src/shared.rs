//! What all instances of one datasource share, and nobody else.

use crate::credentials::{KeyRing, Secret};
use crate::egress::{Connections, Resolve};
use crate::manifest::Manifest;
use portcullis_policy::{CredentialScope, Policy};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Policy, keys, connections and quotas of one datasource.
pub(crate) struct Shared {
    pub(crate) policy: Policy,
    pub(crate) manifest: Arc<Manifest>,
    /// Scopes that follow from settings which the operator wrote.
    pub(crate) own_scopes: Vec<CredentialScope>,
    pub(crate) keys: KeyRing,
    pub(crate) connections: Connections,
    pub(crate) resolver: Arc<dyn Resolve>,
    clock_offset_ms: AtomicI64,
    retry_tokens: AtomicU32,
    /// What signing keys were handed out for, newest last.
    issued: Mutex<VecDeque<Issued>>,
}

/// Who may sign a request, and for what: what was handed to the sandbox.
#[derive(PartialEq, Eq)]
pub(crate) struct Issued {
    /// `{access key id}/{date}/{region}/{service}/aws4_request`.
    pub(crate) credential: String,
    pub(crate) session_token: Option<Secret>,
}

/// Signing keys that a request may still be signed with: those of a few days and scopes, around a change of identity.
const MAX_ISSUED: usize = 256;

/// Tokens of the retry quota, as in the standard mode of AWS's SDKs.
const RETRY_TOKENS: u32 = 500;
/// The furthest that a guest can move its own clock: a day, as far as signing keys reach.
const MAX_CLOCK_OFFSET_MS: i64 = 24 * 60 * 60 * 1000;

impl Shared {
    pub(crate) fn new(
        policy: Policy,
        manifest: Arc<Manifest>,
        own_scopes: Vec<CredentialScope>,
        keys: KeyRing,
        connections: Connections,
        resolver: Arc<dyn Resolve>,
    ) -> Self {
        Self {
            policy,
            manifest,
            own_scopes,
            keys,
            connections,
            resolver,
            clock_offset_ms: AtomicI64::new(0),
            retry_tokens: AtomicU32::new(RETRY_TOKENS),
            issued: Mutex::default(),
        }
    }

    /// Notes what a key was handed out for.
    pub(crate) fn note_issued(&self, new: Issued) {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.retain(|known| *known != new);
        if issued.len() >= MAX_ISSUED {
            issued.pop_front();
        }
        issued.push_back(new);
    }

    /// Whether a request that is signed so may leave: with a key that was handed out, and the token that belongs to it.
    pub(crate) fn was_issued(&self, credential: &str, token: Option<&str>) -> bool {
        let issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.iter().any(|known| known.credential == credential && known.session_token.as_ref().map(Secret::expose) == token)
    }

    pub(crate) fn clock_offset(&self) -> i64 {
        self.clock_offset_ms.load(Ordering::Relaxed)
    }

    pub(crate) fn set_clock_offset(&self, offset_ms: i64) {
        self.clock_offset_ms.store(offset_ms.clamp(-MAX_CLOCK_OFFSET_MS, MAX_CLOCK_OFFSET_MS), Ordering::Relaxed);
    }

    pub(crate) fn take_retry(&self, cost: u32) -> bool {
        self.retry_tokens.fetch_update(Ordering::AcqRel, Ordering::Acquire, |tokens| tokens.checked_sub(cost)).is_ok()
    }

    pub(crate) fn return_retry(&self, cost: u32) {
        // The closure always gives a value, so this cannot fail.
        let _ = self
            .retry_tokens
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |tokens| Some(tokens.saturating_add(cost).min(RETRY_TOKENS)));
    }
}

//! What all instances of one datasource share, and no other datasource sees.

use portcullis_audit::{Audit, CallCounters};
use portcullis_aws::Service;
use portcullis_gate::Egress;
use portcullis_policy::{Access, ActionName, Limits, Manifest, Policy, TenantName};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

/// The policy, the service, the connections and the quotas of one datasource.
pub(crate) struct DatasourceState {
    /// The datasource's name, for records.
    pub(crate) name: String,
    pub(crate) policy: Arc<Policy>,
    pub(crate) manifest: Arc<Manifest>,
    /// Signing keys, and the checks that need to know the service.
    pub(crate) service: Arc<dyn Service>,
    pub(crate) egress: Arc<Egress>,
    pub(crate) audit: Arc<Audit>,
    /// What its calls have done, or also those of other datasources of the same template.
    pub(crate) counters: Arc<CallCounters>,
    /// The tenant whose datasource it is.
    pub(crate) tenant: Option<TenantName>,
    quota: Quota,
}

/// The part of a guest's own bookkeeping that its instances share.
struct Quota {
    clock_offset_ms: AtomicI64,
    retry_tokens: AtomicU32,
}

/// The size of the retry quota, as in the standard mode of the AWS SDKs.
const RETRY_TOKENS: u32 = 500;
/// How far a guest can move its own clock: one day, which is as far as signing keys reach.
const MAX_CLOCK_OFFSET_MS: i64 = 24 * 60 * 60 * 1000;

impl DatasourceState {
    pub(crate) fn new(
        name: String,
        policy: Arc<Policy>,
        manifest: Arc<Manifest>,
        service: Arc<dyn Service>,
        egress: Arc<Egress>,
        audit: Arc<Audit>,
    ) -> Self {
        Self {
            name,
            policy,
            manifest,
            service,
            egress,
            audit,
            counters: Arc::default(),
            tenant: None,
            quota: Quota {
                clock_offset_ms: AtomicI64::new(0),
                retry_tokens: AtomicU32::new(RETRY_TOKENS),
            },
        }
    }

    /// The limits of the policy.
    pub(crate) fn limits(&self) -> &Limits {
        &self.policy.limits
    }

    /// The access class of an action before its input is read; none if the manifest does not list
    /// it.
    pub(crate) fn min_access(&self, action: &ActionName) -> Option<Access> {
        self.manifest.action(action).map(portcullis_policy::Action::min_access)
    }

    pub(crate) fn clock_offset(&self) -> i64 {
        self.quota.clock_offset_ms.load(Ordering::Relaxed)
    }

    pub(crate) fn set_clock_offset(&self, offset_ms: i64) {
        let offset_ms = offset_ms.clamp(-MAX_CLOCK_OFFSET_MS, MAX_CLOCK_OFFSET_MS);
        self.quota.clock_offset_ms.store(offset_ms, Ordering::Relaxed);
    }

    pub(crate) fn take_retry(&self, cost: u32) -> bool {
        let take = |tokens: u32| tokens.checked_sub(cost);
        let tokens = &self.quota.retry_tokens;
        tokens.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_ok()
    }

    pub(crate) fn return_retry(&self, cost: u32) {
        let give = |tokens: u32| Some(tokens.saturating_add(cost).min(RETRY_TOKENS));
        // The closure always returns a value, so this cannot fail.
        let _ = self.quota.retry_tokens.fetch_update(Ordering::AcqRel, Ordering::Acquire, give);
    }

    /// A datasource of the DynamoDB plugin with a policy, and nothing else.
    #[cfg(test)]
    pub(crate) fn from_policy(policy: Policy) -> Arc<Self> {
        let policy = Arc::new(policy);
        let manifest = Arc::new(Manifest::parse(dynamodb_component::MANIFEST).unwrap());
        let egress = Egress::builder(policy.clone()).build().unwrap();
        let service = portcullis_aws::AwsService::new(manifest.clone(), policy.clone(), None);
        let name = "test".to_string();
        let service = Arc::new(service);
        Arc::new(Self::new(name, policy, manifest, service, egress, Arc::default()))
    }
}

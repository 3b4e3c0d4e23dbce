//! The configuration of one datasource.

use portcullis_audit::CallCounters;
use portcullis_aws::ProvideCredentials;
use portcullis_gate::{DryRun, TenantShare, Tls};
use portcullis_policy::{Policy, TenantName};
use std::fmt;
use std::sync::Arc;

/// The configuration of one datasource. By default it has no settings and no credentials, and may
/// do nothing.
///
/// ```
/// use portcullis::{DatasourceConfig, EnvCredentials, Policy, Settings};
///
/// let policy = Policy {
///     egress: vec!["https://dynamodb.eu-west-1.amazonaws.com".parse()?],
///     ..Policy::default()
/// };
/// let config = DatasourceConfig::new("orders")
///     .policy(policy)
///     .settings(Settings::Trusted(r#"{"region": "eu-west-1"}"#))
///     .credentials(EnvCredentials::default());
/// # drop(config);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct DatasourceConfig<'c> {
    pub(crate) name: &'c str,
    pub(crate) settings: Settings<'c>,
    pub(crate) policy: Policy,
    pub(crate) credentials: Option<Arc<dyn ProvideCredentials>>,
    pub(crate) tls: Tls,
    pub(crate) dry_run: Option<Arc<dyn DryRun>>,
    pub(crate) tenant: Option<TenantName>,
    pub(crate) counters: Option<Arc<CallCounters>>,
    pub(crate) share: Arc<TenantShare>,
}

/// The settings of a datasource, as JSON, and who wrote them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settings<'s> {
    /// The operator wrote the settings. Their region is the one that keys are derived for, unless
    /// the policy lists others. They are strict JSON.
    Trusted(&'s str),
    /// A user wrote the settings. Only the policy decides which keys are derived.
    Untrusted(&'s str),
}

impl<'s> Settings<'s> {
    /// The JSON text.
    #[must_use]
    pub fn as_str(self) -> &'s str {
        match self {
            Self::Trusted(text) | Self::Untrusted(text) => text,
        }
    }
}

impl<'c> DatasourceConfig<'c> {
    /// A datasource with this name, which appears in audit records, and with empty settings.
    #[must_use]
    pub fn new(name: &'c str) -> Self {
        Self {
            name,
            settings: Settings::Untrusted("{}"),
            policy: Policy::default(),
            credentials: None,
            tls: Tls::default(),
            dry_run: None,
            tenant: None,
            counters: None,
            share: Arc::default(),
        }
    }

    /// Sets the tenant whose datasource it is: audit records name it. If memory or instances are
    /// scarce, the tenant that holds most loses idle instances first. Default: none; the datasource
    /// is on its own.
    #[must_use]
    pub fn tenant(mut self, tenant: TenantName) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// Sets what the datasource shares with others of its tenant.
    pub(crate) fn share(mut self, share: Arc<TenantShare>) -> Self {
        self.share = share;
        self
    }

    /// Sets counters that the datasource shares with others.
    pub(crate) fn counters(mut self, counters: Arc<CallCounters>) -> Self {
        self.counters = Some(counters);
        self
    }

    /// Sets what the datasource may do. Default: nothing.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the settings that the plugin is connected with.
    #[must_use]
    pub fn settings(mut self, settings: Settings<'c>) -> Self {
        self.settings = settings;
        self
    }

    /// Sets where credentials come from. Default: none, for a service without credentials.
    #[must_use]
    pub fn credentials(self, credentials: impl ProvideCredentials + 'static) -> Self {
        self.shared_credentials(Arc::new(credentials))
    }

    /// Sets where credentials come from, for example from
    /// [`Host::provider`](crate::Host::provider).
    #[must_use]
    pub fn shared_credentials(mut self, credentials: Arc<dyn ProvideCredentials>) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Sets whom TLS trusts, and which certificate it presents.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Sends nothing: requests that pass the checks are given to `dry_run`, and the calls end in
    /// the error that the plugin makes of that. Names are not resolved.
    #[must_use]
    pub fn dry_run(mut self, dry_run: Arc<dyn DryRun>) -> Self {
        self.dry_run = Some(dry_run);
        self
    }
}

impl fmt::Debug for DatasourceConfig<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Settings may contain what a user considers secret.
        f.debug_struct("DatasourceConfig")
            .field("name", &self.name)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

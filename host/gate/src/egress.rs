//! What the gate keeps for one tenant: its policy, connections and TLS sessions.

use crate::dry_run::DryRun;
use crate::net::connection::Connection;
use crate::net::dial::{Dial, TcpDial};
use crate::net::pool::ConnectionPool;
use crate::net::resolver::{Lookups, Resolve, SystemResolver};
use crate::net::share::TenantShare;
use crate::net::target::LastTarget;
use crate::net::tls::{LazyTls, Tls, mozilla_roots};
use crate::timers::Timers;
use portcullis_policy::{LimitsError, Origin, Policy};
use rustls::RootCertStore;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The egress of one tenant: its policy, and the connections and TLS sessions that no other tenant
/// gets.
///
/// Keep one for each tenant and give each store a [`Gate`](crate::Gate).
///
/// ```
/// use portcullis_gate::Egress;
/// use portcullis_policy::Policy;
///
/// let policy = Policy { egress: vec!["https://example.com".parse()?], ..Policy::default() };
/// let egress = Egress::builder(policy).build()?;
/// assert_eq!(egress.policy().limits.requests, 1000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Egress {
    pub(crate) policy: Arc<Policy>,
    pub(crate) lookups: Lookups,
    pub(crate) dial: Arc<dyn Dial>,
    pub(crate) tls: LazyTls,
    pub(crate) pool: ConnectionPool,
    pub(crate) last_target: LastTarget,
    pub(crate) timers: Timers,
    /// Gets requests instead of the network, if it is set.
    pub(crate) dry_run: Option<Arc<dyn DryRun>>,
    /// The generation of the identity: it changes with each new identity.
    identity: AtomicU32,
}

/// Builds an [`Egress`].
pub struct EgressBuilder {
    policy: Arc<Policy>,
    resolver: Arc<dyn Resolve>,
    share: Arc<TenantShare>,
    dial: Arc<dyn Dial>,
    tls: Tls,
    roots: Option<Arc<RootCertStore>>,
    timers: Timers,
    dry_run: Option<Arc<dyn DryRun>>,
}

impl Egress {
    /// Builds the egress of a tenant with this policy.
    #[must_use]
    pub fn builder(policy: impl Into<Arc<Policy>>) -> EgressBuilder {
        EgressBuilder {
            policy: policy.into(),
            resolver: Arc::new(SystemResolver),
            share: Arc::default(),
            dial: Arc::new(TcpDial),
            tls: Tls::default(),
            roots: None,
            timers: Timers::tokio(),
            dry_run: None,
        }
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The timers that end requests.
    #[must_use]
    pub fn timers(&self) -> &Timers {
        &self.timers
    }

    /// The generation of the identity that requests are sent with.
    #[must_use]
    pub fn identity(&self) -> u32 {
        self.identity.load(Ordering::Acquire)
    }

    /// The tenant has a new identity, whose number is returned. Connections of the previous identity are
    /// not used any more.
    pub fn change_identity(&self) -> u32 {
        let before = self.identity.fetch_add(1, Ordering::AcqRel);
        self.pool.clear();
        before.wrapping_add(1)
    }

    /// Closes connections that have been idle for long, or that the peer has closed.
    pub fn prune(&self) {
        self.pool.prune();
    }

    /// Keeps a connection whose last response was read completely.
    pub(crate) fn keep(&self, origin: Arc<Origin>, connection: Connection) {
        self.pool.put(origin, connection);
    }
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl EgressBuilder {
    /// Resolves names with `resolver` instead of the operating system.
    #[must_use]
    pub fn resolver(mut self, resolver: Arc<dyn Resolve>) -> Self {
        self.resolver = resolver;
        self
    }

    /// Shares what one tenant may have with the tenant's other datasources. Default: a share of its own.
    #[must_use]
    pub fn share(mut self, share: Arc<TenantShare>) -> Self {
        self.share = share;
        self
    }

    /// Opens connections with `dial` instead of TCP.
    #[must_use]
    pub fn dial(mut self, dial: Arc<dyn Dial>) -> Self {
        self.dial = dial;
        self
    }

    /// Trusts other authorities than Mozilla's, or presents a client certificate.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Trusts `roots` if [`tls`](Self::tls) names no authorities. Default: Mozilla's list.
    #[must_use]
    pub fn roots(mut self, roots: Arc<RootCertStore>) -> Self {
        self.roots = Some(roots);
        self
    }

    /// Uses these timers. Default: tokio's.
    #[must_use]
    pub fn timers(mut self, timers: Timers) -> Self {
        self.timers = timers;
        self
    }

    /// Sends nothing: requests that pass the checks are given to `dry_run`.
    #[must_use]
    pub fn dry_run(mut self, dry_run: Arc<dyn DryRun>) -> Self {
        self.dry_run = Some(dry_run);
        self
    }

    /// Builds the egress. Nothing is sent.
    ///
    /// # Errors
    /// Returns an error if a limit of the policy is zero or too large.
    pub fn build(self) -> Result<Arc<Egress>, LimitsError> {
        let Self { policy, resolver, share, dial, tls, roots, timers, dry_run } = self;
        policy.limits.check()?;
        let roots = roots.unwrap_or_else(mozilla_roots);
        let max_idle = policy.limits.concurrent_calls as usize;
        Ok(Arc::new(Egress {
            policy,
            lookups: Lookups::new(resolver, share.clone()),
            dial,
            tls: LazyTls::new(tls, roots),
            pool: ConnectionPool::new(max_idle, share),
            last_target: LastTarget::default(),
            timers,
            dry_run,
            identity: AtomicU32::new(0),
        }))
    }
}

//! The running server, as its handlers see it.

use crate::certificate::{self, Certificate};
use crate::connections::{Connections, Peer};
use crate::deployment::{Changes, Deployment};
use crate::json_check::JsonCheck;
use crate::memory::Accounts;
use crate::metrics::Metrics;
use crate::overrides::Overrides;
use crate::quotas::Quotas;
use crate::recent::Recent;
use crate::refusals::{Recording, Refusals, Refused, Who};
use crate::setup::{PolicyLocation, SetupError, read_policy};
use crate::stored::{OpenStore, StoredDatasources};
use arc_swap::ArcSwap;
use portcullis::{
    ActionName, CacheSize, DatasourceCache, Host, JsonLines, OperatorAction, RefusedRequest,
    TenantName,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// The running server, as its handlers see it.
pub(crate) struct Server {
    pub(crate) host: Host,
    /// The datasources that callers describe.
    pub(crate) tenants: DatasourceCache,
    /// The datasources that callers have saved.
    pub(crate) stored: StoredDatasources,
    pub(crate) quotas: Quotas,
    /// The policy file; none if an embedded server is served.
    policy: Option<PolicyLocation>,
    overrides: Overrides,
    current: ArcSwap<Deployment>,
    /// The certificate that new connections get.
    pub(crate) certificate: Certificate,
    audit: Option<Arc<JsonLines>>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) accounts: Accounts,
    pub(crate) json: JsonCheck,
    refusals: Refusals,
    pub(crate) recent: Recent,
    pub(crate) metrics: Metrics,
    /// Whether the server is about to stop.
    draining: AtomicBool,
    /// Held during a reload: there is one at a time.
    reloading: Mutex<()>,
}

impl Server {
    pub(crate) fn new(
        host: Host,
        policy: Option<PolicyLocation>,
        overrides: Overrides,
        deployment: Deployment,
        accounts: Accounts,
        audit: Option<Arc<JsonLines>>,
    ) -> Result<Self, SetupError> {
        let certificate = certificate::read(&deployment.server, policy.as_ref())?;
        let connections = Connections::new(deployment.server.connections as usize);
        let folder = policy.as_ref().and_then(PolicyLocation::folder);
        let store = deployment.server.store.clone().map(|config| OpenStore::new(config, folder));
        Ok(Self {
            stored: StoredDatasources::new(store),
            tenants: DatasourceCache::new(&host, CacheSize::default()),
            quotas: Quotas::default(),
            host,
            policy,
            overrides,
            current: ArcSwap::from_pointee(deployment),
            certificate: Certificate::new(certificate),
            audit,
            connections,
            accounts,
            json: JsonCheck::new(),
            refusals: Refusals::default(),
            recent: Recent::default(),
            metrics: Metrics::default(),
            draining: AtomicBool::new(false),
            reloading: Mutex::new(()),
        })
    }

    /// The deployment that serves a request which arrives now, to its end.
    pub(crate) fn current(&self) -> Arc<Deployment> {
        self.current.load_full()
    }

    /// The server is about to stop.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Counts a connection that ends before its first request is complete, and records it.
    pub(crate) fn refused_connection(&self, peer: Peer, rule: &'static str) {
        self.metrics.count_refused_connection(rule);
        self.record_refusal(&Who::unknown(peer), &Refused::new(rule));
    }

    /// Records a request that was refused before any call, unless there are too many.
    pub(crate) fn record_refusal(&self, who: &Who<'_>, refused: &Refused) {
        let Recording::Record { left_out } = self.refusals.admit(who.peer, Instant::now()) else {
            return;
        };
        self.recent.refused(who, refused);
        let mut record = RefusedRequest::new(refused.rule);
        record.request = who.request;
        record.caller = who.caller;
        record.peer = Some(who.peer.0);
        record.datasource = refused.datasource.as_deref();
        record.action = refused.action.as_ref().map(ActionName::as_str);
        record.tenant = refused.tenant.as_ref().map(TenantName::as_str);
        record.subject = refused.reason.as_deref();
        record.unrecorded = (left_out > 0).then_some(left_out);
        self.host.record_refused_request(&record);
    }

    /// Records how many refusals have no record, if the next one does not.
    pub(crate) fn record_left_out(&self) {
        self.record_unrecorded(self.refusals.left_out(Instant::now()));
    }

    /// Records how many refusals have no record, before the server stops.
    pub(crate) fn record_last_left_out(&self) {
        self.record_unrecorded(self.refusals.last_left_out());
    }

    fn record_unrecorded(&self, left_out: u32) {
        if left_out > 0 {
            let mut record = RefusedRequest::new("unrecorded");
            record.unrecorded = Some(left_out);
            self.host.record_refused_request(&record);
        }
    }

    /// Records what an operator did. It is not known who did it if a signal did.
    pub(crate) fn record_operator(
        &self,
        who: Option<&Who<'_>>,
        action: &'static str,
        subject: &str,
        is_ok: bool,
    ) {
        let mut record = OperatorAction::new(action, is_ok);
        record.request = who.and_then(|who| who.request);
        record.caller = who.and_then(|who| who.caller);
        record.peer = who.map(|who| who.peer.0);
        record.subject = Some(subject).filter(|subject| !subject.is_empty());
        self.host.record_operator(&record);
    }

    /// Finds out in the background which datasources cannot be connected.
    pub(crate) fn verify(&self) {
        let store = self.stored.store().cloned();
        tokio::spawn(async move {
            if let Some(store) = store
                && let Err(failure) = store.reseal().await
            {
                tracing::warn!(
                    target: "portcullis::serve",
                    reason = %failure, "saved datasources are not available"
                );
            }
        });
        let current = Arc::downgrade(&self.current());
        tokio::spawn(Deployment::verify(current, self.host.clone()));
    }

    /// Reads the policy again: what the operator wrote is in force as a whole or not at all.
    /// Running calls end under the policy that they began with.
    pub(crate) async fn reload(&self, who: Option<&Who<'_>>) -> Result<Changes, SetupError> {
        let _alone = self.reloading.lock().await;
        let time = self.current().server.reload_timeout;
        // Also if the policy cannot be used: a log rotation does not depend on it.
        self.reopen_audit(time).await;
        let result = timeout(time, self.read_again()).await.unwrap_or_else(|_| {
            let time = humantime::format_duration(time);
            let late = format!("the files were not read within server.reload-timeout, {time}");
            Err(SetupError::environment(late))
        });
        let subject = match &result {
            Ok(changes) => changes.to_string(),
            Err(error) => error.to_string().replace('\n', "; "),
        };
        self.record_operator(who, "reload", &subject, result.is_ok());
        if let Ok(Changes { tokens, .. }) = &result {
            if !tokens.is_empty() {
                self.record_operator(who, "tokens", &tokens.to_string(), true);
            }
            let changes = subject;
            tracing::info!(target: "portcullis::serve", changes, "the policy was reloaded");
            self.verify();
        } else {
            let reason = subject;
            tracing::error!(
                target: "portcullis::serve",
                reason, "the policy cannot be used; the previous one stays in force"
            );
        }
        self.metrics.count_reload(result.is_ok());
        result
    }

    /// Opens the audit file again, since a log rotation may have renamed it. If it cannot be opened,
    /// records go to the previous one.
    async fn reopen_audit(&self, time: Duration) {
        let Some(audit) = self.audit.clone() else { return };
        let reopening = tokio::task::spawn_blocking(move || audit.reopen());
        let failure = match timeout(time, reopening).await {
            Ok(Ok(Ok(()))) => return,
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took too long".to_string(),
        };
        tracing::error!(
            target: "portcullis::serve",
            "the audit file cannot be reopened: {failure}"
        );
    }

    async fn read_again(&self) -> Result<Changes, SetupError> {
        let Some(policy) = self.policy.clone() else {
            return Err(SetupError::configuration(
                "there is no policy file: the server was started with --local",
            ));
        };
        let before = self.current();
        let file = {
            let policy = policy.clone();
            off_workers(move || read_policy(policy.path())).await?
        };
        let next = Deployment::new(
            &self.host,
            &policy,
            file,
            &self.overrides,
            &self.accounts,
            Some(&before),
        )
        .await?;
        let server = next.server.clone();
        let certificate = off_workers(move || certificate::read(&server, Some(&policy))).await?;
        self.certificate.replace(certificate);
        let changes = next.changes_since(&before);
        self.accounts.retain(|name| next.server.tokens.contains_key(name));
        self.current.store(Arc::new(next));
        Ok(changes)
    }

    /// Finds out whether another file is in the place of the store, so that nothing of the one before
    /// stays in use.
    pub(crate) fn check_store(&self) {
        if let Some(store) = self.stored.store().cloned() {
            // A failure is told to those who use the store.
            tokio::spawn(async move { store.check().await });
        }
    }

    /// Releases the datasources that nobody uses.
    pub(crate) fn release_idle(&self) {
        let current = self.current();
        for served in current.datasources.values() {
            served.release_if_idle(current.server.idle_timeout);
        }
        self.tenants.release_idle(current.server.idle_timeout);
        self.stored.release_idle(current.server.idle_timeout);
        self.metrics.by_tenant.release_idle(current.server.idle_timeout);
        self.quotas.release_idle();
        self.accounts.release_tenants();
    }
}

/// Reads files on a thread of its own: others may have replaced a file by something that does not
/// respond.
async fn off_workers<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, SetupError> + Send + 'static,
) -> Result<T, SetupError> {
    tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| {
        Err(SetupError::environment(format!("the files cannot be read: {error}")))
    })
}

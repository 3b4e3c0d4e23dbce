//! The running server, as its handlers see it.

use crate::certificate::{self, Certificate};
use crate::deployment::{Changes, Deployment};
use crate::metrics::Metrics;
use crate::overrides::Overrides;
use crate::setup::{SetupError, read_policy};
use arc_swap::ArcSwap;
use portcullis::{Host, JsonLines, MemoryLimit};
use portcullis_config::ServerConfig;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Mutex;

/// The running server, as its handlers see it.
pub(crate) struct Server {
    host: Host,
    /// The policy file; none if an embedded server is served.
    file: Option<PathBuf>,
    overrides: Overrides,
    current: ArcSwap<Deployment>,
    /// The certificate that new connections get.
    pub(crate) certificate: Certificate,
    audit: Option<Arc<JsonLines>>,
    pub(crate) metrics: Metrics,
    /// Whether the server is about to stop.
    draining: AtomicBool,
    /// Held during a reload: there is one at a time.
    reloading: Mutex<()>,
}

impl Server {
    pub(crate) fn new(
        host: Host,
        file: Option<PathBuf>,
        overrides: Overrides,
        deployment: Deployment,
        audit: Option<Arc<JsonLines>>,
    ) -> Result<Self, SetupError> {
        let certificate = certificate::read(&deployment.server, file.as_deref())?;
        Ok(Self {
            host,
            file,
            overrides,
            current: ArcSwap::from_pointee(deployment),
            certificate: Certificate::new(certificate),
            audit,
            metrics: Metrics::default(),
            draining: AtomicBool::new(false),
            reloading: Mutex::new(()),
        })
    }

    /// The deployment that serves a request which arrives now, to its end.
    pub(crate) fn current(&self) -> Arc<Deployment> {
        self.current.load_full()
    }

    /// The memory limit of the host.
    pub(crate) fn memory(&self) -> &MemoryLimit {
        self.host.memory()
    }

    pub(crate) fn config(&self) -> ServerConfig {
        self.current().server.clone()
    }

    /// The server is about to stop.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Reads the policy again: all of it, or nothing. Running calls end under the policy that they
    /// began with.
    pub(crate) async fn reload(&self) -> Result<Changes, SetupError> {
        let _alone = self.reloading.lock().await;
        let result = self.read_again().await;
        match &result {
            Ok(changes) => {
                tracing::info!(target: "portcullis::serve", ?changes, "the policy was reloaded");
            }
            Err(error) => {
                let reason = error.to_string().replace('\n', "; ");
                tracing::error!(
                    target: "portcullis::serve",
                    reason, "the policy cannot be used; the previous one stays in force"
                );
            }
        }
        self.metrics.count_reload(result.is_ok());
        result
    }

    async fn read_again(&self) -> Result<Changes, SetupError> {
        let Some(path) = &self.file else {
            return Err(SetupError::configuration(
                "there is no policy file: the server was started with --local",
            ));
        };
        let before = self.current();
        let file = read_policy(path)?;
        let next =
            Deployment::connect(&self.host, path, file, &self.overrides, Some(&before)).await?;
        let certificate = certificate::read(&next.server, Some(path))?;
        // From here on nothing fails. A log rotation wants a new audit file; if it cannot be
        // opened, records go to the previous one.
        if let Some(Err(error)) = self.audit.as_ref().map(|audit| audit.reopen()) {
            tracing::error!(
                target: "portcullis::serve",
                "the audit file cannot be reopened: {error}"
            );
        }
        self.certificate.replace(certificate);
        let changes = next.changes(&before);
        self.current.store(Arc::new(next));
        Ok(changes)
    }
}

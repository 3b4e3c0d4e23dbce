//! The host: one engine, and everything that is loaded into it.

use crate::config::{DatasourceConfig, Settings};
use crate::datasource::{self, Datasource};
use crate::datasource_state::DatasourceState;
use crate::error::{ConfigError, Error};
use crate::load_error::LoadError;
use crate::plugin::{Loader, Plugin, Source};
use crate::runtime::Runtime;
use crate::runtime::permits::ConcurrencyLimit;
use crate::store_state::StoreState;
use bytes::Bytes;
use portcullis_audit::{Audit, Histogram, OperatorAction, Outcome, RefusedRequest};
use portcullis_aws::credentials::HttpFuture;
use portcullis_aws::{AwsService, HttpSend, Processes, ProvideCredentials};
use portcullis_compiler::Compiler;
use portcullis_gate::{Dial, Egress, OperatorGate, Resolve};
use portcullis_memory::MemoryLimit;
use portcullis_policy::{CredentialSource, Limits, Manifest, Policy};
use rustls::RootCertStore;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::Engine;
use wasmtime::component::Linker;

/// Loads plugins and connects datasources. Cheap to clone; one serves a whole process.
///
/// ```no_run
/// use portcullis::{DatasourceConfig, EnvCredentials, Host, Policy, Settings};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let host = Host::new()?;
/// let plugin = host.load(dynamodb_component::COMPONENT, dynamodb_component::MANIFEST, None)?;
/// let policy = Policy {
///     egress: vec!["https://dynamodb.eu-west-1.amazonaws.com".parse()?],
///     ..Policy::default()
/// };
/// let config = DatasourceConfig::new("orders")
///     .policy(policy)
///     .settings(Settings::Trusted(r#"{"region": "eu-west-1"}"#))
///     .credentials(EnvCredentials::default());
/// let orders = host.connect(&plugin, config).await?;
/// # drop(orders);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Host {
    pub(crate) inner: Arc<Inner>,
}

/// The parts of a host.
pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<StoreState>,
    pub(crate) roots: Option<Arc<RootCertStore>>,
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) dial: Arc<dyn Dial>,
    pub(crate) compiler: Compiler,
    pub(crate) audit: Arc<Audit>,
    pub(crate) runtime: Runtime,
    /// Sends the requests of AWS's own credential sources.
    pub(crate) credentials_http: Arc<dyn HttpSend>,
}

/// How long a plugin may take to describe itself: it prints what it knows, and sends nothing.
const DESCRIBE: Duration = Duration::from_secs(5);

impl Host {
    /// Loads a plugin: checks and compiles it. `sha256` pins the component's digest, in
    /// hexadecimal.
    ///
    /// This blocks the calling thread while the component compiles: tens of milliseconds for each
    /// 100 KB, and at most the [compile timeout](crate::HostBuilder::compile_timeout). Load plugins
    /// when the program starts, or within `tokio::task::spawn_blocking`.
    ///
    /// # Errors
    /// Returns an error if this is not a component of the plugin world, if it imports more than a
    /// plugin gets, if it is not the pinned one, or if the manifest cannot be used.
    pub fn load<'s>(
        &self,
        component: impl Into<Source<'s>>,
        manifest: &str,
        sha256: Option<&str>,
    ) -> Result<Plugin, LoadError> {
        let source = component.into();
        let bytes = source.read()?;
        let manifest = Manifest::parse(manifest)?;
        let Inner { engine, linker, compiler, .. } = &*self.inner;
        let loader = Loader { engine, linker, compiler };
        Plugin::load(&loader, &bytes, manifest, sha256)
    }

    /// Connects a datasource: the plugin checks the settings. Nothing is sent, and no credentials
    /// are fetched.
    ///
    /// # Errors
    /// Returns [`PluginError::InvalidSettings`](crate::PluginError::InvalidSettings) with every
    /// problem if the settings cannot be used, [`Error::Config`] if the configuration cannot be
    /// used, or another error if the plugin fails when it starts.
    pub async fn connect(
        &self,
        plugin: &Plugin,
        config: DatasourceConfig<'_>,
    ) -> Result<Datasource, Error> {
        let datasource = self.configure(plugin, config)?;
        datasource.warm_up().await?;
        Ok(datasource)
    }

    /// Returns a datasource that is connected on first use: for platforms with thousands of them,
    /// of which few are used at a time. An unused one takes some kilobytes. Problems of its
    /// settings are reported by the first call.
    ///
    /// # Errors
    /// Returns [`Error::Config`] if a limit allows no call to succeed or trusted settings are not
    /// strict JSON, or [`Error::Limit`] if the settings are too large.
    pub fn configure(
        &self,
        plugin: &Plugin,
        config: DatasourceConfig<'_>,
    ) -> Result<Datasource, Error> {
        let limit = ConcurrencyLimit::new(&config.policy.limits, self.inner.runtime.limit.clone());
        self.configure_within(plugin, config, Arc::new(limit))
    }

    /// A datasource within a concurrency limit that it may share with others.
    pub(crate) fn configure_within(
        &self,
        plugin: &Plugin,
        config: DatasourceConfig<'_>,
        limit: Arc<ConcurrencyLimit>,
    ) -> Result<Datasource, Error> {
        let settings = config.settings.as_str().to_string();
        let state = self.state(plugin, config)?;
        Datasource::new(plugin.clone(), settings, state, limit, self.inner.runtime.clone())
    }

    /// What a plugin says about itself, as JSON: for people and for forms. The host decides nothing
    /// by it.
    ///
    /// # Errors
    /// Returns an error if the plugin fails.
    pub async fn describe(&self, plugin: &Plugin) -> Result<String, Error> {
        let limits = Limits::default().with_deadline(DESCRIBE);
        let policy = Policy { limits, ..Policy::default() };
        let config = DatasourceConfig::new("").policy(policy);
        let state = self.state(plugin, config)?;
        datasource::describe(plugin, &state, &self.inner.runtime).await
    }

    /// The memory limit of this host, and how much of it is used. A program that holds bodies of
    /// its callers reserves memory for them here.
    #[must_use]
    pub fn memory(&self) -> &Arc<MemoryLimit> {
        &self.inner.runtime.memory
    }

    /// How long the calls of all datasources took that have ended, by action and outcome. Calls
    /// without an action count under their export: `test`, `structure`. Actions that the plugin's
    /// manifest does not list count as `other`, and so do those after the first 512 pairs of an
    /// action and an outcome.
    #[must_use]
    pub fn latencies(&self) -> Vec<(String, Outcome, Histogram)> {
        self.inner.audit.latencies().read()
    }

    /// Records a request that a server refused before any call began. A record that cannot be
    /// written is logged: the request is refused anyway.
    pub fn record_refused_request(&self, request: &RefusedRequest<'_>) {
        self.inner.audit.record_refused_request(request);
    }

    /// Checks that audit records can be written, before something is done that needs one.
    ///
    /// # Errors
    /// Returns an error if they cannot, and nothing may be done without.
    pub fn check_audit(&self) -> Result<(), Error> {
        self.inner.audit.check().map_err(|source| Error::Audit { source, maybe_applied: false })
    }

    /// Records something that an operator did. A record that cannot be written is logged, since it
    /// is already done.
    pub fn record_operator(&self, action: &OperatorAction<'_>) {
        self.inner.audit.record_operator(action);
    }

    /// The credentials source that a policy names. AWS's own sources need the feature `aws-config`;
    /// without it they give no credentials, and their error says so. Their requests pass the gate
    /// under fixed rules: TLS, this machine, or a metadata service. `processes` says whether a
    /// profile file of the policy may run a process.
    #[must_use]
    pub fn provider(
        &self,
        source: &CredentialSource,
        processes: Processes,
    ) -> Arc<dyn ProvideCredentials> {
        portcullis_aws::credentials::provider(source, &self.inner.credentials_http, processes)
    }

    fn state(
        &self,
        plugin: &Plugin,
        config: DatasourceConfig<'_>,
    ) -> Result<Arc<DatasourceState>, ConfigError> {
        let DatasourceConfig {
            name,
            policy,
            settings,
            credentials,
            tls,
            dry_run,
            tenant,
            counters,
            share,
        } = config;
        let policy = Arc::new(policy);
        let manifest = plugin.shared_manifest();
        let mut egress = Egress::builder(policy.clone())
            .resolver(self.inner.resolver.clone())
            .dial(self.inner.dial.clone())
            .tls(tls)
            .share(share)
            .timers(self.inner.runtime.timers.clone());
        if let Some(roots) = &self.inner.roots {
            egress = egress.roots(roots.clone());
        }
        if let Some(dry_run) = dry_run {
            egress = egress.dry_run(dry_run);
        }
        let egress = egress.build()?;
        let mut service =
            AwsService::new(manifest.clone(), policy.clone(), credentials).named(name);
        if let Settings::Trusted(settings) = settings {
            service = service
                .trust_settings(settings)
                .map_err(|error| ConfigError::Settings(Arc::new(error)))?;
        }
        let audit = self.inner.audit.clone();
        let name = name.to_string();
        let service = Arc::new(service);
        let mut state = DatasourceState::new(name, policy, manifest, service, egress, audit);
        state.tenant = tenant;
        if let Some(counters) = counters {
            state.counters = counters;
        }
        Ok(Arc::new(state))
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

/// The host's gate, for AWS's own credential sources.
#[derive(Debug)]
pub(crate) struct CredentialsHttp(pub(crate) OperatorGate);

impl HttpSend for CredentialsHttp {
    fn send(
        &self,
        request: http::Request<Bytes>,
        connect: Duration,
        read: Duration,
    ) -> HttpFuture<'_> {
        Box::pin(async move { Ok(self.0.send(request, connect, read).await?) })
    }
}

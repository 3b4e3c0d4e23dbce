//! The host: one engine, and all that is loaded into it.

use crate::audit::{Audit, AuditSink};
use crate::aws::{KeyRing, ProvideCredentials};
use crate::cache::Cache;
use crate::datasource::state::{Parts, Shared};
use crate::datasource::{Around, Datasource, Idle};
use crate::error::{Error, Fault, LoadError, PluginError};
use crate::manifest::Manifest;
use crate::net::pool::Connections;
use crate::net::resolver::{Resolve, SystemResolver};
use crate::net::tls::Tls;
use crate::plugin::{Loader, Plugin, Source};
use crate::runtime::permits::AllTurns;
use crate::runtime::scheduler::Fairness;
use crate::runtime::timers::Timers;
use crate::state::{self, State};
use portcullis_policy::{CredentialScope, CredentialSource, Limits, MAX_TABLES, Policy};
use rustls::RootCertStore;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use wasmtime::component::Linker;
use wasmtime::{
    Config, Enabled, Engine, EngineWeak, InstanceAllocationStrategy, PoolingAllocationConfig,
};

/// Loads plugins and connects datasources. Cheap to clone; one serves a whole process.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    linker: Linker<State>,
    roots: Arc<RootCertStore>,
    resolver: Arc<dyn Resolve>,
    cache: Option<Cache>,
    compile_timeout: Duration,
    audit: Audit,
    around: Around,
    #[cfg(feature = "aws-config")]
    operator: crate::net::operator::OperatorGate,
}

/// The datasources of a host.
pub(crate) type Datasources = Arc<Mutex<Vec<Weak<Idle>>>>;

/// What a host is made of, where the defaults do not serve.
pub struct HostBuilder {
    config: Config,
    pooling: bool,
    roots: RootCertStore,
    resolver: Arc<dyn Resolve>,
    cache: Option<PathBuf>,
    compile_timeout: Duration,
    audit: Audit,
    concurrent_calls: u32,
}

/// What a datasource is made of.
pub struct Connect<'a> {
    /// Its name, for records.
    pub name: &'a str,
    /// The settings, as JSON text.
    pub settings: &'a str,
    /// Whether the operator wrote the settings, who may then choose the region that keys are derived for.
    pub settings_are_trusted: bool,
    /// What it may do.
    pub policy: Policy,
    /// Where credentials come from; none for a service without.
    pub credentials: Option<Arc<dyn ProvideCredentials>>,
    /// Whom it trusts in TLS, and as whom it presents itself.
    pub tls: Tls,
}

impl Default for Connect<'_> {
    /// Without settings and credentials, and allowed nothing.
    fn default() -> Self {
        Self {
            name: "datasource",
            settings: "{}",
            settings_are_trusted: false,
            policy: Policy::default(),
            credentials: None,
            tls: Tls::default(),
        }
    }
}

/// How often idle instances and connections are looked for.
const SWEEP: Duration = Duration::from_secs(5);
/// Calls at the same time, in all datasources, where the builder is told nothing else: each may take the 192 MiB of
/// `limits.memory`, and most take one.
const CONCURRENT_CALLS: u32 = 1024;
/// How long a plugin may take to describe itself: it prints what it knows, and sends nothing.
const DESCRIBE: Duration = Duration::from_secs(5);
/// How long compiling may take, where the builder is told nothing else: ours takes half a second, and the largest that
/// is loaded half a minute.
const COMPILE_TIMEOUT: Duration = Duration::from_mins(1);

impl Host {
    /// A host with the defaults.
    ///
    /// # Errors
    /// This machine cannot run wasmtime.
    pub fn new() -> Result<Self, LoadError> {
        Self::builder().build()
    }

    /// A host to be changed before it is built.
    #[must_use]
    pub fn builder() -> HostBuilder {
        let mut config = Config::new();
        config.wasm_component_model(true);
        // Plugins use WASI 0.2, which needs none of the concurrency of 0.3: calls are cheaper without.
        config.concurrency_support(false);
        config.epoch_interruption(true);
        // A backtrace of a guest says nothing to a user, and costs memory in every trap.
        config.wasm_backtrace_max_frames(None);
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        HostBuilder {
            config,
            pooling: true,
            roots,
            resolver: Arc::new(SystemResolver),
            cache: None,
            compile_timeout: COMPILE_TIMEOUT,
            audit: Audit::default(),
            concurrent_calls: CONCURRENT_CALLS,
        }
    }

    /// Loads a plugin: checks and compiles it. It takes tens of milliseconds for each 100 KB, so load when you start and
    /// not on the way of a request. `sha256` pins the component's digest, in hexadecimal.
    ///
    /// # Errors
    /// It is not a component of the plugin world, imports more than a plugin gets, or is not the pinned one.
    pub fn load<'s>(
        &self,
        component: impl Into<Source<'s>>,
        manifest: &str,
        sha256: Option<&str>,
    ) -> Result<Plugin, LoadError> {
        let source = component.into();
        let bytes = source.read()?;
        let manifest = Manifest::parse(manifest)?;
        let Inner { engine, linker, cache, compile_timeout, .. } = &*self.inner;
        let loader = Loader { engine, linker, cache: cache.as_ref(), patience: *compile_timeout };
        Plugin::load(&loader, &bytes, manifest, sha256)
    }

    /// Connects a datasource: the plugin checks the settings. Nothing is sent, and no credential is fetched.
    ///
    /// # Errors
    /// [`crate::PluginError::InvalidSettings`] with every fault, or a plugin that fails at its start.
    pub async fn connect(
        &self,
        plugin: &Plugin,
        connect: Connect<'_>,
    ) -> Result<Datasource, Error> {
        let datasource = self.configure(plugin, connect)?;
        datasource.warm_up().await?;
        Ok(datasource)
    }

    /// A datasource that is connected when it is first used: for platforms with thousands of them, of which few are used
    /// at a time. One that waits takes some kilobytes. What is wrong with its settings is then said by the first call.
    ///
    /// # Errors
    /// Limits that let no call succeed, or trusted settings that are not JSON.
    pub fn configure(&self, plugin: &Plugin, connect: Connect<'_>) -> Result<Datasource, Error> {
        let Connect { name, settings, settings_are_trusted, policy, credentials, tls } = connect;
        policy.limits.check().map_err(|message| Error::Plugin(PluginError::Other(message)))?;
        let own_scopes = if settings_are_trusted && policy.signing.is_none() {
            own_scopes(plugin.manifest(), settings)?
        } else {
            Vec::new()
        };
        let shared = self.shared(name, plugin, policy, own_scopes, credentials, tls);
        let datasource = Datasource::new(
            plugin.clone(),
            settings.to_string(),
            Arc::new(shared),
            self.inner.around.clone(),
        )?;
        self.inner
            .around
            .neighbours
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(datasource.idle());
        Ok(datasource)
    }

    /// What a plugin says of itself, as JSON. For people and forms: nothing is decided by it.
    ///
    /// # Errors
    /// The plugin fails.
    pub async fn describe(&self, plugin: &Plugin) -> Result<String, Error> {
        let policy =
            Policy { limits: Limits::default().with_deadline(DESCRIBE), ..Policy::default() };
        let shared = self.shared("", plugin, policy, Vec::new(), None, Tls::default());
        crate::datasource::describe(plugin, &Arc::new(shared), &self.inner.around).await
    }

    /// The provider that a policy names. AWS's own sources need the feature `aws-config`; without it they give none, and
    /// say so. What they ask for leaves through the gate, under fixed rules: TLS, this machine, or a metadata service.
    #[must_use]
    pub fn provider(&self, source: &CredentialSource) -> Arc<dyn ProvideCredentials> {
        match source {
            #[cfg(feature = "aws-config")]
            CredentialSource::Profile { .. }
            | CredentialSource::WebIdentity { .. }
            | CredentialSource::Container
            | CredentialSource::Instance
            | CredentialSource::Role { .. } => {
                Arc::new(crate::aws::AwsProvider::new(source, &self.inner.operator))
            }
            source => crate::aws::own(source),
        }
    }

    fn shared(
        &self,
        name: &str,
        plugin: &Plugin,
        policy: Policy,
        own_scopes: Vec<CredentialScope>,
        credentials: Option<Arc<dyn ProvideCredentials>>,
        tls: Tls,
    ) -> Shared {
        let connections = Connections::new(
            policy.limits.concurrent_calls as usize,
            tls,
            self.inner.roots.clone(),
        );
        Shared::new(Parts {
            name: name.to_string(),
            policy,
            manifest: plugin.shared_manifest(),
            own_scopes,
            keys: KeyRing::new(credentials),
            connections,
            resolver: self.inner.resolver.clone(),
            audit: self.inner.audit.clone(),
            timers: self.inner.around.timers.clone(),
        })
    }
}

/// The scopes that the operator's own settings ask for. What the plugin reads in them must be what is read here, so
/// relaxed JSON does not do.
fn own_scopes(manifest: &Manifest, settings: &str) -> Result<Vec<CredentialScope>, Error> {
    if manifest.signing.is_none() {
        return Ok(Vec::new());
    }
    match serde_json::from_str(settings) {
        Ok(settings) => Ok(manifest.scope(&settings).into_iter().collect()),
        Err(error) => {
            let message = format!(
                "trusted settings are strict JSON, without comments and trailing commas: {error}"
            );
            Err(Error::Plugin(PluginError::InvalidSettings(vec![Fault {
                pointer: String::new(),
                message,
            }])))
        }
    }
}

impl HostBuilder {
    /// With another resolver than the operating system's.
    #[must_use]
    pub fn resolver(mut self, resolver: impl Resolve + 'static) -> Self {
        self.resolver = Arc::new(resolver);
        self
    }

    /// With other authorities for TLS than Mozilla's list.
    #[must_use]
    pub fn roots(mut self, roots: RootCertStore) -> Self {
        self.roots = roots;
        self
    }

    /// With a folder for compiled code, which is made where there is none. A plugin is then compiled once on a machine.
    /// It must belong to this process's user, and be closed to all others.
    #[must_use]
    pub fn cache(mut self, folder: impl AsRef<Path>) -> Self {
        self.cache = Some(folder.as_ref().to_path_buf());
        self
    }

    /// With another time for compiling a plugin; default 1 min.
    #[must_use]
    pub fn compile_timeout(mut self, timeout: Duration) -> Self {
        self.compile_timeout = timeout;
        self
    }

    /// With a place for audit records, beside `tracing`. Calls that cannot be written down there are refused; where
    /// `lets_pass` is true, they pass.
    #[must_use]
    pub fn audit(mut self, sink: Arc<dyn AuditSink>, lets_pass: bool) -> Self {
        self.audit = Audit::new(sink, lets_pass);
        self
    }

    /// With another bound on calls at the same time, in all datasources; default 1024. There is room for four times as many
    /// instances, 256 at least and 4096 at most, and to reserve it takes time when the host is built: some 3 µs for each.
    #[must_use]
    pub fn concurrent_calls(mut self, calls: u32) -> Self {
        self.concurrent_calls = calls;
        self
    }

    /// With a meter for what guests compute, which [`Counters`](crate::Counters) then tell in wasmtime's fuel: about one
    /// unit for each instruction, whatever the machine is doing. Guests run a little slower with it.
    #[must_use]
    pub fn meter(mut self) -> Self {
        self.config.consume_fuel(true);
        self
    }

    /// With memories made one by one by `creator`. Slower than the pool; a test can then look into them.
    #[must_use]
    pub fn host_memory(mut self, creator: Arc<dyn wasmtime::MemoryCreator>) -> Self {
        self.config.with_host_memory(creator);
        self.config
            .memory_reservation(0)
            .memory_reservation_for_growth(0)
            .memory_guard_size(0)
            .memory_init_cow(false);
        self.pooling = false;
        self
    }

    /// Builds the host.
    ///
    /// # Errors
    /// This machine cannot run wasmtime.
    pub fn build(mut self) -> Result<Host, LoadError> {
        let invalid = |error: wasmtime::Error| {
            LoadError::Invalid(format!("wasmtime does not run here: {error:#}"))
        };
        let turns = AllTurns::new(self.concurrent_calls);
        let engine = if self.pooling {
            let mut pooled = self.config.clone();
            pooled
                .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(turns.instances())));
            // Where address space is bounded, the pool cannot be reserved; instances are then made one by one.
            Engine::new(&pooled).or_else(|_| Engine::new(&self.config))
        } else {
            self.config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
            Engine::new(&self.config)
        };
        let engine = engine.map_err(invalid)?;
        let mut linker = Linker::new(&engine);
        state::link(&mut linker).map_err(invalid)?;
        let cache = self.cache.as_deref().map(Cache::open).transpose()?;
        let roots = Arc::new(self.roots);
        let neighbours = Datasources::default();
        let fairness = Fairness::new();
        let timers = Timers::default();
        tick(engine.weak(), fairness.clone(), timers.clone());
        sweep(&neighbours);
        let around = Around { fairness, timers, turns, neighbours };
        #[cfg(feature = "aws-config")]
        let operator = crate::net::operator::OperatorGate::new(
            self.resolver.clone(),
            Tls::default().client_config(&roots)?,
        );
        Ok(Host {
            inner: Arc::new(Inner {
                engine,
                linker,
                roots,
                resolver: self.resolver,
                cache,
                compile_timeout: self.compile_timeout,
                audit: self.audit,
                around,
                #[cfg(feature = "aws-config")]
                operator,
            }),
        })
    }
}

/// A pool for many small guests.
fn pool(instances: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(instances)
        .total_core_instances(instances * 4)
        .total_memories(instances)
        .total_tables(instances * 2)
        .total_stacks(instances)
        .max_memories_per_component(state::MAX_MEMORIES as u32)
        .max_tables_per_component(MAX_TABLES)
        .max_core_instances_per_component(portcullis_policy::MAX_INSTANCES)
        .max_unused_warm_slots(32)
        // What an instance has touched is written back rather than given back, as far as a small call goes: the next one
        // meets no page faults. The kernel says what was touched; where it does not know how to (before Linux 6.7), the
        // first bytes are written.
        .linear_memory_keep_resident(256 * 1024)
        .pagemap_scan(Enabled::Auto)
        .table_keep_resident(64 * 1024);
    pool
}

/// Lets running guests yield, and timers ring, as long as the engine lives.
fn tick(engine: EngineWeak, fairness: Fairness, timers: Timers) {
    let run = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            fairness.take_back();
            timers.ring();
            std::thread::sleep(fairness.slice());
        }
    };
    std::thread::Builder::new()
        .name("portcullis-tick".to_string())
        .spawn(run)
        .expect("a thread can be started");
}

/// Drops what is idle, now and then, as long as the host lives. On a thread of its own: it takes time, and ticks must not wait.
fn sweep(datasources: &Datasources) {
    let datasources = Arc::downgrade(datasources);
    let run = move || {
        loop {
            std::thread::sleep(SWEEP);
            let Some(datasources) = datasources.upgrade() else { return };
            for datasource in live(&datasources) {
                datasource.prune();
            }
        }
    };
    std::thread::Builder::new()
        .name("portcullis-sweep".to_string())
        .spawn(run)
        .expect("a thread can be started");
}

/// Gives up the idle instances of all datasources.
pub(crate) fn relieve(datasources: &Datasources) {
    for datasource in live(datasources) {
        datasource.clear();
    }
}

/// The datasources that are still in use; those that are not are forgotten.
fn live(datasources: &Datasources) -> Vec<Arc<Idle>> {
    let mut live = Vec::new();
    datasources.lock().unwrap_or_else(PoisonError::into_inner).retain(|datasource| {
        live.extend(datasource.upgrade());
        datasource.strong_count() > 0
    });
    live
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

//! The host: one engine, and all that is loaded into it.

use crate::credentials::{KeyRing, ProvideCredentials};
use crate::datasource::{Datasource, Idle};
use crate::egress::{Connections, Resolve, SystemResolver};
use crate::error::{Error, Fault, LoadError, PluginError};
use crate::manifest::Manifest;
use crate::plugin::{Plugin, Source};
use crate::shared::Shared;
use crate::state::{self, State};
use portcullis_policy::{CredentialScope, Policy};
use rustls::RootCertStore;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use wasmtime::component::Linker;
use wasmtime::{Config, Engine, EngineWeak, InstanceAllocationStrategy, PoolingAllocationConfig};

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
    /// Datasources, for the sweep of what is idle in them.
    datasources: Datasources,
}

/// The datasources of a host.
pub(crate) type Datasources = Arc<Mutex<Vec<Weak<Idle>>>>;

/// What a host is made of, where the defaults do not serve.
pub struct HostBuilder {
    config: Config,
    pooling: bool,
    roots: RootCertStore,
    resolver: Arc<dyn Resolve>,
}

/// What a datasource is made of.
pub struct Connect<'a> {
    /// The settings, as JSON text.
    pub settings: &'a str,
    /// Whether the operator wrote the settings, who may then choose the region that keys are derived for.
    pub settings_are_trusted: bool,
    /// What it may do.
    pub policy: Policy,
    /// Where credentials come from; none for a service without.
    pub credentials: Option<Arc<dyn ProvideCredentials>>,
}

/// How often running guests are interrupted, so that the timer which ends them gets a turn.
const TICK: Duration = Duration::from_millis(5);
/// How often idle instances and connections are looked for.
const SWEEP: Duration = Duration::from_secs(5);
/// Instances at the same time, in all datasources: more than a machine of 64 cores runs.
pub(crate) const MAX_INSTANCES: u32 = 4096;

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
        HostBuilder { config, pooling: true, roots, resolver: Arc::new(SystemResolver) }
    }

    /// Loads a plugin: checks and compiles it. It takes tens of milliseconds for each 100 KB, so load when you start and
    /// not on the way of a request. `sha256` pins the component's digest, in hexadecimal.
    ///
    /// # Errors
    /// It is not a component of the plugin world, imports more than a plugin gets, or is not the pinned one.
    pub fn load<'s>(&self, component: impl Into<Source<'s>>, manifest: &str, sha256: Option<&str>) -> Result<Plugin, LoadError> {
        let source = component.into();
        let bytes = source.read()?;
        let manifest = Manifest::parse(manifest)?;
        Plugin::load(&self.inner.engine, &self.inner.linker, &bytes, manifest, sha256)
    }

    /// Connects a datasource: the plugin checks the settings. Nothing is sent, and no credential is fetched.
    ///
    /// # Errors
    /// [`crate::PluginError::InvalidSettings`] with every fault, or a plugin that fails at its start.
    pub async fn connect(&self, plugin: &Plugin, connect: Connect<'_>) -> Result<Datasource, Error> {
        let Connect { settings, settings_are_trusted, policy, credentials } = connect;
        let own_scopes =
            if settings_are_trusted && policy.signing.is_none() { own_scopes(plugin.manifest(), settings)? } else { Vec::new() };
        let connections = Connections::new(self.inner.roots.clone());
        let keys = KeyRing::new(credentials);
        let shared = Shared::new(policy, plugin.shared_manifest(), own_scopes, keys, connections, self.inner.resolver.clone());
        let datasource = Datasource::open(plugin.clone(), settings.to_string(), Arc::new(shared), self.inner.datasources.clone()).await?;
        self.inner.datasources.lock().unwrap_or_else(PoisonError::into_inner).push(datasource.idle());
        Ok(datasource)
    }

    /// What a plugin says of itself, as JSON. For people and forms: nothing is decided by it.
    ///
    /// # Errors
    /// The plugin fails.
    pub async fn describe(&self, plugin: &Plugin) -> Result<String, Error> {
        let connections = Connections::new(self.inner.roots.clone());
        let shared = Shared::new(
            Policy::default(),
            plugin.shared_manifest(),
            Vec::new(),
            KeyRing::new(None),
            connections,
            self.inner.resolver.clone(),
        );
        crate::datasource::describe(plugin, &Arc::new(shared)).await
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
            let message = format!("trusted settings are strict JSON, without comments and trailing commas: {error}");
            Err(Error::Plugin(PluginError::InvalidSettings(vec![Fault { pointer: String::new(), message }])))
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

    /// With memories made one by one by `creator`. Slower than the pool; a test can then look into them.
    #[must_use]
    pub fn host_memory(mut self, creator: Arc<dyn wasmtime::MemoryCreator>) -> Self {
        self.config.with_host_memory(creator);
        self.config.memory_reservation(0).memory_reservation_for_growth(0).memory_guard_size(0).memory_init_cow(false);
        self.pooling = false;
        self
    }

    /// Builds the host.
    ///
    /// # Errors
    /// This machine cannot run wasmtime.
    pub fn build(mut self) -> Result<Host, LoadError> {
        let invalid = |error: wasmtime::Error| LoadError::Invalid(format!("wasmtime does not run here: {error:#}"));
        let engine = if self.pooling {
            let mut pooled = self.config.clone();
            pooled.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
            // Where address space is bounded, the pool cannot be reserved; instances are then made one by one.
            Engine::new(&pooled).or_else(|_| Engine::new(&self.config))
        } else {
            self.config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
            Engine::new(&self.config)
        };
        let engine = engine.map_err(invalid)?;
        let mut linker = Linker::new(&engine);
        state::link(&mut linker).map_err(invalid)?;
        let datasources = Datasources::default();
        tick(engine.weak());
        sweep(&datasources);
        Ok(Host { inner: Arc::new(Inner { engine, datasources, linker, roots: Arc::new(self.roots), resolver: self.resolver }) })
    }
}

/// A pool for many small guests.
fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(MAX_INSTANCES)
        .total_core_instances(MAX_INSTANCES * 4)
        .total_memories(MAX_INSTANCES)
        .total_tables(MAX_INSTANCES * 2)
        .total_stacks(MAX_INSTANCES)
        .max_memories_per_component(4)
        .max_tables_per_component(8)
        .max_core_instances_per_component(16)
        .max_unused_warm_slots(64)
        .linear_memory_keep_resident(256 * 1024)
        .async_stack_keep_resident(32 * 1024);
    pool
}

/// Lets running guests yield, as long as the engine lives.
fn tick(engine: EngineWeak) {
    let run = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    };
    std::thread::Builder::new().name("portcullis-tick".to_string()).spawn(run).expect("a thread can be started");
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
    std::thread::Builder::new().name("portcullis-sweep".to_string()).spawn(run).expect("a thread can be started");
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

//! Builds a host.

use crate::host::{CredentialsHttp, Host, Inner};
use crate::imports;
use crate::limiter::MAX_MEMORIES;
use crate::load_error::BuildError;
use crate::runtime::Runtime;
use crate::runtime::permits::HostLimit;
use portcullis_audit::{Audit, AuditSink};
use portcullis_compiler::{Cache, Compiler, CompilerProcess, engine_config};
use portcullis_gate::{Dial, OperatorGate, Resolve, SystemResolver, TcpDial};
use portcullis_memory::MemoryLimit;
use portcullis_policy::{MAX_INSTANCES, MAX_TABLES, WhenFull};
use rustls::RootCertStore;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::Linker;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// Builds a [`Host`] with other than the default options.
///
/// ```
/// use portcullis::Host;
///
/// let host = Host::builder().concurrent_calls(16).build()?;
/// # drop(host);
/// # Ok::<(), portcullis::BuildError>(())
/// ```
pub struct HostBuilder {
    config: Config,
    pooling: bool,
    roots: Option<Arc<RootCertStore>>,
    resolver: Arc<dyn Resolve>,
    dial: Arc<dyn Dial>,
    cache: Option<PathBuf>,
    compile_timeout: Duration,
    compiler: Option<CompilerProcess>,
    meter: bool,
    audit: Audit,
    concurrent_calls: u32,
    memory: Option<u64>,
}

/// Default for [`HostBuilder::concurrent_calls`]. A call may use up to `limits.memory` (192 MiB);
/// most use 1 MiB. [`HostBuilder::memory`] limits all of them together.
const CONCURRENT_CALLS: u32 = 1024;
/// Default for [`HostBuilder::compile_timeout`]: the DynamoDB plugin takes half a second, and the
/// largest component that is accepted half a minute.
const COMPILE_TIMEOUT: Duration = Duration::from_mins(1);
/// The memory limit if the operating system does not say how much memory there is, in bytes.
const FALLBACK_MEMORY: u64 = 1 << 30;

impl Host {
    /// Builds a host with the defaults.
    ///
    /// # Errors
    /// Returns an error if wasmtime does not run on this machine, or if a thread cannot be started.
    pub fn new() -> Result<Self, BuildError> {
        HostBuilder::default().build()
    }

    /// Returns a builder, for a host with other than the default options.
    #[must_use]
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }
}

impl Default for HostBuilder {
    fn default() -> Self {
        Self {
            config: engine_config(false),
            pooling: true,
            roots: None,
            resolver: Arc::new(SystemResolver),
            dial: Arc::new(TcpDial),
            cache: None,
            compile_timeout: COMPILE_TIMEOUT,
            compiler: None,
            meter: false,
            audit: Audit::default(),
            concurrent_calls: CONCURRENT_CALLS,
            memory: None,
        }
    }
}

impl HostBuilder {
    /// Resolves names with `resolver` instead of the operating system.
    #[must_use]
    pub fn resolver(mut self, resolver: impl Resolve + 'static) -> Self {
        self.resolver = Arc::new(resolver);
        self
    }

    /// Opens connections with `dial` instead of TCP, for example to a service in this process.
    #[must_use]
    pub fn dial(mut self, dial: impl Dial + 'static) -> Self {
        self.dial = Arc::new(dial);
        self
    }

    /// Trusts these authorities instead of Mozilla's list, for datasources that name none.
    #[must_use]
    pub fn roots(mut self, roots: RootCertStore) -> Self {
        self.roots = Some(Arc::new(roots));
        self
    }

    /// Stores compiled code in `folder`, so that the next start need not compile. The folder must
    /// belong to this process's user and be closed to all others. It is created if it does not
    /// exist.
    #[must_use]
    pub fn cache(mut self, folder: impl AsRef<Path>) -> Self {
        self.cache = Some(folder.as_ref().to_path_buf());
        self
    }

    /// Sets how long compiling a plugin may take. Default: 1 min.
    #[must_use]
    pub fn compile_timeout(mut self, timeout: Duration) -> Self {
        self.compile_timeout = timeout;
        self
    }

    /// Compiles plugins in a process of its own, whose memory is limited and which is ended when the
    /// [compile timeout](Self::compile_timeout) is over. By default a thread of this process
    /// compiles, which cannot be stopped.
    #[must_use]
    pub fn compiler(mut self, process: CompilerProcess) -> Self {
        self.compiler = Some(process);
        self
    }

    /// Writes audit records to `sink`, in addition to `tracing`. `when_full` says what happens to
    /// calls that cannot be recorded there.
    #[must_use]
    pub fn audit(mut self, sink: Arc<dyn AuditSink>, when_full: WhenFull) -> Self {
        self.audit = Audit::new(sink, when_full);
        self
    }

    /// Sets how many calls run at the same time, over all datasources. Default: 1024. There is
    /// capacity for four times as many instances, at least 256 and at most 4096. Reserving it takes
    /// some 3 µs for each when the host is built.
    #[must_use]
    pub fn concurrent_calls(mut self, calls: u32) -> Self {
        self.concurrent_calls = calls;
        self
    }

    /// Limits the memory of all instances, idle ones too, of what the host holds for them, and of
    /// the bodies of all calls together, in bytes. Default: half of the memory that this process
    /// may use, by its control group, its resource limits, or the machine.
    ///
    /// A call for which there is too little ends with [`Busy::Memory`](crate::Busy::Memory) before it
    /// begins. A call that needs more while it runs ends with [`Error::Limit`](crate::Error::Limit).
    /// Idle instances are dropped first.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Meters what guests compute. [`Counters`](crate::Counters) then report it in wasmtime's fuel:
    /// about one unit for each instruction, whatever else the machine does. Guests run slightly
    /// slower.
    #[must_use]
    pub fn meter(mut self) -> Self {
        self.meter = true;
        self.config.consume_fuel(true);
        self
    }

    /// Allocates guest memories one by one with `creator`. It is slower than the pool, but a test
    /// can examine them.
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
    /// Returns an error if wasmtime does not run on this machine, if a thread cannot be started, or
    /// if the folder for compiled code cannot be used.
    pub fn build(mut self) -> Result<Host, BuildError> {
        let failed = |error: wasmtime::Error| BuildError::Engine(error.into());
        let limit = HostLimit::new(self.concurrent_calls);
        let engine = self.engine(limit.instances()).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        imports::link(&mut linker).map_err(failed)?;
        let cache = self.cache.as_deref().map(Cache::open).transpose()?;
        let half = || portcullis_memory::available().map_or(FALLBACK_MEMORY, |all| all / 2);
        let memory = MemoryLimit::new(self.memory.unwrap_or_else(half));
        let runtime = Runtime::start(engine.weak(), limit, memory).map_err(BuildError::Thread)?;
        let operator = OperatorGate::new(self.resolver.clone(), self.roots.clone())?;
        Ok(Host {
            inner: Arc::new(Inner {
                engine,
                linker,
                roots: self.roots,
                resolver: self.resolver,
                dial: self.dial,
                compiler: Compiler {
                    cache,
                    process: self.compiler,
                    timeout: self.compile_timeout,
                    meter: self.meter,
                },
                audit: Arc::new(self.audit),
                runtime,
                credentials_http: Arc::new(CredentialsHttp(operator)),
            }),
        })
    }

    fn engine(&mut self, instances: u32) -> wasmtime::Result<Engine> {
        if !self.pooling {
            self.config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
            return Engine::new(&self.config);
        }
        let mut pooled = self.config.clone();
        pooled.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances)));
        // If the address space is limited, the pool cannot be reserved. Instances are then
        // allocated one by one.
        Engine::new(&pooled).or_else(|_| Engine::new(&self.config))
    }
}

impl fmt::Debug for HostBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostBuilder")
            .field("cache", &self.cache)
            .field("compile_timeout", &self.compile_timeout)
            .field("concurrent_calls", &self.concurrent_calls)
            .field("memory", &self.memory)
            .finish_non_exhaustive()
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
        .max_memories_per_component(MAX_MEMORIES as u32)
        .max_tables_per_component(MAX_TABLES)
        .max_core_instances_per_component(MAX_INSTANCES)
        .max_unused_warm_slots(32)
        // Most of the memory that a small call has touched is rewritten rather than unmapped, so that
        // the next instance has few page faults. The kernel says what was touched; before Linux 6.7
        // it cannot, and the first bytes are rewritten. With 64 KiB, fresh instances are no faster for
        // small calls, and a server keeps a quarter more memory after a peak of large calls.
        .linear_memory_keep_resident(16 * 1024)
        .pagemap_scan(Enabled::Auto)
        .table_keep_resident(64 * 1024);
    pool
}

//! Datasources: a plugin with settings, a policy and credentials, ready for calls.

mod convert;
mod guards;
mod input;
mod inspect;
mod instance;
mod output;
mod pool;

pub use output::RawResponse;

use crate::call::{Call, Caller};
use crate::datasource_state::DatasourceState;
use crate::error::{Busy, Error, PluginError};
use crate::plugin::Plugin;
use crate::runtime::Runtime;
use crate::runtime::permits::ConcurrencyLimit;
use crate::runtime::registry::{Evict, Wanted};
use guards::{CallGuard, EndOnDrop, Preparing};
use input::Input;
use instance::{Instance, InstanceSpec, STACK_BYTES};
use output::Output;
use pool::InstancePool;
use portcullis_audit::Counters;
use portcullis_json::is_deeper;
use portcullis_policy::{
    ActionName, Denial, Isolation, Limit, LimitKind, MAX_DEADLINE, Policy, TenantName,
};
use std::fmt;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A datasource. Cheap to clone; calls may run at the same time, and may be dropped at any point.
///
/// It never shares an instance, a connection or a key with another datasource.
///
/// ```no_run
/// # async fn example(orders: portcullis::Datasource) -> Result<(), portcullis::Error> {
/// use std::time::Duration;
///
/// let input = r#"{"TableName": "orders", "Key": {"id": "42"}}"#;
/// let item = orders.execute("GetItem", input).await?;
/// // At most one second, and with the caller's own id in the audit record.
/// let quick = orders.clone().within(Duration::from_secs(1)).for_request("req-7");
/// let tables = quick.execute("ListTables", "{}").await?;
/// # drop((item, tables));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Datasource {
    inner: Arc<Inner>,
    options: CallOptions,
}

/// What a caller asks for in addition to the call itself.
#[derive(Clone, Default)]
struct CallOptions {
    time: Option<Duration>,
    caller: Caller,
    /// The operations that calls may send, of those that the policy allows; all if `None`.
    operations: Option<Arc<[ActionName]>>,
}

struct Inner {
    plugin: Plugin,
    settings: String,
    state: Arc<DatasourceState>,
    isolation: Isolation,
    /// The limit of the datasource, or of all datasources of its tenant.
    limit: Arc<ConcurrencyLimit>,
    pool: InstancePool,
    /// Whether an instance for the next call is being prepared.
    preparing: AtomicBool,
    runtime: Runtime,
}

/// How long a call may run after its deadline. The gate ends requests at the deadline, and the
/// plugin then reports what happened; a plugin that does not is stopped.
const GRACE: Duration = Duration::from_millis(100);
/// Idle instances that make room for new ones when the capacity for instances is used up. More than
/// one, because looking for them takes longer than a call if there are thousands of datasources.
const EVICTED_AT_ONCE: usize = 16;

impl Datasource {
    pub(crate) fn new(
        plugin: Plugin,
        settings: String,
        state: Arc<DatasourceState>,
        limit: Arc<ConcurrencyLimit>,
        runtime: Runtime,
    ) -> Result<Self, Error> {
        let limits = state.limits();
        let isolation = state.policy.isolation.unwrap_or_else(|| plugin.default_isolation());
        let pool = InstancePool::new(limits.concurrent_calls as usize);
        let preparing = AtomicBool::new(false);
        let inner =
            Arc::new(Inner { plugin, settings, state, isolation, limit, pool, preparing, runtime });
        let datasource = Self { inner, options: CallOptions::default() };
        input::check_settings(&datasource.inner.settings, datasource.inner.state.limits())?;
        let weak = Arc::downgrade(&datasource.inner);
        datasource.inner.runtime.registry.add(weak);
        Ok(datasource)
    }

    /// Connects an instance: the plugin checks the settings, and the first call finds it idle.
    pub(crate) async fn warm_up(&self) -> Result<(), Error> {
        let instance = self.connected(self.deadline()).await?;
        self.inner.pool.put(instance);
        Ok(())
    }

    /// Returns the datasource for calls that take at most `time`. A shorter deadline of the policy
    /// still applies.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.options.time = Some(time);
        self
    }

    /// Returns the datasource for the calls of one request of the caller: `id` appears in their
    /// audit records.
    #[must_use]
    pub fn for_request(mut self, id: &str) -> Self {
        self.options.caller.request_id = Some(id.into());
        self
    }

    /// Returns the datasource for the calls of one caller: the name of its token and the address of
    /// its machine appear in their audit records. An empty name is none.
    #[must_use]
    pub fn for_caller(mut self, name: &str, peer: Option<IpAddr>) -> Self {
        self.options.caller.name = (!name.is_empty()).then(|| name.into());
        self.options.caller.peer = peer;
        self
    }

    /// Returns the datasource for one call: when it has ended, `attempts` is the number of requests
    /// that it sent.
    #[must_use]
    pub fn counting_attempts(mut self, attempts: &Arc<AtomicU32>) -> Self {
        self.options.caller.attempts = Some(attempts.clone());
        self
    }

    /// Returns the datasource for calls that send nothing but these operations, also if the policy
    /// allows more.
    #[must_use]
    pub fn sending_only(mut self, operations: impl Into<Arc<[ActionName]>>) -> Self {
        self.options.operations = Some(operations.into());
        self
    }

    /// Runs an action. `input` is its input as JSON text; the result is JSON text, too.
    ///
    /// # Errors
    /// Returns an [`Error`] if there is no result. Its [kind](Error::kind) says why.
    pub async fn execute(&self, action: &str, input: &str) -> Result<String, Error> {
        let run = async |instance: &mut Instance| instance.execute(action, input).await;
        self.call("execute", Some(action), &[Input::Json(input)], run).await
    }

    /// Runs an action like [`execute`](Self::execute), with options for this call as a JSON object.
    /// The plugin's description lists them.
    ///
    /// # Errors
    /// Returns an [`Error`] if there is no result. Its [kind](Error::kind) says why.
    pub async fn execute_with(
        &self,
        action: &str,
        input: &str,
        options: &str,
    ) -> Result<String, Error> {
        let run =
            async |instance: &mut Instance| instance.execute_with(action, input, options).await;
        let inputs = [Input::Json(input), Input::Json(options)];
        self.call("execute-with", Some(action), &inputs, run).await
    }

    /// Sends `body` unchanged, and returns the service's response unchanged. A response with any
    /// status is a result.
    ///
    /// # Errors
    /// Returns an [`Error`] if there is no response.
    pub async fn relay(&self, action: &str, body: &[u8]) -> Result<RawResponse, Error> {
        let run = async |instance: &mut Instance| instance.relay(action, body).await;
        self.call("relay", Some(action), &[Input::Bytes(body)], run).await
    }

    /// Checks that the service can be reached and accepts the credentials. Returns a JSON object
    /// with `ok` and `message`.
    ///
    /// # Errors
    /// Returns an [`Error`] that says why it is not reached, or why it does not accept them.
    pub async fn test(&self) -> Result<String, Error> {
        self.call("test", None, &[], async |instance: &mut Instance| instance.test().await).await
    }

    /// Returns the structure of the datasource as JSON: tables, keys, indexes. `options` is a JSON
    /// object; `{}` selects everything.
    ///
    /// # Errors
    /// Returns an [`Error`] if there is no result. Its [kind](Error::kind) says why.
    pub async fn structure(&self, options: &str) -> Result<String, Error> {
        let run = async |instance: &mut Instance| instance.structure(options).await;
        self.call("structure", None, &[Input::Json(options)], run).await
    }

    /// The datasource's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.state.name
    }

    /// The datasource's policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.inner.state.policy
    }

    /// What the datasource has done since it was connected.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let inner = &self.inner;
        let mut counters = inner.state.counters.read();
        counters.running = inner.limit.running();
        counters.waiting = inner.limit.waiting();
        counters.warm = inner.pool.count() as u32;
        counters.warm_bytes = inner.pool.bytes();
        counters
    }

    fn deadline(&self) -> Instant {
        let policy = self.inner.state.limits().deadline.min(MAX_DEADLINE);
        Instant::now() + self.options.time.map_or(policy, |requested| requested.min(policy))
    }

    /// The error of a call whose time is over.
    fn out_of_time(&self, maybe_applied: bool) -> Error {
        let policy = self.inner.state.limits().deadline;
        let requested = self.options.time.filter(|requested| *requested < policy);
        Error::Limit(Limit::deadline(policy, requested, maybe_applied))
    }

    /// One call: checks the policy, waits for a permit, takes an instance, runs the export, and
    /// puts the instance back if it is clean. However the call ends, it is recorded.
    async fn call<T: Output>(
        &self,
        export: &'static str,
        action: Option<&str>,
        inputs: &[Input<'_>],
        run: impl AsyncFnOnce(&mut Instance) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let state = &self.inner.state;
        state.audit.check().map_err(|source| Error::Audit { source, maybe_applied: false })?;
        let name = action.map(str::parse::<ActionName>).transpose();
        let mut call = Call::new(state, export, name.clone().ok().flatten(), self.deadline());
        call.caller.clone_from(&self.options.caller);
        let checked = name
            .map_err(|error| Error::Plugin(PluginError::UnknownAction(error.to_string())))
            .and_then(|name| {
                self.check_action(&call, name)
                    .inspect_err(|denial| call.deny(denial))
                    .map_err(Error::from)
            });
        match checked {
            Ok(mut operations) => {
                if let Some(only) = &self.options.operations {
                    operations.retain(|operation| only.contains(operation));
                }
                call.operations = operations;
            }
            Err(error) => return call.finish(Err(error)),
        }
        let guard = CallGuard::new(call);
        let result = match input::check(inputs, state.limits()).await {
            Ok(bytes) => self.run_with_permit(guard.call(), bytes, run).await,
            Err(error) => Err(error),
        };
        guard.finish(result)
    }

    /// Checks the policy before anything else is done for a call, and returns the operations that
    /// the call may send.
    fn check_action(
        &self,
        call: &Call,
        action: Option<ActionName>,
    ) -> Result<Vec<ActionName>, Denial> {
        let state = &self.inner.state;
        let check = |name: &ActionName| state.policy.check_action(name, state.min_access(name));
        let Some(name) = action else {
            let operations = state.manifest.export(call.export());
            let allowed: Vec<ActionName> = operations
                .iter()
                .filter(|name| call.enforce(check(name)).is_ok())
                .cloned()
                .collect();
            // If none is allowed, the policy's own denial says why.
            return match operations.first() {
                Some(first) if allowed.is_empty() => check(first).map(|()| allowed),
                _ => Ok(allowed),
            };
        };
        // An unknown name is a typing error rather than an attack: the plugin says which action was
        // meant, and may send nothing. What is relayed is not read, so nobody would say it.
        if call.export() != "relay"
            && state.min_access(&name).is_none()
            && state.policy.actions.is_none()
        {
            return Ok(Vec::new());
        }
        call.enforce(check(&name))?;
        Ok(vec![name])
    }

    async fn run_with_permit<T: Output>(
        &self,
        call: &Arc<Call>,
        input_bytes: u64,
        run: impl AsyncFnOnce(&mut Instance) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let inner = &self.inner;
        let deadline = call.progress().deadline();
        let _permit = inner.limit.acquire(deadline).await?;
        // The bindings copy the input.
        let memory = inner.runtime.memory.reserve(STACK_BYTES + input_bytes);
        let _memory = memory.map_err(|_| self.out_of_memory())?;
        let mut instance = match inner.pool.take() {
            Some(instance) => instance,
            // Boxed, since it is rare and large: a future is as large as the largest future that it
            // awaits, and may be copied.
            None => Box::pin(self.connected(deadline)).await?,
        };
        let result = self.run(call, &mut instance, run).await;
        match inner.isolation {
            // Unmapping its memory takes milliseconds, in which a worker could serve others. The call
            // ends after it, so that the next one finds the memory free.
            _ if instance.is_large() => {
                // Dropping does not panic.
                let _ = tokio::task::spawn_blocking(move || drop(instance)).await;
            }
            _ if !result.as_ref().map_or_else(leaves_clean, |_| true) => drop(instance),
            Isolation::Fresh => self.replace(instance),
            Isolation::Reuse => inner.pool.put(instance),
        }
        result
    }

    /// Drops a used instance and prepares one for the next call, while nobody waits for it. One at
    /// a time: if calls come faster, they connect their own instances.
    fn replace(&self, used: Instance) {
        if self.inner.preparing.swap(true, Ordering::AcqRel) {
            return;
        }
        // Nobody asked for it, so it has no caller.
        let datasource = Self { inner: self.inner.clone(), options: CallOptions::default() };
        tokio::spawn(async move {
            let _preparing = Preparing(&datasource.inner.preparing);
            drop(used);
            // If it fails, the next call connects an instance itself and reports the error.
            let _ = datasource.warm_up().await;
        });
    }

    /// Runs an export on an instance, at most until the deadline, and examines its result.
    async fn run<T: Output>(
        &self,
        call: &Arc<Call>,
        instance: &mut Instance,
        run: impl AsyncFnOnce(&mut Instance) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let progress = call.progress();
        let end = progress.deadline() + GRACE;
        let permit = instance.cpu_permit();
        let end_on_drop = EndOnDrop(call);
        let result = {
            let running = pin!(permit.watch(run(instance.begin(call))));
            self.inner.runtime.timers.timeout_at(end, running).await
        };
        drop(end_on_drop);
        instance.end();
        // What the gate recorded overrides what the guest says, success included.
        let result = match (call.take_failure(), result) {
            (Some(failure), _) => Err(failure),
            (None, Some(result)) => result.map_err(|error| match progress.take_soft_failure() {
                Some(failure) => failure.into(),
                None => error.or_maybe_applied(progress.reached()).naming(progress.interruption()),
            }),
            (None, None) => Err(self.out_of_time(progress.reached())),
        };
        self.inspect(call, result, end).await
    }

    /// A new instance, connected with the settings.
    async fn connected(&self, deadline: Instant) -> Result<Instance, Error> {
        let mut result = self.connect(deadline).await;
        if matches!(result, Err(Error::Busy(Busy::Instances { .. }))) {
            // Idle instances of other datasources use up the capacity.
            let instances = EVICTED_AT_ONCE;
            let _ = self.inner.runtime.registry.evict(Wanted { bytes: 0, instances });
            result = self.connect(deadline).await;
        }
        result
    }

    async fn connect(&self, deadline: Instant) -> Result<Instance, Error> {
        let inner = &self.inner;
        let state = &inner.state;
        let mut call = Call::new(state, "connect", None, deadline);
        call.caller.clone_from(&self.options.caller);
        let call = Arc::new(call);
        let spec =
            InstanceSpec { plugin: &inner.plugin, datasource: state, runtime: &inner.runtime };
        let connecting = pin!(Instance::connect(&spec, &call, &inner.settings));
        let connected = inner.runtime.timers.timeout_at(deadline + GRACE, connecting).await;
        call.progress().end();
        let result = match (call.take_failure(), connected) {
            (Some(failure), _) => Err(failure),
            (None, Some(result)) => result,
            (None, None) => Err(self.out_of_time(false)),
        };
        result.map_err(|error| match error {
            // The call that wants the instance has not begun.
            Error::Limit(Limit { which: LimitKind::ProcessMemory, .. }) => self.out_of_memory(),
            error => error.map_texts(|text| state.service.redact(text)),
        })
    }

    fn out_of_memory(&self) -> Error {
        Error::Busy(Busy::Memory { limit: self.inner.runtime.memory.limit() })
    }
}

impl fmt::Debug for Datasource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Datasource").field("plugin", &self.inner.plugin).finish_non_exhaustive()
    }
}

impl Evict for Inner {
    fn owner(&self) -> Option<&str> {
        self.state.tenant.as_ref().map(TenantName::as_str)
    }

    fn idle_bytes(&self) -> u64 {
        self.pool.bytes()
    }

    fn evict(&self, wanted: &mut Wanted) -> bool {
        self.pool.evict(wanted)
    }

    fn prune(&self) {
        self.pool.prune();
        self.state.egress.prune();
    }
}

/// What the plugin says about itself.
pub(crate) async fn describe(
    plugin: &Plugin,
    state: &Arc<DatasourceState>,
    runtime: &Runtime,
) -> Result<String, Error> {
    let limits = state.limits();
    let deadline = Instant::now() + limits.deadline.min(MAX_DEADLINE);
    let call = Arc::new(Call::new(state, "describe", None, deadline));
    let spec = InstanceSpec { plugin, datasource: state, runtime };
    let describing = pin!(Instance::describe(&spec, &call));
    let described = runtime.timers.timeout_at(deadline + GRACE, describing).await;
    call.progress().end();
    let described = match (call.take_failure(), described) {
        (Some(failure), _) => return Err(failure),
        (None, Some(result)) => result?,
        (None, None) => {
            return Err(Error::Limit(Limit::deadline(limits.deadline, None, false)));
        }
    };
    if is_deeper(&described, limits.json_depth) {
        let depth = limits.json_depth.to_string();
        return Err(Error::Limit(Limit::new(LimitKind::JsonDepth, depth, false)));
    }
    Ok(described)
}

/// Whether an error is an ordinary result, after which the instance can be used again.
fn leaves_clean(error: &Error) -> bool {
    matches!(
        error,
        Error::Plugin(
            PluginError::Service(_)
                | PluginError::InvalidInput(_)
                | PluginError::UnknownAction(_)
                | PluginError::Transport(_)
        )
    )
}

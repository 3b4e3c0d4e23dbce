//! Datasources: a plugin with settings, a policy and credentials, ready for calls.

mod convert;
mod instance;

use crate::call::Call;
use crate::egress::known_access;
use crate::error::{Error, Interruption, Limit, PluginError};
use crate::host::Datasources;
use crate::plugin::Plugin;
use crate::shared::Shared;
use instance::{Instance, Warm};
use portcullis_policy::{ActionName, Isolation, MAX_DEADLINE};
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

pub(crate) use Inner as Idle;
pub use convert::Relayed;

/// A datasource. Cheap to clone; calls may run at the same time, and may be dropped at any point.
///
/// It never shares an instance, a connection or a key with another datasource.
#[derive(Clone)]
pub struct Datasource {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    plugin: Plugin,
    settings: String,
    shared: Arc<Shared>,
    isolation: Isolation,
    running: Arc<Semaphore>,
    warm: Warm,
    /// All datasources of the host.
    neighbours: Datasources,
}

/// How long after its deadline a call may still end by itself. The gate ends requests at the deadline, and the plugin
/// then says what became of the call; one that does not is stopped.
const GRACE: Duration = Duration::from_millis(100);

impl Datasource {
    /// What a sweep of idle instances needs of it.
    pub(crate) fn idle(&self) -> Weak<Inner> {
        Arc::downgrade(&self.inner)
    }

    pub(crate) async fn open(plugin: Plugin, settings: String, shared: Arc<Shared>, neighbours: Datasources) -> Result<Self, Error> {
        let isolation = shared.policy.isolation.unwrap_or_else(|| plugin.default_isolation());
        let running = Arc::new(Semaphore::new(shared.policy.limits.concurrent_calls.max(1) as usize));
        let datasource =
            Self { inner: Arc::new(Inner { plugin, settings, shared, isolation, running, warm: Warm::default(), neighbours }) };
        // The plugin checks the settings, and the first call finds a warm instance.
        let deadline = datasource.deadline();
        let instance = datasource.connected(deadline).await?;
        datasource.inner.keep(instance);
        Ok(datasource)
    }

    /// Runs an action with its input as JSON text, and returns the answer's.
    ///
    /// # Errors
    /// Whatever [`Error`] names.
    pub async fn execute(&self, action: &str, input: &str) -> Result<String, Error> {
        let operations = self.allowed(action)?;
        self.call("execute", operations, async |instance: &mut Instance| instance.execute(action, input).await).await
    }

    /// The same with options for this call, as a JSON object.
    ///
    /// # Errors
    /// Whatever [`Error`] names.
    pub async fn execute_with(&self, action: &str, input: &str, options: &str) -> Result<String, Error> {
        let operations = self.allowed(action)?;
        self.call("execute-with", operations, async |instance: &mut Instance| instance.execute_with(action, input, options).await).await
    }

    /// Sends a body as it is and returns the service's answer as it is.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn relay(&self, action: &str, body: &[u8]) -> Result<Relayed, Error> {
        let name: ActionName = action.parse().map_err(|message| Error::Plugin(PluginError::UnknownAction(message)))?;
        self.judge(&name)?;
        self.call("relay", vec![name], async |instance: &mut Instance| instance.relay(action, body).await).await
    }

    /// Whether the service is reached and accepts the identity: a JSON object with `ok` and `message`.
    ///
    /// # Errors
    /// It is not, for the reason that the error names.
    pub async fn test(&self) -> Result<String, Error> {
        let operations = self.allowed_of("test")?;
        self.call("test", operations, async |instance: &mut Instance| instance.test().await).await
    }

    /// What the datasource holds, as JSON. `options` is a JSON object; `{}` for all.
    ///
    /// # Errors
    /// Whatever [`Error`] names.
    pub async fn structure(&self, options: &str) -> Result<String, Error> {
        let operations = self.allowed_of("structure")?;
        self.call("structure", operations, async |instance: &mut Instance| instance.structure(options).await).await
    }

    /// Asks the policy for an action before anything else is done for it, and returns what the call may send.
    fn allowed(&self, action: &str) -> Result<Vec<ActionName>, Error> {
        let name: ActionName = action.parse().map_err(|message| Error::Plugin(PluginError::UnknownAction(message)))?;
        let shared = &self.inner.shared;
        // A name that nobody knows is a typing error rather than an attack: the plugin says which was meant, and may
        // send nothing.
        if known_access(shared, &name).is_none() && shared.policy.actions.is_none() {
            return Ok(Vec::new());
        }
        self.judge(&name)?;
        Ok(vec![name])
    }

    fn judge(&self, name: &ActionName) -> Result<(), Error> {
        let shared = &self.inner.shared;
        Ok(shared.policy.judge_action(name, known_access(shared, name)).inspect_err(|denial| {
            tracing::warn!(target: "portcullis::audit", rule = %denial.rule, subject = %denial.subject, "denied: {}", denial.message);
        })?)
    }

    /// The operations of an export that the policy allows too; at least one.
    fn allowed_of(&self, export: &str) -> Result<Vec<ActionName>, Error> {
        let shared = &self.inner.shared;
        let operations = shared.manifest.export(export);
        let judged = |name: &ActionName| shared.policy.judge_action(name, known_access(shared, name));
        let allowed: Vec<ActionName> = operations.iter().filter(|name| judged(name).is_ok()).cloned().collect();
        match operations.first() {
            Some(first) if allowed.is_empty() => self.judge(first).map(|()| allowed),
            _ => Ok(allowed),
        }
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.inner.shared.policy.limits.deadline.min(MAX_DEADLINE)
    }

    /// One call: waits for its turn, takes an instance, runs the export, and puts the instance back if it is clean.
    async fn call<T>(
        &self,
        export: &'static str,
        operations: Vec<ActionName>,
        run: impl AsyncFnOnce(&mut Instance) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let started = Instant::now();
        let deadline = self.deadline();
        let _permit = self.turn(deadline).await?;
        let inner = &self.inner;
        let mut instance = match inner.warm.take() {
            Some(instance) => instance,
            None => self.connected(deadline).await?,
        };
        let call = Arc::new(Call::new(export, operations, deadline, inner.shared.policy.limits.requests));
        let result = self.run(&call, &mut instance, run).await;
        tracing::info!(target: "portcullis::audit", export, requests = call.requests(), micros = started.elapsed().as_micros(), ok = result.is_ok(), "call");
        if result.as_ref().map_or_else(leaves_clean, |_| true) {
            inner.keep(instance);
        }
        result
    }

    /// Runs an export on an instance, for at most the call's time.
    async fn run<T>(
        &self,
        call: &Arc<Call>,
        instance: &mut Instance,
        run: impl AsyncFnOnce(&mut Instance) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let end = call.deadline + GRACE;
        let state = instance.begin(call);
        let ended = Ended(call);
        let result = timeout_at(end.into(), run(state)).await;
        drop(ended);
        instance.end();
        // What the gate noted stands above what the guest says, success included.
        match (call.noted(), result) {
            (Some(noted), _) => Err(noted),
            (None, Ok(result)) => result.map_err(|error| call.shortfall().unwrap_or_else(|| error.or_maybe_applied(call.reached()))),
            (None, Err(_)) => Err(Error::Limit(Limit::deadline(self.inner.shared.policy.limits.deadline, call.reached()))),
        }
    }

    /// A place among the calls that run.
    async fn turn(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, Error> {
        let turn = timeout_at(deadline.into(), self.inner.running.clone().acquire_owned()).await;
        turn.ok().and_then(Result::ok).ok_or(Error::Busy { running: self.inner.shared.policy.limits.concurrent_calls })
    }

    /// A new instance, connected with the settings.
    async fn connected(&self, deadline: Instant) -> Result<Instance, Error> {
        let inner = &self.inner;
        let mut result = self.start(deadline).await;
        if matches!(result, Err(Error::Busy { .. })) {
            // Idle instances of other datasources fill the pool.
            crate::host::relieve(&inner.neighbours);
            result = self.start(deadline).await;
        }
        result
    }

    async fn start(&self, deadline: Instant) -> Result<Instance, Error> {
        let inner = &self.inner;
        let call = Arc::new(Call::new("connect", Vec::new(), deadline, 1));
        let starting = timeout_at((deadline + GRACE).into(), Instance::start(&inner.plugin, &inner.shared, &call, &inner.settings)).await;
        let result = match (call.noted(), starting) {
            (Some(noted), _) => Err(noted),
            (None, Ok(result)) => result,
            (None, Err(_)) => Err(Error::Limit(Limit::deadline(inner.shared.policy.limits.deadline, false))),
        };
        call.end();
        result
    }
}

/// What a plugin says of itself.
pub(crate) async fn describe(plugin: &Plugin, shared: &Arc<Shared>) -> Result<String, Error> {
    let limit = shared.policy.limits.deadline.min(MAX_DEADLINE);
    let call = Arc::new(Call::new("describe", Vec::new(), Instant::now() + limit, 1));
    let result = timeout_at((call.deadline + GRACE).into(), Instance::describe(plugin, shared, &call)).await;
    call.end();
    call.noted().map_or_else(|| result.unwrap_or(Err(Error::Limit(Limit::deadline(limit, false)))), Err)
}

/// Ends a call however it ends, a dropped future included.
struct Ended<'c>(&'c Call);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Inner {
    /// Gives its idle instances up.
    pub(crate) fn clear(&self) {
        self.warm.clear();
    }

    /// Drops what has been idle for long.
    pub(crate) fn prune(&self) {
        self.warm.prune();
        self.shared.connections.prune();
    }

    fn keep(&self, instance: Instance) {
        if self.isolation == Isolation::Reuse {
            self.warm.put(instance);
        }
    }
}

/// Whether an error is an ordinary answer, after which the instance is as good as before.
fn leaves_clean(error: &Error) -> bool {
    matches!(
        error,
        Error::Plugin(
            PluginError::Service(_)
                | PluginError::InvalidInput(_)
                | PluginError::UnknownAction(_)
                | PluginError::Transport(Interruption { .. })
        )
    )
}

impl fmt::Debug for Datasource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Datasource").field("plugin", &self.inner.plugin).finish_non_exhaustive()
    }
}

//! Datasources: a plugin with settings, a policy and credentials, ready for calls.

mod convert;
mod instance;
pub(crate) mod state;

use crate::audit::Counters;
use crate::aws::request::known_access;
use crate::call::Call;
use crate::depth::is_deeper;
use crate::error::{Busy, Error, Interruption, Limit, LimitKind, PluginError};
use crate::host::Datasources;
use crate::plugin::Plugin;
use crate::runtime::permits::Turns;
use crate::runtime::scheduler::Fairness;
use crate::runtime::timers::Timers;
use convert::Answer;
use instance::{Instance, Making, Warm};
use portcullis_policy::{ActionName, Denial, Isolation, MAX_DEADLINE, Rule};
use state::Shared;
use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

pub(crate) use Inner as Idle;
pub use convert::Relayed;

/// A datasource. Cheap to clone; calls may run at the same time, and may be dropped at any point.
///
/// It never shares an instance, a connection or a key with another datasource.
#[derive(Clone)]
pub struct Datasource {
    inner: Arc<Inner>,
    asked: Asked,
}

/// What the caller asks for beside the call itself.
#[derive(Clone, Default)]
struct Asked {
    time: Option<Duration>,
    request: Option<Arc<str>>,
}

pub(crate) struct Inner {
    plugin: Plugin,
    settings: String,
    shared: Arc<Shared>,
    isolation: Isolation,
    turns: Turns,
    /// Connected instances: used ones where they serve several calls, and else such as no call has used.
    warm: Warm,
    /// Whether an instance is being made ahead of the next call.
    preparing: AtomicBool,
    around: Around,
}

/// What a datasource has of its host.
#[derive(Clone)]
pub(crate) struct Around {
    pub(crate) fairness: Fairness,
    pub(crate) timers: Timers,
    pub(crate) turns: Arc<crate::runtime::permits::AllTurns>,
    /// All datasources of the host.
    pub(crate) neighbours: Datasources,
}

/// How long after its deadline a call may still end by itself. The gate ends requests at the deadline, and the plugin
/// then says what became of the call; one that does not is stopped.
const GRACE: Duration = Duration::from_millis(100);

impl Datasource {
    /// What a sweep of idle instances needs of it.
    pub(crate) fn idle(&self) -> Weak<Inner> {
        Arc::downgrade(&self.inner)
    }

    pub(crate) fn new(
        plugin: Plugin,
        settings: String,
        shared: Arc<Shared>,
        around: Around,
    ) -> Result<Self, Error> {
        let isolation = shared.policy.isolation.unwrap_or_else(|| plugin.default_isolation());
        let turns = Turns::new(&shared.policy.limits, around.turns.clone());
        let warm = Warm::new(shared.policy.limits.concurrent_calls as usize);
        let inner = Inner {
            plugin,
            settings,
            shared,
            isolation,
            turns,
            warm,
            preparing: AtomicBool::new(false),
            around,
        };
        let datasource = Self { inner: Arc::new(inner), asked: Asked::default() };
        datasource.judge_input(&[Handed::Json(&datasource.inner.settings)])?;
        Ok(datasource)
    }

    /// The plugin checks the settings, and the first call finds a warm instance.
    pub(crate) async fn warm_up(&self) -> Result<(), Error> {
        let instance = self.connected(self.deadline()).await?;
        self.inner.warm.put(instance);
        Ok(())
    }

    /// The same datasource for a caller who waits for `time` at most. Its policy's deadline stands where it is shorter.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.asked.time = Some(time);
        self
    }

    /// The same datasource for calls that a request of the caller's own makes: `id` stands in their audit records.
    #[must_use]
    pub fn for_request(mut self, id: &str) -> Self {
        self.asked.request = Some(id.into());
        self
    }

    /// Runs an action with its input as JSON text, and returns the answer's.
    ///
    /// # Errors
    /// Whatever [`Error`] names.
    pub async fn execute(&self, action: &str, input: &str) -> Result<String, Error> {
        self.call(
            "execute",
            Some(action),
            &[Handed::Json(input)],
            async |instance: &mut Instance| instance.execute(action, input).await,
        )
        .await
    }

    /// The same with options for this call, as a JSON object.
    ///
    /// # Errors
    /// Whatever [`Error`] names.
    pub async fn execute_with(
        &self,
        action: &str,
        input: &str,
        options: &str,
    ) -> Result<String, Error> {
        let run =
            async |instance: &mut Instance| instance.execute_with(action, input, options).await;
        self.call("execute-with", Some(action), &[Handed::Json(input), Handed::Json(options)], run)
            .await
    }

    /// Sends a body as it is and returns the service's answer as it is.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn relay(&self, action: &str, body: &[u8]) -> Result<Relayed, Error> {
        self.call("relay", Some(action), &[Handed::Bytes(body)], async |instance: &mut Instance| {
            instance.relay(action, body).await
        })
        .await
    }

    /// Whether the service is reached and accepts the identity: a JSON object with `ok` and `message`.
    ///
    /// # Errors
    /// It is not, for the reason that the error names.
    pub async fn test(&self) -> Result<String, Error> {
        self.call("test", None, &[], async |instance: &mut Instance| instance.test().await).await
    }

    /// What the datasource holds, as JSON. `options` is a JSON object; `{}` for all.
    ///
    /// # Errors
    /// Whatever [`Error`] names.
    pub async fn structure(&self, options: &str) -> Result<String, Error> {
        self.call("structure", None, &[Handed::Json(options)], async |instance: &mut Instance| {
            instance.structure(options).await
        })
        .await
    }

    /// The datasource's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.shared.name
    }

    /// What it has done since it was connected.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let inner = &self.inner;
        Counters {
            running: inner.turns.running(),
            waiting: inner.turns.waiting(),
            warm: inner.warm.count() as u32,
            ..inner.shared.counting.read()
        }
    }

    fn deadline(&self) -> Instant {
        let policy = self.inner.shared.policy.limits.deadline.min(MAX_DEADLINE);
        Instant::now() + self.asked.time.map_or(policy, |asked| asked.min(policy))
    }

    /// The call's time is over.
    fn too_late(&self, maybe_applied: bool) -> Error {
        let policy = self.inner.shared.policy.limits.deadline;
        Error::Limit(Limit::deadline(
            policy,
            self.asked.time.filter(|asked| *asked < policy),
            maybe_applied,
        ))
    }

    /// One call: asks the policy, waits for its turn, takes an instance, runs the export, and puts the instance back if
    /// it is clean. However it ends, a record is written.
    async fn call<T: Answer>(
        &self,
        export: &'static str,
        action: Option<&str>,
        input: &[Handed<'_>],
        run: impl AsyncFnOnce(&mut Instance) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let shared = &self.inner.shared;
        shared.audit.check().map_err(|reason| Error::Audit { reason, maybe_applied: false })?;
        let name = action.map(str::parse::<ActionName>).transpose();
        let mut call = Call::new(shared, export, name.clone().ok().flatten(), self.deadline());
        call.request.clone_from(&self.asked.request);
        let judged = name
            .map_err(|message| Error::Plugin(PluginError::UnknownAction(message)))
            .and_then(|name| {
                self.judge(&call, name)
                    .inspect_err(|denial| call.note_denial(denial))
                    .map_err(Error::from)
            });
        match judged {
            Ok(operations) => call.operations = operations,
            Err(error) => return call.conclude(Err(error)),
        }
        let running = Running(Some(Arc::new(call)));
        let result = match self.judge_input(input) {
            Ok(()) => self.take_turn(running.call(), run).await,
            Err(error) => Err(error),
        };
        running.conclude(result)
    }

    /// Asks the policy before anything else is done for a call, and returns what the call may send.
    fn judge(&self, call: &Call, action: Option<ActionName>) -> Result<Vec<ActionName>, Denial> {
        let shared = &self.inner.shared;
        let judged =
            |name: &ActionName| shared.policy.judge_action(name, known_access(shared, name));
        let Some(name) = action else {
            let operations = shared.manifest.export(call.export);
            let allowed: Vec<ActionName> = operations
                .iter()
                .filter(|name| call.weigh(judged(name)).is_ok())
                .cloned()
                .collect();
            // One of them at the least: else the policy says why there is none.
            return match operations.first() {
                Some(first) if allowed.is_empty() => judged(first).map(|()| allowed),
                _ => Ok(allowed),
            };
        };
        // A name that nobody knows is a typing error rather than an attack: the plugin says which was meant, and may
        // send nothing. What is relayed is not read, so nobody would say.
        if call.export != "relay"
            && known_access(shared, &name).is_none()
            && shared.policy.actions.is_none()
        {
            return Ok(Vec::new());
        }
        call.weigh(judged(&name))?;
        Ok(vec![name])
    }

    /// What a caller hands in is bounded before it enters the sandbox.
    fn judge_input(&self, input: &[Handed<'_>]) -> Result<(), Error> {
        let limits = &self.inner.shared.policy.limits;
        let reached =
            |which, bound| Err(Error::Limit(Limit { which, bound, maybe_applied: false }));
        for handed in input {
            let (text, bytes) = match handed {
                Handed::Json(text) => (*text, text.len()),
                Handed::Bytes(body) => ("", body.len()),
            };
            if bytes as u64 > limits.request_bytes.as_u64() {
                return reached(LimitKind::RequestBytes, limits.request_bytes.to_string());
            }
            if is_deeper(text, limits.json_depth) {
                return reached(LimitKind::JsonDepth, limits.json_depth.to_string());
            }
        }
        Ok(())
    }

    async fn take_turn<T: Answer>(
        &self,
        call: &Arc<Call>,
        run: impl AsyncFnOnce(&mut Instance) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let inner = &self.inner;
        let _turn = inner.turns.take(call.deadline).await?;
        let mut instance = match inner.warm.take() {
            Some(instance) => instance,
            // Boxed, as it is rare and large: a future is as large as the largest that it awaits, and copied at times.
            None => Box::pin(self.connected(call.deadline)).await?,
        };
        let result = self.run(call, &mut instance, run).await;
        if result.as_ref().map_or_else(leaves_clean, |_| true) {
            match inner.isolation {
                Isolation::Reuse => inner.warm.put(instance),
                Isolation::Fresh => self.replace(instance),
            }
        }
        result
    }

    /// Drops an instance and makes one for the next call, while nobody waits for it. One at a time: where calls come
    /// faster, they make their own.
    fn replace(&self, used: Instance) {
        if self.inner.preparing.swap(true, Ordering::AcqRel) {
            return;
        }
        let datasource = self.clone();
        tokio::spawn(async move {
            drop(used);
            // The call that finds none makes its own, and says what is wrong.
            let _ = datasource.warm_up().await;
            datasource.inner.preparing.store(false, Ordering::Release);
        });
    }

    /// Runs an export on an instance, for at most the call's time, and looks at what it gives.
    async fn run<T: Answer>(
        &self,
        call: &Arc<Call>,
        instance: &mut Instance,
        run: impl AsyncFnOnce(&mut Instance) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let end = call.deadline + GRACE;
        let state = instance.begin(call);
        let ended = Ended(call);
        let result = self.inner.around.timers.until(end, pin!(run(state))).await;
        drop(ended);
        instance.end();
        // What the gate noted stands above what the guest says, success included.
        let result = match (call.noted(), result) {
            (Some(noted), _) => Err(noted),
            (None, Some(result)) => result.map_err(|error| {
                call.shortfall().unwrap_or_else(|| error.or_maybe_applied(call.reached()))
            }),
            (None, None) => Err(self.too_late(call.reached())),
        };
        self.inspect(call, result)
    }

    /// An answer is handed on as it is or not at all; an error is handed on without what must not be seen.
    fn inspect<T: Answer>(&self, call: &Call, result: Result<T, Error>) -> Result<T, Error> {
        let shared = &self.inner.shared;
        let answer = result.map_err(|error| error.map_texts(|text| shared.issued.redact(text)))?;
        if answer.holds_secret(&shared.issued) {
            let message = "the answer contains the signing key or the session token that the plugin was given";
            let remedy = "nothing allows this; if the plugin did not come by it honestly, report it to its publisher";
            let denial = Denial::new(Rule::SecretInAnswer, call.export, message, remedy);
            call.note_denial(&denial);
            return Err(denial.into());
        }
        let depth = shared.policy.limits.json_depth;
        if answer.is_deeper(depth) {
            return Err(Error::Limit(Limit {
                which: LimitKind::JsonDepth,
                bound: depth.to_string(),
                maybe_applied: call.reached(),
            }));
        }
        Ok(answer)
    }

    /// A new instance, connected with the settings.
    async fn connected(&self, deadline: Instant) -> Result<Instance, Error> {
        let mut result = self.start(deadline).await;
        if matches!(result, Err(Error::Busy(Busy::Instances { .. }))) {
            // Idle instances of other datasources fill the pool.
            crate::host::relieve(&self.inner.around.neighbours);
            result = self.start(deadline).await;
        }
        result
    }

    async fn start(&self, deadline: Instant) -> Result<Instance, Error> {
        let inner = &self.inner;
        let shared = &inner.shared;
        let call = Arc::new(Call::new(shared, "connect", None, deadline));
        let making = Making { plugin: &inner.plugin, shared, around: &inner.around };
        let starting = pin!(Instance::start(&making, &call, &inner.settings));
        let starting = inner.around.timers.until(deadline + GRACE, starting).await;
        call.end();
        let result = match (call.noted(), starting) {
            (Some(noted), _) => Err(noted),
            (None, Some(result)) => result,
            (None, None) => Err(self.too_late(false)),
        };
        result.map_err(|error| error.map_texts(|text| shared.issued.redact(text)))
    }
}

/// What a plugin says of itself.
pub(crate) async fn describe(
    plugin: &Plugin,
    shared: &Arc<Shared>,
    around: &Around,
) -> Result<String, Error> {
    let limits = &shared.policy.limits;
    let call = Arc::new(Call::new(
        shared,
        "describe",
        None,
        Instant::now() + limits.deadline.min(MAX_DEADLINE),
    ));
    let making = Making { plugin, shared, around };
    let result =
        shared.timers.until(call.deadline + GRACE, pin!(Instance::describe(&making, &call))).await;
    call.end();
    let described = call.noted().map_or_else(
        || result.unwrap_or(Err(Error::Limit(Limit::deadline(limits.deadline, None, false)))),
        Err,
    )?;
    if is_deeper(&described, limits.json_depth) {
        return Err(Error::Limit(Limit {
            which: LimitKind::JsonDepth,
            bound: limits.json_depth.to_string(),
            maybe_applied: false,
        }));
    }
    Ok(described)
}

/// What a caller hands in.
enum Handed<'h> {
    Json(&'h str),
    /// Bytes that nobody reads.
    Bytes(&'h [u8]),
}

/// A call that runs. When its future is dropped, that is written down as its end.
struct Running(Option<Arc<Call>>);

impl Running {
    fn call(&self) -> &Arc<Call> {
        self.0.as_ref().expect("it is taken when the call ends, which consumes this")
    }

    fn conclude<T>(mut self, result: Result<T, Error>) -> Result<T, Error> {
        match self.0.take() {
            Some(call) => call.conclude(result),
            None => result,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            call.abandon();
        }
    }
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

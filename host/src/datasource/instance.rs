//! Instances of a plugin: started, connected, used, and kept warm or dropped.

use super::Around;
use super::convert::{self, Relayed};
use super::state::Shared;
use crate::bindings;
use crate::call::Call;
use crate::error::{Busy, Error, Limit, LimitKind};
use crate::plugin::Plugin;
use crate::state::State;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use wasmtime::Store;
use wasmtime::component::{ResourceAny, ResourceTableError};

/// An instance with its connection.
pub(super) struct Instance {
    store: Store<State>,
    plugin: bindings::Plugin,
    connection: ResourceAny,
    calls: u32,
    used: Instant,
    /// Whether the host counts what guests compute.
    metered: bool,
}

impl Instance {
    /// Starts an instance and connects it.
    pub(super) async fn start(
        made_of: &Making<'_>,
        call: &Arc<Call>,
        settings: &str,
    ) -> Result<Self, Error> {
        let (mut store, plugin) = instantiate(made_of, call).await?;
        let connector = plugin.portcullis_datasource_connector();
        let connected = connector
            .call_connect(&mut store, &settings.to_string())
            .await
            .map_err(|error| trapped(call, error))?;
        let connection = connected.map_err(convert::error)?;
        let metered = store.get_fuel().is_ok();
        let mut instance =
            Self { store, plugin, connection, calls: 0, used: Instant::now(), metered };
        instance.end();
        Ok(instance)
    }

    /// What the plugin says of itself.
    pub(super) async fn describe(made_of: &Making<'_>, call: &Arc<Call>) -> Result<String, Error> {
        let (mut store, plugin) = instantiate(made_of, call).await?;
        plugin
            .portcullis_datasource_connector()
            .call_describe(&mut store)
            .await
            .map_err(|error| trapped(call, error))
    }

    /// Starts a call on it.
    pub(super) fn begin(&mut self, call: &Arc<Call>) -> &mut Self {
        self.store.data_mut().begin(call);
        self.store.set_epoch_deadline(crate::runtime::scheduler::FREE_TICKS);
        self.calls += 1;
        self
    }

    /// Ends the call.
    pub(super) fn end(&mut self) {
        // Asked only where there is an answer: an error costs an allocation.
        if self.metered
            && let Ok(left) = self.store.get_fuel()
        {
            self.store.data().count_fuel(FUEL.saturating_sub(left));
            let _ = self.store.set_fuel(FUEL);
        }
        self.store.data_mut().end();
        self.used = Instant::now();
    }

    // The bindings take the alias `json` as a `String`, hence the copies of what callers lend.

    pub(super) async fn execute(&mut self, action: &str, input: &str) -> Result<String, Error> {
        let exports = self.plugin.portcullis_datasource_connector().connection();
        let result = exports
            .call_execute(&mut self.store, self.connection, action, &input.to_string())
            .await;
        self.ended(result)?.map_err(convert::error)
    }

    pub(super) async fn execute_with(
        &mut self,
        action: &str,
        input: &str,
        options: &str,
    ) -> Result<String, Error> {
        let exports = self.plugin.portcullis_datasource_connector().connection();
        let (input, options) = (input.to_string(), options.to_string());
        let result = exports
            .call_execute_with(&mut self.store, self.connection, action, &input, &options)
            .await;
        self.ended(result)?.map_err(convert::error)
    }

    pub(super) async fn relay(&mut self, action: &str, body: &[u8]) -> Result<Relayed, Error> {
        let exports = self.plugin.portcullis_datasource_connector().connection();
        let result = exports.call_relay(&mut self.store, self.connection, action, body).await;
        let relayed = self.ended(result)?.map_err(convert::error)?;
        Ok(Relayed { status: relayed.status, headers: relayed.headers, body: relayed.body })
    }

    pub(super) async fn test(&mut self) -> Result<String, Error> {
        let exports = self.plugin.portcullis_datasource_connector().connection();
        let result = exports.call_test(&mut self.store, self.connection).await;
        self.ended(result)?.map_err(convert::error)
    }

    pub(super) async fn structure(&mut self, options: &str) -> Result<String, Error> {
        let exports = self.plugin.portcullis_datasource_connector().connection();
        let result =
            exports.call_structure(&mut self.store, self.connection, &options.to_string()).await;
        self.ended(result)?.map_err(convert::error)
    }

    /// What an export gave, or why it crashed.
    fn ended<T>(&self, result: wasmtime::Result<T>) -> Result<T, Error> {
        result.map_err(|error| match &self.store.data().gate.call {
            Some(call) => trapped(call, error),
            None => Error::Trapped(error.root_cause().to_string()),
        })
    }

    /// Whether it may serve another call.
    fn is_reusable(&self) -> bool {
        let state = self.store.data();
        self.calls < MAX_CALLS && state.memory() <= MAX_WARM_MEMORY && state.is_clean()
    }
}

/// What an instance is made of.
pub(super) struct Making<'m> {
    pub(super) plugin: &'m Plugin,
    pub(super) shared: &'m Arc<Shared>,
    pub(super) around: &'m Around,
}

async fn instantiate(
    made_of: &Making<'_>,
    call: &Arc<Call>,
) -> Result<(Store<State>, bindings::Plugin), Error> {
    let pre = made_of.plugin.pre();
    let mut store =
        Store::new(pre.engine(), State::new(made_of.shared.clone(), &made_of.around.fairness));
    store.limiter(|state| &mut state.limiter);
    // From then on a guest that runs lets others run at each tick, and with them the timer that ends it.
    store.set_epoch_deadline(crate::runtime::scheduler::FREE_TICKS);
    store.epoch_deadline_callback(|mut store| Ok(store.data_mut().slices.next()));
    // Where the host meters: without it there is none to be had.
    let _ = store.set_fuel(FUEL);
    store.data_mut().begin(call);
    let plugin = pre.instantiate_async(&mut store).await.map_err(|error| {
        let full = error.downcast_ref::<wasmtime::PoolConcurrencyLimitError>().is_some();
        if full {
            Error::Busy(Busy::Instances { places: made_of.around.turns.instances() })
        } else {
            trapped(call, error)
        }
    })?;
    Ok((store, plugin))
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn trapped(call: &Call, error: wasmtime::Error) -> Error {
    if let Some(ResourceTableError::Full) = error.downcast_ref::<ResourceTableError>() {
        let bound = call.limits().resources.to_string();
        return Error::Limit(Limit {
            which: LimitKind::Resources,
            bound,
            maybe_applied: call.reached(),
        });
    }
    // wasmtime has no type for it.
    if error.root_cause().to_string().contains("total size of fields exceeds limit") {
        let bound = call.limits().header_bytes.to_string();
        return Error::Limit(Limit {
            which: LimitKind::HeaderBytes,
            bound,
            maybe_applied: call.reached(),
        });
    }
    // The root says what happened; what stands above it are addresses in the guest.
    Error::Trapped(error.root_cause().to_string())
}

/// Fuel for one call: more than can be used up. It is counted, and no bound; time is.
const FUEL: u64 = u64::MAX;
/// Calls after which an instance is replaced: whatever a guest leaks stays small.
const MAX_CALLS: u32 = 10_000;
/// The memory beyond which an instance is not kept, in bytes: what a large answer made it take is given back.
const MAX_WARM_MEMORY: usize = 4 * 1024 * 1024;
/// How long an unused instance is kept.
const MAX_WARM_TIME: Duration = Duration::from_mins(1);

/// Instances that wait for the next call of their datasource.
pub(super) struct Warm {
    instances: Mutex<Vec<Instance>>,
    /// As many are kept as calls run at once.
    most: usize,
}

impl Warm {
    pub(super) fn new(most: usize) -> Self {
        Self { instances: Mutex::default(), most }
    }

    /// The instance used last: the others may then grow old.
    pub(super) fn take(&self) -> Option<Instance> {
        let mut instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(instance) = instances.pop() {
            // One that knows an identity from before is not used any more.
            if instance.used.elapsed() < MAX_WARM_TIME && instance.store.data().is_clean() {
                return Some(instance);
            }
        }
        None
    }

    /// Keeps an instance, if it may serve another call.
    pub(super) fn put(&self, instance: Instance) {
        if !instance.is_reusable() {
            return;
        }
        let mut instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
        if instances.len() < self.most {
            instances.push(instance);
        }
    }

    /// Drops the instances that have not been used for long.
    pub(super) fn prune(&self) {
        let mut instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
        let old: Vec<Instance> =
            instances.extract_if(.., |instance| instance.used.elapsed() >= MAX_WARM_TIME).collect();
        // Dropping instances takes time, in which calls of the datasource must not wait.
        drop(instances);
        drop(old);
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Drops all of them: the pool has no place for others.
    pub(super) fn clear(&self) {
        let all =
            std::mem::take(&mut *self.instances.lock().unwrap_or_else(PoisonError::into_inner));
        drop(all);
    }
}

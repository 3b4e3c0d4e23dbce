//! Instances of a plugin: started, connected, used, and kept warm or dropped.

use super::convert::{self, Relayed};
use crate::bindings;
use crate::call::Call;
use crate::error::Error;
use crate::plugin::Plugin;
use crate::shared::Shared;
use crate::state::State;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use wasmtime::Store;
use wasmtime::component::ResourceAny;

/// An instance with its connection.
pub(super) struct Instance {
    store: Store<State>,
    plugin: bindings::Plugin,
    connection: ResourceAny,
    calls: u32,
    used: Instant,
}

impl Instance {
    /// Starts an instance and connects it.
    pub(super) async fn start(plugin: &Plugin, shared: &Arc<Shared>, call: &Arc<Call>, settings: &str) -> Result<Self, Error> {
        let (mut store, plugin) = instantiate(plugin, shared, call).await?;
        let connector = plugin.portcullis_datasource_connector();
        let connected = connector.call_connect(&mut store, &settings.to_string()).await.map_err(trapped)?;
        let connection = connected.map_err(convert::error)?;
        let mut instance = Self { store, plugin, connection, calls: 0, used: Instant::now() };
        instance.end();
        Ok(instance)
    }

    /// What the plugin says of itself.
    pub(super) async fn describe(plugin: &Plugin, shared: &Arc<Shared>, call: &Arc<Call>) -> Result<String, Error> {
        let (mut store, plugin) = instantiate(plugin, shared, call).await?;
        plugin.portcullis_datasource_connector().call_describe(&mut store).await.map_err(trapped)
    }

    /// Starts a call on it.
    pub(super) fn begin(&mut self, call: &Arc<Call>) -> &mut Self {
        self.store.data_mut().begin(call);
        self.calls += 1;
        self
    }

    /// Ends the call.
    pub(super) fn end(&mut self) {
        self.store.data_mut().end();
        self.used = Instant::now();
    }

    // The bindings take the alias `json` as a `String`, hence the copies of what callers lend.

    pub(super) async fn execute(&mut self, action: &str, input: &str) -> Result<String, Error> {
        let exports = self.plugin.portcullis_datasource_connector().connection();
        exports.call_execute(&mut self.store, self.connection, action, &input.to_string()).await.map_err(trapped)?.map_err(convert::error)
    }

    pub(super) async fn execute_with(&mut self, action: &str, input: &str, options: &str) -> Result<String, Error> {
        let exports = self.plugin.portcullis_datasource_connector().connection();
        exports
            .call_execute_with(&mut self.store, self.connection, action, &input.to_string(), &options.to_string())
            .await
            .map_err(trapped)?
            .map_err(convert::error)
    }

    pub(super) async fn relay(&mut self, action: &str, body: &[u8]) -> Result<Relayed, Error> {
        let exports = self.plugin.portcullis_datasource_connector().connection();
        let relayed = exports.call_relay(&mut self.store, self.connection, action, body).await.map_err(trapped)?.map_err(convert::error)?;
        Ok(Relayed { status: relayed.status, headers: relayed.headers, body: relayed.body })
    }

    pub(super) async fn test(&mut self) -> Result<String, Error> {
        let exports = self.plugin.portcullis_datasource_connector().connection();
        exports.call_test(&mut self.store, self.connection).await.map_err(trapped)?.map_err(convert::error)
    }

    pub(super) async fn structure(&mut self, options: &str) -> Result<String, Error> {
        let exports = self.plugin.portcullis_datasource_connector().connection();
        exports.call_structure(&mut self.store, self.connection, &options.to_string()).await.map_err(trapped)?.map_err(convert::error)
    }

    /// Whether it may serve another call.
    fn is_reusable(&self) -> bool {
        let state = self.store.data();
        self.calls < MAX_CALLS && state.memory() <= MAX_WARM_MEMORY && state.is_clean()
    }
}

async fn instantiate(plugin: &Plugin, shared: &Arc<Shared>, call: &Arc<Call>) -> Result<(Store<State>, bindings::Plugin), Error> {
    let mut store = Store::new(plugin.pre().engine(), State::new(shared.clone()));
    store.limiter(|state| &mut state.limiter);
    // At each tick a running guest lets others run, and with them the timer that ends it.
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
    store.data_mut().begin(call);
    let plugin = plugin.pre().instantiate_async(&mut store).await.map_err(|error| {
        let full = error.downcast_ref::<wasmtime::PoolConcurrencyLimitError>().is_some();
        if full { Error::Busy { running: crate::host::MAX_INSTANCES } } else { trapped(error) }
    })?;
    Ok((store, plugin))
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn trapped(error: wasmtime::Error) -> Error {
    // The root says what happened; what stands above it are addresses in the guest.
    Error::Trapped(error.root_cause().to_string())
}

/// Calls after which an instance is replaced: whatever a guest leaks stays small.
const MAX_CALLS: u32 = 10_000;
/// The memory beyond which an instance is not kept, in bytes: what a large answer made it take is given back.
const MAX_WARM_MEMORY: usize = 8 * 1024 * 1024;
/// Warm instances kept: as many as calls run at once by default.
const MAX_WARM: usize = 64;
/// How long an unused instance is kept.
const MAX_WARM_TIME: Duration = Duration::from_mins(1);

/// Instances that wait for the next call of their datasource.
#[derive(Default)]
pub(super) struct Warm(Mutex<Vec<Instance>>);

impl Warm {
    /// The instance used last: the others may then grow old.
    pub(super) fn take(&self) -> Option<Instance> {
        let mut instances = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(instance) = instances.pop() {
            if instance.used.elapsed() < MAX_WARM_TIME {
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
        let mut instances = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if instances.len() < MAX_WARM {
            instances.push(instance);
        }
    }

    /// Drops the instances that have not been used for long.
    pub(super) fn prune(&self) {
        let mut instances = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let old: Vec<Instance> = instances.extract_if(.., |instance| instance.used.elapsed() >= MAX_WARM_TIME).collect();
        // Dropping instances takes time, in which calls of the datasource must not wait.
        drop(instances);
        drop(old);
    }

    /// Drops all of them: the pool has no place for others.
    pub(super) fn clear(&self) {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        drop(all);
    }
}

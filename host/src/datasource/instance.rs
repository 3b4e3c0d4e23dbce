//! One instance of a plugin with its connection.

use super::convert;
use super::output::RawResponse;
use crate::bindings;
use crate::call::Call;
use crate::datasource_state::DatasourceState;
use crate::error::{Busy, Error};
use crate::plugin::Plugin;
use crate::runtime::Runtime;
use crate::runtime::scheduler::{CpuPermit, FREE_TICKS};
use crate::store_state::StoreState;
use portcullis_policy::{LimitKind, Limits};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::component::{ResourceAny, ResourceTableError};
use wasmtime::{PoolConcurrencyLimitError, Store};

/// An instance with its connection.
pub(super) struct Instance {
    store: Store<StoreState>,
    plugin: bindings::Plugin,
    connection: ResourceAny,
    calls: u32,
    used: Instant,
    /// Whether the host meters what guests compute.
    is_metered: bool,
}

/// What an instance is made of.
pub(super) struct InstanceSpec<'s> {
    pub(super) plugin: &'s Plugin,
    pub(super) datasource: &'s Arc<DatasourceState>,
    pub(super) runtime: &'s Runtime,
}

/// Fuel for one call: more than can be used up. It is counted only; the limit is on time.
const FUEL: u64 = u64::MAX;
/// Calls after which an instance is replaced, so that what a guest leaks stays small.
const MAX_CALLS: u32 = 10_000;
/// The memory above which an instance is not kept, in bytes: memory for a large response is
/// returned.
const MAX_IDLE_MEMORY: usize = 4 * 1024 * 1024;
/// How long an idle instance is kept.
const MAX_IDLE_TIME: Duration = Duration::from_mins(1);
/// What a call may take on its stack, in bytes: wasmtime's limit on the stack of a guest.
pub(super) const STACK_BYTES: u64 = 512 * 1024;

impl Instance {
    /// Creates an instance and connects it with the settings.
    pub(super) async fn connect(
        spec: &InstanceSpec<'_>,
        call: &Arc<Call>,
        settings: &str,
    ) -> Result<Self, Error> {
        let (mut store, plugin) = instantiate(spec, call).await?;
        let connector = plugin.portcullis_datasource_connector();
        let (permit, settings) = (cpu_permit(&store), settings.to_string());
        let connected = permit
            .watch(connector.call_connect(&mut store, &settings))
            .await
            .map_err(|error| trapped(call, error))?;
        let connection = connected.map_err(convert::error)?;
        let is_metered = store.get_fuel().is_ok();
        let used = Instant::now();
        let mut instance = Self { store, plugin, connection, calls: 0, used, is_metered };
        instance.end();
        Ok(instance)
    }

    /// What the plugin says about itself.
    pub(super) async fn describe(
        spec: &InstanceSpec<'_>,
        call: &Arc<Call>,
    ) -> Result<String, Error> {
        let (mut store, plugin) = instantiate(spec, call).await?;
        let permit = cpu_permit(&store);
        let connector = plugin.portcullis_datasource_connector();
        let described = permit.watch(connector.call_describe(&mut store)).await;
        described.map_err(|error| trapped(call, error))
    }

    /// Begins a call.
    pub(super) fn begin(&mut self, call: &Arc<Call>) -> &mut Self {
        self.store.data_mut().begin(call);
        self.store.set_epoch_deadline(FREE_TICKS);
        self.calls += 1;
        self
    }

    /// Ends the call.
    pub(super) fn end(&mut self) {
        // Without a meter wasmtime would return an error, which costs an allocation.
        if self.is_metered
            && let Ok(left) = self.store.get_fuel()
        {
            self.store.data().datasource.counters.count_fuel(FUEL.saturating_sub(left));
            let _ = self.store.set_fuel(FUEL);
        }
        self.store.data_mut().end();
        self.used = Instant::now();
    }

    // The bindings take the WIT alias `json` as a `String`, so borrowed texts are copied.

    pub(super) async fn execute(&mut self, action: &str, input: &str) -> Result<String, Error> {
        let exports = self.plugin.portcullis_datasource_connector().connection();
        let result = exports
            .call_execute(&mut self.store, self.connection, action, &input.to_string())
            .await;
        self.returned(result)?.map_err(convert::error)
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
        self.returned(result)?.map_err(convert::error)
    }

    pub(super) async fn relay(&mut self, action: &str, body: &[u8]) -> Result<RawResponse, Error> {
        let exports = self.plugin.portcullis_datasource_connector().connection();
        let result = exports.call_relay(&mut self.store, self.connection, action, body).await;
        let relayed = self.returned(result)?.map_err(convert::error)?;
        Ok(RawResponse { status: relayed.status, headers: relayed.headers, body: relayed.body })
    }

    pub(super) async fn test(&mut self) -> Result<String, Error> {
        let exports = self.plugin.portcullis_datasource_connector().connection();
        let result = exports.call_test(&mut self.store, self.connection).await;
        self.returned(result)?.map_err(convert::error)
    }

    pub(super) async fn structure(&mut self, options: &str) -> Result<String, Error> {
        let exports = self.plugin.portcullis_datasource_connector().connection();
        let options = options.to_string();
        let result = exports.call_structure(&mut self.store, self.connection, &options).await;
        self.returned(result)?.map_err(convert::error)
    }

    /// The memory that is reserved for the instance, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.store.data().limiter.reserved()
    }

    /// The right to use a CPU.
    pub(super) fn cpu_permit(&self) -> CpuPermit {
        cpu_permit(&self.store)
    }

    /// Whether the instance has too much memory to be kept.
    pub(super) fn is_large(&self) -> bool {
        self.store.data().limiter.memory() > MAX_IDLE_MEMORY
    }

    /// Whether the instance may serve another call.
    pub(super) fn is_reusable(&self) -> bool {
        let state = self.store.data();
        self.calls < MAX_CALLS && !self.is_large() && state.is_clean()
    }

    /// Whether the instance has been idle for longer than instances are kept.
    pub(super) fn is_expired(&self) -> bool {
        self.used.elapsed() >= MAX_IDLE_TIME
    }

    /// Whether the guest knows no previous identity and holds no resource.
    pub(super) fn is_clean(&self) -> bool {
        self.store.data().is_clean()
    }

    /// The result of an export, or why it crashed.
    fn returned<T>(&self, result: wasmtime::Result<T>) -> Result<T, Error> {
        result.map_err(|error| match &self.store.data().call {
            Some(call) => trapped(call, error),
            None => Error::Trapped { message: error.root_cause().to_string() },
        })
    }
}

async fn instantiate(
    spec: &InstanceSpec<'_>,
    call: &Arc<Call>,
) -> Result<(Store<StoreState>, bindings::Plugin), Error> {
    let pre = spec.plugin.pre();
    let state = StoreState::new(spec.datasource.clone(), spec.runtime);
    let mut store = Store::new(pre.engine(), state);
    store.set_hostcall_fuel(hostcall_fuel(call.limits()));
    store.limiter(|state| &mut state.limiter);
    // From then on a guest that computes yields at each tick, also to the timer that ends its call.
    store.set_epoch_deadline(FREE_TICKS);
    store.epoch_deadline_callback(|mut store| Ok(store.data_mut().slices.next()));
    // Fails if the host does not meter.
    let _ = store.set_fuel(FUEL);
    store.data_mut().begin(call);
    let permit = cpu_permit(&store);
    let plugin = permit.watch(pre.instantiate_async(&mut store)).await.map_err(|error| {
        if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
            Error::Busy(Busy::Instances { capacity: spec.runtime.limit.instances() })
        } else {
            trapped(call, error)
        }
    })?;
    Ok((store, plugin))
}

fn cpu_permit(store: &Store<StoreState>) -> CpuPermit {
    store.data().slices.permit().clone()
}

#[expect(clippy::needless_pass_by_value, reason = "for use in map_err")]
fn trapped(call: &Call, error: wasmtime::Error) -> Error {
    let limits = call.limits();
    let limit = |which, bound: String| Error::Limit(call.progress().limit(which, bound));
    if let Some(ResourceTableError::Full) = error.downcast_ref::<ResourceTableError>() {
        return limit(LimitKind::Resources, limits.resources.to_string());
    }
    // wasmtime has no public types for these errors.
    let cause = error.root_cause().to_string();
    if cause.contains("total size of fields exceeds limit") {
        return limit(LimitKind::HeaderBytes, limits.header_bytes.to_string());
    }
    if cause.contains("fuel allocated for hostcalls") {
        return limit(LimitKind::ResponseBytes, limits.response_bytes.to_string());
    }
    // The root cause says what happened; its context is addresses in the guest.
    Error::Trapped { message: cause }
}

/// The most bytes that pass from the guest to the host in one call between them: the larger of a
/// request and a response, and headers.
fn hostcall_fuel(limits: &Limits) -> usize {
    let body = limits.request_bytes.max(limits.response_bytes).as_u64();
    let bytes = body.saturating_add(limits.header_bytes.as_u64()).saturating_add(SMALL_VALUES);
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Room for values of a fixed size in one call between guest and host, in bytes.
const SMALL_VALUES: u64 = 4096;

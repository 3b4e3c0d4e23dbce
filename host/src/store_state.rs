//! What the host keeps for one instance of a plugin, in wasmtime's store.

use crate::call::Call;
use crate::datasource_state::DatasourceState;
use crate::limiter::Limiter;
use crate::runtime::Runtime;
use crate::runtime::scheduler::TimeSlices;
use portcullis_gate::Gate;
use portcullis_memory::Account;
use portcullis_policy::Limits;
use portcullis_wasi::{Held, PluginState};
use std::pin::Pin;
use std::sync::Arc;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi::clocks::{WasiClocksCtxView, WasiClocksView};
use wasmtime_wasi::random::WasiRandomCtx;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};
use wasmtime_wasi_io::IoView;

/// The host's side of one instance.
pub(crate) struct StoreState {
    pub(crate) table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    pub(crate) gate: Gate,
    pub(crate) datasource: Arc<DatasourceState>,
    pub(crate) limiter: Limiter,
    pub(crate) slices: TimeSlices,
    /// The running call.
    pub(crate) call: Option<Arc<Call>>,
    /// The generation of the datasource's identity that the guest knows.
    pub(crate) identity: u32,
    held: Held,
}

/// Random bytes in one call: the host creates them in its own time and memory. An idempotency token
/// takes 16.
const MAX_RANDOM_BYTES: u64 = 4096;

impl StoreState {
    pub(crate) fn new(datasource: Arc<DatasourceState>, runtime: &Runtime) -> Self {
        let limits = datasource.limits();
        let account = Account::new(limits.host_memory.as_u64(), runtime.memory.clone());
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.resources as usize);
        // Only the clocks and the random numbers of it are linked.
        let wasi = WasiCtx::builder().max_random_size(MAX_RANDOM_BYTES).build();
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(header_bytes(limits));
        Self {
            table,
            wasi,
            http,
            gate: Gate::closed(&datasource.egress, account),
            limiter: Limiter::new(limits.clone(), &runtime.memory),
            slices: runtime.scheduler.time_slices(),
            call: None,
            identity: datasource.egress.identity(),
            held: Held::default(),
            datasource,
        }
    }

    /// Begins a call: from now on the gate applies its rules.
    pub(crate) fn begin(&mut self, call: &Arc<Call>) {
        self.gate.begin(call.clone());
        self.limiter.begin(call.progress().clone());
        self.call = Some(call.clone());
        self.slices.begin();
    }

    /// Ends the call: nothing more is sent.
    pub(crate) fn end(&mut self) {
        self.gate.end();
        self.limiter.end();
        self.held.end_call();
        self.call = None;
        self.slices.end();
    }

    /// Whether the guest holds no resource of the host, and knows no identity but the current one.
    pub(crate) fn is_clean(&self) -> bool {
        self.table.is_empty()
            && self.held.is_empty()
            && self.identity == self.datasource.egress.identity()
    }
}

fn header_bytes(limits: &Limits) -> usize {
    usize::try_from(limits.header_bytes.as_u64()).unwrap_or(usize::MAX)
}

impl IoView for StoreState {
    fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

impl WasiClocksView for StoreState {
    fn clocks(&mut self) -> WasiClocksCtxView<'_> {
        WasiClocksCtxView { ctx: self.wasi.clocks(), table: &mut self.table }
    }
}

impl WasiHttpView for StoreState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.gate, table: &mut self.table, ctx: &mut self.http }
    }
}

impl PluginState for StoreState {
    fn gate(&mut self) -> &mut Gate {
        &mut self.gate
    }

    fn held(&mut self) -> &mut Held {
        &mut self.held
    }

    fn random(&mut self) -> &mut WasiRandomCtx {
        self.wasi.random()
    }

    fn wait_for_cpu(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.slices.acquire()
    }
}

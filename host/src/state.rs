//! What one instance of a plugin has on the host's side: its resources, its bounds, and the functions it imports.

use crate::aws::{Issued, is_current};
use crate::bindings::portcullis::datasource::call::{self as call_interface, Moment};
use crate::bindings::portcullis::datasource::{aws_signing, http_messages, types};
use crate::call::Call;
use crate::datasource::state::Shared;
use crate::error::LimitKind;
use crate::gate::Gate;
use crate::runtime::scheduler::{Fairness, Slices};
use portcullis_policy::{CredentialScope, Denial, Limits, MAX_TABLE_ELEMENTS, Rule};
use std::sync::{Arc, Weak};
use time::OffsetDateTime;
use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime::{ResourceLimiter, Result};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksCtxView, WasiClocksView};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi_http::{WasiHttp, WasiHttpCtx, WasiHttpCtxView, WasiHttpView};
use wasmtime_wasi_io::IoView;

/// The host's side of one instance.
pub(crate) struct State {
    pub(crate) table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    pub(crate) gate: Gate,
    shared: Arc<Shared>,
    pub(crate) limiter: Limiter,
    pub(crate) slices: Slices,
    /// The identity of the datasource when this was made.
    identity: u32,
    /// The request that was made in one piece and not sent yet.
    pub(crate) unsent: Weak<()>,
}

/// Random bytes at once: they are made on the host's time, in the host's memory. A token takes 16.
const MAX_RANDOM_BYTES: u64 = 4096;
impl State {
    pub(crate) fn new(shared: Arc<Shared>, fairness: &Fairness) -> Self {
        let limits = &shared.policy.limits;
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.resources as usize);
        // Of this only the clocks and the random numbers are linked.
        let wasi = WasiCtx::builder().max_random_size(MAX_RANDOM_BYTES).build();
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(header_bytes(limits));
        let limiter = Limiter { memory: 0, limits: limits.clone(), call: None };
        let slices = fairness.slices();
        let identity = shared.identity();
        Self {
            table,
            wasi,
            http,
            gate: Gate::new(shared.clone(), slices.place()),
            shared,
            limiter,
            slices,
            identity,
            unsent: Weak::new(),
        }
    }

    /// Starts a call: from here on the gate decides by it.
    pub(crate) fn begin(&mut self, call: &Arc<Call>) {
        self.gate.call = Some(call.clone());
        self.limiter.call = Some(call.clone());
        self.slices.begin();
    }

    /// Ends the call: nothing more is sent.
    pub(crate) fn end(&mut self) {
        if let Some(call) = self.gate.call.take() {
            call.end();
        }
        self.limiter.call = None;
        self.slices.end();
    }

    /// The bounds of the datasource's policy.
    pub(crate) fn limits(&self) -> &Limits {
        &self.shared.policy.limits
    }

    /// The bound on the headers of a request, in bytes.
    pub(crate) fn header_bytes(&self) -> usize {
        header_bytes(self.limits())
    }

    /// Counts what the guest has computed.
    pub(crate) fn count_fuel(&self, used: u64) {
        self.shared.counting.fuel(used);
    }

    /// Whether the guest holds nothing of the host any more, and knows no other identity than the datasource's.
    pub(crate) fn is_clean(&self) -> bool {
        self.table.is_empty() && self.identity == self.shared.identity()
    }

    /// Bytes of linear memory.
    pub(crate) fn memory(&self) -> usize {
        self.limiter.memory
    }
}

fn header_bytes(limits: &Limits) -> usize {
    usize::try_from(limits.header_bytes.as_u64()).unwrap_or(usize::MAX)
}

/// Links what a plugin may import, interface by interface, and nothing else.
pub(crate) fn link(linker: &mut Linker<State>) -> Result<()> {
    use wasmtime_wasi::p2::bindings::{clocks, random};
    use wasmtime_wasi_http::p2::bindings::http;
    wasmtime_wasi_io::add_to_linker_async(linker)?;
    clocks::wall_clock::add_to_linker::<State, WasiClocks>(linker, State::clocks)?;
    clocks::monotonic_clock::add_to_linker::<State, WasiClocks>(linker, State::clocks)?;
    random::random::add_to_linker::<State, WasiRandom>(linker, |state| state.wasi.random())?;
    let options = wasmtime_wasi_http::p2::bindings::LinkOptions::default();
    http::types::add_to_linker::<State, WasiHttp>(linker, &options.into(), State::http)?;
    crate::imports::outgoing_handler::add_to_linker(linker)?;
    types::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    http_messages::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    aws_signing::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    call_interface::add_to_linker::<State, HasSelf<State>>(linker, |state| state)
}

impl IoView for State {
    fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

impl WasiClocksView for State {
    fn clocks(&mut self) -> WasiClocksCtxView<'_> {
        WasiClocksCtxView { ctx: self.wasi.clocks(), table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.gate, table: &mut self.table, ctx: &mut self.http }
    }
}

impl types::Host for State {}

impl aws_signing::Host for State {
    async fn derive_key(
        &mut self,
        date: String,
        region: String,
        service: String,
    ) -> Result<Result<aws_signing::SigningMaterial, aws_signing::SigningError>> {
        let refuse = |call: Option<&Arc<Call>>, denial: &Denial| {
            if let Some(call) = call {
                call.note_denial(denial);
            }
            Ok(Err(aws_signing::SigningError::Refused(denial.to_string())))
        };
        let call = self.gate.call.clone();
        if call.as_ref().is_none_or(|call| call.operations.is_empty()) {
            let denial = Denial::new(
                Rule::Signing,
                "",
                "a signing key outside a call that may send",
                "this is a defect of the plugin: report it to its publisher",
            );
            return refuse(call.as_ref(), &denial);
        }
        let scope = match CredentialScope::new(&region, &service) {
            Ok(scope) => scope,
            Err(message) => {
                return refuse(
                    call.as_ref(),
                    &Denial::new(Rule::Signing, "", message, "check the region in the settings"),
                );
            }
        };
        if let Err(denial) = self.shared.policy.judge_scope(&scope, &self.shared.own_scopes) {
            return refuse(call.as_ref(), &denial);
        }
        if !is_current(&date, OffsetDateTime::now_utc()) {
            let shown: String = date.chars().take(20).collect();
            let denial = Denial::new(
                Rule::Signing,
                scope.to_string(),
                format!("a signing key for {shown:?}, which is not today or a day beside it"),
                "check this machine's clock",
            );
            return refuse(call.as_ref(), &denial);
        }
        Ok(match self.shared.keys.derive(&date, &scope).await {
            Ok(material) => {
                let credential = format!(
                    "{}/{date}/{}/{}/aws4_request",
                    material.access_key_id,
                    scope.region(),
                    scope.service()
                );
                let issued = Issued {
                    credential,
                    session_token: material.session_token.clone(),
                    key: material.key.clone(),
                };
                if self.shared.issued.note(issued) {
                    self.shared.change_identity();
                    self.identity = self.shared.identity();
                }
                Ok(aws_signing::SigningMaterial {
                    access_key_id: material.access_key_id,
                    session_token: material.session_token.map(|token| token.expose().to_string()),
                    key: material.key.to_vec(),
                    expires: material.expires,
                })
            }
            Err(error) => Err(aws_signing::SigningError::Unavailable(error.to_string())),
        })
    }
}

impl call_interface::Host for State {
    fn now(&mut self) -> Result<Moment> {
        let remaining = self.gate.call.as_ref().map(|call| call.remaining()).unwrap_or_default();
        Ok(Moment {
            unix_ms: (OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000) as i64,
            clock_offset_ms: self.shared.clock_offset(),
            remaining_ns: u64::try_from(remaining.as_nanos()).unwrap_or(u64::MAX),
        })
    }

    fn report_clock(&mut self, offset_ms: i64) -> Result<()> {
        self.shared.set_clock_offset(offset_ms);
        Ok(())
    }

    fn take_retry(&mut self, cost: u32) -> Result<bool> {
        Ok(self.shared.take_retry(cost))
    }

    fn return_retry(&mut self, cost: u32) -> Result<()> {
        self.shared.return_retry(cost);
        Ok(())
    }
}

/// Bounds the memory and tables of one instance, and notes when the bound is met.
pub(crate) struct Limiter {
    memory: usize,
    limits: Limits,
    call: Option<Arc<Call>>,
}

impl Limiter {
    fn note(&self, which: LimitKind, bound: String) {
        if let Some(call) = &self.call {
            call.note_limit(which, bound);
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        // A component may have several memories; they are bounded together.
        let all = self.memory.saturating_sub(current).saturating_add(desired);
        if all as u64 > self.limits.memory.as_u64()
            || maximum.is_some_and(|maximum| desired > maximum)
        {
            self.note(LimitKind::Memory, self.limits.memory.to_string());
            return Ok(false);
        }
        self.memory = all;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        if desired > MAX_TABLE_ELEMENTS || maximum.is_some_and(|maximum| desired > maximum) {
            self.note(LimitKind::Tables, format!("{MAX_TABLE_ELEMENTS} elements"));
            return Ok(false);
        }
        Ok(true)
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }

    fn tables(&self) -> usize {
        self.limits.tables as usize
    }

    fn instances(&self) -> usize {
        self.limits.instances as usize
    }
}

/// Memories of one instance: a plugin has one, and the adapter of a component may have another.
pub(crate) const MAX_MEMORIES: usize = 4;

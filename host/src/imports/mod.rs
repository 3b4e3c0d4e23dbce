//! The interfaces that a plugin imports, each in a file of its own. Nothing else is linked.

mod aws_signing;
mod call;
mod http_messages;
mod idle_workers;
mod outgoing_handler;
mod types;

use crate::bindings::portcullis::datasource as contract;
use crate::store_state::StoreState;
use wasmtime::Result;
use wasmtime::component::{HasSelf, Linker};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::p2::bindings::{clocks, random};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi_http::p2::bindings::{LinkOptions, http};
use wasmtime_wasi_http::{WasiHttp, WasiHttpView};

/// Links what a plugin may import, interface by interface.
pub(crate) fn link(linker: &mut Linker<StoreState>) -> Result<()> {
    type Own = HasSelf<StoreState>;
    wasmtime_wasi_io::add_to_linker_async(linker)?;
    clocks::wall_clock::add_to_linker::<StoreState, WasiClocks>(linker, StoreState::clocks)?;
    clocks::monotonic_clock::add_to_linker::<StoreState, WasiClocks>(linker, StoreState::clocks)?;
    random::random::add_to_linker::<StoreState, WasiRandom>(linker, StoreState::random)?;
    let options = LinkOptions::default();
    http::types::add_to_linker::<StoreState, WasiHttp>(linker, &options.into(), StoreState::http)?;
    outgoing_handler::add_to_linker(linker)?;
    contract::types::add_to_linker::<StoreState, Own>(linker, |state| state)?;
    contract::http_messages::add_to_linker::<StoreState, Own>(linker, |state| state)?;
    contract::aws_signing::add_to_linker::<StoreState, Own>(linker, |state| state)?;
    contract::call::add_to_linker::<StoreState, Own>(linker, |state| state)
}

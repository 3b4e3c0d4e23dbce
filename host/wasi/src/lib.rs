//! The WASI functions that plugins import.
//!
//! wasmtime implements them, and copies what a guest passes before it checks it: a text of 100 MB
//! as the authority of a request, a list of a million handles. Here each function that takes a text
//! or a list looks at its length first ([`Text`], [`WasmList`](wasmtime::component::WasmList)), and
//! then calls wasmtime's function. What the host holds for an instance is charged to an account
//! ([`Held`]). Requests go to the gate.
//!
//! A host implements [`PluginState`] for the data of its stores, and calls [`add_to_linker`].

mod fields;
mod held;
mod http_messages;
mod idle_workers;
mod measured;
mod outgoing_handler;
mod outgoing_request;
mod streams;

pub use held::Held;
pub use measured::Text;

use portcullis_gate::Gate;
use portcullis_memory::Exceeded;
use portcullis_policy::LimitKind;
use std::future::Future;
use std::pin::Pin;
use wasmtime::component::Linker;
use wasmtime::{Error, Result};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::p2::bindings::{clocks, random};
use wasmtime_wasi::random::{WasiRandom, WasiRandomCtx};
use wasmtime_wasi_http::p2::bindings::{LinkOptions, http};
use wasmtime_wasi_http::{FieldMapError, WasiHttp, WasiHttpView};
use wasmtime_wasi_io::IoView;

/// The data of a store with a plugin, as the functions of this crate see it.
pub trait PluginState: IoView + WasiClocksView + WasiHttpView + Send + 'static {
    /// The gate, which sends requests.
    fn gate(&mut self) -> &mut Gate;

    /// What the host holds for the instance.
    fn held(&mut self) -> &mut Held;

    /// The random numbers that the guest imports.
    fn random(&mut self) -> &mut WasiRandomCtx;

    /// Waits until the host may use a processor for this guest for longer than a moment. Work in
    /// proportion to what a guest passes is done after it.
    fn wait_for_cpu(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// The guest waits now, and does not compute.
    fn release_cpu(&mut self);
}

/// Links what a plugin imports from WASI, interface by interface, and `http-messages`.
///
/// # Errors
/// Returns an error if the linker has one of these interfaces already.
pub fn add_to_linker<T: PluginState>(linker: &mut Linker<T>) -> Result<()> {
    wasmtime_wasi_io::add_to_linker_async(linker)?;
    clocks::wall_clock::add_to_linker::<T, WasiClocks>(linker, T::clocks)?;
    clocks::monotonic_clock::add_to_linker::<T, WasiClocks>(linker, T::clocks)?;
    random::random::add_to_linker::<T, WasiRandom>(linker, T::random)?;
    let options = LinkOptions::default();
    http::types::add_to_linker::<T, WasiHttp>(linker, &options.into(), T::http)?;
    // The functions that measure take the place of wasmtime's.
    linker.allow_shadowing(true);
    fields::add_to_linker(linker)?;
    outgoing_request::add_to_linker(linker)?;
    streams::add_to_linker(linker)?;
    linker.allow_shadowing(false);
    outgoing_handler::add_to_linker(linker)?;
    http_messages::add_to_linker(linker)
}

/// Fails the running call because a limit on what a guest passes is reached. The error ends the
/// guest.
fn reached<T: PluginState>(state: &mut T, which: LimitKind, bound: String) -> Error {
    if let Some(progress) = state.gate().progress() {
        progress.fail_at_limit(which, bound);
    }
    Error::msg("the plugin passed more than its limits allow")
}

/// Fails the running call because headers are too large, or what is counted with them.
fn headers_too_large<T: PluginState>(state: &mut T) -> Error {
    let bound = state.gate().limits().header_bytes.to_string();
    reached(state, LimitKind::HeaderBytes, bound).context(FieldMapError::TotalSizeTooBig)
}

/// The limit on the headers of a request, in bytes. What belongs to a request's head is limited
/// with them.
fn max_header_bytes<T: PluginState>(state: &mut T) -> usize {
    usize::try_from(state.gate().limits().header_bytes.as_u64()).unwrap_or(usize::MAX)
}

/// The error that ends a guest for which no more memory is held.
fn no_memory(exceeded: Exceeded) -> Error {
    Error::msg(exceeded.to_string())
}

//! The data of a store, and how a call fails.

use crate::held::Held;
use crate::measured::Text;
use portcullis_gate::Gate;
use portcullis_memory::Exceeded;
use portcullis_policy::LimitKind;
use std::future::Future;
use std::pin::Pin;
use wasmtime::{Error, Result, StoreContextMut};
use wasmtime_wasi::clocks::WasiClocksView;
use wasmtime_wasi::random::WasiRandomCtx;
use wasmtime_wasi_http::{FieldMapError, WasiHttpView};
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
}

/// Fails the running call because a limit on what a guest passes is reached. The error ends the
/// guest.
pub fn reached<T: PluginState>(state: &mut T, which: LimitKind, bound: String) -> Error {
    if let Some(progress) = state.gate().progress() {
        progress.fail_at_limit(which, bound);
    }
    Error::msg("the plugin passed more than its limits allow")
}

/// Fails the running call because headers are too large, or what is counted with them.
pub(crate) fn headers_too_large<T: PluginState>(state: &mut T) -> Error {
    let bound = state.gate().limits().header_bytes.to_string();
    reached(state, LimitKind::HeaderBytes, bound).context(FieldMapError::TotalSizeTooBig)
}

/// The limit on the headers of a request, in bytes. What belongs to a request's head is limited
/// with them.
pub(crate) fn max_header_bytes<T: PluginState>(state: &mut T) -> usize {
    usize::try_from(state.gate().limits().header_bytes.as_u64()).unwrap_or(usize::MAX)
}

/// Copies a text that belongs to a request's head. One that is longer than the headers may be ends
/// the call.
pub(crate) fn read_text<T: PluginState>(
    mut store: StoreContextMut<'_, T>,
    text: &Text,
) -> Result<String> {
    let max = max_header_bytes(store.data_mut());
    match text.read(&store, max)? {
        Some(text) => Ok(text.into_owned()),
        None => Err(headers_too_large(store.data_mut())),
    }
}

/// The error that ends a guest for which no more memory is held.
pub(crate) fn no_memory(exceeded: Exceeded) -> Error {
    Error::msg(exceeded.to_string())
}

//! The WASI functions that plugins import.
//!
//! wasmtime implements them, and copies what a guest passes before it checks it: a text of 100 MB
//! as the authority of a request, a list of a million handles. Here each function that takes a text
//! or a list looks at its length first ([`Text`]), and then calls wasmtime's function. What the host
//! holds for an instance is charged to an account ([`Held`]). Requests go to the gate.
//!
//! A host implements [`PluginState`] for the data of its stores, and calls [`add_to_linker`].

mod fields;
mod held;
mod http_messages;
mod idle_workers;
mod measured;
mod outgoing_handler;
mod outgoing_request;
mod pieces;
mod state;
mod streams;

pub use held::Held;
pub use measured::{List, Text};
pub use pieces::read_in_pieces;
pub use state::{PluginState, reached};

use wasmtime::Result;
use wasmtime::component::Linker;
use wasmtime_wasi::clocks::WasiClocks;
use wasmtime_wasi::p2::bindings::{clocks, random};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi_http::WasiHttp;
use wasmtime_wasi_http::p2::bindings::{LinkOptions, http};

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

//! `wasi:io`: the functions that take lists.

use crate::measured::List;
use crate::state::{PluginState, reached};
use portcullis_policy::LimitKind;
use wasmtime::component::{Linker, Resource};
use wasmtime::{AsContextMut, Error, Result, StoreContextMut};
use wasmtime_wasi_http::p2::DEFAULT_OUTGOING_BODY_CHUNK_SIZE;
use wasmtime_wasi_io::bindings::wasi::io::poll::Host as _;
use wasmtime_wasi_io::bindings::wasi::io::streams::{self, Host as _, HostOutputStream};
use wasmtime_wasi_io::poll::DynPollable;
use wasmtime_wasi_io::streams::DynOutputStream;

type Output = Resource<DynOutputStream>;
type Written = Result<(std::result::Result<(), streams::StreamError>,)>;

/// The most bytes of `blocking-write-and-flush`.
/// <https://github.com/WebAssembly/wasi-io/blob/main/wit/streams.wit>
const MAX_BLOCKING_WRITE: usize = 4096;

/// Links the functions that take lists.
pub(crate) fn add_to_linker<T: PluginState>(linker: &mut Linker<T>) -> Result<()> {
    let mut instance = linker.instance("wasi:io/streams@0.2.12")?;
    instance.func_wrap("[method]output-stream.write", write)?;
    instance.func_wrap_async(
        "[method]output-stream.blocking-write-and-flush",
        |mut store: StoreContextMut<'_, T>, (stream, bytes): (Output, List<u8>)| {
            Box::new(async move {
                let bytes = read(&store, &bytes, MAX_BLOCKING_WRITE)?;
                let table = store.data_mut().table();
                let outcome = table.blocking_write_and_flush(stream, bytes).await;
                Ok((convert(store.data_mut(), outcome)?,))
            })
        },
    )?;
    let mut instance = linker.instance("wasi:io/poll@0.2.12")?;
    instance.func_wrap_async(
        "poll",
        |mut store: StoreContextMut<'_, T>, (list,): (List<Resource<DynPollable>>,)| {
            Box::new(async move {
                let pollables = read_pollables(store.as_context_mut(), &list)?;
                Ok((store.data_mut().table().poll(pollables).await?,))
            })
        },
    )
}

fn write<T: PluginState>(
    mut store: StoreContextMut<'_, T>,
    (stream, bytes): (Output, List<u8>),
) -> Written {
    let bytes = read(&store, &bytes, DEFAULT_OUTGOING_BODY_CHUNK_SIZE)?;
    let outcome = store.data_mut().table().write(stream, bytes);
    Ok((convert(store.data_mut(), outcome)?,))
}

/// Copies what a guest writes. More than `check-write` allows is an error of the guest.
fn read<T: PluginState>(
    store: &StoreContextMut<'_, T>,
    bytes: &List<u8>,
    max: usize,
) -> Result<Vec<u8>> {
    match bytes.bytes(store).filter(|bytes| bytes.len() <= max) {
        Some(bytes) => Ok(bytes.to_vec()),
        None => Err(Error::msg(format!(
            "the plugin wrote {} bytes at once to a stream that takes {max}",
            bytes.len()
        ))),
    }
}

/// Copies a list of pollables, which cannot be longer than an instance may hold resources.
fn read_pollables<T: PluginState>(
    mut store: StoreContextMut<'_, T>,
    list: &List<Resource<DynPollable>>,
) -> Result<Vec<Resource<DynPollable>>> {
    let max = store.data_mut().gate().limits().resources;
    if list.len() > max as usize {
        return Err(reached(store.data_mut(), LimitKind::Resources, max.to_string()));
    }
    let mut pollables = Vec::with_capacity(list.len());
    for index in 0..list.len() {
        pollables.extend(list.get(&mut store, index)?);
    }
    Ok(pollables)
}

/// An error of a stream as the guest gets it, or the end of the call.
fn convert<T: PluginState, R>(
    state: &mut T,
    outcome: std::result::Result<R, wasmtime_wasi_io::streams::StreamError>,
) -> Result<std::result::Result<R, streams::StreamError>> {
    match outcome {
        Ok(value) => Ok(Ok(value)),
        Err(error) => state.table().convert_stream_error(error).map(Err),
    }
}

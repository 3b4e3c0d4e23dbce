//! `fields` of `wasi:http/types`: headers and trailers.

use crate::measured::{List, Text};
use crate::state::{PluginState, headers_too_large, max_header_bytes, no_memory, read_text};
use http::{HeaderName, HeaderValue};
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime::{AsContextMut, Result, StoreContextMut};
use wasmtime_wasi_http::p2::HeaderResult;
use wasmtime_wasi_http::p2::bindings::http::types::{Host, HostFields};
use wasmtime_wasi_http::{FieldMap, p2::bindings::http::types::HeaderError};

type Name = Text;
type Value = List<u8>;
pub(crate) type FieldList = Vec<(String, Vec<u8>)>;
type Outcome<R> = Result<(std::result::Result<R, HeaderError>,)>;

/// What a field takes in addition to its name and its value, as wasmtime counts it.
const FIELD_BYTES: usize = size_of::<HeaderName>() + size_of::<HeaderValue>();

/// Links the functions of `fields` that take texts or lists, or create fields.
pub(crate) fn add_to_linker<T: PluginState>(linker: &mut Linker<T>) -> Result<()> {
    let mut instance = linker.instance("wasi:http/types@0.2.12")?;
    instance.resource("fields", ResourceType::host::<FieldMap>(), |mut store, rep| {
        let state = store.data_mut();
        state.held().release_fields(rep);
        HostFields::drop(&mut state.http(), Resource::new_own(rep))
    })?;
    instance.func_wrap("[constructor]fields", |mut store: StoreContextMut<'_, T>, (): ()| {
        let fields = HostFields::new(&mut store.data_mut().http())?;
        Ok((keep(store.data_mut(), fields)?,))
    })?;
    instance.func_wrap("[static]fields.from-list", from_list)?;
    instance.func_wrap("[method]fields.get", get)?;
    instance.func_wrap("[method]fields.has", has)?;
    instance.func_wrap("[method]fields.set", set)?;
    instance.func_wrap("[method]fields.delete", delete)?;
    instance.func_wrap("[method]fields.append", append)?;
    instance.func_wrap(
        "[method]fields.clone",
        |mut store: StoreContextMut<'_, T>, (fields,): (Resource<FieldMap>,)| {
            let clone = HostFields::clone(&mut store.data_mut().http(), fields)?;
            Ok((keep(store.data_mut(), clone)?,))
        },
    )
}

/// Charges for new fields: as much as they may grow.
fn keep<T: PluginState>(state: &mut T, fields: Resource<FieldMap>) -> Result<Resource<FieldMap>> {
    let bytes = max_header_bytes(state) as u64;
    let charge = state.gate().charge(bytes).map_err(no_memory)?;
    state.held().keep_fields(&fields, charge);
    Ok(fields)
}

fn from_list<T: PluginState>(
    mut store: StoreContextMut<'_, T>,
    (entries,): (List<(Name, Value)>,),
) -> Outcome<Resource<FieldMap>> {
    let Some(entries) = read_fields(store.as_context_mut(), &entries)? else {
        return Err(headers_too_large(store.data_mut()));
    };
    let state = store.data_mut();
    let fields = HostFields::from_list(&mut state.http(), entries);
    match convert(state, fields)? {
        Ok(fields) => Ok((Ok(keep(state, fields)?),)),
        Err(error) => Ok((Err(error),)),
    }
}

fn get<T: PluginState>(
    mut store: StoreContextMut<'_, T>,
    (fields, name): (Resource<FieldMap>, Name),
) -> Result<(Vec<Vec<u8>>,)> {
    let name = read_text(store.as_context_mut(), &name)?;
    Ok((HostFields::get(&mut store.data_mut().http(), fields, name)?,))
}

fn has<T: PluginState>(
    mut store: StoreContextMut<'_, T>,
    (fields, name): (Resource<FieldMap>, Name),
) -> Result<(bool,)> {
    let name = read_text(store.as_context_mut(), &name)?;
    Ok((HostFields::has(&mut store.data_mut().http(), fields, name)?,))
}

fn set<T: PluginState>(
    mut store: StoreContextMut<'_, T>,
    (fields, name, values): (Resource<FieldMap>, Name, List<Value>),
) -> Outcome<()> {
    let name = read_text(store.as_context_mut(), &name)?;
    let mut room = max_header_bytes(store.data_mut());
    let mut read = Vec::new();
    for index in 0..values.len() {
        let Some(value) = values.get(&mut store, index)? else {
            return Err(headers_too_large(store.data_mut()));
        };
        match read_value(&store, &value, &mut room) {
            Some(value) => read.push(value),
            None => return Err(headers_too_large(store.data_mut())),
        }
    }
    let state = store.data_mut();
    let outcome = HostFields::set(&mut state.http(), fields, name, read);
    Ok((convert(state, outcome)?,))
}

fn delete<T: PluginState>(
    mut store: StoreContextMut<'_, T>,
    (fields, name): (Resource<FieldMap>, Name),
) -> Outcome<()> {
    let name = read_text(store.as_context_mut(), &name)?;
    let state = store.data_mut();
    let outcome = HostFields::delete(&mut state.http(), fields, name);
    Ok((convert(state, outcome)?,))
}

fn append<T: PluginState>(
    mut store: StoreContextMut<'_, T>,
    (fields, name, value): (Resource<FieldMap>, Name, Value),
) -> Outcome<()> {
    let name = read_text(store.as_context_mut(), &name)?;
    let mut room = max_header_bytes(store.data_mut());
    let Some(value) = read_value(&store, &value, &mut room) else {
        return Err(headers_too_large(store.data_mut()));
    };
    let state = store.data_mut();
    let outcome = HostFields::append(&mut state.http(), fields, name, value);
    Ok((convert(state, outcome)?,))
}

/// Copies names and values, as long as they fit into the limit on headers; `None` if they do not.
pub(crate) fn read_fields<T: PluginState>(
    mut store: StoreContextMut<'_, T>,
    entries: &List<(Name, Value)>,
) -> Result<Option<FieldList>> {
    let mut room = max_header_bytes(store.data_mut());
    let mut read = Vec::new();
    for index in 0..entries.len() {
        let Some((name, value)) = entries.get(&mut store, index)? else { return Ok(None) };
        let Some(name) = name.read(&store, room)?.map(std::borrow::Cow::into_owned) else {
            return Ok(None);
        };
        room -= name.len();
        let Some(value) = read_value(&store, &value, &mut room) else {
            return Ok(None);
        };
        read.push((name, value));
    }
    Ok(Some(read))
}

/// Copies a value if there is room for it.
fn read_value<T: PluginState>(
    store: &StoreContextMut<'_, T>,
    value: &Value,
    room: &mut usize,
) -> Option<Vec<u8>> {
    *room = room.checked_sub(value.len().checked_add(FIELD_BYTES)?)?;
    value.bytes(store).map(<[u8]>::to_vec)
}

/// An error of fields as the guest gets it, or the end of the call.
fn convert<T: PluginState, R>(
    state: &mut T,
    outcome: HeaderResult<R>,
) -> Result<std::result::Result<R, HeaderError>> {
    match outcome {
        Ok(value) => Ok(Ok(value)),
        Err(error) => Host::convert_header_error(&mut state.http(), error).map(Err),
    }
}

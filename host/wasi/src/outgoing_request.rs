//! `outgoing-request` of `wasi:http/types`: requests that a guest puts together.

use crate::held::MAX_UNSENT;
use crate::measured::Text;
use crate::state::{PluginState, max_header_bytes, no_memory, reached, read_text};
use portcullis_policy::LimitKind;
use wasmtime::component::{ComponentType, Lift, Linker, LinkerInstance, Resource, ResourceType};
use wasmtime::{AsContextMut, Error, Result, StoreContextMut};
use wasmtime_wasi_http::FieldMap;
use wasmtime_wasi_http::p2::DEFAULT_OUTGOING_BODY_CHUNK_SIZE;
use wasmtime_wasi_http::p2::bindings::http::types;
use wasmtime_wasi_http::p2::body::HostOutgoingBody;
use wasmtime_wasi_http::p2::types::{HostOutgoingRequest, HostOutgoingResponse};

type Request = Resource<HostOutgoingRequest>;
type Done = Result<(std::result::Result<(), ()>,)>;

/// The longest name of a method, in bytes: the longest registered one has 17.
const MAX_METHOD_BYTES: usize = 64;
/// The longest name of a scheme, in bytes. The gate sends `http` and `https` only.
const MAX_SCHEME_BYTES: usize = 64;
/// What a guest can write ahead of a request that is not sent, in bytes: wasmtime's channel takes
/// two chunks.
const BODY_AHEAD: u64 = 2 * DEFAULT_OUTGOING_BODY_CHUNK_SIZE as u64;

/// Links the functions of `outgoing-request` that take texts, or create something.
pub(crate) fn add_to_linker<T: PluginState>(linker: &mut Linker<T>) -> Result<()> {
    let mut instance = linker.instance("wasi:http/types@0.2.12")?;
    let request = ResourceType::host::<HostOutgoingRequest>();
    instance.resource("outgoing-request", request, |mut store, rep| {
        let state = store.data_mut();
        state.held().take_request(rep);
        types::HostOutgoingRequest::drop(&mut state.http(), Resource::new_own(rep))
    })?;
    instance.func_wrap("[constructor]outgoing-request", new)?;
    instance.func_wrap("[method]outgoing-request.body", body)?;
    instance.func_wrap("[method]outgoing-request.set-method", set_method)?;
    instance.func_wrap("[method]outgoing-request.set-scheme", set_scheme)?;
    instance.func_wrap("[method]outgoing-request.set-authority", set_authority)?;
    instance.func_wrap("[method]outgoing-request.set-path-with-query", set_path_with_query)?;
    instance.func_wrap("[static]outgoing-body.finish", finish)?;
    refuse_responses(&mut instance)
}

/// Counts a request that a guest is about to create. Too many unsent ones end the call.
fn count_unsent<T: PluginState>(state: &mut T) -> Result<()> {
    if !state.held().is_full() {
        return Ok(());
    }
    let bound = format!("of which {MAX_UNSENT} may be requests that were not sent yet");
    let bound = format!("{}, {bound}", state.gate().limits().resources);
    Err(reached(state, LimitKind::Resources, bound))
}

fn new<T: PluginState>(
    mut store: StoreContextMut<'_, T>,
    (headers,): (Resource<FieldMap>,),
) -> Result<(Request,)> {
    let state = store.data_mut();
    count_unsent(state)?;
    state.held().release_fields(headers.rep());
    // The headers, and a path and an authority of the same size.
    let bytes = 3 * max_header_bytes(state) as u64;
    let charge = state.gate().charge(bytes).map_err(no_memory)?;
    let request = types::HostOutgoingRequest::new(&mut state.http(), headers)?;
    state.held().keep_request(&request, charge);
    Ok((request,))
}

fn body<T: PluginState>(
    mut store: StoreContextMut<'_, T>,
    (request,): (Request,),
) -> Result<(std::result::Result<Resource<HostOutgoingBody>, ()>,)> {
    let state = store.data_mut();
    let own = Resource::new_borrow(request.rep());
    let body = types::HostOutgoingRequest::body(&mut state.http(), request)?;
    if body.is_ok()
        && let Some(mut charge) = state.held().take_request(own.rep())
    {
        let grown = state.gate().grow(&mut charge, BODY_AHEAD).map_err(no_memory);
        state.held().keep_request(&own, charge);
        grown?;
    }
    Ok((body,))
}

/// Ends a body. wasmtime takes the trailers without their destructor.
fn finish<T: PluginState>(
    mut store: StoreContextMut<'_, T>,
    (body, trailers): (Resource<HostOutgoingBody>, Option<Resource<FieldMap>>),
) -> Result<(std::result::Result<(), types::ErrorCode>,)> {
    let state = store.data_mut();
    if let Some(trailers) = &trailers {
        state.held().release_fields(trailers.rep());
    }
    match types::HostOutgoingBody::finish(&mut state.http(), body, trailers) {
        Ok(()) => Ok((Ok(()),)),
        Err(error) => Ok((Err(types::Host::convert_error_code(&mut state.http(), error)?),)),
    }
}

fn set_method<T: PluginState>(
    mut store: StoreContextMut<'_, T>,
    (request, method): (Request, Method),
) -> Done {
    let Some(method) = method.read(&store)? else { return Ok((Err(()),)) };
    let mut http = store.data_mut().http();
    Ok((types::HostOutgoingRequest::set_method(&mut http, request, method)?,))
}

fn set_scheme<T: PluginState>(
    mut store: StoreContextMut<'_, T>,
    (request, scheme): (Request, Option<Scheme>),
) -> Done {
    let scheme = match scheme {
        Some(scheme) => match scheme.read(&store)? {
            Some(scheme) => Some(scheme),
            None => return Ok((Err(()),)),
        },
        None => None,
    };
    let mut http = store.data_mut().http();
    Ok((types::HostOutgoingRequest::set_scheme(&mut http, request, scheme)?,))
}

fn set_authority<T: PluginState>(
    mut store: StoreContextMut<'_, T>,
    (request, authority): (Request, Option<Text>),
) -> Done {
    let authority = authority.map(|text| read_text(store.as_context_mut(), &text)).transpose()?;
    let mut http = store.data_mut().http();
    Ok((types::HostOutgoingRequest::set_authority(&mut http, request, authority)?,))
}

fn set_path_with_query<T: PluginState>(
    mut store: StoreContextMut<'_, T>,
    (request, path): (Request, Option<Text>),
) -> Done {
    let path = path.map(|text| read_text(store.as_context_mut(), &text)).transpose()?;
    let mut http = store.data_mut().http();
    Ok((types::HostOutgoingRequest::set_path_with_query(&mut http, request, path)?,))
}

/// A plugin receives no requests, so it sends no responses. They could hold bodies.
fn refuse_responses<T: PluginState>(instance: &mut LinkerInstance<'_, T>) -> Result<()> {
    instance.func_wrap(
        "[constructor]outgoing-response",
        |_, (_,): (Resource<FieldMap>,)| -> Result<(Resource<HostOutgoingResponse>,)> {
            Err(Error::msg("a plugin receives no requests, so it cannot create a response"))
        },
    )
}

/// `method`, with its text still in the guest's memory.
#[derive(ComponentType, Lift)]
#[component(variant)]
pub(crate) enum Method {
    #[component(name = "get")]
    Get,
    #[component(name = "head")]
    Head,
    #[component(name = "post")]
    Post,
    #[component(name = "put")]
    Put,
    #[component(name = "delete")]
    Delete,
    #[component(name = "connect")]
    Connect,
    #[component(name = "options")]
    Options,
    #[component(name = "trace")]
    Trace,
    #[component(name = "patch")]
    Patch,
    #[component(name = "other")]
    Other(Text),
}

impl Method {
    /// Copies the method; `None` if its name is too long.
    pub(crate) fn read<T: PluginState>(
        self,
        store: &StoreContextMut<'_, T>,
    ) -> Result<Option<types::Method>> {
        Ok(Some(match self {
            Self::Get => types::Method::Get,
            Self::Head => types::Method::Head,
            Self::Post => types::Method::Post,
            Self::Put => types::Method::Put,
            Self::Delete => types::Method::Delete,
            Self::Connect => types::Method::Connect,
            Self::Options => types::Method::Options,
            Self::Trace => types::Method::Trace,
            Self::Patch => types::Method::Patch,
            Self::Other(name) => match name.read(store, MAX_METHOD_BYTES)? {
                Some(name) => types::Method::Other(name.into_owned()),
                None => return Ok(None),
            },
        }))
    }
}

/// `scheme`, with its text still in the guest's memory.
#[derive(ComponentType, Lift)]
#[component(variant)]
pub(crate) enum Scheme {
    #[component(name = "HTTP")]
    Http,
    #[component(name = "HTTPS")]
    Https,
    #[component(name = "other")]
    Other(Text),
}

impl Scheme {
    /// Copies the scheme; `None` if its name is too long.
    pub(crate) fn read<T: PluginState>(
        self,
        store: &StoreContextMut<'_, T>,
    ) -> Result<Option<types::Scheme>> {
        Ok(Some(match self {
            Self::Http => types::Scheme::Http,
            Self::Https => types::Scheme::Https,
            Self::Other(name) => match name.read(store, MAX_SCHEME_BYTES)? {
                Some(name) => types::Scheme::Other(name.into_owned()),
                None => return Ok(None),
            },
        }))
    }
}

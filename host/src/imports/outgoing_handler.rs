//! `wasi:http/outgoing-handler`: where a guest's request enters the gate.
//!
//! wasmtime's own implementation spawns two tasks for each request, which costs more than the rest
//! of a small call: each wakes a sleeping thread. Here a request whose body is complete is sent by
//! the task of the call itself, and the guest finds the head of the response when it first asks.

use super::idle_workers;
use crate::store_state::StoreState;
use http::HeaderMap;
use http::uri::PathAndQuery;
use portcullis_gate::{RequestBody, RequestHead};
use portcullis_policy::Scheme;
use wasmtime::Result;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::runtime::spawn;
use wasmtime_wasi_http::p2::bindings::http::types::{self, ErrorCode};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{Error, RequestOptions, WasiHttpView as _};

/// Links the interface, after wasmtime's own `wasi:http/types`.
pub(super) fn add_to_linker(linker: &mut Linker<StoreState>) -> Result<()> {
    // wasmtime's own setter accepts methods of any length, and a guest may hold many requests.
    linker.allow_shadowing(true);
    linker.instance("wasi:http/types@0.2.12")?.func_wrap(
        "[method]outgoing-request.set-method",
        |mut store, (request, method): (Resource<HostOutgoingRequest>, types::Method)| {
            Ok((set_method(store.data_mut(), request, method)?,))
        },
    )?;
    linker.allow_shadowing(false);
    let mut instance = linker.instance("wasi:http/outgoing-handler@0.2.0")?;
    instance.func_wrap_async("handle", |mut store, (request, options): HandleArguments| {
        Box::new(async move { Ok((handle(store.data_mut(), request, options).await?,)) })
    })
}

type HandleArguments = (Resource<HostOutgoingRequest>, Option<Resource<RequestOptions>>);

/// The longest name of a method, in bytes: the longest registered one has 17.
const MAX_METHOD_BYTES: usize = 64;

fn set_method(
    state: &mut StoreState,
    request: Resource<HostOutgoingRequest>,
    method: types::Method,
) -> Result<Result<(), ()>> {
    if is_too_long(&method) {
        return Ok(Err(()));
    }
    types::HostOutgoingRequest::set_method(&mut state.http(), request, method)
}

fn is_too_long(method: &types::Method) -> bool {
    matches!(method, types::Method::Other(name) if name.len() > MAX_METHOD_BYTES)
}

async fn handle(
    state: &mut StoreState,
    request: Resource<HostOutgoingRequest>,
    options: Option<Resource<RequestOptions>>,
) -> Result<Result<Resource<HostFutureIncomingResponse>, ErrorCode>> {
    // The guest's own timeouts are ignored: it has until the deadline, whatever it asks for.
    if let Some(options) = options {
        state.table.delete(options)?;
    }
    let mut request = state.table.delete(request)?;
    let body = request.body.take();
    let head = match read_head(request) {
        Ok(head) => head,
        Err(code) => return Ok(Err(code)),
    };
    let body = RequestBody::from_wasi(body);
    if let Err(error) = head.check_length(&body) {
        return state.error_code(error).map(Err);
    }
    // From now on the guest waits, and does not compute.
    state.slices.permit().release();
    let is_complete = matches!(body, RequestBody::Whole(_));
    let sending = state.gate.send(head, body);
    let future = if is_complete {
        let sent = sending.await;
        HostFutureIncomingResponse::Ready(sent.map(|response| (response, idle_workers::take())))
    } else {
        // The guest writes the rest of the body while the request is sent.
        HostFutureIncomingResponse::Pending(spawn(async move {
            sending.await.map(|response| (response, idle_workers::take()))
        }))
    };
    Ok(Ok(state.table.push(future)?))
}

fn read_head(request: HostOutgoingRequest) -> Result<RequestHead, ErrorCode> {
    let HostOutgoingRequest { method, scheme, authority, path_with_query, headers, .. } = request;
    let scheme = match scheme {
        Some(types::Scheme::Http) => Scheme::Http,
        Some(types::Scheme::Https) | None => Scheme::Https,
        Some(types::Scheme::Other(_)) => return Err(ErrorCode::HttpProtocolError),
    };
    let path = match path_with_query.as_deref() {
        None | Some("" | "/") => PathAndQuery::from_static("/"),
        Some(path) => PathAndQuery::try_from(path).map_err(|_| ErrorCode::HttpRequestUriInvalid)?,
    };
    if is_too_long(&method) {
        return Err(ErrorCode::HttpRequestMethodInvalid);
    }
    let method = method.try_into().map_err(|_| ErrorCode::HttpRequestMethodInvalid)?;
    let authority = authority.unwrap_or_default();
    RequestHead::new(method, scheme, authority, path, HeaderMap::from(headers))
        .map_err(|_| ErrorCode::HttpProtocolError)
}

impl StoreState {
    /// The code that wasi:http has for an error.
    pub(super) fn error_code(&mut self, error: Error) -> Result<ErrorCode> {
        use types::HostFutureIncomingResponse as _;
        let future = self.table.push(HostFutureIncomingResponse::Ready(Err(error)))?;
        let response = self.http().get(Resource::new_borrow(future.rep()))?;
        self.table.delete(future)?;
        match response {
            Some(Ok(Err(code))) => Ok(code),
            _ => Ok(ErrorCode::InternalError(None)),
        }
    }
}

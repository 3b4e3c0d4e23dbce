//! `wasi:http/outgoing-handler`: where a guest's request enters the gate.
//!
//! wasmtime's own implementation spawns two tasks for each request, which costs more than the rest
//! of a small call: each wakes a sleeping thread. Here a request whose body is complete is sent by
//! the task of the call itself, and the guest finds the head of the response when it first asks.

use crate::idle_workers;
use crate::state::PluginState;
use bytes::Bytes;
use http::HeaderMap;
use http::uri::PathAndQuery;
use http_body_util::BodyExt;
use portcullis_gate::{RequestBody, RequestHead};
use portcullis_memory::Charge;
use portcullis_policy::Scheme;
use wasmtime::component::{Linker, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::runtime::spawn;
use wasmtime_wasi_http::p2::bindings::http::types::{self, ErrorCode};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{Error, RequestOptions};

/// Links the interface.
pub(crate) fn add_to_linker<T: PluginState>(linker: &mut Linker<T>) -> Result<()> {
    let mut instance = linker.instance("wasi:http/outgoing-handler@0.2.0")?;
    instance.func_wrap_async(
        "handle",
        |mut store: StoreContextMut<'_, T>, (request, options): Arguments| {
            Box::new(async move { Ok((handle(store.data_mut(), request, options).await?,)) })
        },
    )
}

type Arguments = (Resource<HostOutgoingRequest>, Option<Resource<RequestOptions>>);

async fn handle<T: PluginState>(
    state: &mut T,
    request: Resource<HostOutgoingRequest>,
    options: Option<Resource<RequestOptions>>,
) -> Result<Result<Resource<HostFutureIncomingResponse>, ErrorCode>> {
    // The guest's own timeouts are ignored: it has until the deadline, whatever it asks for.
    if let Some(options) = options {
        state.table().delete(options)?;
    }
    let charge = state.held().take_request(request.rep());
    let mut request = state.table().delete(request)?;
    let body = request.body.take();
    let head = match read_head(request) {
        Ok(head) => head,
        Err(code) => return Ok(Err(code)),
    };
    let body = charged(RequestBody::from_wasi(body), charge);
    if let Err(error) = head.check_length(&body) {
        return error_code(state, error).map(Err);
    }
    let is_complete = matches!(body, RequestBody::Whole(_));
    let sending = state.gate().send(head, body);
    let future = if is_complete {
        let sent = sending.await;
        HostFutureIncomingResponse::Ready(sent.map(|response| (response, idle_workers::take())))
    } else {
        // The guest writes the rest of the body while the request is sent.
        HostFutureIncomingResponse::Pending(spawn(async move {
            sending.await.map(|response| (response, idle_workers::take()))
        }))
    };
    Ok(Ok(state.table().push(future)?))
}

/// Ties the charge for a request to its body: a response may come before the end of one that the
/// guest still writes, and a thread may still check one whose call was dropped.
fn charged(body: RequestBody, charge: Option<Charge>) -> RequestBody {
    match body {
        RequestBody::Whole(bytes) => RequestBody::Whole(
            bytes.map(|bytes| Bytes::from_owner(Charged { bytes, _charge: charge })),
        ),
        RequestBody::Stream { first, rest } => {
            let rest = rest.map_frame(move |frame| {
                let _ = &charge;
                frame
            });
            RequestBody::Stream { first, rest: rest.boxed_unsync() }
        }
    }
}

/// A body, and the charge for it.
struct Charged {
    bytes: Bytes,
    _charge: Option<Charge>,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
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
    let method = method.try_into().map_err(|_| ErrorCode::HttpRequestMethodInvalid)?;
    let authority = authority.unwrap_or_default();
    RequestHead::new(method, scheme, authority, path, HeaderMap::from(headers))
        .map_err(|_| ErrorCode::HttpProtocolError)
}

/// The code that wasi:http has for an error.
pub(crate) fn error_code<T: PluginState>(state: &mut T, error: Error) -> Result<ErrorCode> {
    use types::HostFutureIncomingResponse as _;
    let future = state.table().push(HostFutureIncomingResponse::Ready(Err(error)))?;
    let response = state.http().get(Resource::new_borrow(future.rep()))?;
    state.table().delete(future)?;
    match response {
        Some(Ok(Err(code))) => Ok(code),
        _ => Ok(ErrorCode::InternalError(None)),
    }
}

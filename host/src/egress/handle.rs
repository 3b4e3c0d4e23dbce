//! `wasi:http/outgoing-handler`: where a guest's request enters the gate.
//!
//! wasmtime's own implementation starts two tasks for each request, which costs more than a small call otherwise takes:
//! each wakes a sleeping thread. Here a request whose body is whole is sent by the task of the call itself, and the guest
//! finds the head of the answer when it first asks.

use super::request::RequestBody;
use crate::state::State;
use bytes::{Bytes, BytesMut};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method};
use http_body::Frame;
use http_body_util::BodyExt;
use portcullis_policy::Scheme;
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use wasmtime::Result;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};
use wasmtime_wasi_http::p2::bindings::http::types::{self, ErrorCode};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

/// A request of a guest, read once.
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) scheme: Scheme,
    /// As the guest wrote it; it is parsed into an origin before anything is decided.
    pub(super) authority: String,
    pub(super) path: PathAndQuery,
    pub(super) headers: HeaderMap,
}

/// Links the interface.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut instance = linker.instance("wasi:http/outgoing-handler@0.2.0")?;
    instance.func_wrap_async(
        "handle",
        |mut store, (request, options): (Resource<HostOutgoingRequest>, Option<Resource<RequestOptions>>)| {
            Box::new(async move { Ok((handle(store.data_mut(), request, options).await?,)) })
        },
    )
}

async fn handle(
    state: &mut State,
    request: Resource<HostOutgoingRequest>,
    options: Option<Resource<RequestOptions>>,
) -> Result<Result<Resource<HostFutureIncomingResponse>, ErrorCode>> {
    // The guest's own timeouts are not read: it has the call's deadline, whatever it asks for.
    if let Some(options) = options {
        state.table.delete(options)?;
    }
    let mut request = state.table.delete(request)?;
    let body = request.body.take();
    let outgoing = match Outgoing::read(request) {
        Ok(outgoing) => outgoing,
        Err(code) => return Ok(Err(code)),
    };
    let future = match take_whole(body) {
        Ok(whole) => {
            let sent = state.gate.send(outgoing, RequestBody::Whole(Some(whole))).await;
            HostFutureIncomingResponse::Ready(sent.map(|response| (response, no_worker())))
        }
        // The guest writes on while the request is under way.
        Err((first, rest)) => {
            let sending = state.gate.send(outgoing, RequestBody::Stream { first, rest });
            HostFutureIncomingResponse::Pending(spawn(async move { sending.await.map(|response| (response, no_worker())) }))
        }
    };
    Ok(Ok(state.table.push(future)?))
}

impl Outgoing {
    fn read(request: HostOutgoingRequest) -> Result<Self, ErrorCode> {
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
        let headers = HeaderMap::from(headers);
        // The framing of the body hangs on there being one, in the form of RFC 9110, section 8.6.
        let mut lengths = headers.get_all(http::header::CONTENT_LENGTH).iter();
        let length = lengths.next();
        if lengths.next().is_some() || length.is_some_and(|length| length.is_empty() || !length.as_bytes().iter().all(u8::is_ascii_digit)) {
            return Err(ErrorCode::HttpProtocolError);
        }
        let method = method.try_into().map_err(|_| ErrorCode::HttpRequestMethodInvalid)?;
        Ok(Self { method, scheme, authority: authority.unwrap_or_default(), path, headers })
    }
}

/// What was taken of a body that is not whole, and the body.
type Part = (VecDeque<Result<Frame<Bytes>, Error>>, WasiBody);

/// The body, if the guest has written and finished it; bounded by what it can write ahead, two pieces of 1 MiB.
fn take_whole(body: Option<WasiBody>) -> Result<Bytes, Part> {
    let Some(mut body) = body else { return Ok(Bytes::new()) };
    let mut taken = VecDeque::new();
    loop {
        let polled = pin!(body.frame()).poll(&mut Context::from_waker(Waker::noop()));
        match polled {
            Poll::Ready(Some(Ok(frame))) if frame.is_data() => taken.push_back(Ok(frame)),
            // Trailers and errors are for whoever reads the body on.
            Poll::Ready(Some(other)) => {
                taken.push_back(other);
                return Err((taken, body));
            }
            Poll::Ready(None) => return Ok(joined(taken)),
            Poll::Pending => return Err((taken, body)),
        }
    }
}

fn joined(taken: VecDeque<Result<Frame<Bytes>, Error>>) -> Bytes {
    let mut pieces = taken.into_iter().filter_map(|frame| frame.ok()?.into_data().ok());
    let first = pieces.next().unwrap_or_default();
    let Some(second) = pieces.next() else { return first };
    let mut whole = BytesMut::from(first);
    whole.extend_from_slice(&second);
    pieces.for_each(|piece| whole.extend_from_slice(&piece));
    whole.freeze()
}

/// The handle of a task that does nothing. wasmtime wants one with each answer, for implementations whose connections
/// are driven by it; ours are driven by tasks of their own. Made in stock: one task started here and there wakes a
/// thread each time.
fn no_worker() -> AbortOnDropJoinHandle<()> {
    static STOCK: Mutex<Vec<AbortOnDropJoinHandle<()>>> = Mutex::new(Vec::new());
    let mut stock = STOCK.lock().unwrap_or_else(PoisonError::into_inner);
    stock.pop().unwrap_or_else(|| {
        stock.extend((0..64).map(|_| spawn(async {})));
        spawn(async {})
    })
}

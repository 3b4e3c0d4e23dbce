//! `wasi:http/outgoing-handler`: where a guest's request enters the gate.
//!
//! wasmtime's own implementation starts two tasks for each request, which costs more than a small call otherwise takes:
//! each wakes a sleeping thread. Here a request whose body is whole is sent by the task of the call itself, and the guest
//! finds the head of the answer when it first asks.

use crate::gate::content_length;
use crate::net::body::RequestBody;
use crate::state::State;
use bytes::{Bytes, BytesMut};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method};
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
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpView as _};

/// A request of a guest, read once.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) scheme: Scheme,
    /// As the guest wrote it; it is parsed into an origin before anything is decided.
    pub(crate) authority: String,
    pub(crate) path: PathAndQuery,
    pub(crate) headers: HeaderMap,
}

/// Links the interface, after those of wasi:http that are wasmtime's.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    // wasmtime's own takes methods of any length, and a guest may hold many requests.
    linker.allow_shadowing(true);
    linker.instance("wasi:http/types@0.2.12")?.func_wrap(
        "[method]outgoing-request.set-method",
        |mut store, (request, method): (Resource<HostOutgoingRequest>, types::Method)| {
            Ok((set_method(store.data_mut(), request, method)?,))
        },
    )?;
    linker.allow_shadowing(false);
    let mut instance = linker.instance("wasi:http/outgoing-handler@0.2.0")?;
    instance.func_wrap_async(
        "handle",
        |mut store, (request, options): (Resource<HostOutgoingRequest>, Option<Resource<RequestOptions>>)| {
            Box::new(async move { Ok((handle(store.data_mut(), request, options).await?,)) })
        },
    )
}

fn set_method(
    state: &mut State,
    request: Resource<HostOutgoingRequest>,
    method: types::Method,
) -> Result<Result<(), ()>> {
    if is_too_long(&method) {
        return Ok(Err(()));
    }
    types::HostOutgoingRequest::set_method(&mut state.http(), request, method)
}

fn is_too_long(method: &types::Method) -> bool {
    matches!(method, types::Method::Other(name) if name.len() > LONGEST_METHOD)
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
            if let Err(code) = outgoing.has_length_of(&whole) {
                return Ok(Err(code));
            }
            let sent = state.gate.send(outgoing, RequestBody::Whole(Some(whole))).await;
            HostFutureIncomingResponse::Ready(sent.map(|response| (response, no_worker())))
        }
        // The guest writes on while the request is under way.
        Err((first, rest)) => {
            let sending = state.gate.send(outgoing, RequestBody::Stream { first, rest });
            HostFutureIncomingResponse::Pending(spawn(async move {
                sending.await.map(|response| (response, no_worker()))
            }))
        }
    };
    Ok(Ok(state.table.push(future)?))
}

/// The longest name of a method, in bytes: the longest registered one has 17. A policy's refusal shows it.
const LONGEST_METHOD: usize = 64;

impl Outgoing {
    fn read(request: HostOutgoingRequest) -> Result<Self, ErrorCode> {
        let HostOutgoingRequest { method, scheme, authority, path_with_query, headers, .. } =
            request;
        let scheme = match scheme {
            Some(types::Scheme::Http) => Scheme::Http,
            Some(types::Scheme::Https) | None => Scheme::Https,
            Some(types::Scheme::Other(_)) => return Err(ErrorCode::HttpProtocolError),
        };
        let path = match path_with_query.as_deref() {
            None | Some("" | "/") => PathAndQuery::from_static("/"),
            Some(path) => {
                PathAndQuery::try_from(path).map_err(|_| ErrorCode::HttpRequestUriInvalid)?
            }
        };
        let headers = HeaderMap::from(headers);
        // The framing of the body hangs on there being one, in the form of RFC 9110, section 8.6.
        let mut lengths = headers.get_all(http::header::CONTENT_LENGTH).iter();
        let is_length = |length: &HeaderValue| {
            length.as_bytes().iter().all(u8::is_ascii_digit) && content_length(&headers).is_some()
        };
        if lengths.next().is_some_and(|length| !is_length(length)) || lengths.next().is_some() {
            return Err(ErrorCode::HttpProtocolError);
        }
        if is_too_long(&method) {
            return Err(ErrorCode::HttpRequestMethodInvalid);
        }
        let method = method.try_into().map_err(|_| ErrorCode::HttpRequestMethodInvalid)?;
        Ok(Self { method, scheme, authority: authority.unwrap_or_default(), path, headers })
    }

    /// A stated length that is not the body's would have the next request of the connection read as a part of this one.
    /// Of a body that is still written, wasmtime sees to it.
    fn has_length_of(&self, body: &Bytes) -> Result<(), ErrorCode> {
        match content_length(&self.headers) {
            Some(length) if length != body.len() as u64 => {
                Err(ErrorCode::HttpRequestBodySize(Some(body.len() as u64)))
            }
            _ => Ok(()),
        }
    }
}

/// What was taken of a body that is not whole, and the body.
type Part = (VecDeque<Result<Frame<Bytes>, Error>>, WasiBody);

/// The body, if the guest has written and finished it; bounded by what it can write ahead, two pieces of 1 MiB,
/// or by the policy where it was made in one piece.
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
/// are driven by it; ours are driven by whoever waits for them. Made in stock: one task started here and there wakes a
/// thread each time.
fn no_worker() -> NoWorker {
    let mut stock = STOCK.lock().unwrap_or_else(PoisonError::into_inner);
    stock.pop().unwrap_or_else(|| {
        stock.extend((0..MOST_IN_STOCK).map(|_| spawn(async {})));
        spawn(async {})
    })
}

/// Takes one back that nobody needs any more.
pub(crate) fn give_back(worker: NoWorker) {
    let mut stock = STOCK.lock().unwrap_or_else(PoisonError::into_inner);
    if stock.len() < MOST_IN_STOCK {
        stock.push(worker);
    }
}

pub(crate) type NoWorker = AbortOnDropJoinHandle<()>;

static STOCK: Mutex<Vec<NoWorker>> = Mutex::new(Vec::new());
const MOST_IN_STOCK: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime_wasi_http::FieldMap;
    use wasmtime_wasi_http::p2::body::{HostOutgoingBody, StreamContext};

    fn read(lengths: &[&str]) -> Result<Outgoing, ErrorCode> {
        let lengths =
            lengths.iter().map(|length| (http::header::CONTENT_LENGTH, length.parse().unwrap()));
        let headers = FieldMap::new_immutable(&mut Nobody, lengths.collect());
        Outgoing::read(HostOutgoingRequest {
            method: types::Method::Post,
            scheme: Some(types::Scheme::Http),
            authority: Some("example.com".to_string()),
            path_with_query: None,
            headers,
            body: None,
        })
    }

    struct Nobody;

    impl wasmtime_wasi_http::WasiHttpHooks for Nobody {
        fn send_request(
            &mut self,
            _: http::Request<WasiBody>,
            _: Option<RequestOptions>,
            _: Box<dyn Future<Output = Result<(), Error>> + Send>,
        ) -> Box<
            dyn Future<Output = Result<(http::Response<WasiBody>, crate::gate::Worker), Error>>
                + Send,
        > {
            unreachable!("nothing is sent")
        }
    }

    #[test]
    fn a_length_must_be_the_bodys() {
        assert!(read(&[]).unwrap().has_length_of(&Bytes::from_static(b"{}")).is_ok());
        assert!(read(&["2"]).unwrap().has_length_of(&Bytes::from_static(b"{}")).is_ok());
        for (length, body) in
            [("5", ""), ("0", "{}"), ("1", "{}"), ("99999999999999999999999", "{}")]
        {
            let read = read(&[length]);
            assert!(
                read.is_err()
                    || read.unwrap().has_length_of(&Bytes::from_static(body.as_bytes())).is_err(),
                "{length}"
            );
        }
    }

    #[test]
    fn a_length_is_one_row_of_digits() {
        for lengths in [&["2", "2"][..], &["+2"], &["2, 2"], &[""], &["-1"], &["0x2"]] {
            assert!(read(lengths).is_err(), "{lengths:?}");
        }
    }

    #[test]
    fn a_body_is_whole_when_it_is_finished() {
        use http_body_util::Full;
        let full =
            Full::new(Bytes::from_static(b"{}")).map_err(|never| match never {}).boxed_unsync();
        assert_eq!(take_whole(Some(full)).ok(), Some(Bytes::from_static(b"{}")));
        assert_eq!(take_whole(None).ok(), Some(Bytes::new()));
        let (_writer, unfinished) = HostOutgoingBody::new(StreamContext::Request, None, 1, 1024);
        assert!(take_whole(Some(unfinished)).is_err());
    }
}

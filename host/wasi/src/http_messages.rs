//! `http-messages`: wasi:http's requests and responses in one piece each. Nothing is sent or
//! checked here: the requests go to [`outgoing_handler`](crate::outgoing_handler), like those of
//! wasi:http.

use crate::fields::{FieldList, read_fields};
use crate::idle_workers;
use crate::measured::{List, Text};
use crate::outgoing_handler::error_code;
use crate::outgoing_request::{Method, Scheme};
use crate::pieces::read_in_pieces;
use crate::state::{PluginState, headers_too_large, max_header_bytes, no_memory, read_text};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use portcullis_gate::Gate;
use portcullis_memory::Charge;
use portcullis_policy::LimitKind;
use wasmtime::component::{ComponentType, Linker, Lower, Resource};
use wasmtime::{AsContextMut, Result, StoreContextMut};
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{Error, FieldMap, FieldMapError, WasiBody, WasiHttpHooks as _};

/// Links the interface, in each version of the contract.
pub(crate) fn add_to_linker<T: PluginState>(linker: &mut Linker<T>) -> Result<()> {
    link::<T, FirstAnswer>(linker, "portcullis:datasource/http-messages@0.1.0")?;
    link::<T, Answer>(linker, "portcullis:datasource/http-messages@0.1.1")
}

/// Links one version, with its form of an answer.
fn link<T, A>(linker: &mut Linker<T>, name: &str) -> Result<()>
where
    T: PluginState,
    A: From<Answer> + ComponentType + Lower + Send + Sync + 'static,
{
    let mut instance = linker.instance(name)?;
    instance.func_wrap_async("request", |store: StoreContextMut<'_, T>, message: Message| {
        Box::new(async move { Ok((request(store, message).await?,)) })
    })?;
    instance.func_wrap_async(
        "response",
        |mut store: StoreContextMut<'_, T>, (sent, wanted): (Sent, Option<List<Text>>)| {
            Box::new(async move {
                let wanted = match read_wanted(store.as_context_mut(), wanted)? {
                    Ok(wanted) => wanted,
                    Err(code) => return Ok((Err(code),)),
                };
                Ok((response(store.data_mut(), sent, wanted).await?.map(A::from),))
            })
        },
    )
}

/// Method, scheme, authority, path with query, headers and body.
type Message = (Method, Scheme, Text, Text, List<(Text, List<u8>)>, List<u8>);
type Sent = Resource<HostFutureIncomingResponse>;

/// `answer` of the contract: a complete response.
#[derive(ComponentType, Lower)]
#[component(record)]
struct Answer {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    crc32: u32,
}

/// `answer` in version 0.1.0: without the checksum.
#[derive(ComponentType, Lower)]
#[component(record)]
struct FirstAnswer {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl From<Answer> for FirstAnswer {
    fn from(Answer { status, headers, body, crc32: _ }: Answer) -> Self {
        Self { status, headers, body }
    }
}

/// Headers that memory is reserved for at once: a signed request has seven. A map panics if too
/// much is reserved.
const EXPECTED_HEADERS: usize = 16;
/// The most headers of a response that a guest can name: each is compared with each header.
const MAX_WANTED: usize = 64;

async fn request<T: PluginState>(
    mut store: StoreContextMut<'_, T>,
    (method, scheme, authority, path, headers, body): Message,
) -> Result<Result<Resource<HostOutgoingRequest>, String>> {
    let state = store.data_mut();
    if state.held().is_full() {
        return Ok(Err("the previous requests were not sent yet".to_string()));
    }
    let limit = state.gate().limits().request_bytes;
    if body.len() as u64 > limit.as_u64() {
        if let Some(progress) = state.gate().progress() {
            progress.fail_at_limit(LimitKind::RequestBytes, limit.to_string());
        }
        return Ok(Err(format!("it has {} bytes, but {limit} are allowed", body.len())));
    }
    let max = max_header_bytes(state);
    let charge = state.gate().charge((body.len() + max) as u64).map_err(no_memory)?;
    let Some(method) = method.read(&store)? else {
        return Err(headers_too_large(store.data_mut()));
    };
    let Some(scheme) = scheme.read(&store)? else {
        return Err(headers_too_large(store.data_mut()));
    };
    let authority = read_text(store.as_context_mut(), &authority)?;
    let path = read_text(store.as_context_mut(), &path)?;
    let Some(headers) = read_fields(store.as_context_mut(), &headers)? else {
        return Err(headers_too_large(store.data_mut()));
    };
    let mut map = HeaderMap::with_capacity(headers.len().min(EXPECTED_HEADERS));
    for (name, value) in headers {
        match header(&name, value) {
            Ok((name, _)) if store.data_mut().gate().is_forbidden_header(&name) => {
                return Ok(Err(format!("its header {name} is written by the host")));
            }
            Ok((name, value)) => {
                map.try_append(name, value).map_err(|_| FieldMapError::TooManyFields)?;
            }
            Err(message) => return Ok(Err(format!("its header {name:?} {message}"))),
        }
    }
    let Some(body) = copy(store.as_context_mut(), &body).await else {
        return Err(headers_too_large(store.data_mut()));
    };
    let state = store.data_mut();
    let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
    let request = HostOutgoingRequest {
        method,
        scheme: Some(scheme),
        authority: Some(authority),
        path_with_query: Some(path),
        headers: FieldMap::new_immutable(state.gate(), map),
        body: Some(body),
    };
    let request = state.table().push(request)?;
    state.held().keep_request(&request, charge);
    Ok(Ok(request))
}

/// Copies a body; `None` if it is too long for any limit.
async fn copy<T: PluginState>(store: StoreContextMut<'_, T>, body: &List<u8>) -> Option<Bytes> {
    let mut copy = BytesMut::with_capacity(body.len());
    read_in_pieces(store, body, |piece| copy.extend_from_slice(piece)).await?;
    Some(copy.freeze())
}

/// Copies the names of the headers that a guest asks for.
fn read_wanted<T: PluginState>(
    mut store: StoreContextMut<'_, T>,
    wanted: Option<List<Text>>,
) -> Result<Result<Option<Vec<String>>, ErrorCode>> {
    let Some(wanted) = wanted else { return Ok(Ok(None)) };
    if wanted.len() > MAX_WANTED {
        return Ok(Err(ErrorCode::InternalError(Some(format!(
            "more than {MAX_WANTED} headers are requested"
        )))));
    }
    let mut names = Vec::with_capacity(wanted.len());
    for index in 0..wanted.len() {
        let Some(name) = wanted.get(&mut store, index)? else {
            return Err(headers_too_large(store.data_mut()));
        };
        names.push(read_text(store.as_context_mut(), &name)?);
    }
    Ok(Ok(Some(names)))
}

async fn response<T: PluginState>(
    state: &mut T,
    sent: Sent,
    wanted: Option<Vec<String>>,
) -> Result<Result<Answer, ErrorCode>> {
    let sent = match state.table().delete(sent)? {
        HostFutureIncomingResponse::Ready(sent) => sent,
        HostFutureIncomingResponse::Pending(sending) => sending.await,
        HostFutureIncomingResponse::Consumed => {
            return Ok(Err(ErrorCode::InternalError(Some(
                "the response was taken already".to_string(),
            ))));
        }
    };
    let (head, body) = match sent {
        Ok((response, worker)) => {
            idle_workers::put(worker);
            response.into_parts()
        }
        Err(error) => return error_code(state, error).map(Err),
    };
    // The previous response has arrived.
    state.held().end_call();
    let mut charge = state.gate().charge(0).map_err(no_memory)?;
    let (body, crc32) = match read(state.gate(), body, &mut charge).await? {
        Ok(read) => read,
        Err(error) => return error_code(state, error).map(Err),
    };
    state.held().keep_response(charge);
    let wanted = wanted.as_deref().filter(|_| head.status.is_success());
    let headers = visible(state.gate(), &head.headers, wanted);
    Ok(Ok(Answer { status: head.status.as_u16(), headers, body, crc32 }))
}

/// Reads a body completely, into one buffer, and computes its checksum. The gate limits it.
async fn read(
    gate: &Gate,
    mut body: WasiBody,
    charge: &mut Charge,
) -> Result<Result<(Vec<u8>, u32), Error>> {
    let max = usize::try_from(gate.limits().response_bytes.as_u64()).unwrap_or(usize::MAX);
    let (mut whole, mut checksum) = (Vec::new(), crc32fast::Hasher::new());
    while !body.is_end_stream() {
        let Some(frame) = body.frame().await else { break };
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => return Ok(Err(error)),
        };
        // Trailers end a body, and the contract has none.
        let Ok(data) = frame.into_data() else { continue };
        if whole.capacity() - whole.len() < data.len() {
            // The rest is known if its length was stated, which the gate has compared with the
            // policy. Otherwise the buffer doubles.
            let rest = usize::try_from(body.size_hint().lower()).unwrap_or_default();
            let known = data.len().saturating_add(rest);
            let more = known.max(whole.capacity().min(max.saturating_sub(whole.len())));
            gate.grow(charge, more as u64).map_err(no_memory)?;
            whole.reserve_exact(more);
        }
        checksum.update(&data);
        whole.extend_from_slice(&data);
    }
    Ok(Ok((whole, checksum.finalize())))
}

fn header(name: &str, value: Vec<u8>) -> Result<(HeaderName, HeaderValue), &'static str> {
    let name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| "has a name that HTTP does not allow")?;
    let value = HeaderValue::from_maybe_shared(Bytes::from(value))
        .map_err(|_| "has a value that HTTP does not allow")?;
    Ok((name, value))
}

/// The headers of a response that the guest asks for and may see.
fn visible(gate: &mut Gate, headers: &HeaderMap, wanted: Option<&[String]>) -> FieldList {
    let is_wanted = |name: &HeaderName| {
        wanted.is_none_or(|wanted| wanted.iter().any(|wanted| wanted == name.as_str()))
    };
    let visible =
        headers.iter().filter(|(name, _)| is_wanted(name) && !gate.is_forbidden_header(name));
    visible.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect()
}

//! `http-messages`: wasi:http's requests and responses in one piece each. Nothing is sent or
//! checked here: the requests go to [`outgoing_handler`](super::outgoing_handler), like those of
//! wasi:http.

use super::idle_workers;
use crate::bindings::portcullis::datasource::http_messages::{Answer, Host};
use crate::store_state::StoreState;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use portcullis_gate::Gate;
use portcullis_policy::LimitKind;
use std::sync::Arc;
use wasmtime::Result;
use wasmtime::component::Resource;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Method, Scheme};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{Error, FieldMap, FieldMapError, WasiBody, WasiHttpHooks as _};

/// Headers that memory is reserved for at once: a signed request has seven. A map panics if too
/// much is reserved.
const EXPECTED_HEADERS: usize = 16;

/// The most headers of a response that a guest can name: each is compared with each header.
const MAX_WANTED: usize = 64;

type Fields = Vec<(String, Vec<u8>)>;

impl Host for StoreState {
    fn request(
        &mut self,
        method: Method,
        scheme: Scheme,
        authority: String,
        path_with_query: String,
        headers: Fields,
        body: Vec<u8>,
    ) -> Result<Result<Resource<HostOutgoingRequest>, String>> {
        // A guest that creates requests and sends none must not fill the host's memory.
        if self.unsent.strong_count() > 0 {
            return Ok(Err("the previous request was not sent yet".to_string()));
        }
        let limit = self.limits().request_bytes;
        if body.len() as u64 > limit.as_u64() {
            if let Some(call) = &self.call {
                call.progress().fail_at_limit(LimitKind::RequestBytes, limit.to_string());
            }
            return Ok(Err(format!("it has {} bytes, but {limit} are allowed", body.len())));
        }
        let mut bytes = authority.len() + path_with_query.len();
        bytes += if let Method::Other(method) = &method { method.len() } else { 0 };
        bytes += if let Scheme::Other(scheme) = &scheme { scheme.len() } else { 0 };
        let each = size_of::<HeaderName>() + size_of::<HeaderValue>();
        bytes += headers.iter().map(|(name, value)| name.len() + value.len() + each).sum::<usize>();
        if bytes > self.header_bytes() {
            // It ends the call, like wasi:http's own limit on fields.
            return Err(FieldMapError::TotalSizeTooBig.into());
        }
        let mut map = HeaderMap::with_capacity(headers.len().min(EXPECTED_HEADERS));
        for (name, value) in headers {
            match header(&name, value) {
                Ok((name, _)) if self.gate.is_forbidden_header(&name) => {
                    return Ok(Err(format!("its header {name} is written by the host")));
                }
                Ok((name, value)) => {
                    map.try_append(name, value).map_err(|_| FieldMapError::TooManyFields)?
                }
                Err(message) => return Ok(Err(format!("its header {name:?} {message}"))),
            };
        }
        let fields = FieldMap::new_immutable(&mut self.gate, map);
        let held = Arc::new(());
        self.unsent = Arc::downgrade(&held);
        // The body lives as long as the request, and the marker as long as the body.
        let body = Full::new(Bytes::from(body))
            .map_frame(move |frame| {
                let _ = &held;
                frame
            })
            .map_err(|never| match never {})
            .boxed_unsync();
        let (authority, path_with_query) = (Some(authority), Some(path_with_query));
        let request = HostOutgoingRequest {
            method,
            scheme: Some(scheme),
            authority,
            path_with_query,
            headers: fields,
            body: Some(body),
        };
        Ok(Ok(self.table.push(request)?))
    }

    async fn response(
        &mut self,
        sent: Resource<HostFutureIncomingResponse>,
        wanted: Option<Vec<String>>,
    ) -> Result<Result<Answer, ErrorCode>> {
        let sent = self.table.delete(sent)?;
        if wanted.as_ref().is_some_and(|wanted| wanted.len() > MAX_WANTED) {
            return Ok(Err(ErrorCode::InternalError(Some(format!(
                "more than {MAX_WANTED} headers are requested"
            )))));
        }
        let sent = match sent {
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
            Err(error) => return self.error_code(error).map(Err),
        };
        let body = match read(body).await {
            Ok(body) => body,
            Err(error) => return self.error_code(error).map(Err),
        };
        let headers = visible(
            &mut self.gate,
            &head.headers,
            wanted.as_deref().filter(|_| head.status.is_success()),
        );
        Ok(Ok(Answer { status: head.status.as_u16(), headers, body }))
    }
}

/// Reads a body completely, into one buffer. The gate limits it.
async fn read(mut body: WasiBody) -> Result<Vec<u8>, Error> {
    let mut whole = Vec::new();
    while !body.is_end_stream() {
        let Some(frame) = body.frame().await else { break };
        // Trailers end a body, and the contract has none.
        let Ok(data) = frame?.into_data() else { continue };
        if whole.is_empty() {
            // The rest is known if its length was stated, which the gate has compared with the
            // policy. If there is no memory for it, reading fails later.
            let rest = usize::try_from(body.size_hint().lower()).unwrap_or_default();
            let _ = whole.try_reserve_exact(data.len().saturating_add(rest));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole)
}

fn header(name: &str, value: Vec<u8>) -> Result<(HeaderName, HeaderValue), &'static str> {
    let name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| "has a name that HTTP does not allow")?;
    let value = HeaderValue::from_maybe_shared(Bytes::from(value))
        .map_err(|_| "has a value that HTTP does not allow")?;
    Ok((name, value))
}

/// The headers of a response that the guest asks for and may see.
fn visible(gate: &mut Gate, headers: &HeaderMap, wanted: Option<&[String]>) -> Fields {
    let is_wanted = |name: &HeaderName| {
        wanted.is_none_or(|wanted| wanted.iter().any(|wanted| wanted == name.as_str()))
    };
    let visible =
        headers.iter().filter(|(name, _)| is_wanted(name) && !gate.is_forbidden_header(name));
    visible.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect()
}

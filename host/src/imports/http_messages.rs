//! `http-messages`: wasi:http's requests and answers in one piece each. Nothing is sent or judged here: what is made goes
//! to [`outgoing_handler`](super::outgoing_handler), as what wasi:http's own functions make.

use super::outgoing_handler::give_back;
use crate::bindings::portcullis::datasource::http_messages::{Answer, Host};
use crate::gate::Gate;
use crate::net::body::too_large;
use crate::state::State;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use std::sync::Arc;
use wasmtime::Result;
use wasmtime::component::Resource;
use wasmtime_wasi_http::p2::bindings::http::types::{
    ErrorCode, HostFutureIncomingResponse as _, Method, Scheme,
};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{
    Error, FieldMap, FieldMapError, WasiBody, WasiHttpHooks as _, WasiHttpView,
};

/// Headers that room is made for at once: a signed request has seven. A map panics where it is asked for too much.
const MOST_EXPECTED: usize = 16;

/// The most headers of an answer that are asked for by name: each is compared with each that is there.
const MOST_WANTED: usize = 64;

type Fields = Vec<(String, Vec<u8>)>;

impl Host for State {
    fn request(
        &mut self,
        method: Method,
        scheme: Scheme,
        authority: String,
        path_with_query: String,
        headers: Fields,
        body: Vec<u8>,
    ) -> Result<Result<Resource<HostOutgoingRequest>, String>> {
        // A guest that makes requests and sends none must not fill the host's memory.
        if self.unsent.strong_count() > 0 {
            return Ok(Err("the request made before is not sent yet".to_string()));
        }
        let limit = self.limits().request_bytes;
        if body.len() as u64 > limit.as_u64() {
            if let Some(call) = &self.gate.call {
                too_large(call, limit);
            }
            return Ok(Err(format!("it has {} bytes, and {limit} are allowed", body.len())));
        }
        let mut bytes = authority.len() + path_with_query.len();
        bytes += if let Method::Other(method) = &method { method.len() } else { 0 };
        bytes += if let Scheme::Other(scheme) = &scheme { scheme.len() } else { 0 };
        let each = size_of::<HeaderName>() + size_of::<HeaderValue>();
        bytes += headers.iter().map(|(name, value)| name.len() + value.len() + each).sum::<usize>();
        if bytes > self.header_bytes() {
            // As for wasi:http's own fields: it ends the call.
            return Err(FieldMapError::TotalSizeTooBig.into());
        }
        let mut map = HeaderMap::with_capacity(headers.len().min(MOST_EXPECTED));
        for (name, value) in headers {
            match header(&name, value) {
                Ok((name, _)) if self.gate.is_forbidden_header(&name) => {
                    return Ok(Err(format!("its header {name} is the host's to write")));
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
        // The body goes with the request, however that ends, and the mark goes with the body.
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
        if wanted.as_ref().is_some_and(|wanted| wanted.len() > MOST_WANTED) {
            return Ok(Err(ErrorCode::InternalError(Some(format!(
                "more than {MOST_WANTED} headers are asked for"
            )))));
        }
        let sent = match sent {
            HostFutureIncomingResponse::Ready(sent) => sent,
            HostFutureIncomingResponse::Pending(sending) => sending.await,
            HostFutureIncomingResponse::Consumed => {
                return Ok(Err(ErrorCode::InternalError(Some(
                    "the answer was taken before".to_string(),
                ))));
            }
        };
        let (head, body) = match sent {
            Ok((response, worker)) => {
                give_back(worker);
                response.into_parts()
            }
            Err(error) => return self.code(error).map(Err),
        };
        let body = match read(body).await {
            Ok(body) => body,
            Err(error) => return self.code(error).map(Err),
        };
        let headers = visible(
            &mut self.gate,
            &head.headers,
            wanted.as_deref().filter(|_| head.status.is_success()),
        );
        Ok(Ok(Answer { status: head.status.as_u16(), headers, body }))
    }
}

impl State {
    /// What wasi:http calls an error.
    fn code(&mut self, error: Error) -> Result<ErrorCode> {
        let future = self.table.push(HostFutureIncomingResponse::Ready(Err(error)))?;
        let told = self.http().get(Resource::new_borrow(future.rep()))?;
        self.table.delete(future)?;
        match told {
            Some(Ok(Err(code))) => Ok(code),
            _ => Ok(ErrorCode::InternalError(None)),
        }
    }
}

/// Reads a body to its end, into one buffer. The gate bounds it.
async fn read(mut body: WasiBody) -> Result<Vec<u8>, Error> {
    let mut whole = Vec::new();
    while !body.is_end_stream() {
        let Some(frame) = body.frame().await else { break };
        // Trailers end a body, and nobody asks for them.
        let Ok(data) = frame?.into_data() else { continue };
        if whole.is_empty() {
            // What is still to come is known where its length was stated, which the gate has compared with the policy. Where there
            // is no room for so much, the body itself will show.
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

/// The headers of an answer that the guest asks for, as far as it may see them.
fn visible(gate: &mut Gate, headers: &HeaderMap, wanted: Option<&[String]>) -> Fields {
    let is_wanted = |name: &HeaderName| {
        wanted.is_none_or(|wanted| wanted.iter().any(|wanted| wanted == name.as_str()))
    };
    let visible =
        headers.iter().filter(|(name, _)| is_wanted(name) && !gate.is_forbidden_header(name));
    visible.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect()
}

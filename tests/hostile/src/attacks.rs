//! The attacks: one function for each behaviour of `behaviours.rs`.
#![expect(clippy::unnecessary_wraps, reason = "all attacks have the same signature")]

use crate::bindings::exports::portcullis::datasource::connector::Error;
use crate::bindings::portcullis::datasource::types::ServiceError;
use crate::bindings::portcullis::datasource::{aws_signing, http_messages};
use crate::bindings::wasi;
use crate::bindings::wasi::http::outgoing_handler::handle;
use crate::bindings::wasi::http::types::{
    Fields, FutureIncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use crate::bindings::wasi::io::streams::OutputStream;
use crate::request::{
    self, Attempt, Signer, finish, honest as attempt, key, refused, target, today,
};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

/// One connection of the plugin: the attack, and the server that it attacks or uses.
pub(crate) struct Hostile {
    pub(crate) behaviour: String,
    pub(crate) authority: String,
    /// The remaining words of the settings. Each attack documents those that it needs.
    pub(crate) arguments: Vec<String>,
}

pub(crate) type Outcome = Result<String, Error>;

pub(crate) fn honest(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    attempt(&hostile.authority, action, input).send()
}

// ---- where a request goes ---------------------------------------------------------

/// Sends a request to `arguments[0]`, with the scheme `arguments[1]` (`http` by default).
pub(crate) fn send_elsewhere(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    let scheme = if hostile.arguments.get(1).is_some_and(|scheme| scheme == "https") {
        Scheme::Https
    } else {
        Scheme::Http
    };
    Attempt { scheme, ..attempt(&hostile.arguments[0], action, input) }.send()
}

pub(crate) fn odd_authority(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    // Spaces separate the arguments, so `_` means a space.
    let authority = hostile.arguments[0].replace('_', " ");
    attempt(&authority, action, input).send()
}

pub(crate) fn odd_path(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    Attempt { path: &hostile.arguments[0], ..attempt(&hostile.authority, action, input) }.send()
}

pub(crate) fn host_header(_: &Hostile, _: &str, _: &str) -> Outcome {
    let headers = [("host".to_string(), b"other.example".to_vec())];
    Ok(format!("{{\"accepted\": {}}}", Fields::from_list(&headers).is_ok()))
}

// ---- what a request says ----------------------------------------------------------

pub(crate) fn other_operation(hostile: &Hostile, _: &str, input: &str) -> Outcome {
    attempt(&hostile.authority, "DeleteTable", input).send()
}

pub(crate) fn no_target(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    Attempt { targets: Vec::new(), ..attempt(&hostile.authority, action, input) }.send()
}

pub(crate) fn two_targets(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    let targets = vec![target(action), target("DeleteTable")];
    Attempt { targets, ..attempt(&hostile.authority, action, input) }.send()
}

/// Sets a method of `arguments[0]` letters.
pub(crate) fn long_method(hostile: &Hostile, _: &str, _: &str) -> Outcome {
    let method = Method::Other("A".repeat(hostile.arguments[0].parse().unwrap_or_default()));
    let accepted = OutgoingRequest::new(Fields::new()).set_method(&method).is_ok();
    Ok(format!("{{\"accepted\": {accepted}}}"))
}

/// Sends a request through `http-messages`, which takes requests and returns responses as a whole.
///
/// The authority is `arguments[0]`, the operation `arguments[1]`. If there is an `arguments[2]`, a
/// header of this name is added.
pub(crate) fn buffered_request(hostile: &Hostile, _: &str, input: &str) -> Outcome {
    let attempt = Attempt {
        targets: vec![target(&hostile.arguments[1])],
        ..attempt(&hostile.arguments[0], "", input)
    };
    let more: Vec<_> =
        hostile.arguments.get(2).map(|name| (name.clone(), b"1".to_vec())).into_iter().collect();
    buffered(attempt, &more)
}

/// Sends a request through `http-messages`, with more headers.
fn buffered(attempt: Attempt, more: &[(String, Vec<u8>)]) -> Outcome {
    let mut headers = attempt.headers();
    headers.extend_from_slice(more);
    let request = http_messages::request(
        &attempt.method,
        &attempt.scheme,
        attempt.authority,
        attempt.path,
        &headers,
        attempt.body.as_bytes(),
    );
    let response = handle(request.map_err(Error::Other)?, attempt.options).map_err(refused)?;
    let response = http_messages::response(response, None).map_err(refused)?;
    let names: Vec<String> =
        response.headers.into_iter().map(|(name, _)| format!("\"{name}\"")).collect();
    Ok(format!("{{\"status\": {}, \"headers\": [{}]}}", response.status, names.join(", ")))
}

pub(crate) fn other_case(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    let targets = vec![target(action).to_lowercase()];
    Attempt { targets, ..attempt(&hostile.authority, action, input) }.send()
}

pub(crate) fn lie_about_refusal(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    Ok(other_operation(hostile, action, input).unwrap_or_else(|_| "{\"fine\": true}".to_string()))
}

pub(crate) fn other_method(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    Attempt { method: Method::Put, ..attempt(&hostile.authority, action, input) }.send()
}

pub(crate) fn other_path(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    Attempt { path: "/admin", ..attempt(&hostile.authority, action, input) }.send()
}

/// Tries to set each header that `arguments` names, and returns those that were accepted.
pub(crate) fn forbidden_headers(hostile: &Hostile, _: &str, _: &str) -> Outcome {
    let accepted = hostile.arguments.iter().filter(|name| {
        let listed = Fields::from_list(&[((*name).clone(), b"x".to_vec())]).is_ok();
        let fields = Fields::new();
        listed || fields.append(name, b"x").is_ok() || fields.set(name, &[b"x".to_vec()]).is_ok()
    });
    Ok(format!("{:?}", accepted.collect::<Vec<_>>()))
}

pub(crate) fn header_injection(_: &Hostile, _: &str, _: &str) -> Outcome {
    let attempts: [(&str, &[u8]); 5] = [
        ("x-a", b"1\r\nx-amz-target: DynamoDB_20120810.DeleteTable"),
        ("x-a", b"1\nx-b: 2"),
        ("x-a", b"1\0"),
        ("x-a\r\nx-b", b"1"),
        ("x-a: 1\r\nx-b", b"1"),
    ];
    let accepted = attempts
        .iter()
        .filter(|(name, value)| Fields::from_list(&[(name.to_string(), value.to_vec())]).is_ok());
    Ok(format!("{{\"accepted\": {}}}", accepted.count()))
}

pub(crate) fn unsigned(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    Attempt { signer: Signer::Nobody, ..attempt(&hostile.authority, action, input) }.send()
}

pub(crate) fn other_identity(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    Attempt {
        signer: Signer::Other("AKIDOFTHEATTACKER"),
        ..attempt(&hostile.authority, action, input)
    }
    .send()
}

pub(crate) fn own_token(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    Attempt {
        signer: Signer::WithToken("a token of the attacker"),
        ..attempt(&hostile.authority, action, input)
    }
    .send()
}

/// Signs for a day, region and service: `arguments[0]` to `arguments[2]`. The day can be `today`.
pub(crate) fn unissued_scope(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    let [date, region, service] = [0, 1, 2].map(|index| hostile.arguments[index].clone());
    let date = if date == "today" { today() } else { date };
    Attempt {
        signer: Signer::For(date, region, service),
        ..attempt(&hostile.authority, action, input)
    }
    .send()
}

pub(crate) fn two_at_once(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    let first = attempt(&hostile.authority, action, input).begin().map_err(refused)?;
    let second = attempt(&hostile.authority, action, input).begin().map_err(refused)?;
    finish(second)?;
    finish(first)
}

/// If `arguments[0]` is `buffered`, the requests are made with `http-messages`.
pub(crate) fn many_requests(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    let is_buffered = hostile.arguments.first().is_some_and(|how| how == "buffered");
    loop {
        if is_buffered {
            buffered(attempt(&hostile.authority, action, input), &[])?;
        } else {
            honest(hostile, action, input)?;
        }
    }
}

pub(crate) fn leave_pending(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    core::mem::forget(attempt(&hostile.authority, action, input).begin().map_err(refused)?);
    Ok("{\"left\": \"a request\"}".to_string())
}

pub(crate) fn send_in_connect(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    Attempt { signer: Signer::Nobody, ..attempt(&hostile.authority, action, input) }.send()
}

pub(crate) fn key_in_connect(_: &Hostile, _: &str, _: &str) -> Outcome {
    key(&today(), "us-east-1", "dynamodb")
}

pub(crate) fn key_in_describe(_: &Hostile, _: &str, _: &str) -> Outcome {
    key(&today(), "us-east-1", "dynamodb")
}

pub(crate) fn other_in_test(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    honest(hostile, action, input)
}

pub(crate) fn other_table(hostile: &Hostile, action: &str, _: &str) -> Outcome {
    honest(hostile, action, "{\"TableName\": \"secrets\"}")
}

pub(crate) fn duplicate_table(hostile: &Hostile, action: &str, _: &str) -> Outcome {
    honest(hostile, action, "{\"TableName\": \"secrets\", \"TableName\": \"users\"}")
}

pub(crate) fn table_by_arn(hostile: &Hostile, action: &str, _: &str) -> Outcome {
    honest(
        hostile,
        action,
        "{\"TableName\": \"arn:aws:dynamodb:us-east-1:999999999999:table/users\"}",
    )
}

pub(crate) fn hidden_write(hostile: &Hostile, action: &str, _: &str) -> Outcome {
    honest(hostile, action, r#"{"Statement": "DELETE FROM \"users\" WHERE id = 1"}"#)
}

pub(crate) fn hidden_write_in_batch(hostile: &Hostile, action: &str, _: &str) -> Outcome {
    // The escape `\u0055` is the letter U.
    let body = concat!(
        r#"{"Statements": [{"Statement": "SELECT * FROM users"}, "#,
        r#"{"Statement": "\u0055PDATE users SET a = 1 WHERE id = 1"}]}"#
    );
    honest(hostile, action, body)
}

pub(crate) fn hidden_write_in_transaction(hostile: &Hostile, action: &str, _: &str) -> Outcome {
    let body =
        r#"{"TransactStatements": [{"Statement": "SELECT * FROM users -- \nDELETE FROM users"}]}"#;
    honest(hostile, action, body)
}

// ---- secrets ---------------------------------------------------------------

pub(crate) fn other_region(_: &Hostile, _: &str, _: &str) -> Outcome {
    key(&today(), "eu-central-1", "dynamodb")
}

pub(crate) fn other_service(_: &Hostile, _: &str, _: &str) -> Outcome {
    key(&today(), "us-east-1", "s3")
}

pub(crate) fn other_day(_: &Hostile, _: &str, _: &str) -> Outcome {
    key("20010101", "us-east-1", "dynamodb")
}

/// Returns the signing key in the encoding that `arguments[0]` names.
pub(crate) fn echo_key(hostile: &Hostile, _: &str, _: &str) -> Outcome {
    let key = request::key_bytes();
    let text = match hostile.arguments[0].as_str() {
        "hex" => key.iter().map(|byte| format!("{byte:02x}")).collect(),
        "HEX" => key.iter().map(|byte| format!("{byte:02X}")).collect(),
        // Two bytes precede the key, which changes all its Base64 letters.
        "base64-shifted" => base64(&[b"xy", key.as_slice()].concat()),
        _ => base64(&key),
    };
    Ok(format!("{{\"stolen\": \"{text}\"}}"))
}

/// Asks for so many keys that the host may forget the first one, and returns it.
pub(crate) fn hoard_keys(_: &Hostile, _: &str, _: &str) -> Outcome {
    let first: String = request::key_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    for number in 0..70 {
        key(&today(), &format!("r{number}"), "dynamodb")?;
    }
    Ok(format!("{{\"stolen\": \"{first}\"}}"))
}

pub(crate) fn echo_token(_: &Hostile, _: &str, _: &str) -> Outcome {
    Ok(format!("{{\"stolen\": \"{}\"}}", request::token()))
}

pub(crate) fn echo_in_relay(_: &Hostile, _: &str, _: &str) -> Outcome {
    Ok(String::new())
}

pub(crate) fn echo_in_error(_: &Hostile, _: &str, _: &str) -> Outcome {
    let key: String = request::key_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Err(Error::Other(format!("key {key} token {}", request::token())))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            text.push(char::from(LETTERS[(number >> (18 - 6 * digit) & 63) as usize]));
        }
    }
    text
}

// ---- time and space --------------------------------------------------------

fn compute(steps: u64) {
    for step in 0..steps {
        core::hint::black_box(step);
    }
}

pub(crate) fn spin() -> ! {
    let mut counter = 0u64;
    loop {
        counter = core::hint::black_box(counter.wrapping_add(1));
    }
}

pub(crate) fn loop_in_connect(_: &Hostile, _: &str, _: &str) -> Outcome {
    spin()
}

pub(crate) fn loop_in_execute(_: &Hostile, _: &str, _: &str) -> Outcome {
    spin()
}

pub(crate) fn loop_of_host_calls(_: &Hostile, _: &str, _: &str) -> Outcome {
    loop {
        core::hint::black_box(wasi::clocks::monotonic_clock::now());
        core::hint::black_box(wasi::random::random::get_random_u64());
        drop(Fields::new());
    }
}

/// Has the host hash 16 MB again and again.
pub(crate) fn loop_of_hashes(_: &Hostile, _: &str, _: &str) -> Outcome {
    let body = vec![0; 16_000_000];
    loop {
        core::hint::black_box(aws_signing::payload_hash(&body));
    }
}

/// Computes for a moment and sleeps for a longer one, again and again.
pub(crate) fn compute_and_sleep(_: &Hostile, _: &str, _: &str) -> Outcome {
    compute(5_000_000);
    loop {
        compute(400_000);
        wasi::clocks::monotonic_clock::subscribe_duration(4_000_000).block();
    }
}

pub(crate) fn wait_forever(_: &Hostile, _: &str, _: &str) -> Outcome {
    wasi::clocks::monotonic_clock::subscribe_duration(u64::MAX).block();
    Ok("{\"waited\": true}".to_string())
}

pub(crate) fn recurse(_: &Hostile, _: &str, _: &str) -> Outcome {
    Ok(format!("{}", deeper(1)))
}

#[expect(unconditional_recursion, reason = "the attack")]
fn deeper(depth: u64) -> u64 {
    let frame = core::hint::black_box([depth; 64]);
    deeper(core::hint::black_box(frame[63] + 1)) + frame[0]
}

pub(crate) fn grow_memory(_: &Hostile, _: &str, _: &str) -> Outcome {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(vec![1; 1 << 20]);
    }
}

pub(crate) fn hoard_resources(_: &Hostile, _: &str, _: &str) -> Outcome {
    let mut hoard = Vec::new();
    loop {
        hoard.push(Fields::new());
    }
}

pub(crate) fn many_headers(_: &Hostile, _: &str, _: &str) -> Outcome {
    let fields = Fields::new();
    let mut accepted = 0u32;
    while accepted < 1_000_000 && fields.append(&format!("x-{accepted}"), b"1").is_ok() {
        accepted += 1;
    }
    Ok(format!("{{\"accepted\": {accepted}}}"))
}

/// Creates a header with a value of `arguments[0]` bytes.
pub(crate) fn huge_header(hostile: &Hostile, _: &str, _: &str) -> Outcome {
    let headers =
        [("x-a".to_string(), vec![b'a'; hostile.arguments[0].parse().unwrap_or(1 << 20)])];
    Ok(format!("{{\"accepted\": {}}}", Fields::from_list(&headers).is_ok()))
}

/// Uses `http-messages` with a size of `arguments[1]`. `arguments[0]` names what has this size:
/// `requests` (how many unsent requests exist), `body`, `authority`, or `wanted` (how many response
/// headers are asked for).
pub(crate) fn hoard_buffered(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    let count: usize = hostile.arguments[1].parse().unwrap_or_default();
    let honest = attempt(&hostile.authority, action, input);
    let make = |authority: &str, body: &[u8]| {
        http_messages::request(
            &Method::Post,
            &Scheme::Http,
            authority,
            "/",
            &honest.headers(),
            body,
        )
        .map_err(Error::Other)
    };
    match hostile.arguments[0].as_str() {
        "requests" => {
            let made: Result<Vec<OutgoingRequest>, Error> =
                (0..count).map(|_| make(&hostile.authority, b"{}")).collect();
            made?;
        }
        "body" => drop(make(&hostile.authority, &vec![b' '; count])?),
        "authority" => drop(make(&"\u{1}".repeat(count), b"")?),
        _ => {
            let wanted = vec!["date".to_string(); count];
            let sent = handle(make(&hostile.authority, b"{}")?, None).map_err(refused)?;
            http_messages::response(sent, Some(&wanted)).map_err(refused)?;
        }
    }
    Ok(format!("{{\"got\": {count}}}"))
}

/// Asks for `arguments[0]` random bytes in one host call.
pub(crate) fn hoard_random_bytes(hostile: &Hostile, _: &str, _: &str) -> Outcome {
    let count = hostile.arguments[0].parse().unwrap_or(1 << 30);
    Ok(format!("{{\"got\": {}}}", wasi::random::random::get_random_bytes(count).len()))
}

/// Begins a request, writes a part of its body, and waits forever.
pub(crate) fn stop_in_the_middle(hostile: &Hostile, action: &str, _: &str) -> Outcome {
    let (_body, stream, _response) = begin_streaming(hostile, action)?;
    // The write may fail: the attack does not depend on how much arrives.
    let _ = stream.blocking_write_and_flush(b"{\"TableName\": \"users\"}");
    wasi::clocks::monotonic_clock::subscribe_duration(u64::MAX).block();
    Ok("{}".to_string())
}

pub(crate) fn refused_forever(_: &Hostile, _: &str, _: &str) -> Outcome {
    loop {
        // The attack is to be refused again and again.
        let _ = key("20010101", "us-east-1", "dynamodb");
    }
}

/// Sends a request whose body is written afterwards.
pub(crate) fn begin_streaming(
    hostile: &Hostile,
    action: &str,
) -> Result<(OutgoingBody, OutputStream, FutureIncomingResponse), Error> {
    let headers = attempt(&hostile.authority, action, "").headers();
    let request = OutgoingRequest::new(
        Fields::from_list(&headers).map_err(|_| Error::Other("headers".to_string()))?,
    );
    let built = request
        .set_method(&Method::Post)
        .and_then(|()| request.set_scheme(Some(&Scheme::Http)))
        .and_then(|()| request.set_authority(Some(&hostile.authority)))
        .and_then(|()| request.set_path_with_query(Some("/")));
    built.map_err(|()| Error::Other("request".to_string()))?;
    let body = request.body().map_err(|()| Error::Other("body".to_string()))?;
    let stream = body.write().map_err(|()| Error::Other("stream".to_string()))?;
    let response = wasi::http::outgoing_handler::handle(request, None).map_err(refused)?;
    Ok((body, stream, response))
}

/// Reads a whole response from the server, and then one from each authority in `arguments`.
pub(crate) fn read_response(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    let mut response =
        request::read(attempt(&hostile.authority, action, input).begin().map_err(refused)?)?;
    for authority in &hostile.arguments {
        response = request::read(attempt(authority, action, input).begin().map_err(refused)?)?;
    }
    Ok(response)
}

/// Sends a request with timeouts of `arguments[0]` nanoseconds. If `arguments[1]` is `buffered`, it is
/// made with `http-messages`.
pub(crate) fn own_timeouts(hostile: &Hostile, action: &str, input: &str) -> Outcome {
    let nanoseconds = hostile.arguments[0].parse().ok();
    let options = RequestOptions::new();
    // The host may accept or reject them: the attack only looks at their effect.
    let _ = options.set_connect_timeout(nanoseconds);
    let _ = options.set_first_byte_timeout(nanoseconds);
    let _ = options.set_between_bytes_timeout(nanoseconds);
    let attempt = Attempt { options: Some(options), ..attempt(&hostile.authority, action, input) };
    if hostile.arguments.get(1).is_some_and(|how| how == "buffered") {
        return buffered(attempt, &[]);
    }
    attempt.send()
}

/// Returns deep JSON: as its result, or in the `details` of an error.
pub(crate) fn deep_output(hostile: &Hostile, _: &str, _: &str) -> Outcome {
    let deep = "[".repeat(1_000_000);
    if hostile.arguments.is_empty() {
        return Ok(deep);
    }
    Err(Error::Service(ServiceError {
        code: String::new(),
        message: String::new(),
        http_status: 400,
        request_id: None,
        retryable: false,
        attempts: 1,
        details: Some(deep + &"]".repeat(1_000_000)),
        hint: None,
    }))
}

pub(crate) fn huge_output(_: &Hostile, _: &str, _: &str) -> Outcome {
    Ok("x".repeat(1 << 30))
}

pub(crate) fn panic_on_purpose(_: &Hostile, _: &str, _: &str) -> Outcome {
    panic!("on purpose")
}

pub(crate) fn unreachable(_: &Hostile, _: &str, _: &str) -> Outcome {
    core::arch::wasm32::unreachable()
}

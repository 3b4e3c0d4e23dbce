//! A plugin that attacks its host. Its settings, `behaviour authority`, name the attack; `execute` carries it out and
//! answers with what it got.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![cfg(target_arch = "wasm32")]
#![expect(unsafe_code, missing_docs, reason = "generated bindings")]
extern crate alloc;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use exports::portcullis::datasource::connector::{Connection, Error, Guest, GuestConnection, Relayed};
use portcullis::datasource::aws_signing::derive_key;
use wasi::http::outgoing_handler::handle;
use wasi::http::types::{ErrorCode, Fields, FutureIncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme};

wit_bindgen::generate!({ path: "../../wit", world: "portcullis:datasource/plugin", generate_all });
export!(Hostile);

struct Hostile {
    behaviour: String,
    authority: String,
}

impl Guest for Hostile {
    type Connection = Self;

    fn connect(settings: String) -> Result<Connection, Error> {
        let mut words = settings.split_whitespace().map(ToString::to_string);
        let behaviour = words.next().unwrap_or_default();
        let hostile = Self { behaviour, authority: words.next().unwrap_or_default() };
        match hostile.behaviour.as_str() {
            "loop-in-connect" => spin(),
            "send-in-connect" => hostile.send("DynamoDB_20120810.GetItem", "{}").map(|_| ())?,
            "key-in-connect" => drop(key("us-east-1")?),
            _ => {}
        }
        Ok(Connection::new(hostile))
    }

    fn describe() -> String {
        String::new()
    }
}

impl GuestConnection for Hostile {
    fn execute(&self, action: String, input: String) -> Result<String, Error> {
        let target = format!("DynamoDB_20120810.{action}");
        match self.behaviour.as_str() {
            "honest" | "unsigned" | "other-identity" | "own-token" | "unissued-scope" => self.send(&target, &input),
            "other-operation" => self.send("DynamoDB_20120810.DeleteTable", &input),
            "lie-about-refusal" => {
                Ok(self.send("DynamoDB_20120810.DeleteTable", &input).unwrap_or_else(|_| "{\"fine\": true}".to_string()))
            }
            "other-table" => self.send(&target, "{\"TableName\": \"secrets\"}"),
            "duplicate-table" => self.send(&target, "{\"TableName\": \"secrets\", \"TableName\": \"users\"}"),
            "two-at-once" => {
                let first = self.begin(&target, &input).map_err(refused)?;
                let second = self.begin(&target, &input).map_err(refused)?;
                finish(second)?;
                finish(first)
            }
            "many-requests" => loop {
                self.send(&target, &input)?;
            },
            "other-region" => key("eu-central-1"),
            "other-day" => match derive_key("20010101", "us-east-1", "dynamodb") {
                Ok(_) => Ok("{\"got\": \"a key\"}".to_string()),
                Err(error) => Err(Error::Refused(format!("{error:?}"))),
            },
            "loop" => spin(),
            "grow-memory" => {
                let mut hoard: Vec<Vec<u8>> = Vec::new();
                loop {
                    hoard.push(vec![1; 1 << 20]);
                }
            }
            "recurse" => Ok(format!("{}", recurse(1))),
            "panic" => panic!("on purpose"),
            "forbidden-header" => {
                let headers = [("host".to_string(), b"other.example".to_vec())];
                Ok(format!("{{\"accepted\": {}}}", Fields::from_list(&headers).is_ok()))
            }
            "leave-pending" => {
                core::mem::forget(self.begin(&target, &input).map_err(refused)?);
                Ok("{\"left\": \"a request\"}".to_string())
            }
            other => Err(Error::Other(format!("no behaviour {other:?}"))),
        }
    }

    fn execute_with(&self, action: String, input: String, _: String) -> Result<String, Error> {
        GuestConnection::execute(self, action, input)
    }

    fn relay(&self, _: String, _: Vec<u8>) -> Result<Relayed, Error> {
        Err(Error::Other("not this plugin".to_string()))
    }

    fn test(&self) -> Result<String, Error> {
        self.send("DynamoDB_20120810.PutItem", "{}")
    }

    fn structure(&self, _: String) -> Result<String, Error> {
        Ok("{}".to_string())
    }
}

impl Hostile {
    fn send(&self, target: &str, body: &str) -> Result<String, Error> {
        finish(self.begin(target, body).map_err(refused)?)
    }

    /// Who signs: as the host says, or as the attack wants it.
    fn credential(&self) -> Option<(String, Option<String>)> {
        let date = today();
        match self.behaviour.as_str() {
            "send-in-connect" | "unsigned" => None,
            "other-identity" => Some((format!("AKIDOFTHEATTACKER/{date}/us-east-1/dynamodb/aws4_request"), None)),
            "own-token" => {
                let id = derive_key(&date, "us-east-1", "dynamodb").ok()?.access_key_id;
                Some((format!("{id}/{date}/us-east-1/dynamodb/aws4_request"), Some("a token of the attacker".to_string())))
            }
            "unissued-scope" => {
                let id = derive_key(&date, "us-east-1", "dynamodb").ok()?.access_key_id;
                Some((format!("{id}/{date}/eu-central-1/dynamodb/aws4_request"), None))
            }
            _ => {
                let material = derive_key(&date, "us-east-1", "dynamodb").ok()?;
                Some((format!("{}/{date}/us-east-1/dynamodb/aws4_request", material.access_key_id), material.session_token))
            }
        }
    }

    fn begin(&self, target: &str, body: &str) -> Result<FutureIncomingResponse, ErrorCode> {
        let mut headers = vec![("x-amz-target".to_string(), target.as_bytes().to_vec())];
        if let Some((credential, token)) = self.credential() {
            // The gate looks at who signs; whether the signature is right is the service's to say.
            let value = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature={:064}", 0);
            headers.push(("authorization".to_string(), value.into_bytes()));
            headers.extend(token.map(|token| ("x-amz-security-token".to_string(), token.into_bytes())));
        }
        let request = OutgoingRequest::new(Fields::from_list(&headers).map_err(|_| ErrorCode::HttpRequestDenied)?);
        let built = request
            .set_method(&Method::Post)
            .and_then(|()| request.set_scheme(Some(&Scheme::Http)))
            .and_then(|()| request.set_authority(Some(&self.authority)))
            .and_then(|()| request.set_path_with_query(Some("/")));
        built.map_err(|()| ErrorCode::HttpRequestUriInvalid)?;
        let outgoing = request.body().map_err(|()| ErrorCode::HttpProtocolError)?;
        let stream = outgoing.write().map_err(|()| ErrorCode::HttpProtocolError)?;
        stream.blocking_write_and_flush(body.as_bytes()).map_err(|_| ErrorCode::HttpProtocolError)?;
        drop(stream);
        OutgoingBody::finish(outgoing, None)?;
        handle(request, None)
    }
}

fn finish(answer: FutureIncomingResponse) -> Result<String, Error> {
    answer.subscribe().block();
    let answer = answer.get().ok_or_else(|| Error::Other("no answer".to_string()))?;
    let answer = answer.map_err(|()| Error::Other("taken".to_string()))?.map_err(refused)?;
    Ok(format!("{{\"status\": {}}}", answer.status()))
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn refused(code: ErrorCode) -> Error {
    Error::Refused(format!("{code:?}"))
}

/// Asks for today's key of a region.
fn key(region: &str) -> Result<String, Error> {
    match derive_key(&today(), region, "dynamodb") {
        Ok(_) => Ok("{\"got\": \"a key\"}".to_string()),
        Err(error) => Err(Error::Refused(format!("{error:?}"))),
    }
}

/// Today, as `YYYYMMDD`.
fn today() -> String {
    let days = wasi::clocks::wall_clock::now().seconds / 86_400;
    // Civil date from days, after Howard Hinnant.
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}")
}

fn spin() -> ! {
    let mut counter = 0u64;
    loop {
        counter = core::hint::black_box(counter.wrapping_add(1));
    }
}

#[expect(unconditional_recursion, reason = "the attack")]
fn recurse(depth: u64) -> u64 {
    let frame = core::hint::black_box([depth; 64]);
    recurse(core::hint::black_box(frame[63] + 1)) + frame[0]
}

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

//! AWS Signature Version 4, in the `authorization` header.
//!
//! There are three steps, and a failing test can print the result of each: canonical request,
//! string to sign, signature.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
//!
//! ```
//! use dynamodb_plugin::sigv4::{
//!     Request, RequestPrefix, Scope, Signer, Timestamp, derive_key, payload_hash,
//! };
//!
//! let timestamp = Timestamp::from_unix(1_440_938_160);
//! assert_eq!(timestamp.date_time, "20150830T123600Z");
//! let scope = Scope {
//!     date: timestamp.date.clone(),
//!     region: "us-east-1".to_string(),
//!     service: "dynamodb".to_string(),
//! };
//! // Once per day: the key, and a signer that uses it.
//! let signer = Signer::new(&scope, "AKIDEXAMPLE", &derive_key("SECRET", &scope));
//! // Once per endpoint: the headers that are always the same, sorted by name.
//! let host = [("host", "dynamodb.us-east-1.amazonaws.com")];
//! let prefix = RequestPrefix::new("POST", "/", "", &host);
//! // Once per request.
//! let headers = [
//!     ("x-amz-date", timestamp.date_time.as_str()),
//!     ("x-amz-target", "DynamoDB_20120810.ListTables"),
//! ];
//! let request = Request { prefix: &prefix, headers: &headers, payload_hash: payload_hash(b"{}") };
//! let authorization = signer.authorization(&request, &timestamp.date_time);
//! assert!(authorization.starts_with(
//!     "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/dynamodb/aws4_request, \
//!      SignedHeaders=host;x-amz-date;x-amz-target, Signature="
//! ));
//! ```

use alloc::format;
use alloc::string::{String, ToString};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

/// The common prefix of all canonical requests to one endpoint, hashed once.
///
/// It consists of the method, path and query, and the headers that are always the same.
#[derive(Clone, Debug)]
pub struct RequestPrefix {
    text: String,
    hash: Sha256,
    /// The names of the headers in the prefix, separated by semicolons.
    names: String,
}

impl RequestPrefix {
    /// Hashes the prefix.
    ///
    /// `method` must be in upper case, `path` as it is sent, and `query` in canonical form without
    /// the question mark. The names of `headers` must be in lower case, sorted and unique, and must
    /// sort before the headers of each [`Request`].
    #[must_use]
    pub fn new(method: &str, path: &str, query: &str, headers: &[(&str, &str)]) -> Self {
        let (mut text, mut names) = (String::with_capacity(128), String::new());
        for part in [method, "\n", path, "\n", query, "\n"] {
            text.push_str(part);
        }
        push_headers(&mut text, headers);
        push_names(&mut names, headers.iter().map(|(name, _)| *name));
        Self { hash: Sha256::new_with_prefix(&text), text, names }
    }
}

/// The signed parts of a request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The part that all requests to the endpoint have in common.
    pub prefix: &'a RequestPrefix,
    /// The headers to sign. The names must be in lower case, sorted and unique, and sort after
    /// those of the prefix.
    pub headers: &'a [(&'a str, &'a str)],
    /// The SHA-256 of the body; see [`payload_hash`].
    pub payload_hash: [u8; 32],
}

/// A credential scope: the day, region and service for which a signing key is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The day in UTC, as `YYYYMMDD`.
    pub date: String,
    /// The region, such as `eu-west-1`.
    pub region: String,
    /// The service, such as `dynamodb`.
    pub service: String,
}

/// A point in time, in the two forms that signing needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// The day, as `YYYYMMDD`.
    pub date: String,
    /// The second, as `YYYYMMDD'T'HHMMSS'Z'`: the value of `x-amz-date`.
    pub date_time: String,
}

impl Timestamp {
    /// Creates the timestamp `seconds` after the Unix epoch.
    ///
    /// For a time outside the years 0 to 9999, returns the epoch itself.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        let moment = OffsetDateTime::from_unix_timestamp(seconds)
            .ok()
            .filter(|moment| (0..=9999).contains(&moment.year()));
        let moment = moment.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let year = moment.year().unsigned_abs();
        let mut date_time = String::with_capacity(16);
        for two in
            [year / 100, year % 100, u32::from(u8::from(moment.month())), u32::from(moment.day())]
        {
            push_two(&mut date_time, two);
        }
        let date = date_time.clone();
        date_time.push('T');
        for two in [moment.hour(), moment.minute(), moment.second()] {
            push_two(&mut date_time, two.into());
        }
        date_time.push('Z');
        Self { date, date_time }
    }
}

/// Appends a number of two digits. It is written for each request, and `format!` is slow.
fn push_two(out: &mut String, number: u32) {
    for digit in [number / 10 % 10, number % 10] {
        out.push(char::from(b'0' + digit as u8));
    }
}

/// An access key ID and the signing key of a scope, prepared once for all requests of that scope.
#[derive(Clone)]
pub struct Signer {
    /// `YYYYMMDD/region/service/aws4_request`.
    scope: String,
    access_key_id: String,
    mac: Hmac<Sha256>,
}

impl Signer {
    /// Creates a signer. `key` is the derived signing key of `scope`; see [`derive_key`].
    #[must_use]
    pub fn new(scope: &Scope, access_key_id: &str, key: &[u8]) -> Self {
        let Scope { date, region, service } = scope;
        let scope = format!("{date}/{region}/{service}/aws4_request");
        Self { scope, access_key_id: access_key_id.to_string(), mac: mac(key) }
    }

    /// Returns the value of the `authorization` header. `date_time` is the value of `x-amz-date`.
    #[must_use]
    pub fn authorization(&self, request: &Request, date_time: &str) -> String {
        let mut hash = request.prefix.hash.clone();
        hash.update(canonical_request_suffix(request));
        let to_sign = self.string_to_sign(date_time, &hash.finalize().into());
        let mut text = String::with_capacity(320);
        for part in [
            "AWS4-HMAC-SHA256 Credential=",
            &self.access_key_id,
            "/",
            &self.scope,
            ", SignedHeaders=",
        ] {
            text.push_str(part);
        }
        push_signed_headers(&mut text, request);
        text.push_str(", Signature=");
        push_hex(&mut text, &self.mac.clone().chain_update(to_sign).finalize().into_bytes().into());
        text
    }

    /// Step 2: returns the string to sign, from the time, the scope and the hash of the canonical
    /// request.
    fn string_to_sign(&self, date_time: &str, canonical_request: &[u8; 32]) -> String {
        let mut text = String::with_capacity(192);
        for part in ["AWS4-HMAC-SHA256\n", date_time, "\n", &self.scope, "\n"] {
            text.push_str(part);
        }
        push_hex(&mut text, canonical_request);
        text
    }
}

/// Step 1: returns the canonical request, which both sides hash.
#[must_use]
pub fn canonical_request(request: &Request) -> String {
    request.prefix.text.clone() + &canonical_request_suffix(request)
}

/// Returns the SHA-256 of a body.
#[must_use]
pub fn payload_hash(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}

fn canonical_request_suffix(request: &Request) -> String {
    let mut text = String::with_capacity(512);
    push_headers(&mut text, request.headers);
    text.push('\n');
    push_signed_headers(&mut text, request);
    text.push('\n');
    push_hex(&mut text, &request.payload_hash);
    text
}

/// Derives the signing key of a scope from a secret access key.
///
/// The plugin never has the secret: in the sandbox the host derives the key. This function is for
/// tests and documentation.
#[must_use]
pub fn derive_key(secret: &str, scope: &Scope) -> [u8; 32] {
    let key = hmac_sha256(format!("AWS4{secret}").as_bytes(), scope.date.as_bytes());
    let key = hmac_sha256(&key, scope.region.as_bytes());
    let key = hmac_sha256(&key, scope.service.as_bytes());
    hmac_sha256(&key, b"aws4_request")
}

fn push_headers(out: &mut String, headers: &[(&str, &str)]) {
    for (name, value) in headers {
        out.push_str(name);
        out.push(':');
        push_trimmed(out, value);
        out.push('\n');
    }
}

fn push_signed_headers(out: &mut String, request: &Request) {
    let first = Some(request.prefix.names.as_str()).filter(|names| !names.is_empty());
    push_names(out, first.into_iter().chain(request.headers.iter().map(|(name, _)| *name)));
}

fn push_names<'n>(out: &mut String, names: impl Iterator<Item = &'n str>) {
    for (index, name) in names.enumerate() {
        if index > 0 {
            out.push(';');
        }
        out.push_str(name);
    }
}

/// Appends a header value without outer white space, and with one space for each inner run of it,
/// as it is signed.
fn push_trimmed(out: &mut String, value: &str) {
    if !value.bytes().any(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
        out.push_str(value);
        return;
    }
    for (index, word) in
        value.split([' ', '\t', '\n', '\r']).filter(|word| !word.is_empty()).enumerate()
    {
        if index > 0 {
            out.push(' ');
        }
        out.push_str(word);
    }
}

fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    mac(key).chain_update(data).finalize().into_bytes().into()
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn push_hex(out: &mut String, hash: &[u8; 32]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [0; 64];
    for (two, byte) in digits.chunks_exact_mut(2).zip(hash) {
        two[0] = DIGITS[usize::from(byte >> 4)];
        two[1] = DIGITS[usize::from(byte & 15)];
    }
    out.push_str(str::from_utf8(&digits).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sigv4::http_request::{
        SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
    };
    use proptest::prelude::*;
    use std::time::{Duration, SystemTime};

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const BODY: &[u8] = br#"{"TableName": "Music", "Item": {"pk": {"S": "\u017c\u00f3\u0142w \ud83d\udc22"}, "n": {"N": "1.50"}, "b": {"B": "AP8="}}}"#;

    fn scope(date: &str) -> Scope {
        Scope {
            date: date.to_string(),
            region: "us-east-1".to_string(),
            service: "dynamodb".to_string(),
        }
    }

    fn signer(scope: &Scope) -> Signer {
        Signer::new(scope, "AKIDEXAMPLE", &derive_key(SECRET, scope))
    }

    fn signature(authorization: &str) -> &str {
        authorization.rsplit_once("Signature=").unwrap().1
    }

    fn sign_put(token: Option<&str>) -> String {
        assert_eq!(BODY.len(), 121);
        let mut headers = std::vec![
            ("content-type", "application/x-amz-json-1.0"),
            ("host", "dynamodb.us-east-1.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
        ];
        headers.extend(token.map(|token| ("x-amz-security-token", token)));
        headers.push(("x-amz-target", "DynamoDB_20120810.PutItem"));
        let (first, rest) = headers.split_at(2);
        let request = Request {
            prefix: &RequestPrefix::new("POST", "/", "", first),
            headers: rest,
            payload_hash: payload_hash(BODY),
        };
        signer(&scope("20150830")).authorization(&request, "20150830T123600Z")
    }

    #[test]
    fn put_item_gets_the_published_signature() {
        assert_eq!(
            signature(&sign_put(None)),
            "cea326deeabad8d78de446662ed2b82ab1399a05fb27456547a5ee456745285d"
        );
    }

    #[test]
    fn put_item_with_a_session_token_gets_the_published_signature() {
        assert_eq!(
            signature(&sign_put(Some("SESSIONTOKEN"))),
            "0bacf651d54199364cfbbe7124b9c013bca4bdcb64b89dc8b4ec9f4f11d5776c"
        );
    }

    #[test]
    fn timestamps_have_the_iso_8601_basic_format() {
        assert_eq!(Timestamp::from_unix(1_440_938_160).date_time, "20150830T123600Z");
        assert_eq!(Timestamp::from_unix(951_782_400).date, "20000229");
        assert_eq!(Timestamp::from_unix(i64::MAX).date, "19700101");
    }

    /// The cases of the official suite for headers and plain posts, from the package `aws-sigv4`.
    #[test]
    fn the_official_test_suite_passes() {
        let cases = include_str!("../tests/fixtures/aws-signing-test-suite.txt");
        let mut count = 0;
        for case in cases.split("\n=====\n") {
            let mut parts = case.split("\n-----\n");
            let (name, request, canonical, to_sign, signature_hex) = (
                parts.next().unwrap(),
                parts.next().unwrap(),
                parts.next().unwrap(),
                parts.next().unwrap(),
                parts.next().unwrap().trim(),
            );
            let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
            let mut lines = head.lines();
            let start: Vec<&str> = lines.next().unwrap().split(' ').collect();
            let mut headers: Vec<(String, String)> = Vec::new();
            for line in lines {
                let (name, value) = line.split_once(':').unwrap();
                let name = name.to_lowercase();
                match headers.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, values)) => *values = format!("{values},{}", value.trim()),
                    None => headers.push((name, value.trim().to_string())),
                }
            }
            headers.sort();
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let signer = signer(&Scope { service: "service".to_string(), ..scope("20150830") });
            // The result must not depend on how many headers are in the prefix.
            for known in 0..=headers.len() {
                let (first, rest) = headers.split_at(known);
                let request = Request {
                    prefix: &RequestPrefix::new(start[0], start[1], "", first),
                    headers: rest,
                    payload_hash: payload_hash(body.as_bytes()),
                };
                assert_eq!(canonical_request(&request), canonical, "{name}");
                assert_eq!(
                    signer.string_to_sign("20150830T123600Z", &Sha256::digest(canonical).into()),
                    to_sign,
                    "{name}"
                );
                assert_eq!(
                    signature(&signer.authorization(&request, "20150830T123600Z")),
                    signature_hex,
                    "{name}"
                );
            }
            count += 1;
        }
        assert!(count >= 8, "only {count} cases were found");
    }

    proptest! {
        #[test]
        fn any_request_gets_the_signature_of_the_crate_aws_sigv4(
            body in prop::collection::vec(any::<u8>(), 0..600),
            region in "[a-z]{2}-[a-z]{4,9}-[1-9]",
            target in "[A-Za-z]{1,40}",
            token in prop::option::of("[A-Za-z0-9+/=]{1,200}"),
            secret in "[A-Za-z0-9+/]{1,60}",
            seconds in 0i64..4_000_000_000,
            known in 0usize..4,
        ) {
            let timestamp = Timestamp::from_unix(seconds);
            let host = format!("dynamodb.{region}.amazonaws.com");
            let target = format!("DynamoDB_20120810.{target}");
            let mut headers = std::vec![
                ("content-type", "application/x-amz-json-1.0"),
                ("host", host.as_str()),
                ("x-amz-date", timestamp.date_time.as_str()),
            ];
            headers.extend(token.as_deref().map(|token| ("x-amz-security-token", token)));
            headers.push(("x-amz-target", &target));
            let (first, rest) = headers.split_at(known);
            let prefix = RequestPrefix::new("POST", "/", "", first);
            let request = Request { prefix: &prefix, headers: rest, payload_hash: payload_hash(&body) };
            let scope = Scope {
                date: timestamp.date.clone(),
                region: region.clone(),
                service: "dynamodb".to_string(),
            };
            let signer = Signer::new(&scope, "AKIDEXAMPLE", &derive_key(&secret, &scope));
            let ours = signer.authorization(&request, &timestamp.date_time);

            let identity = aws_sigv4::sign::v4::SigningParams::builder();
            let credentials = oracle::credentials(&secret, token.as_deref());
            let mut settings = SigningSettings::default();
            settings.signature_location = SignatureLocation::Headers;
            let params = identity
                .identity(&credentials)
                .region(&region)
                .name("dynamodb")
                .settings(settings)
                .time(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds as u64))
                .build()
                .unwrap();
            let url = format!("https://{host}/");
            let signed_headers = [
                ("content-type", "application/x-amz-json-1.0"),
                ("x-amz-target", target.as_str()),
            ];
            let signable = SignableRequest::new(
                "POST",
                &url,
                signed_headers.into_iter(),
                SignableBody::Bytes(&body),
            )
            .unwrap();
            let theirs = sign(signable, &params.into()).unwrap();
            prop_assert_eq!(signature(&ours), theirs.signature());
        }
    }

    mod oracle {
        use aws_credential_types::Credentials;
        use aws_smithy_runtime_api::client::identity::Identity;

        pub(super) fn credentials(secret: &str, token: Option<&str>) -> Identity {
            Credentials::new("AKIDEXAMPLE", secret, token.map(Into::into), None, "test").into()
        }
    }
}

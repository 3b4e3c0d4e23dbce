//! AWS Signature Version 4 for requests with headers.
//!
//! Three small steps, each a value that a failing test can print: canonical request ▸ string to sign ▸ signature.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use alloc::format;
use alloc::string::String;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

/// A request as far as it is signed.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method in upper case.
    pub method: &'a str,
    /// The path, in the form in which it is sent.
    pub path: &'a str,
    /// The query without its question mark, in canonical form.
    pub query: &'a str,
    /// Names in lower case, sorted, each once; all of them are signed.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

/// What a key is good for: one day, one region, one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// `YYYYMMDD`, UTC.
    pub date: String,
    /// `eu-west-1`.
    pub region: String,
    /// `dynamodb`.
    pub service: String,
}

impl Scope {
    fn push_to(&self, out: &mut String) {
        for part in [self.date.as_str(), "/", &self.region, "/", &self.service, "/aws4_request"] {
            out.push_str(part);
        }
    }
}

/// A moment in both forms that signing needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// `YYYYMMDD`.
    pub date: String,
    /// `YYYYMMDD'T'HHMMSS'Z'`, the value of `x-amz-date`.
    pub date_time: String,
}

impl Timestamp {
    /// The moment `seconds` after the Unix epoch; the epoch itself for seconds outside the years 0 to 9999.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        let moment = OffsetDateTime::from_unix_timestamp(seconds).ok().filter(|moment| (0..=9999).contains(&moment.year()));
        let moment = moment.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let date = format!("{:04}{:02}{:02}", moment.year(), u8::from(moment.month()), moment.day());
        let date_time = format!("{date}T{:02}{:02}{:02}Z", moment.hour(), moment.minute(), moment.second());
        Self { date, date_time }
    }
}

/// The value of the `authorization` header. `key` is the derived signing key of `scope`.
#[must_use]
pub fn authorization(request: &Request, scope: &Scope, date_time: &str, access_key_id: &str, key: &[u8]) -> String {
    let canonical = canonical_request(request);
    let to_sign = string_to_sign(date_time, scope, &canonical);
    let mut text = String::with_capacity(256);
    for part in ["AWS4-HMAC-SHA256 Credential=", access_key_id, "/"] {
        text.push_str(part);
    }
    scope.push_to(&mut text);
    text.push_str(", SignedHeaders=");
    push_signed_headers(&mut text, request);
    text.push_str(", Signature=");
    push_hex(&mut text, &hmac_sha256(key, to_sign.as_bytes()));
    text
}

/// Step 1: the request in the one form that both sides hash.
#[must_use]
pub fn canonical_request(request: &Request) -> String {
    let mut text = String::with_capacity(512);
    for part in [request.method, "\n", request.path, "\n", request.query, "\n"] {
        text.push_str(part);
    }
    for (name, value) in request.headers {
        text.push_str(name);
        text.push(':');
        push_trimmed(&mut text, value);
        text.push('\n');
    }
    text.push('\n');
    push_signed_headers(&mut text, request);
    text.push('\n');
    push_hex(&mut text, &Sha256::digest(request.body));
    text
}

/// Step 2: the moment, the scope and the canonical request's hash.
#[must_use]
pub fn string_to_sign(date_time: &str, scope: &Scope, canonical_request: &str) -> String {
    let mut text = String::with_capacity(192);
    for part in ["AWS4-HMAC-SHA256\n", date_time, "\n"] {
        text.push_str(part);
    }
    scope.push_to(&mut text);
    text.push('\n');
    push_hex(&mut text, &Sha256::digest(canonical_request));
    text
}

/// The signing key of a scope. In the sandbox the host does this; here it serves tests and documentation.
#[must_use]
pub fn derive_key(secret: &str, scope: &Scope) -> [u8; 32] {
    let key = hmac_sha256(format!("AWS4{secret}").as_bytes(), scope.date.as_bytes());
    let key = hmac_sha256(&key, scope.region.as_bytes());
    let key = hmac_sha256(&key, scope.service.as_bytes());
    hmac_sha256(&key, b"aws4_request")
}

fn push_signed_headers(out: &mut String, request: &Request) {
    for (index, (name, _)) in request.headers.iter().enumerate() {
        if index > 0 {
            out.push(';');
        }
        out.push_str(name);
    }
}

/// Header values are signed without outer white space, and with inner runs of it as one space.
fn push_trimmed(out: &mut String, value: &str) {
    if !value.bytes().any(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
        out.push_str(value);
        return;
    }
    for (index, word) in value.split([' ', '\t', '\n', '\r']).filter(|word| !word.is_empty()).enumerate() {
        if index > 0 {
            out.push(' ');
        }
        out.push_str(word);
    }
}

fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

fn push_hex(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
    use proptest::prelude::*;
    use std::time::{Duration, SystemTime};

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const BODY: &[u8] =
        br#"{"TableName": "Music", "Item": {"pk": {"S": "\u017c\u00f3\u0142w \ud83d\udc22"}, "n": {"N": "1.50"}, "b": {"B": "AP8="}}}"#;

    fn scope(date: &str) -> Scope {
        Scope { date: date.to_string(), region: "us-east-1".to_string(), service: "dynamodb".to_string() }
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
        let request = Request { method: "POST", path: "/", query: "", headers: &headers, body: BODY };
        let scope = scope("20150830");
        authorization(&request, &scope, "20150830T123600Z", "AKIDEXAMPLE", &derive_key(SECRET, &scope))
    }

    #[test]
    fn put_item_signs_as_the_published_vector() {
        assert_eq!(signature(&sign_put(None)), "cea326deeabad8d78de446662ed2b82ab1399a05fb27456547a5ee456745285d");
    }

    #[test]
    fn put_item_with_a_session_token_signs_as_the_published_vector() {
        assert_eq!(signature(&sign_put(Some("SESSIONTOKEN"))), "0bacf651d54199364cfbbe7124b9c013bca4bdcb64b89dc8b4ec9f4f11d5776c");
    }

    #[test]
    fn timestamps_are_written_as_iso_8601_basic() {
        assert_eq!(Timestamp::from_unix(1_440_938_160).date_time, "20150830T123600Z");
        assert_eq!(Timestamp::from_unix(951_782_400).date, "20000229");
        assert_eq!(Timestamp::from_unix(i64::MAX).date, "19700101");
    }

    /// The official suite's cases for headers and plain posts, from the package of `aws-sigv4`.
    #[test]
    fn the_official_suite_agrees() {
        let cases = include_str!("../tests/fixtures/aws-signing-test-suite.txt");
        let mut count = 0;
        for case in cases.split("\n=====\n") {
            let mut parts = case.split("\n-----\n");
            let (name, request, canonical, to_sign, signature_hex) =
                (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap().trim());
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
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let request = Request { method: start[0], path: start[1], query: "", headers: &headers, body: body.as_bytes() };
            let scope = Scope { service: "service".to_string(), ..scope("20150830") };
            assert_eq!(canonical_request(&request), canonical, "{name}");
            assert_eq!(string_to_sign("20150830T123600Z", &scope, canonical), to_sign, "{name}");
            let authorization = authorization(&request, &scope, "20150830T123600Z", "AKIDEXAMPLE", &derive_key(SECRET, &scope));
            assert_eq!(signature(&authorization), signature_hex, "{name}");
            count += 1;
        }
        assert!(count >= 8, "only {count} cases were found");
    }

    proptest! {
        #[test]
        fn any_request_signs_as_aws_sigv4_signs_it(
            body in prop::collection::vec(any::<u8>(), 0..600),
            region in "[a-z]{2}-[a-z]{4,9}-[1-9]",
            target in "[A-Za-z]{1,40}",
            token in prop::option::of("[A-Za-z0-9+/=]{1,200}"),
            secret in "[A-Za-z0-9+/]{1,60}",
            seconds in 0i64..4_000_000_000,
        ) {
            let timestamp = Timestamp::from_unix(seconds);
            let host = format!("dynamodb.{region}.amazonaws.com");
            let target = format!("DynamoDB_20120810.{target}");
            let mut headers = std::vec![("content-type", "application/x-amz-json-1.0"), ("host", host.as_str()), ("x-amz-date", timestamp.date_time.as_str())];
            headers.extend(token.as_deref().map(|token| ("x-amz-security-token", token)));
            headers.push(("x-amz-target", &target));
            let request = Request { method: "POST", path: "/", query: "", headers: &headers, body: &body };
            let scope = Scope { date: timestamp.date.clone(), region: region.clone(), service: "dynamodb".to_string() };
            let ours = authorization(&request, &scope, &timestamp.date_time, "AKIDEXAMPLE", &derive_key(&secret, &scope));

            let identity = aws_sigv4::sign::v4::SigningParams::builder();
            let credentials = oracle::credentials(&secret, token.as_deref());
            let mut settings = SigningSettings::default();
            settings.signature_location = SignatureLocation::Headers;
            let params = identity.identity(&credentials).region(&region).name("dynamodb").settings(settings)
                .time(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds as u64)).build().unwrap();
            let url = format!("https://{host}/");
            let signable = SignableRequest::new("POST", &url, [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target.as_str())].into_iter(), SignableBody::Bytes(&body)).unwrap();
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

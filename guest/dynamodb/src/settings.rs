//! What a datasource's author writes. Untrusted: it is checked here for the author's sake, and all it asks
//! for is checked again by the host against the operator's policy.

use crate::catalogue::{Member, Shape};
use crate::transcode::{Fault, Format, Rules, encode};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::Ipv6Addr;
use serde_json::{Map, Value};

/// The settings of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the settings")]
pub struct Settings {
    /// The region: `eu-west-1`, or `local` for a server on this machine.
    pub region: String,
    /// Another endpoint than the region's.
    pub endpoint: Option<CustomEndpoint>,
    /// How attribute values are written, unless a call says otherwise.
    pub format: Format,
    /// Whether input is held against the model before it is sent, unless a call says otherwise.
    pub strict: bool,
    /// Use the FIPS endpoint of the region.
    pub use_fips: bool,
    /// Use the endpoint that answers over IPv6 as well.
    pub use_dual_stack: bool,
    /// Use the endpoint of this account.
    pub account_id: Option<String>,
    /// Whether the account's endpoint is used.
    pub account_id_mode: AccountIdMode,
    /// How many requests one call may send for one answer; 1 turns retries off.
    pub max_attempts: u32,
    /// Add a token to calls whose repetition would otherwise do harm.
    pub idempotency_tokens: bool,
    /// Check the CRC-32 that the service sends with its answers.
    pub verify_checksums: bool,
    /// Learn the service's time from its answers when this machine's clock is off.
    pub correct_clock: bool,
}

/// Whether the endpoint of an account is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccountIdMode {
    /// Where there is one, and the account is given.
    #[default]
    Preferred,
    /// Never another.
    Required,
    /// Never.
    Disabled,
}

/// A custom endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomEndpoint {
    /// Whether by TLS.
    pub https: bool,
    /// Host and, where it is not the scheme's, port.
    pub authority: String,
}

/// Options of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How attribute values are written.
    pub format: Format,
    /// Whether input is held against the model.
    pub strict: bool,
    /// Whether all pages of an answer are fetched, rather than one.
    pub all_pages: bool,
    /// With all pages: stop after the page that reaches so many items.
    pub max_items: u64,
    /// With all pages: stop after the page that reaches so many bytes.
    pub max_bytes: u64,
    /// Whether what a batch leaves undone is sent again.
    pub resubmit: bool,
}

/// Items of an answer of all pages, unless the options say otherwise: more is a job for a cursor.
const DEFAULT_MAX_ITEMS: u64 = 100_000;
/// Bytes of an answer of all pages, unless the options say otherwise: what fits an instance's memory with its copies.
const DEFAULT_MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Attempts unless the settings say otherwise: what AWS's SDKs use for DynamoDB in standard mode.
pub const DEFAULT_MAX_ATTEMPTS: u32 = 4;

static TEXT: Shape = Shape::String { min: 1, max: 2048, values: &[] };
static FORMAT: Shape = Shape::String { min: 0, max: u32::MAX, values: &["typed", "plain"] };
static PAGES: Shape = Shape::String { min: 0, max: u32::MAX, values: &["one", "all"] };
static ITEMS: Shape = Shape::Integer { min: 1, max: 10_000_000 };
static BYTES: Shape = Shape::Integer { min: 1, max: 32 * 1024 * 1024 };
static ATTEMPTS: Shape = Shape::Integer { min: 1, max: 20 };
static MODE: Shape =
    Shape::String { min: 0, max: u32::MAX, values: &["preferred", "required", "disabled"] };
static ACCOUNT: Shape = Shape::String { min: 12, max: 12, values: &[] };

/// The shape of settings; it also gives their JSON Schema.
pub static SETTINGS: Shape = Shape::Structure(&[
    Member { name: "accountId", shape: &ACCOUNT, required: false },
    Member { name: "accountIdEndpointMode", shape: &MODE, required: false },
    Member { name: "correctClock", shape: &Shape::Boolean, required: false },
    Member { name: "endpoint", shape: &TEXT, required: false },
    Member { name: "format", shape: &FORMAT, required: false },
    Member { name: "idempotencyTokens", shape: &Shape::Boolean, required: false },
    Member { name: "maxAttempts", shape: &ATTEMPTS, required: false },
    Member { name: "region", shape: &TEXT, required: true },
    Member { name: "strict", shape: &Shape::Boolean, required: false },
    Member { name: "useDualStack", shape: &Shape::Boolean, required: false },
    Member { name: "useFips", shape: &Shape::Boolean, required: false },
    Member { name: "verifyChecksums", shape: &Shape::Boolean, required: false },
]);

/// What each setting and option means, for the JSON Schema of a form.
pub static MEANINGS: [(&str, &str); 16] = [
    ("accountId", "The twelve digits of an AWS account, to use that account's own endpoint."),
    (
        "accountIdEndpointMode",
        "Whether the account's endpoint is preferred (the default), required or disabled.",
    ),
    (
        "correctClock",
        "Learn the service's time from its answers when this clock is off by more than 4 minutes. Default true.",
    ),
    (
        "endpoint",
        "Another origin than the region's: scheme, host and port, as in http://localhost:8000.",
    ),
    (
        "format",
        "How attribute values are written: typed ({\"S\": \"a\"}; the default) or plain (\"a\").",
    ),
    (
        "idempotencyTokens",
        "Add a token to calls that take one, so that no retry acts twice. Default true.",
    ),
    ("maxAttempts", "Requests for one answer; 1 turns retries off. Default 4."),
    ("maxBytes", "With pages all: stop after the page that reaches so many bytes. Default 16 MiB."),
    (
        "maxItems",
        "With pages all: stop after the page that reaches so many items. Default 100,000.",
    ),
    ("pages", "one (the default), or all to fetch every page as one answer."),
    ("region", "The AWS region, as in eu-west-1; local for a server on this machine."),
    ("resubmit", "Send again what a batch leaves undone. Default false."),
    ("strict", "Hold input against the API model before it is sent. Default true."),
    ("useDualStack", "Use the endpoint that answers over IPv6 as well. Default false."),
    ("useFips", "Use the FIPS endpoint. Default false."),
    ("verifyChecksums", "Check the CRC-32 that the service sends with its answers. Default true."),
];

/// The shape of a call's options.
pub static OPTIONS: Shape = Shape::Structure(&[
    Member { name: "format", shape: &FORMAT, required: false },
    Member { name: "maxBytes", shape: &BYTES, required: false },
    Member { name: "maxItems", shape: &ITEMS, required: false },
    Member { name: "pages", shape: &PAGES, required: false },
    Member { name: "resubmit", shape: &Shape::Boolean, required: false },
    Member { name: "strict", shape: &Shape::Boolean, required: false },
]);

impl Settings {
    /// Reads settings from relaxed JSON.
    ///
    /// # Errors
    /// All faults, with their places.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let object = parse(text, &SETTINGS).map_err(explain_secrets)?;
        let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::trim);
        let truth = |name: &str, default: bool| {
            object.get(name).and_then(Value::as_bool).unwrap_or(default)
        };
        let mut faults = Vec::new();
        let mut checked = |name: &str, result: Result<(), String>| {
            if let Err(message) = result {
                faults.push(Fault::new(format!("/{name}"), message));
            }
        };

        let region = text("region").unwrap_or_default();
        checked("region", check_region(region));
        let account_id = text("accountId");
        if account_id.is_some_and(|account| !account.bytes().all(|byte| byte.is_ascii_digit())) {
            checked("accountId", Err("expected the twelve digits of an AWS account".to_owned()));
        }
        let endpoint = match text("endpoint").map(parse_endpoint).transpose() {
            Ok(endpoint) => endpoint,
            Err(message) => {
                checked("endpoint", Err(message));
                None
            }
        };
        if faults.is_empty() {
            Ok(Self {
                region: region.to_string(),
                endpoint,
                format: format_of(&object).unwrap_or_default(),
                strict: truth("strict", true),
                use_fips: truth("useFips", false),
                use_dual_stack: truth("useDualStack", false),
                account_id: account_id.map(ToOwned::to_owned),
                account_id_mode: match text("accountIdEndpointMode") {
                    Some("required") => AccountIdMode::Required,
                    Some("disabled") => AccountIdMode::Disabled,
                    _ => AccountIdMode::Preferred,
                },
                max_attempts: object
                    .get("maxAttempts")
                    .and_then(Value::as_u64)
                    .map_or(DEFAULT_MAX_ATTEMPTS, |attempts| attempts as u32),
                idempotency_tokens: truth("idempotencyTokens", true),
                verify_checksums: truth("verifyChecksums", true),
                correct_clock: truth("correctClock", true),
            })
        } else {
            Err(faults)
        }
    }

    /// The options of a call that gives none.
    #[must_use]
    pub fn options(&self) -> Options {
        Options {
            format: self.format,
            strict: self.strict,
            all_pages: false,
            max_items: DEFAULT_MAX_ITEMS,
            max_bytes: DEFAULT_MAX_BYTES,
            resubmit: false,
        }
    }
}

impl Options {
    /// Reads a call's options; what they do not say, `settings` say.
    ///
    /// # Errors
    /// All faults, with their places.
    pub fn parse(text: &str, settings: &Settings) -> Result<Self, Vec<Fault>> {
        let object = parse(text, &OPTIONS)?;
        let default = settings.options();
        Ok(Self {
            format: format_of(&object).unwrap_or(default.format),
            strict: object.get("strict").and_then(Value::as_bool).unwrap_or(default.strict),
            all_pages: object.get("pages").and_then(Value::as_str) == Some("all"),
            max_items: object.get("maxItems").and_then(Value::as_u64).unwrap_or(default.max_items),
            max_bytes: object.get("maxBytes").and_then(Value::as_u64).unwrap_or(default.max_bytes),
            resubmit: object.get("resubmit").and_then(Value::as_bool).unwrap_or(default.resubmit),
        })
    }
}

fn parse(text: &str, shape: &'static Shape) -> Result<Map<String, Value>, Vec<Fault>> {
    let strict = encode(text, shape, Rules { format: Format::Typed, strict: true })?;
    match serde_json::from_str(&strict) {
        Ok(Value::Object(object)) => Ok(object),
        // `null` stands for no settings at all, and whatever is required is then missing.
        _ => encode("{}", shape, Rules { format: Format::Typed, strict: true }).map(|_| Map::new()),
    }
}

/// Credentials in the settings would be a secret inside the sandbox. Say where they belong.
fn explain_secrets(mut faults: Vec<Fault>) -> Vec<Fault> {
    for fault in &mut faults {
        let name = fault.pointer.to_ascii_lowercase();
        if fault.message.starts_with("unknown member")
            && ["secret", "accesskey", "token", "password", "credential", "profile"]
                .iter()
                .any(|word| name.contains(word))
        {
            fault.message = "credentials do not belong in the settings: the operator's policy says where the host finds them, as in credentials = { from = \"env\" }".to_string();
        }
    }
    faults
}

fn format_of(object: &Map<String, Value>) -> Option<Format> {
    match object.get("format")?.as_str()? {
        "plain" => Some(Format::Plain),
        _ => Some(Format::Typed),
    }
}

/// A region becomes part of a host name, so it must be one DNS label (RFC 1035, section 2.3.1).
fn check_region(region: &str) -> Result<(), String> {
    let label = !region.is_empty()
        && region.len() <= 63
        && region
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !region.starts_with('-')
        && !region.ends_with('-');
    if label {
        return Ok(());
    }
    let shown: String = region.chars().take(70).collect();
    Err(format!(
        "{shown:?} is no region; expected one like eu-west-1: lower-case letters, digits and hyphens"
    ))
}

/// The spelling is the one that the host sends as `host`: what is signed must be what is sent.
fn parse_endpoint(text: &str) -> Result<CustomEndpoint, String> {
    let complain = |what: &str| {
        format!(
            "{what}; expected an origin as in https://dynamodb.eu-west-1.amazonaws.com or http://localhost:8000"
        )
    };
    let lower = text.to_ascii_lowercase();
    let (https, rest) = if let Some(rest) = lower.strip_prefix("https://") {
        (true, rest)
    } else if let Some(rest) = lower.strip_prefix("http://") {
        (false, rest)
    } else {
        return Err(complain("the endpoint does not start with https:// or http://"));
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (address, after) =
            rest.split_once(']').ok_or_else(|| complain("the IPv6 address is not closed by ]"))?;
        let address: Ipv6Addr =
            address.parse().map_err(|_| complain("what stands in brackets is no IPv6 address"))?;
        let port = if after.is_empty() { Some("") } else { after.strip_prefix(':') };
        (
            format!("[{address}]"),
            port.ok_or_else(|| complain("something follows the IPv6 address"))?,
        )
    } else {
        let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if !host.bytes().all(known) || !host.split('.').all(label) {
            return Err(complain("the endpoint is more than scheme, host and port"));
        }
        (host.to_string(), port)
    };
    if port.is_empty() {
        return if authority.ends_with(':') {
            Err(complain("there is no port behind the colon"))
        } else {
            Ok(CustomEndpoint { https, authority: host })
        };
    }
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let port: u16 = port
        .parse()
        .ok()
        .filter(|port| digits && *port > 0)
        .ok_or_else(|| complain("the port is no number from 1 to 65535"))?;
    let own_port = if https { 443 } else { 80 };
    // The port is left out where it is the scheme's own, as the host writes the `host` header.
    let authority = if port == own_port { host } else { format!("{host}:{port}") };
    Ok(CustomEndpoint { https, authority })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<(String, String)> {
        Settings::parse(text)
            .unwrap_err()
            .into_iter()
            .map(|fault| (fault.pointer, fault.message))
            .collect()
    }

    #[test]
    fn a_region_is_enough_and_is_trimmed() {
        let settings = Settings::parse("{\"region\": \" eu-west-1\\n\"} // mine").unwrap();
        assert_eq!(settings.region, "eu-west-1");
        assert_eq!(
            (settings.max_attempts, settings.strict, settings.format),
            (4, true, Format::Typed)
        );
    }

    #[test]
    fn a_region_that_smuggles_a_host_is_refused() {
        for region in [
            "us-east-1.evil.example/#",
            "x@evil",
            "us-east-1\\nHost: evil",
            "",
            "EU-WEST-1",
            "-a",
            "a/b",
            "a?b",
        ] {
            let found = faults(&format!("{{\"region\": \"{region}\"}}"));
            assert_eq!(found[0].0, "/region", "{region}");
        }
    }

    #[test]
    fn all_faults_of_settings_are_named_at_once() {
        let found = faults(r#"{"regoin":"x","format":"Typed","maxAttempts":0,"useFips":"yes"}"#);
        let places: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(places, ["/regoin", "/format", "/maxAttempts", "/useFips", "/region"]);
        assert!(found[0].1.contains("did you mean region?"));
    }

    #[test]
    fn credentials_in_settings_are_sent_where_they_belong() {
        let found = faults(r#"{"region":"eu-west-1","secretAccessKey":"x"}"#);
        assert!(found[0].1.contains("policy"), "{found:?}");
    }

    #[test]
    fn an_endpoint_is_an_origin_and_nothing_more() {
        for endpoint in [
            "ftp://x",
            "https://a@b",
            "https://a/b",
            "https://a?b",
            "http://",
            "x",
            "https://a b",
            "https://a#b",
            "https://%61",
        ] {
            let found =
                faults(&format!("{{\"region\":\"eu-west-1\",\"endpoint\":\"{endpoint}\"}}"));
            assert_eq!(found[0].0, "/endpoint", "{endpoint}");
        }
        let custom =
            Settings::parse(r#"{"region":"eu-west-1","endpoint":"https://Example.com:443/"}"#)
                .unwrap()
                .endpoint
                .unwrap();
        assert_eq!((custom.https, custom.authority.as_str()), (true, "example.com"));
        for (spelt, sent) in [
            ("http://127.0.0.1:07911", "127.0.0.1:7911"),
            ("HTTP://my_host:8000", "my_host:8000"),
            ("http://[0:0:0:0:0:0:0:1]:80", "[::1]"),
        ] {
            let settings =
                Settings::parse(&format!("{{\"region\":\"eu-west-1\",\"endpoint\":\"{spelt}\"}}"))
                    .unwrap();
            assert_eq!(settings.endpoint.unwrap().authority, sent);
        }
    }

    #[test]
    fn options_override_settings_and_unknown_ones_are_faults() {
        let settings = Settings::parse(r#"{"region":"eu-west-1","strict":false}"#).unwrap();
        let options = Options::parse(r#"{"format":"plain"}"#, &settings).unwrap();
        assert_eq!(options, Options { format: Format::Plain, ..settings.options() });
        assert_eq!(
            Options::parse(r#"{"formt":"plain"}"#, &settings).unwrap_err()[0].pointer,
            "/formt"
        );
    }

    #[test]
    fn settings_that_are_no_object_are_refused() {
        for text in ["[]", "1", "\"eu-west-1\"", "null", "", "{"] {
            assert!(Settings::parse(text).is_err(), "{text}");
        }
    }
}

//! The settings of a datasource and the options of a call.
//!
//! Both are untrusted. They are checked here to help their author. The host checks every resulting
//! request again, against the operator's policy.
//!
//! ```
//! use dynamodb_plugin::settings::Settings;
//!
//! let settings = Settings::parse(r#"{"region": "eu-west-1", "maxAttempts": 2}"#).unwrap();
//! assert_eq!((settings.region.as_str(), settings.max_attempts), ("eu-west-1", 2));
//!
//! let problems = Settings::parse(r#"{"regoin": "eu-west-1"}"#).unwrap_err();
//! assert_eq!(problems[0].pointer, "/regoin");
//! assert_eq!(problems[0].message, "unknown field; did you mean region?");
//! ```

use crate::catalogue::{Field, Shape};
use crate::origin::CustomEndpoint;
use crate::region;
use crate::transcode::{Diagnostic, EncodeOptions, Format, encode};
use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::{Map, Value};

/// The settings of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate switch in the settings")]
pub struct Settings {
    /// The region, such as `eu-west-1`, or `local` for a server on this machine.
    pub region: String,
    /// An endpoint to use instead of the region's.
    pub endpoint: Option<CustomEndpoint>,
    /// The format of attribute values, unless a call overrides it.
    pub format: Format,
    /// Whether to check input against the API model before it is sent, unless a call overrides it.
    pub strict: bool,
    /// Whether to use the FIPS endpoint of the region.
    pub use_fips: bool,
    /// Whether to use the dual-stack endpoint, which supports IPv6 too.
    pub use_dual_stack: bool,
    /// The AWS account whose own endpoint is used.
    pub account_id: Option<String>,
    /// Whether to use the account's endpoint.
    pub account_id_mode: AccountIdMode,
    /// The maximum number of requests for one response. 1 turns retries off.
    pub max_attempts: u32,
    /// Whether to add an idempotency token to actions that accept one, so that a retry has no
    /// second effect.
    pub idempotency_tokens: bool,
    /// Whether to check the CRC-32 that the service sends with its responses.
    pub verify_checksums: bool,
    /// Whether to use the service's time, taken from its responses, if this machine's clock is
    /// wrong.
    pub correct_clock: bool,
}

/// When to use the endpoint of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccountIdMode {
    /// If the account is given and such an endpoint exists.
    #[default]
    Preferred,
    /// Always. A call fails if there is no such endpoint.
    Required,
    /// Never.
    Disabled,
}

/// The options of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The format of attribute values.
    pub format: Format,
    /// Whether to check input against the API model.
    pub strict: bool,
    /// Whether to fetch all pages instead of one.
    pub all_pages: bool,
    /// With all pages: stop after the page that reaches this number of items.
    pub max_items: u64,
    /// With all pages: stop after the page that reaches this number of bytes.
    pub max_bytes: u64,
    /// Whether to send the unprocessed entries of a batch again.
    pub resubmit: bool,
}

/// The default for `maxItems`. Callers that need more items should page with a cursor.
const DEFAULT_MAX_ITEMS: u64 = 100_000;
/// The default for `maxBytes`. This size, with its copies, fits into the memory of an instance.
const DEFAULT_MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The default for `maxAttempts`: that of the AWS SDKs for DynamoDB in standard mode.
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

/// The shape of the settings. Their JSON Schema is derived from it.
pub static SETTINGS: Shape = Shape::Structure(&[
    Field { name: "accountId", shape: &ACCOUNT, required: false },
    Field { name: "accountIdEndpointMode", shape: &MODE, required: false },
    Field { name: "correctClock", shape: &Shape::Boolean, required: false },
    Field { name: "endpoint", shape: &TEXT, required: false },
    Field { name: "format", shape: &FORMAT, required: false },
    Field { name: "idempotencyTokens", shape: &Shape::Boolean, required: false },
    Field { name: "maxAttempts", shape: &ATTEMPTS, required: false },
    Field { name: "region", shape: &TEXT, required: true },
    Field { name: "strict", shape: &Shape::Boolean, required: false },
    Field { name: "useDualStack", shape: &Shape::Boolean, required: false },
    Field { name: "useFips", shape: &Shape::Boolean, required: false },
    Field { name: "verifyChecksums", shape: &Shape::Boolean, required: false },
]);

/// The name, the title and the description of each setting and option, for the JSON Schema of a form.
pub static DESCRIPTIONS: [(&str, &str, &str); 16] = [
    (
        "accountId",
        "Account ID",
        "The twelve digits of an AWS account, to use that account's own endpoint.",
    ),
    (
        "accountIdEndpointMode",
        "Account endpoint",
        "Whether the account's endpoint is preferred (the default), required or disabled.",
    ),
    (
        "correctClock",
        "Correct the clock",
        "Use the service's time if this machine's clock is off by over 4 minutes. Default true.",
    ),
    (
        "endpoint",
        "Endpoint",
        "An origin to use instead of the region's endpoint, such as http://localhost:8000.",
    ),
    (
        "format",
        "Format of values",
        "The format of attribute values: typed ({\"S\": \"a\"}; the default) or plain (\"a\").",
    ),
    (
        "idempotencyTokens",
        "Idempotency tokens",
        "Add an idempotency token to actions that accept one, for safe retries. Default true.",
    ),
    (
        "maxAttempts",
        "Attempts",
        "The maximum number of requests for one response; 1 turns retries off. Default 4.",
    ),
    (
        "maxBytes",
        "Bytes",
        "With pages = all: stop after the page that reaches this number of bytes. Default 16 MiB.",
    ),
    (
        "maxItems",
        "Items",
        "With pages = all: stop after the page that reaches this number of items. Default 100,000.",
    ),
    ("pages", "Pages", "one (the default), or all to fetch all pages as one result."),
    (
        "region",
        "Region",
        "The AWS region, such as eu-west-1, or local for a server on this machine.",
    ),
    ("resubmit", "Resubmit", "Send the unprocessed entries of a batch again. Default false."),
    ("strict", "Check input", "Check input against the API model before it is sent. Default true."),
    (
        "useDualStack",
        "Use IPv6 too",
        "Use the dual-stack endpoint, which supports IPv6 too. Default false.",
    ),
    ("useFips", "Use FIPS", "Use the FIPS endpoint. Default false."),
    (
        "verifyChecksums",
        "Verify checksums",
        "Check the CRC-32 that the service sends with its responses. Default true.",
    ),
];

/// The shape of a call's options. Their JSON Schema is derived from it.
pub static OPTIONS: Shape = Shape::Structure(&[
    Field { name: "format", shape: &FORMAT, required: false },
    Field { name: "maxBytes", shape: &BYTES, required: false },
    Field { name: "maxItems", shape: &ITEMS, required: false },
    Field { name: "pages", shape: &PAGES, required: false },
    Field { name: "resubmit", shape: &Shape::Boolean, required: false },
    Field { name: "strict", shape: &Shape::Boolean, required: false },
]);

impl Settings {
    /// Parses settings from relaxed JSON.
    ///
    /// # Errors
    /// Returns all problems, each with a JSON Pointer.
    pub fn parse(text: &str) -> Result<Self, Vec<Diagnostic>> {
        let object = parse(text, &SETTINGS).map_err(explain_secrets)?;
        let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::trim);
        let truth = |name: &str, default: bool| {
            object.get(name).and_then(Value::as_bool).unwrap_or(default)
        };
        let mut diagnostics = Vec::new();

        let region = text("region").unwrap_or_default();
        let endpoint = text("endpoint").map(CustomEndpoint::parse);
        diagnostics.extend(region::check(region, endpoint.is_some()).err());
        let account_id = text("accountId");
        if account_id.is_some_and(|account| !account.bytes().all(|byte| byte.is_ascii_digit())) {
            let message = "expected the twelve digits of an AWS account";
            diagnostics.push(Diagnostic::new("/accountId".to_owned(), message.to_owned()));
        }
        let endpoint = endpoint.transpose().unwrap_or_else(|error| {
            diagnostics.push(error);
            None
        });
        if diagnostics.is_empty() {
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
            Err(diagnostics)
        }
    }

    /// Returns the options of a call that has none of its own.
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
    /// Parses the options of a call from relaxed JSON. `settings` provide the defaults.
    ///
    /// # Errors
    /// Returns all problems, each with a JSON Pointer.
    pub fn parse(text: &str, settings: &Settings) -> Result<Self, Vec<Diagnostic>> {
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

/// Parses relaxed JSON and checks it against `shape`.
fn parse(text: &str, shape: &'static Shape) -> Result<Map<String, Value>, Vec<Diagnostic>> {
    let strict = encode(text, shape, EncodeOptions { format: Format::Typed, strict: true })?;
    match serde_json::from_str(&strict) {
        Ok(Value::Object(object)) => Ok(object),
        // `null` means no settings at all, so all required settings are missing.
        _ => encode("{}", shape, EncodeOptions { format: Format::Typed, strict: true })
            .map(|_| Map::new()),
    }
}

/// Explains where credentials belong. In the settings, a secret would be inside the sandbox.
fn explain_secrets(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    for diagnostic in &mut diagnostics {
        let name = diagnostic.pointer.to_ascii_lowercase();
        if diagnostic.message.starts_with("unknown field")
            && ["secret", "accesskey", "token", "password", "credential", "profile"]
                .iter()
                .any(|word| name.contains(word))
        {
            diagnostic.message =
                "credentials do not belong in the settings; the operator's policy tells the \
                                  host where to find them, for example with \
                                  credentials = { from = \"env\" }"
                    .to_string();
        }
    }
    diagnostics
}

/// Returns the format that the settings or options select.
fn format_of(object: &Map<String, Value>) -> Option<Format> {
    match object.get("format")?.as_str()? {
        "plain" => Some(Format::Plain),
        _ => Some(Format::Typed),
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;

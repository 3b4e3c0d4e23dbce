//! Credentials that a caller sends as JSON.

use portcullis::{Credentials, Diagnostic, Secret};
use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Document<'d> {
    #[serde(borrow)]
    access_key_id: &'d RawValue,
    #[serde(borrow)]
    secret_access_key: &'d RawValue,
    #[serde(borrow)]
    session_token: Option<&'d RawValue>,
}

/// Reads credentials: an object with `accessKeyId`, `secretAccessKey`, and `sessionToken` if there is
/// one. No error quotes any of them.
pub(crate) fn parse(document: &str) -> Result<Credentials, Diagnostic> {
    let wrong = |field: &str, message: &str| {
        let pointer = if field.is_empty() { String::new() } else { format!("/{field}") };
        Diagnostic::new(format!("/credentials{pointer}"), message)
    };
    if !document.trim_start().starts_with('{') {
        return Err(wrong("", "expected an object"));
    }
    // The parser's error about a name quotes it.
    let raw: Document<'_> = serde_json::from_str(document).map_err(|error| {
        let is_missing = error.to_string().starts_with("missing field");
        wrong("", if is_missing { MISSING_FIELD } else { OTHER_FIELD })
    })?;
    let text = |name: &str, value: &RawValue| {
        // The error of a text is about its escapes, which it does not quote.
        serde_json::from_str::<String>(value.get())
            .map(Zeroizing::new)
            .map_err(|_| wrong(name, "expected a text"))
    };
    let id = text("accessKeyId", raw.access_key_id)?;
    let secret = text("secretAccessKey", raw.secret_access_key)?;
    let token = match raw.session_token {
        Some(token) if token.get() != "null" => Some(text("sessionToken", token)?),
        _ => None,
    };
    let token = token.map(|token| Secret::new(token.as_str()));
    Credentials::from_caller(id.as_str(), Secret::new(secret.as_str()), token)
        .map_err(|error| wrong("", &error.to_string()))
}

const MISSING_FIELD: &str = "expected accessKeyId and secretAccessKey";
const OTHER_FIELD: &str =
    "expected accessKeyId and secretAccessKey, each once, and sessionToken if there is one";

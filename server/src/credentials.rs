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
    Ok(parse_to_keep(document)?.0)
}

/// Reads credentials, and returns them also as JSON that has nothing else, not even a space.
pub(crate) fn parse_to_keep(
    document: &str,
) -> Result<(Credentials, Zeroizing<String>), Diagnostic> {
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
    let secret_token = token.as_ref().map(|token| Secret::new(token.as_str()));
    let credentials =
        Credentials::from_caller(id.as_str(), Secret::new(secret.as_str()), secret_token)
            .map_err(|error| wrong("", &error.to_string()))?;
    Ok((credentials, compact(&id, &secret, token.as_deref().map(String::as_str))))
}

/// Credentials as JSON, in memory that does not move while it grows.
fn compact(id: &str, secret: &str, token: Option<&str>) -> Zeroizing<String> {
    let fields =
        [("accessKeyId", Some(id)), ("secretAccessKey", Some(secret)), ("sessionToken", token)];
    let given = fields.iter().filter_map(|(name, text)| Some((*name, (*text)?)));
    // No character is longer than its escape, which has six bytes.
    let most = 100 + given.clone().map(|(_, text)| 6 * text.len()).sum::<usize>();
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    for (name, text) in given {
        let start = if bytes.is_empty() { b"{\"" } else { b",\"" };
        bytes.extend_from_slice(start);
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b"\":");
        // Nothing fails that writes a text into memory.
        let _ = serde_json::to_writer(&mut *bytes, text);
    }
    bytes.push(b'}');
    Zeroizing::new(String::from_utf8(std::mem::take(&mut *bytes)).unwrap_or_default())
}

const MISSING_FIELD: &str = "expected accessKeyId and secretAccessKey";
const OTHER_FIELD: &str =
    "expected accessKeyId and secretAccessKey, each once, and sessionToken if there is one";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_credentials_is_short_and_reads_as_the_same() {
        let spaces = " ".repeat(10_000);
        for document in [
            format!(r#"{{{spaces}"secretAccessKey":{spaces}"a/b+\u0063","accessKeyId": "AKID"}}"#),
            format!(
                r#"{{"accessKeyId": "A", "secretAccessKey": "x", "sessionToken":{spaces}"t=="}}"#
            ),
            r#"{"accessKeyId": "A", "secretAccessKey": "x", "sessionToken": null}"#.to_string(),
        ] {
            let (credentials, kept) = parse_to_keep(&document).unwrap();
            assert!(kept.len() < 100 && !kept.contains(' '), "{}", *kept);
            assert_eq!(parse(&kept).unwrap(), credentials);
        }
    }
}

//! The document of a datasource that a caller wants to save.

use super::inline::{check_object, settings, shown, wrong};
use super::problem::{Problem, ProblemKind};
use crate::credentials;
use portcullis::{Credentials, Diagnostic, TenantSettings};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// A datasource that a caller wants to save.
pub(super) struct Draft {
    /// Whose saved credentials are used, if it has none of its own.
    pub(super) name: Option<String>,
    /// The name of the template that it fills in.
    pub(super) template: String,
    pub(super) settings: TenantSettings,
    pub(super) credentials: Given,
}

/// What is to become of the credentials.
pub(super) enum Given {
    /// Those that were saved before stay.
    Kept,
    /// There are none any more.
    Removed,
    /// These.
    New(Credentials, Zeroizing<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'d> {
    name: Option<String>,
    #[serde(borrow)]
    template: Option<&'d RawValue>,
    #[serde(borrow)]
    settings: Option<&'d RawValue>,
    /// `null` is not the same as nothing.
    #[serde(borrow, default, deserialize_with = "given")]
    credentials: Option<&'d RawValue>,
}

fn given<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Option<&'d RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// The longest credentials as JSON. 64 KiB: the longest session token with every character escaped.
const MAX_CREDENTIALS_BYTES: usize = 64 << 10;
/// The longest name of a template in a document.
const MAX_NAME_BYTES: usize = 256;

impl Draft {
    /// Reads a document.
    pub(super) fn parse(document: &str) -> Result<Self, Problem> {
        if !document.trim_start().starts_with('{') {
            return Err(malformed("it is not an object"));
        }
        // A field that is not known is named, and no value is.
        let document: Document<'_> =
            serde_json::from_str(document).map_err(|error| malformed(&error.to_string()))?;
        let name = document.template.map(|name| serde_json::from_str::<String>(name.get()));
        let template = match name {
            Some(Ok(name)) if (1..=MAX_NAME_BYTES).contains(&name.len()) => name,
            _ => return Err(wrong("template", "", "expected the name of a template")),
        };
        let credentials = match document.credentials {
            None => Given::Kept,
            Some(null) if null.get() == "null" => Given::Removed,
            Some(new) if new.get().len() > MAX_CREDENTIALS_BYTES => {
                return Err(wrong("credentials", "", "expected at most 65536 bytes"));
            }
            Some(new) => {
                check_object("credentials", new)?;
                let (credentials, text) =
                    credentials::parse_to_keep(new.get()).map_err(|fault| {
                        let message = "the credentials cannot be used";
                        Problem::new(ProblemKind::BadRequest, message).faults(&[fault])
                    })?;
                Given::New(credentials, text)
            }
        };
        let settings = settings(document.settings)?;
        Ok(Self { name: document.name, template, settings, credentials })
    }

    /// Checks that the document names no other datasource than the path.
    pub(super) fn check_name(&self, path: &str) -> Result<(), Problem> {
        match &self.name {
            Some(name) if name != path => {
                let message = format!("expected {path:?}, the name in the path, or no name");
                Err(wrong("name", "", &message))
            }
            _ => Ok(()),
        }
    }
}

fn malformed(reason: &str) -> Problem {
    let reason = shown(reason);
    let message = format!("the body is not a datasource: {reason}");
    Problem::new(ProblemKind::BadRequest, message).remedy(
        "send {\"template\": \"NAME\", \"settings\": {…}, \"credentials\": {\"accessKeyId\": \"…\", \
         \"secretAccessKey\": \"…\"}}; without credentials, those that were saved stay",
    )
}

/// The fault of a template that cannot be used for these credentials.
pub(super) fn give_again() -> Problem {
    let message = "the template is another one than before: give the credentials again, or null to \
                   remove them";
    Problem::new(ProblemKind::BadRequest, "the credentials cannot be kept")
        .faults(&[Diagnostic::new("/credentials", message)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    #[test]
    fn credentials_may_be_given_kept_or_removed() {
        let parse = |credentials: &str| {
            let document = format!(r#"{{"template": "t", "settings": {{"a": 1}}{credentials}}}"#);
            let Ok(draft) = Draft::parse(&document) else { panic!("{document}") };
            draft.credentials
        };
        assert!(matches!(parse(""), Given::Kept));
        assert!(matches!(parse(r#", "credentials": null"#), Given::Removed));
        let new = parse(r#", "credentials": {"accessKeyId": "A", "secretAccessKey": "x"}"#);
        let Given::New(credentials, text) = new else { panic!("they are given") };
        assert_eq!(credentials.access_key_id, "A");
        assert!(text.starts_with('{'));
    }

    #[tokio::test]
    async fn no_error_quotes_a_secret_and_each_names_the_place() {
        for (document, place) in [
            (format!(r#""{SECRET}""#), "not an object"),
            (format!(r#"{{"template": {{"a": "{SECRET}"}}}}"#), "/template"),
            ("{}".to_string(), "/template"),
            (format!(r#"{{"template": "t", "credentials": "{SECRET}"}}"#), "/credentials"),
            (
                format!(r#"{{"template": "t", "credentials": {{"accessKeyId": "{SECRET}"}}}}"#),
                "/credentials",
            ),
            (format!(r#"{{"template": "t", "settings": "{SECRET}"}}"#), "/settings"),
            (r#"{"template": "t", "setting": {}}"#.to_string(), "unknown field `setting`"),
            (r#"{"template": "t", "template": "t"}"#.to_string(), "duplicate field `template`"),
        ] {
            let Err(problem) = Draft::parse(&document) else { panic!("{document}") };
            let response = problem.into_response();
            assert_eq!(response.status().as_u16(), 400);
            let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(!body.contains(&SECRET[..20]), "{document}: {body}");
            assert!(body.contains(place), "{document}: {body}");
        }
    }
}

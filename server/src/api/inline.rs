//! Calls that bring their datasource along: settings, credentials and input in one document.

use super::input::{Options, fill};
use super::problem::{Problem, ProblemKind};
use crate::credentials;
use portcullis::{Credentials, Diagnostic, TenantSettings};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::fmt;

/// A call that brings its datasource along.
pub(super) struct InlineCall {
    pub(super) settings: TenantSettings,
    pub(super) credentials: Option<Credentials>,
    /// The input of the action; an empty object if the call has none.
    pub(super) input: String,
    /// Whether the input is in the document as it is, and not made of a template.
    has_input: bool,
    pub(super) options: Options,
}

/// The document as it is sent. Each part is read on its own, so that no error quotes a secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'d> {
    #[serde(borrow)]
    settings: Option<&'d RawValue>,
    #[serde(borrow)]
    credentials: Option<&'d RawValue>,
    #[serde(borrow)]
    input: Option<&'d RawValue>,
    #[serde(borrow)]
    template: Option<&'d RawValue>,
    #[serde(borrow)]
    values: Option<&'d RawValue>,
    #[serde(borrow)]
    options: Option<&'d RawValue>,
}

impl InlineCall {
    /// Reads the document of a call. What is filled into a template of the caller has at most
    /// `limit` bytes.
    pub(super) fn parse(document: &str, limit: usize) -> Result<Self, Problem> {
        if !document.trim_start().starts_with('{') {
            return Err(malformed("it is not an object"));
        }
        let document: Document<'_> =
            serde_json::from_str(document).map_err(|error| malformed(&error.to_string()))?;
        let settings = settings(document.settings)?;
        let input = match (document.input, document.template, document.values) {
            (Some(input), None, None) => input.get().to_string(),
            (None, Some(template), Some(values)) => {
                let (template, values) = (template.get(), values.get());
                fill(&format!("{{\"template\":{template},\"values\":{values}}}"), limit)?
            }
            (None, None, None) => "{}".to_string(),
            _ => return Err(malformed("give either input, or template and values")),
        };
        let options = match document.options {
            None => Options::default(),
            Some(options) => {
                check_object("options", options)?;
                if options.get().len() > MAX_OPTIONS_BYTES {
                    return Err(wrong("options", "", "expected at most 4096 bytes"));
                }
                let Unique(map) = part("options", serde_json::from_str(options.get()))?;
                Options::from_map(map)?
            }
        };
        let credentials = document.credentials.map(credentials).transpose()?;
        let has_input = document.input.is_some();
        Ok(Self { settings, credentials, input, has_input, options })
    }

    /// Where in the document a fault is that the plugin found: the plugin knows the input and the options,
    /// each on its own. The names of options are not those of fields.
    pub(super) fn place(&self, options: &[String], pointer: &str) -> String {
        let name = pointer.trim_start_matches('/').split('/').next().unwrap_or_default();
        if options.iter().any(|option| option == name) {
            format!("/options{pointer}")
        } else if self.has_input {
            format!("/input{pointer}")
        } else {
            pointer.to_string()
        }
    }

    /// Refuses input: the call has none.
    pub(super) fn check_no_input(&self) -> Result<(), Problem> {
        if self.input == "{}" {
            return Ok(());
        }
        Err(malformed("this call has no input"))
    }
}

/// Reads settings; there are none if the document has none.
pub(super) fn settings(document: Option<&RawValue>) -> Result<TenantSettings, Problem> {
    let Some(settings) = document else { return Ok(TenantSettings::default()) };
    check_object("settings", settings)?;
    part("settings", serde_json::from_str(settings.get()))
}

/// The longest options. 4 KiB: there are six, and none is long.
const MAX_OPTIONS_BYTES: usize = 4096;

/// An object in which each name occurs once.
struct Unique(Map<String, Value>);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Unique;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique, A::Error> {
                let mut fields = Map::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if fields.insert(name, value).is_some() {
                        return Err(A::Error::custom("a name is given twice"));
                    }
                }
                Ok(Unique(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// Reads credentials. No error quotes any of them.
fn credentials(document: &RawValue) -> Result<Credentials, Problem> {
    credentials::parse(document.get()).map_err(|fault| {
        Problem::new(ProblemKind::BadRequest, "the credentials cannot be used").faults(&[fault])
    })
}

/// Checks that a part of the document is an object. The parser's own error would quote another value.
pub(super) fn check_object(name: &str, value: &RawValue) -> Result<(), Problem> {
    if value.get().starts_with('{') {
        return Ok(());
    }
    let fault = Diagnostic::new(format!("/{name}"), "expected an object");
    Err(Problem::new(ProblemKind::BadRequest, format!("the {name} cannot be used"))
        .faults(&[fault]))
}

/// The value of a part whose fields are not quoted by errors but for their names.
fn part<T>(name: &str, parsed: serde_json::Result<T>) -> Result<T, Problem> {
    parsed.map_err(|error| {
        let reason = error.to_string();
        // The position counts from the beginning of the part.
        let reason = reason.split(" at line ").next().unwrap_or_default();
        wrong(name, "", &shown(reason))
    })
}

pub(super) fn wrong(part: &str, field: &str, reason: &str) -> Problem {
    let pointer = if field.is_empty() { format!("/{part}") } else { format!("/{part}/{field}") };
    Problem::new(ProblemKind::BadRequest, format!("the {part} cannot be used"))
        .faults(&[Diagnostic::new(pointer, reason)])
}

/// Why a document cannot be read, without the name of a field that is not known and looks like no name:
/// a secret may be in the wrong place.
pub(super) fn shown(reason: &str) -> String {
    let is_name = |name: &str| {
        name.len() <= MAX_SHOWN_NAME
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    let unknown =
        reason.strip_prefix("unknown field `").and_then(|rest| rest.rsplit_once("`, exp"));
    let reason = match unknown {
        Some((name, rest)) if !is_name(name) => format!("unknown field, exp{rest}"),
        _ => reason.to_string(),
    };
    reason[..reason.floor_char_boundary(300)].to_string()
}

/// The longest name of an unknown field that an error shows, in bytes: longer than any that is known, and
/// shorter than a secret access key, which has 40.
const MAX_SHOWN_NAME: usize = 24;

fn malformed(reason: &str) -> Problem {
    let reason = shown(reason);
    Problem::new(ProblemKind::BadRequest, format!("the body is not a call: {reason}")).remedy(
        "send {\"settings\": {…}, \"credentials\": {\"accessKeyId\": \"…\", \"secretAccessKey\": \
         \"…\"}, \"input\": {…}, \"options\": {…}}; leave out what the template does not need",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    async fn refused(document: &str) -> String {
        let Err(problem) = InlineCall::parse(document, 1000) else { panic!("{document}") };
        let response = problem.into_response();
        assert_eq!(response.status().as_u16(), 400);
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[test]
    fn a_call_has_settings_credentials_input_and_options() {
        let call = InlineCall::parse(
            r#"{"settings": {"region": "eu-west-1"},
                "credentials": {"accessKeyId": "AKID", "secretAccessKey": "x"},
                "input": {"n": 1.50}, "options": {"format": "plain", "deadline": "5s"}}"#,
            1000,
        );
        let Ok(call) = call else { panic!("it is a call") };
        assert_eq!(call.input, r#"{"n": 1.50}"#);
        assert_eq!(call.credentials.unwrap().access_key_id, "AKID");
        assert_eq!(call.options.time, Some(std::time::Duration::from_secs(5)));
        assert_eq!(call.options.plugin.len(), 1);
        let bound = r#"{"template": "{\"a\": {{a}}}", "values": {"a": "x"}}"#;
        let Ok(bound) = InlineCall::parse(bound, 1000) else { panic!("it is a call") };
        assert_eq!(bound.input, r#"{"a": "x"}"#);
        assert!(InlineCall::parse("{}", 10).is_ok_and(|call| call.input == "{}"));
    }

    #[test]
    fn numbers_of_settings_may_have_fractions() {
        let settings = |number: &str| {
            let document = format!(r#"{{"settings": {{"n": {number}}}}}"#);
            let Ok(call) = InlineCall::parse(&document, 10) else { panic!("{document}") };
            call.settings.get("n").unwrap().to_string()
        };
        for (written, read) in [
            ("2", "2"),
            ("1.5", "1.5"),
            ("2.0", "2.0"),
            ("1e1", "10.0"),
            ("1e400", "a very large number"),
            ("99999999999999999999", "1e20"),
            (r#"{"a": 1.5}"#, "an object"),
            (r#"{"a": 1, "$serde_json::private::Number": "1"}"#, "an object"),
        ] {
            assert_eq!(settings(written), read, "{written}");
        }
    }

    #[tokio::test]
    async fn no_error_quotes_a_secret() {
        for document in [
            format!(r#""{SECRET}""#),
            format!(r#"{{"credentials": "{SECRET}"}}"#),
            format!(r#"{{"settings": "{SECRET}"}}"#),
            format!(r#"{{"options": "{SECRET}"}}"#),
            format!(r#"{{"credentials": ["{SECRET}"]}}"#),
            format!(
                r#"{{"credentials": {{"accessKeyId": "a", "secretAccessKey": ["{SECRET}"]}}}}"#
            ),
            format!(r#"{{"credentials": {{"accessKeyId": "{SECRET}", "secretAccessKey": "a"}}}}"#),
            format!(
                r#"{{"credentials": {{"accessKeyId": "a", "secretAccessKey": "{SECRET}\n"}}}}"#
            ),
            format!(r#"{{"credentials": {{"secretAccessKey": "{SECRET}"}}}}"#),
            format!(r#"{{"credentials": {{"{SECRET}": "a"}}}}"#),
            format!(r#"{{"credentials": {{"accessKeyId": "a", "secretAccessKey": "{SECRET}"}}"#),
            format!(r#"{{"template": "", "values": "{SECRET}"}}"#),
            format!(r#"{{"input": {{}}, "template": "{SECRET}"}}"#),
        ] {
            let problem = refused(&document).await;
            assert!(!problem.contains(&SECRET[..20]), "{document}: {problem}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_is_named() {
        for (document, named) in [
            (r#"{"setting": {}}"#, "unknown field `setting`"),
            (r#"{"wJalrXUtnFEMI/K7MDENG": {}}"#, "unknown field, expected one of"),
            (r#"{"wJalrXUtnFEMIK7MDENGbPxRfiCY": {}}"#, "unknown field, expected one of"),
            (r#"{"a`, expected b": {}}"#, "unknown field, expected one of"),
            (r#"{"input": {}, "input": {}}"#, "duplicate field `input`"),
            (
                r#"{"credentials": {"accessKeyId": "a"}}"#,
                "expected accessKeyId and secretAccessKey",
            ),
            (r#"{"options": {"a": 1, "a": 2}}"#, "a name is given twice"),
            (
                r#"{"credentials": {"accessKeyId": 1, "secretAccessKey": "a"}}"#,
                "/credentials/accessKeyId",
            ),
            (r#"{"template": ""}"#, "give either input, or template and values"),
            (r#"{"options": {"deadline": 5}}"#, "/options/deadline"),
            (r#"{"settings": []}"#, "/settings"),
        ] {
            let problem = refused(document).await;
            assert!(problem.contains(named), "{document}: {problem}");
        }
    }
}

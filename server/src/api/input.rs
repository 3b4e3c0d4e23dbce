//! The query and the body of a call.

use super::problem::{Problem, ProblemKind};
use crate::routes::{BOUND, CALL};
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use http::{HeaderMap, header};
use portcullis::{Diagnostic, MAX_BOUND_VALUES, bind};
use serde::de::{self, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::time::Duration;

/// The query of a request.
pub(super) type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The option that limits the time of a call.
const DEADLINE: &str = "deadline";

/// The options of a call.
#[derive(Default)]
pub(super) struct Options {
    /// The plugin's options. The plugin knows which there are.
    pub(super) plugin: Map<String, Value>,
    /// The most time for the call.
    pub(super) time: Option<Duration>,
    /// Whether they are in the body, and not in the query.
    is_in_body: bool,
}

impl Options {
    /// Reads the options from a query. Each is `true`, `false`, a number or a text.
    pub(super) fn from_query(query: Pairs) -> Result<Self, Problem> {
        let mut options = Self::default();
        for (name, text) in pairs(query)? {
            let is_deadline = name == DEADLINE;
            if options.plugin.contains_key(&name) || (is_deadline && options.time.is_some()) {
                return Err(invalid_query(&[fault(&name, "it is given twice")]));
            }
            if is_deadline {
                let time = humantime::parse_duration(&text).ok().filter(|time| !time.is_zero());
                let Some(time) = time else {
                    let message =
                        format!("{text:?} is not a duration; expected one as in 5s or 500ms");
                    return Err(invalid_query(&[fault(&name, message)]));
                };
                options.time = Some(time);
                continue;
            }
            let value = match text.as_str() {
                // These are texts, even if they look like numbers.
                text if matches!(name.as_str(), "format" | "pages" | "prefix") => json!(text),
                "true" => json!(true),
                "false" => json!(false),
                text => text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number)),
            };
            options.plugin.insert(name, value);
        }
        Ok(options)
    }

    /// Takes the options from a JSON object.
    pub(super) fn from_map(mut plugin: Map<String, Value>) -> Result<Self, Problem> {
        let Some(given) = plugin.remove(DEADLINE) else {
            return Ok(Self { plugin, time: None, is_in_body: true });
        };
        let time = given.as_str().and_then(|text| humantime::parse_duration(text).ok());
        let Some(time) = time.filter(|time| !time.is_zero()) else {
            let message = "expected a duration, as in \"5s\" or \"500ms\"";
            let fault = Diagnostic::new(format!("/options/{DEADLINE}"), message);
            let problem = Problem::new(ProblemKind::BadRequest, "the options cannot be used");
            return Err(problem.faults(&[fault]));
        };
        Ok(Self { plugin, time: Some(time), is_in_body: true })
    }

    /// Refuses options of the plugin that are not in `known`.
    pub(super) fn only(self, known: &[&str]) -> Result<Self, Problem> {
        self.check_only(known)?;
        Ok(self)
    }

    /// Refuses options of the plugin that are not in `known`.
    pub(super) fn check_only(&self, known: &[&str]) -> Result<(), Problem> {
        let unknown = self.plugin.keys().filter(|name| !known.contains(&name.as_str()));
        let all: Vec<&str> = known.iter().copied().chain([DEADLINE]).collect();
        let message = format!("there is no such option here; there are {}", all.join(", "));
        let (place, problem) = if self.is_in_body {
            ("/options", Problem::new(ProblemKind::BadRequest, "the options cannot be used"))
        } else {
            ("", Problem::new(ProblemKind::BadRequest, INVALID_QUERY))
        };
        let fault =
            |name: &String| Diagnostic::new(format!("{place}/{}", start(name)), message.as_str());
        let faults: Vec<Diagnostic> = unknown.map(fault).collect();
        if faults.is_empty() { Ok(()) } else { Err(problem.faults(&faults)) }
    }
}

/// The texts of the fields that a query may have, and no others.
pub(super) fn fields<const N: usize>(
    query: Pairs,
    known: [&str; N],
) -> Result<[Option<String>; N], Problem> {
    let mut found = [const { None }; N];
    for (name, text) in pairs(query)? {
        let Some(index) = known.iter().position(|known| *known == name) else {
            let message = format!("there is no such option here; there are {}", known.join(", "));
            return Err(wrong_field(start(&name), message));
        };
        if found[index].replace(text).is_some() {
            return Err(wrong_field(&name, "it is given twice"));
        }
    }
    Ok(found)
}

/// The problem of a field of a query.
pub(super) fn wrong_field(name: &str, message: impl Into<String>) -> Problem {
    invalid_query(&[fault(name, message)])
}

fn pairs(query: Pairs) -> Result<Vec<(String, String)>, Problem> {
    let Query(pairs) = query.map_err(|error| {
        let message = format!("the query cannot be read: {error}");
        Problem::new(ProblemKind::BadRequest, message)
    })?;
    Ok(pairs)
}

fn fault(name: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(format!("/{name}"), message)
}

const INVALID_QUERY: &str = "the query cannot be used";

fn invalid_query(faults: &[Diagnostic]) -> Problem {
    Problem::new(ProblemKind::BadRequest, INVALID_QUERY).faults(faults)
}

/// The media type of a call's body.
#[derive(Clone, Copy)]
pub(super) enum MediaType {
    /// The input of the action.
    Json,
    /// A template with its values.
    Bound,
}

impl MediaType {
    /// Reads the media type from the headers. Browsers send other types across sites without
    /// asking, but not these two.
    pub(super) fn from_headers(headers: &HeaderMap) -> Result<Self, Problem> {
        let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        match value.and_then(|value| value.split(';').next()).map(str::trim) {
            Some(kind) if kind.eq_ignore_ascii_case("application/json") => Ok(Self::Json),
            Some(kind) if kind.eq_ignore_ascii_case(BOUND) => Ok(Self::Bound),
            _ => {
                let message = format!(
                    "the body must be application/json, or {BOUND} for a template with its values"
                );
                Err(Problem::new(ProblemKind::MediaType, message)
                    .remedy("send the header Content-Type: application/json"))
            }
        }
    }
}

impl MediaType {
    /// Checks the media type of a datasource to save.
    pub(super) fn check_json(headers: &HeaderMap) -> Result<(), Problem> {
        match Self::from_headers(headers) {
            Ok(Self::Json) => Ok(()),
            _ => Err(Problem::new(ProblemKind::MediaType, "the body must be application/json")
                .remedy("send the header Content-Type: application/json")),
        }
    }

    /// Checks the media type of a call that brings its datasource along. It is no other type, so
    /// that nobody sends credentials to a path that would not expect them.
    pub(super) fn check_call(headers: &HeaderMap) -> Result<(), Problem> {
        let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        match value.and_then(|value| value.split(';').next()).map(str::trim) {
            Some(kind) if kind.eq_ignore_ascii_case(CALL) => Ok(()),
            _ => Err(Problem::new(ProblemKind::MediaType, format!("the body must be {CALL}"))
                .remedy(format!("send the header Content-Type: {CALL}"))),
        }
    }
}

/// A template with its values, as the body has them: nothing is copied but texts with escapes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bound<'b> {
    #[serde(borrow)]
    template: Text<'b>,
    #[serde(borrow)]
    values: Values<'b>,
}

/// A JSON string.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(transparent)]
struct Text<'b>(#[serde(borrow)] Cow<'b, str>);

impl Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The values by name, each as JSON text, and the first name that occurs twice.
struct Values<'b> {
    by_name: BTreeMap<Text<'b>, &'b str>,
    twice: Option<String>,
}

impl<'de: 'b, 'b> Deserialize<'de> for Values<'b> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByName;
        impl<'de> Visitor<'de> for ByName {
            type Value = Values<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with the values by name")
            }

            // The default error would quote the text, which may be a secret in the wrong place.
            fn visit_str<E: de::Error>(self, _: &str) -> Result<Values<'de>, E> {
                Err(E::invalid_type(Unexpected::Other("string"), &self))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values<'de>, A::Error> {
                let mut values = Values { by_name: BTreeMap::new(), twice: None };
                while let Some((name, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    if values.by_name.len() == MAX_BOUND_VALUES {
                        return Err(de::Error::custom(format!(
                            "there are more than {MAX_BOUND_VALUES} values"
                        )));
                    }
                    match values.by_name.entry(name) {
                        Entry::Vacant(entry) => drop(entry.insert(value.get())),
                        Entry::Occupied(entry) if values.twice.is_none() => {
                            values.twice = Some(start(&entry.key().0).to_string());
                        }
                        Entry::Occupied(_) => {}
                    }
                }
                Ok(values)
            }
        }
        // Another function would not ask `visit_str`.
        deserializer.deserialize_any(ByName)
    }
}

/// The start of a text that the client wrote, for a message. 300 bytes: it can be recognised.
fn start(text: &str) -> &str {
    &text[..text.floor_char_boundary(300)]
}

/// Fills the values of a body into its template. The result has at most `limit` bytes: the
/// `request-bytes` of the datasource.
pub(super) fn fill(text: &str, limit: usize) -> Result<String, Problem> {
    let malformed = |reason: &str| {
        let reason = start(reason);
        let message =
            format!("the body is not {{\"template\": \"…\", \"values\": {{…}}}}: {reason}");
        Problem::new(ProblemKind::BadRequest, message).remedy(
            "the template is a string: JSON with {{name}} in place of the value of that name",
        )
    };
    // The parser's error about another value could quote all of it.
    if !text.trim_start().starts_with('{') {
        return Err(malformed("it is not an object"));
    }
    let bound: Bound<'_> =
        serde_json::from_str(text).map_err(|error| malformed(&error.to_string()))?;
    let do_not_fit = |faults: &[Diagnostic]| {
        Problem::new(ProblemKind::BadRequest, "the values do not fit the template").faults(faults)
    };
    if let Some(name) = bound.values.twice {
        let message = "it is given twice; one of the two would be lost";
        return Err(do_not_fit(&[Diagnostic::new(format!("/values/{name}"), message)]));
    }
    bind(&bound.template.0, &bound.values.by_name, limit).map_err(|error| {
        if error.is_too_large() {
            return Problem::new(ProblemKind::TooLarge, error.to_string())
                .faults(error.diagnostics())
                .remedy("raise limits.request-bytes in the datasource's policy");
        }
        do_not_fit(error.diagnostics())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    async fn problem(body: &str, limit: usize) -> (u16, Value) {
        let Err(problem) = fill(body, limit) else { panic!("the body is refused") };
        let response = problem.into_response();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn values_keep_every_digit_and_names_may_have_escapes() {
        let body = r#" {"values": {"\u0061": 1.50, "b": "\u00e9"}, "template": "[{{a}}, {{b}}]"}"#;
        assert_eq!(fill(body, 100).ok().as_deref(), Some(r#"[1.50, "\u00e9"]"#));
    }

    #[tokio::test]
    async fn a_filled_template_beyond_the_limit_is_too_large() {
        let template = "{{v}},".repeat(1000);
        let body = json!({"template": template, "values": {"v": "v".repeat(1000)}}).to_string();
        let (status, problem) = problem(&body, 10_000).await;
        assert_eq!((status, problem["case"].as_str()), (413, Some("too-large")), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("10000 bytes"), "{problem}");
        assert!(problem["remedy"].as_str().unwrap().contains("limits.request-bytes"), "{problem}");
    }

    #[tokio::test]
    async fn values_beyond_the_allowed_number_are_refused_while_they_are_read() {
        let values = |count: usize| {
            let values: Vec<String> = (0..count).map(|number| format!("\"{number}\":1")).collect();
            values.join(",")
        };
        // What follows is not JSON, and is not even read.
        let body = format!("{{\"template\":\"\",\"values\":{{{},?", values(MAX_BOUND_VALUES + 1));
        let (status, problem) = problem(&body, 100).await;
        assert_eq!(status, 400);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("there are more than 10000 values"), "{detail}");
        let body = format!("{{\"template\":\"\",\"values\":{{{}}}}}", values(MAX_BOUND_VALUES));
        let Err(unused) = fill(&body, 100) else { panic!("no value is used") };
        assert_eq!(unused.into_response().status(), 400);
    }

    #[tokio::test]
    async fn a_problem_is_small_whatever_the_body_contains() {
        let long = "\u{7f}".repeat(1_000_000);
        for body in [
            json!(long),
            json!({"template": "", "values": long}),
            json!({"template": {}, "values": {}}),
            json!({(long.clone()): ""}),
            json!({"template": "", "values": {(long): 1}}),
        ] {
            let (status, problem) = problem(&body.to_string(), 100).await;
            assert_eq!(status, 400, "{problem}");
        }
        let twice =
            format!("{{\"template\":\"\",\"values\":{{\"{0}\":1,\"{0}\":1}}}}", "é".repeat(9999));
        assert_eq!(problem(&twice, 100).await.0, 400);
    }
}

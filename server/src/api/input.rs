//! The query and the body of a call.

use super::problem::{Problem, ProblemKind};
use super::values::OrderedFields;
use crate::routes::BOUND;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use http::{HeaderMap, header};
use portcullis::{Diagnostic, bind};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// The query of a request.
pub(super) type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The option that limits the time of a call.
const DEADLINE: &str = "deadline";

/// The options of a call.
pub(super) struct Options {
    /// The plugin's options. The plugin knows which there are.
    pub(super) plugin: Map<String, Value>,
    /// The most time for the call.
    pub(super) time: Option<Duration>,
}

impl Options {
    /// Reads the options from a query. Each is `true`, `false`, a number or a text.
    pub(super) fn from_query(query: Pairs) -> Result<Self, Problem> {
        let Query(pairs) = query.map_err(|error| {
            let message = format!("the query cannot be read: {error}");
            Problem::new(ProblemKind::BadRequest, message)
        })?;
        let mut options = Self { plugin: Map::new(), time: None };
        for (name, text) in pairs {
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
                // It is a text, even if it looks like a number.
                text if name == "prefix" => json!(text),
                "true" => json!(true),
                "false" => json!(false),
                text => text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number)),
            };
            options.plugin.insert(name, value);
        }
        Ok(options)
    }

    /// Refuses options of the plugin that are not in `known`.
    pub(super) fn only(self, known: &[&str]) -> Result<Self, Problem> {
        let unknown = self.plugin.keys().filter(|name| !known.contains(&name.as_str()));
        let all: Vec<&str> = known.iter().copied().chain([DEADLINE]).collect();
        let message = format!("there is no such option here; there are {}", all.join(", "));
        let faults: Vec<Diagnostic> = unknown.map(|name| fault(name, message.as_str())).collect();
        if faults.is_empty() { Ok(self) } else { Err(invalid_query(&faults)) }
    }
}

fn fault(name: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(format!("/{name}"), message)
}

fn invalid_query(faults: &[Diagnostic]) -> Problem {
    Problem::new(ProblemKind::BadRequest, "the query cannot be used").faults(faults)
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bound {
    template: String,
    values: OrderedFields,
}

/// Fills the values of a body into its template.
pub(super) fn fill(text: &str) -> Result<String, Problem> {
    let bound: Bound = serde_json::from_str(text).map_err(|error| {
        let message =
            format!("the body is not {{\"template\": \"…\", \"values\": {{…}}}}: {error}");
        Problem::new(ProblemKind::BadRequest, message).remedy(
            "the template is a string: JSON with {{name}} in place of the value of that name",
        )
    })?;
    let do_not_fit = |faults: &[Diagnostic]| {
        Problem::new(ProblemKind::BadRequest, "the values do not fit the template").faults(faults)
    };
    let mut values = BTreeMap::new();
    for (name, value) in &bound.values.0 {
        if values.insert(name.as_str(), value.get()).is_some() {
            let message = "it is given twice; one of the two would be lost";
            return Err(do_not_fit(&[Diagnostic::new(format!("/values/{name}"), message)]));
        }
    }
    bind(&bound.template, &values).map_err(|error| do_not_fit(error.diagnostics()))
}

//! Templates with bound parameters: JSON with named placeholders that are replaced by JSON values.
//!
//! A platform that pastes a user's text into JSON lets that user write JSON: `"}, "Key": …`. Here
//! the text of a query and the values never mix: a placeholder is replaced by exactly one value,
//! whatever the value contains.

use crate::depth::is_deeper;
use crate::diagnostic::Diagnostic;
use crate::parts::{Part, Parts, names_within};
use serde_json::from_str;
use serde_json::value::RawValue;
use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The most values that [`bind`] accepts for one template. 10,000: a hundred times what the largest
/// batch of `DynamoDB` has items, and so few that their names take little memory.
pub const MAX_BOUND_VALUES: usize = 10_000;

/// Replaces the placeholders of `template` by `values`, each a JSON text. The template is JSON with
/// `{{name}}` in place of a value: `{"TableName": "orders", "Key": {"id": {{id}}}}`. Names consist
/// of letters, digits, `_`, `-` and `.`. A value is copied as it is, so that numbers keep every
/// digit.
///
/// The result has at most `limit` bytes: a placeholder may occur any number of times, so a short
/// template and a short value could otherwise fill the memory. The length is counted before
/// anything is copied, and exactly that much memory is allocated.
///
/// ```
/// let values = [("id", r#""x\", \"y""#)].into();
/// let input = portcullis_json::bind(r#"{"Key": {"id": {{id}} } }"#, &values, 1024)?;
/// assert_eq!(input, r#"{"Key": {"id": "x\", \"y" } }"#);
///
/// let error = portcullis_json::bind("[{{id}}, {{id}}]", &values, 20).unwrap_err();
/// assert!(error.is_too_large());
/// # Ok::<(), portcullis_json::BindError>(())
/// ```
///
/// # Errors
/// Returns an error that lists the first 20 problems: a placeholder without a value, a value
/// without a placeholder, a placeholder within quotes, where it would be text, or joined to what is
/// next to it, as in `1{{id}}`, and a value that is not JSON or nests more than 10,000 levels deep.
/// An error with a single problem is returned if there are more than [`MAX_BOUND_VALUES`] values, or
/// if the result would be larger than `limit` ([`BindError::is_too_large`]). Of a long name, an error
/// has the first 100 characters.
pub fn bind<K: Borrow<str> + Ord, V: AsRef<str>>(
    template: &str,
    values: &BTreeMap<K, V>,
    limit: usize,
) -> Result<String, BindError> {
    if values.len() > MAX_BOUND_VALUES {
        return Err(BindError::too_many_values(values.len()));
    }
    let length = measure(template, values, limit)?;
    let mut out = String::with_capacity(length);
    for part in Parts::new(template) {
        match part {
            Part::Plain(text) | Part::Comment(text) | Part::Quoted(text) => out.push_str(text),
            Part::Placeholder(name) => {
                out.push_str(values.get(name).map_or("", |value| value.as_ref().trim()));
            }
        }
    }
    Ok(out)
}

/// The first placeholder within a text of an input, as in `"{{id}}"` or `"user-{{id}}"`, and its line:
/// it was probably meant to be replaced.
///
/// ```
/// use portcullis_json::quoted_placeholder;
///
/// assert_eq!(quoted_placeholder("{\n\"id\": \"{{id}}\"}"), Some(("id", 2)));
/// assert_eq!(quoted_placeholder("{\"id\": {{id}}, \"text\": \"{{ a b }}\"}"), None);
/// ```
#[must_use]
pub fn quoted_placeholder(input: &str) -> Option<(&str, usize)> {
    let mut line = 1;
    for part in Parts::new(input) {
        match part {
            Part::Plain(text) | Part::Comment(text) => line += newlines(text),
            Part::Quoted(text) => {
                if let Some(name) = names_within(text).next() {
                    return Some((name, line));
                }
                line += newlines(text);
            }
            Part::Placeholder(_) => {}
        }
    }
    None
}

/// The length of the filled template, if it has no problem and is not larger than `limit`.
fn measure<K: Borrow<str> + Ord, V: AsRef<str>>(
    template: &str,
    values: &BTreeMap<K, V>,
    limit: usize,
) -> Result<usize, BindError> {
    let mut problems = Problems::default();
    for (name, value) in values {
        let text = value.as_ref();
        if is_deeper(text, MAX_DEPTH) {
            problems.push(|| {
                in_value(name.borrow(), format!("it nests more than {MAX_DEPTH} levels deep"))
            });
        } else if from_str::<&RawValue>(text).is_err() {
            problems.push(|| in_value(name.borrow(), not_json(text)));
        }
    }
    let mut used = BTreeSet::new();
    let (mut length, mut line) = (0usize, 1);
    let mut before = None;
    let mut left = None;
    for part in Parts::new(template) {
        let placeholder = before.take();
        if let Some(name) = left.replace(part).and_then(|left| joined(left, part)) {
            problems.push(|| {
                in_template(format!(
                    "line {line}: {{{{{}}}}} is joined to what is next to it; a value is bound whole, \
                     so write a comma between them, or bind all of it",
                    cut(name)
                ))
            });
        }
        length = length.saturating_add(match part {
            Part::Comment(text) => {
                before = placeholder;
                line += newlines(text);
                text.len()
            }
            Part::Plain(text) => {
                if let Some(name) = placeholder.filter(|_| text.trim_start().starts_with(':')) {
                    problems.push(|| {
                        in_template(format!(
                            "line {line}: {{{{{}}}}} is in place of a field's name, where no value is \
                             bound; write the name itself",
                            cut(name)
                        ))
                    });
                }
                // A comment may follow before the colon.
                before = placeholder.filter(|_| text.trim().is_empty());
                line += newlines(text);
                text.len()
            }
            Part::Quoted(text) => {
                let names = names_within(text).filter_map(|name| values.get_key_value(name));
                for (name, _) in names {
                    let name = name.borrow();
                    if used.insert(name) {
                        problems.push(|| {
                            let name = cut(name);
                            in_template(format!(
                                "line {line}: {{{{{name}}}}} is within quotes, where it would be \
                                 text; remove the quotes around it, since the value has its own"
                            ))
                        });
                    }
                }
                line += newlines(text);
                text.len()
            }
            Part::Placeholder(name) => {
                before = Some(name);
                if let Some((name, value)) = values.get_key_value(name) {
                    used.insert(name.borrow());
                    value.as_ref().trim().len()
                } else {
                    problems.push(|| {
                        let (name, known) = (cut(name), list(values));
                        let message =
                            format!("line {line}: there is no value for {{{{{name}}}}}{known}");
                        in_template(message)
                    });
                    0
                }
            }
        });
        if length > limit {
            return Err(BindError::too_large(limit));
        }
    }
    for name in values.keys().map(Borrow::borrow).filter(|name: &&str| !used.contains(name)) {
        problems.push(|| {
            in_value(name, format!("the template has no placeholder {{{{{}}}}}", cut(name)))
        });
    }
    if problems.0.is_empty() {
        Ok(length)
    } else {
        Err(BindError { problems: problems.0, is_too_large: false })
    }
}

/// The placeholder of two neighbouring parts whose value would be joined to what is next to it: `1{{id}}`
/// with 2 would be 12.
fn joined<'t>(left: Part<'t>, right: Part<'t>) -> Option<&'t str> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '.');
    match (left, right) {
        (Part::Placeholder(name), Part::Plain(text)) if text.starts_with(is_word) => Some(name),
        (Part::Plain(text), Part::Placeholder(name)) if text.ends_with(is_word) => Some(name),
        (Part::Placeholder(_), Part::Placeholder(name)) => Some(name),
        _ => None,
    }
}

/// The problem of a value that is not JSON. What is short and has no quotes is shown with quotes.
fn not_json(value: &str) -> String {
    let value = value.trim();
    let is_word = value.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' '));
    let shown = match value {
        "" => return "the value is empty; write JSON, and an empty text as \"\"".to_string(),
        _ if is_word && value.chars().nth(MAX_WORD).is_none() => value,
        _ => "…",
    };
    format!(
        "this is not JSON; a text needs quotes: \"{shown}\" (on the command line, \
         --bind NAME=TEXT adds them, and --bind NAME:=JSON does not)"
    )
}

/// Values that do not fit their template, with the first 20 problems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindError {
    problems: Vec<Diagnostic>,
    is_too_large: bool,
}

impl BindError {
    fn too_many_values(count: usize) -> Self {
        let message = format!("there are {count} values; at most {MAX_BOUND_VALUES} are allowed");
        Self { problems: vec![Diagnostic::new("/values", message)], is_too_large: false }
    }

    fn too_large(limit: usize) -> Self {
        let message =
            format!("with its values, the template is larger than the limit of {limit} bytes");
        Self { problems: vec![in_template(message)], is_too_large: true }
    }

    /// Whether the filled template would be larger than the limit. It is the only problem then.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        self.is_too_large
    }

    /// The problems. Their pointers lead into `{"template": …, "values": {…}}`.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.problems
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for BindError {}

/// Enough to fix a template at once, and few enough to read.
const MAX_DIAGNOSTICS: usize = 20;
/// How deep a value may nest. 10,000: far more than any policy needs (`limits.json-depth` is 128 by
/// default). The parser notes each open bracket, so a text of brackets would take memory.
const MAX_DEPTH: u32 = 10_000;
/// The most characters of a value in a message: more could be a secret.
const MAX_WORD: usize = 12;
/// The most characters of a name in a message: it is still recognised, and an error stays small.
const MAX_NAME: usize = 100;
/// The most characters of the list of known names in a message: about two lines.
const MAX_LIST: usize = 200;

/// The first problems. Further ones are not even worded.
#[derive(Default)]
struct Problems(Vec<Diagnostic>);

impl Problems {
    fn push(&mut self, problem: impl FnOnce() -> Diagnostic) {
        if self.0.len() < MAX_DIAGNOSTICS {
            self.0.push(problem());
        }
    }
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// The start of a name, if it is long.
fn cut(name: &str) -> String {
    match name.char_indices().nth(MAX_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_string(),
    }
}

fn list<K: Borrow<str>, V>(values: &BTreeMap<K, V>) -> String {
    if values.is_empty() {
        return "; there are no values".to_string();
    }
    let mut names = String::new();
    for name in values.keys().map(Borrow::borrow) {
        let separator = if names.is_empty() { "" } else { ", " };
        let name = cut(name);
        if names.chars().count() + name.chars().count() > MAX_LIST {
            return format!("; the values are {names} …");
        }
        names.push_str(separator);
        names.push_str(&name);
    }
    format!("; the values are {names}")
}

fn in_template(message: String) -> Diagnostic {
    Diagnostic::new("/template", message)
}

fn in_value(name: &str, message: String) -> Diagnostic {
    let name = cut(name).replace('~', "~0").replace('/', "~1");
    Diagnostic::new(format!("/values/{name}"), message)
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;

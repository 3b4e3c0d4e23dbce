//! Templates with bound parameters: JSON with named placeholders that are replaced by JSON values.
//!
//! A platform that pastes a user's text into JSON lets that user write JSON: `"}, "Key": …`. Here
//! the text of a query and the values never mix: a placeholder is replaced by exactly one value,
//! whatever the value contains.

use crate::diagnostic::Diagnostic;
use crate::string::string_length;
use serde_json::from_str;
use serde_json::value::RawValue;
use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Replaces the placeholders of `template` by `values`, each a JSON text. The template is JSON with
/// `{{name}}` in place of a value: `{"TableName": "orders", "Key": {"id": {{id}}}}`. Names consist
/// of letters, digits, `_`, `-` and `.`. A value is copied as it is, so that numbers keep every
/// digit.
///
/// ```
/// let values = [("id", r#""x\", \"y""#)].into();
/// let input = portcullis_json::bind(r#"{"Key": {"id": {{id}} } }"#, &values)?;
/// assert_eq!(input, r#"{"Key": {"id": "x\", \"y" } }"#);
/// # Ok::<(), portcullis_json::BindError>(())
/// ```
///
/// # Errors
/// Returns an error that lists the first 20 problems: a placeholder without a value, a value
/// without a placeholder, a placeholder within quotes, where it would be text, and a value that is
/// not JSON.
pub fn bind<K: Borrow<str> + Ord, V: AsRef<str>>(
    template: &str,
    values: &BTreeMap<K, V>,
) -> Result<String, BindError> {
    let mut problems: Vec<Diagnostic> = values
        .iter()
        .filter_map(|(name, value)| {
            let error = from_str::<&RawValue>(value.as_ref()).err()?;
            let message = format!("this is not JSON: {error}; a string needs quotes");
            Some(in_value(name.borrow(), message))
        })
        .collect();
    let mut out = String::with_capacity(template.len());
    let mut used = BTreeSet::new();
    let mut rest = template;
    let mut line = 1;
    // One pass, whatever the template contains: no byte is looked at twice.
    while let Some(at) = rest.find(['"', '/', '{']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        line += newlines(before);
        let length = match from.as_bytes()[0] {
            b'"' => {
                let quoted = &from[..string_length(from)];
                let names = quoted
                    .match_indices("{{")
                    .filter_map(|(at, _)| Some(placeholder(&quoted[at..])?.0));
                for (name, _) in names.filter_map(|name| values.get_key_value(name)) {
                    let name = name.borrow();
                    if used.insert(name) {
                        problems.push(in_template(format!(
                            "line {line}: {{{{{name}}}}} is within quotes, where it would be text; \
                             remove the quotes around it, since the value has its own"
                        )));
                    }
                }
                quoted.len()
            }
            b'/' => comment_length(from),
            _ => match placeholder(from) {
                Some((name, length)) => {
                    if let Some((name, value)) = values.get_key_value(name) {
                        used.insert(name.borrow());
                        out.push_str(value.as_ref().trim());
                    } else if problems.len() < MAX_DIAGNOSTICS {
                        let known = list(values);
                        let missing =
                            format!("line {line}: there is no value for {{{{{name}}}}}{known}");
                        problems.push(in_template(missing));
                    }
                    rest = &from[length..];
                    continue;
                }
                None => 1,
            },
        };
        out.push_str(&from[..length]);
        line += newlines(&from[..length]);
        rest = &from[length..];
    }
    out.push_str(rest);
    for name in values.keys().map(Borrow::borrow).filter(|name: &&str| !used.contains(name)) {
        let message = format!("the template has no placeholder {{{{{name}}}}}");
        problems.push(in_value(name, message));
    }
    problems.truncate(MAX_DIAGNOSTICS);
    if problems.is_empty() { Ok(out) } else { Err(BindError(problems)) }
}

/// Values that do not fit their template, with every problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindError(Vec<Diagnostic>);

impl BindError {
    /// The problems. Their pointers lead into `{"template": …, "values": {…}}`.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
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

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// The name of the placeholder `{{ name }}` at the start of `text`, and its length. In JSON, two
/// braces are never followed by a bare name.
fn placeholder(text: &str) -> Option<(&str, usize)> {
    let inner = text.strip_prefix("{{")?;
    let is_outside = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let named = inner.trim_start_matches(' ');
    let (name, rest) = named.split_at(named.find(is_outside)?);
    let rest = rest.trim_start_matches(' ').strip_prefix("}}")?;
    (!name.is_empty()).then_some((name, text.len() - rest.len()))
}

/// The length of the comment at the start of `text`; 1 if there is no comment.
fn comment_length(text: &str) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    match text.strip_prefix("/*") {
        Some(inner) => inner.find("*/").map_or(text.len(), |end| end + 4),
        None => 1,
    }
}

fn list<K: Borrow<str>, V>(values: &BTreeMap<K, V>) -> String {
    if values.is_empty() {
        return "; there are no values".to_string();
    }
    let names: Vec<&str> = values.keys().map(Borrow::borrow).take(MAX_DIAGNOSTICS).collect();
    let more = if values.len() > names.len() { " …" } else { "" };
    format!("; the values are {}{more}", names.join(", "))
}

fn in_template(message: String) -> Diagnostic {
    Diagnostic::new("/template", message)
}

fn in_value(name: &str, message: String) -> Diagnostic {
    Diagnostic::new(format!("/values/{}", name.replace('~', "~0").replace('/', "~1")), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(template: &str, values: &[(&str, &str)]) -> Result<String, String> {
        let values: BTreeMap<&str, &str> = values.iter().copied().collect();
        bind(template, &values).map_err(|error| error.to_string())
    }

    #[test]
    fn a_placeholder_takes_one_whole_value_and_keeps_its_digits() {
        let template = "{\"a\": {{a}}, // a comment with {{a}} and \"\n \"b\": [{{ b }}, {{a}}]}";
        let bound =
            bound(template, &[("a", "12345678901234567890.10"), ("b", r#"{"x": "{{a}}"}"#)])
                .unwrap();
        assert_eq!(
            bound,
            "{\"a\": 12345678901234567890.10, // a comment with {{a}} and \"\n \"b\": [{\"x\": \"{{a}}\"}, 12345678901234567890.10]}"
        );
    }

    #[test]
    fn a_value_cannot_become_anything_but_a_value() {
        for injected in [r#""x"}, "y": {"#, "1, 2", "1 // ", "/* */ 1", "{{other}}", "", "}"] {
            let message =
                bound(r#"{"a": {{a}}, "b": {{other}}}"#, &[("a", injected), ("other", "1")])
                    .unwrap_err();
            assert!(message.starts_with("/values/a: this is not JSON"), "{injected}: {message}");
        }
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let message = bound(
            "{\"a\": {{a}},\n\"b\": \"{{b}}\", \"c\": \"{{d}} is text\"}",
            &[("b", "1"), ("u", "2")],
        )
        .unwrap_err();
        assert!(
            message.contains("line 1: there is no value for {{a}}; the values are b, u"),
            "{message}"
        );
        assert!(message.contains("line 2: {{b}} is within quotes"), "{message}");
        let spaced = bound("\"a {{ b }}\"", &[("b", "1")]).unwrap_err();
        assert!(spaced.contains("{{b}} is within quotes"), "{spaced}");
        assert!(
            message.contains("/values/u: the template has no placeholder {{u}}")
                && !message.contains("{{d}}"),
            "{message}"
        );
    }

    #[test]
    fn a_long_template_takes_one_pass() {
        // A second pass over each byte would take minutes.
        for piece in ["{{", "{{ a", "\"{{", "a\n", "/", "{{x}}", "\"\\\"\""] {
            let text = piece.repeat(1_000_000);
            if let Err(error) = bind(&text, &BTreeMap::<&str, &str>::new()) {
                assert!(error.diagnostics().len() <= MAX_DIAGNOSTICS, "{piece}");
            }
        }
    }

    #[test]
    fn text_that_is_not_a_placeholder_is_kept() {
        for text in
            [r#"{"a":{"b":{}}}"#, "{{", "{{}}", "{{a b}}", "\"open {{", "/* open {{a}}", "é{{"]
        {
            assert_eq!(bound(text, &[]).as_deref(), Ok(text), "{text}");
        }
    }
    proptest::proptest! {
        /// Whatever a value contains, it is the whole value of its placeholder, and the rest of the
        /// template is unchanged.
        #[test]
        fn a_text_value_is_bound_unchanged(text in ".*", key in "[a-z\"{}/\\\\:, ]*") {
            let (value, key) = (serde_json::Value::from(text), serde_json::Value::from(key));
            let template = format!("{{\"before\": {{{{v}}}}, {key}: [{{{{ v }}}}, 1], \"after\": true}}");
            if !key.to_string().contains("{{") {
                let bound = bound(&template, &[("v", &value.to_string())]).unwrap();
                let read: serde_json::Value = serde_json::from_str(&bound).unwrap();
                let mut expected = serde_json::json!({"before": value, "after": true});
                expected[key.as_str().unwrap()] = serde_json::json!([value, 1]);
                proptest::prop_assert_eq!(read, expected);
            }
        }

        /// A template or value that is not JSON is at worst an error.
        #[test]
        fn no_template_and_no_value_causes_a_panic(
            template in ".*",
            pieces in proptest::collection::vec("[{}\"/*a\\n\\\\]{0,6}", 0..8),
            value in ".*",
        ) {
            for template in [template, pieces.concat()] {
                // Whether the values fit does not matter here.
                let _ = bound(&template, &[("a", &value), ("b", "1")]);
            }
        }
    }
}

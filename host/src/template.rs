//! Bound parameters: JSON with named places, filled in as JSON values.
//!
//! A platform that pastes a user's text into JSON lets that user write JSON: `"}, "Key": …`. Here the text of a query and
//! the values never mix: a place takes one whole value, whatever stands in it.

use crate::error::Fault;
use serde::de::IgnoredAny;
use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

/// Fills `values`, each a JSON text, into the places of `template`, which is JSON with `{{name}}` where a value shall
/// stand: `{"TableName": "orders", "Key": {"id": {{id}}}}`. Names are letters, digits, `_`, `-` and `.`. A value is
/// copied as it is, so no number loses a digit.
///
/// ```
/// let values = [("id", r#""x\", \"y""#)].into();
/// let input = portcullis::bind(r#"{"Key": {"id": {{id}} } }"#, &values).unwrap();
/// assert_eq!(input, r#"{"Key": {"id": "x\", \"y" } }"#);
/// ```
///
/// # Errors
/// The first 20 faults at once: a place without a value, a value without a place, a place within quotes, where it would be text,
/// and a value that is not JSON. A pointer leads into `{"template": …, "values": {…}}`.
pub fn bind<K: Borrow<str> + Ord, V: AsRef<str>>(
    template: &str,
    values: &BTreeMap<K, V>,
) -> Result<String, Vec<Fault>> {
    let mut faults: Vec<Fault> = values
        .iter()
        .filter_map(|(name, value)| {
            let error = serde_json::from_str::<IgnoredAny>(value.as_ref()).err()?;
            Some(fault_of_value(
                name.borrow(),
                format!("this is not JSON: {error}; a text stands in quotes"),
            ))
        })
        .collect();
    let mut out = String::with_capacity(template.len());
    let mut used = BTreeSet::new();
    let mut rest = template;
    let mut line = 1;
    // One pass, however the text is made: what is passed over is not looked at again.
    while let Some(at) = rest.find(['"', '/', '{']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        line += newlines(before);
        let length = match from.as_bytes()[0] {
            b'"' => {
                let quoted = &from[..string_length(from)];
                let places =
                    quoted.match_indices("{{").filter_map(|(at, _)| Some(place(&quoted[at..])?.0));
                for (name, _) in places.filter_map(|name| values.get_key_value(name)) {
                    let name = name.borrow();
                    if used.insert(name) {
                        faults.push(fault_of_template(format!(
                            "line {line}: {{{{{name}}}}} stands within quotes, where it would be text; write it without quotes around it: the \
                             value brings its own"
                        )));
                    }
                }
                quoted.len()
            }
            b'/' => comment_length(from),
            _ => match place(from) {
                Some((name, length)) => {
                    if let Some((name, value)) = values.get_key_value(name) {
                        used.insert(name.borrow());
                        out.push_str(value.as_ref().trim());
                    } else if faults.len() < MAX_FAULTS {
                        let missing = format!(
                            "line {line}: there is no value for {{{{{name}}}}}{}",
                            given(values)
                        );
                        faults.push(fault_of_template(missing));
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
        faults
            .push(fault_of_value(name, format!("the template has no place {{{{{name}}}}} for it")));
    }
    faults.truncate(MAX_FAULTS);
    if faults.is_empty() { Ok(out) } else { Err(faults) }
}

/// Enough to mend a template in one go, few enough to read.
const MAX_FAULTS: usize = 20;

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// The name of the place at the start of `text`, and the place's length: `{{ name }}`. Two braces of JSON are never
/// followed by a bare name.
fn place(text: &str) -> Option<(&str, usize)> {
    let inner = text.strip_prefix("{{")?;
    let is_outside = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let named = inner.trim_start_matches(' ');
    let (name, rest) = named.split_at(named.find(is_outside)?);
    let rest = rest.trim_start_matches(' ').strip_prefix("}}")?;
    (!name.is_empty()).then_some((name, text.len() - rest.len()))
}

/// The length of the string at the start of `text`, with its quotes.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of the comment at the start of `text`; 1 where it is none.
fn comment_length(text: &str) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    match text.strip_prefix("/*") {
        Some(inner) => inner.find("*/").map_or(text.len(), |end| end + 4),
        None => 1,
    }
}

fn given<K: Borrow<str>, V>(values: &BTreeMap<K, V>) -> String {
    if values.is_empty() {
        return "; no value was given".to_string();
    }
    let names: Vec<&str> = values.keys().map(Borrow::borrow).take(MAX_FAULTS).collect();
    let more = if values.len() > names.len() { " …" } else { "" };
    format!("; given are {}{more}", names.join(", "))
}

fn fault_of_template(message: String) -> Fault {
    Fault { pointer: "/template".to_string(), message }
}

fn fault_of_value(name: &str, message: String) -> Fault {
    Fault { pointer: format!("/values/{}", name.replace('~', "~0").replace('/', "~1")), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(template: &str, values: &[(&str, &str)]) -> Result<String, String> {
        let values: BTreeMap<&str, &str> = values.iter().copied().collect();
        bind(template, &values)
            .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn a_place_takes_one_whole_value_and_keeps_its_digits() {
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
    fn every_fault_is_named_at_once() {
        let message = bound(
            "{\"a\": {{a}},\n\"b\": \"{{b}}\", \"c\": \"{{d}} is text\"}",
            &[("b", "1"), ("u", "2")],
        )
        .unwrap_err();
        assert!(
            message.contains("line 1: there is no value for {{a}}; given are b, u"),
            "{message}"
        );
        assert!(message.contains("line 2: {{b}} stands within quotes"), "{message}");
        let spaced = bound("\"a {{ b }}\"", &[("b", "1")]).unwrap_err();
        assert!(spaced.contains("{{b}} stands within quotes"), "{spaced}");
        assert!(
            message.contains("/values/u: the template has no place {{u}}")
                && !message.contains("{{d}}"),
            "{message}"
        );
    }

    #[test]
    fn a_long_text_is_passed_over_once() {
        // With a second look at each byte these would take minutes.
        for piece in ["{{", "{{ a", "\"{{", "a\n", "/", "{{x}}", "\"\\\"\""] {
            let text = piece.repeat(1_000_000);
            if let Err(faults) = bind(&text, &BTreeMap::<&str, &str>::new()) {
                assert!(faults.len() <= MAX_FAULTS, "{piece}");
            }
        }
    }

    #[test]
    fn what_is_no_place_is_left_as_it_is() {
        for text in
            [r#"{"a":{"b":{}}}"#, "{{", "{{}}", "{{a b}}", "\"open {{", "/* open {{a}}", "é{{"]
        {
            assert_eq!(bound(text, &[]).as_deref(), Ok(text), "{text}");
        }
    }
    proptest::proptest! {
        /// Whatever stands in a value, it is the whole value of its place, and the rest of the query is as it was written.
        #[test]
        fn a_text_comes_out_as_it_went_in(text in ".*", key in "[a-z\"{}/\\\\:, ]*") {
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

        /// A template that is no JSON, and values that are none, are faults at worst.
        #[test]
        fn no_template_and_no_value_makes_it_panic(template in ".*", pieces in proptest::collection::vec("[{}\"/*a\\n\\\\]{0,6}", 0..8), value in ".*") {
            for template in [template, pieces.concat()] {
                // Whether they fit does not matter here.
                let _ = bound(&template, &[("a", &value), ("b", "1")]);
            }
        }
    }
}

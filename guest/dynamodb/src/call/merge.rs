//! Merges several responses into one.
//!
//! Lists are concatenated, numbers are added, and objects are merged field by field. Attribute
//! values only occur within lists, so they are copied as text and never parsed.

use crate::json::{Kind, Scanner, SyntaxError};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A JSON value into which further responses are merged.
#[derive(Debug)]
pub(super) enum MergedJson {
    /// Fields by their names. The names keep their quotes and escapes.
    Object(Vec<(String, Self)>),
    /// The text between the brackets.
    Array(String),
    /// A number, as written.
    Number(String),
    /// Any other value. The last response wins.
    Other(String),
}

impl MergedJson {
    /// Parses a response.
    pub(super) fn parse(text: &str) -> Result<Self, SyntaxError> {
        let mut scanner = Scanner::new(text);
        scanner.skip_whitespace();
        let value = read(&mut scanner)?;
        scanner.expect_end()?;
        Ok(value)
    }

    /// Merges a further response into this one.
    pub(super) fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::Object(fields), Self::Object(more)) => {
                for (name, value) in more {
                    match fields.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, known)) => known.merge(value),
                        None => fields.push((name, value)),
                    }
                }
            }
            (Self::Array(elements), Self::Array(more)) => {
                if !elements.is_empty() && !more.is_empty() {
                    elements.push(',');
                }
                elements.push_str(&more);
            }
            (Self::Number(number), Self::Number(more)) => {
                let sum = match (number.parse::<i64>(), more.parse::<i64>()) {
                    (Ok(a), Ok(b)) => a.saturating_add(b).to_string(),
                    _ => format_float(parse_float(number) + parse_float(&more)),
                };
                *number = sum;
            }
            (this, other) => *this = other,
        }
    }

    /// Removes a field from an object and returns it as JSON.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let Self::Object(fields) = self else { return None };
        let index = fields.iter().position(|(known, _)| known.trim_matches('"') == name)?;
        Some(fields.swap_remove(index).1.to_json())
    }

    /// Adds a field with the value `json` to an object.
    pub(super) fn set(&mut self, name: &str, json: String) {
        if let Self::Object(fields) = self {
            fields.push((format!("\"{name}\""), Self::Other(json)));
        }
    }

    /// Returns a field of an object.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        let Self::Object(fields) = self else { return None };
        fields.iter().find(|(known, _)| known.trim_matches('"') == name).map(|(_, value)| value)
    }

    /// Returns the approximate length as JSON, in bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Object(fields) => {
                fields.iter().map(|(name, value)| name.len() + value.len() + 2).sum()
            }
            Self::Array(text) | Self::Number(text) | Self::Other(text) => text.len(),
        }
    }

    /// Returns the value as JSON.
    pub(super) fn to_json(&self) -> String {
        let mut out = String::with_capacity(self.len() + 64);
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Object(fields) => {
                out.push('{');
                for (index, (name, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    out.push_str(name);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
            Self::Array(elements) => {
                out.push('[');
                out.push_str(elements);
                out.push(']');
            }
            Self::Number(text) | Self::Other(text) => out.push_str(text),
        }
    }
}

fn read(scanner: &mut Scanner) -> Result<MergedJson, SyntaxError> {
    match scanner.peek_kind()? {
        Kind::Object => {
            let mut fields = Vec::new();
            let mut more = scanner.enter_unless_empty(b'}')?;
            while more {
                let name = scanner.field_name()?;
                let name = scanner.slice(name).to_string();
                fields.push((name, read(scanner)?));
                more = scanner.next_element(b'}')?;
            }
            Ok(MergedJson::Object(fields))
        }
        Kind::Array => {
            let span = scanner.skip_value()?;
            Ok(MergedJson::Array(scanner.slice(span.start + 1..span.end - 1).trim().to_string()))
        }
        Kind::Number => {
            let span = scanner.skip_value()?;
            Ok(MergedJson::Number(scanner.slice(span).to_string()))
        }
        _ => {
            let span = scanner.skip_value()?;
            Ok(MergedJson::Other(scanner.slice(span).to_string()))
        }
    }
}

/// Parses a number of the service's statistics, such as consumed capacity.
fn parse_float(digits: &str) -> f64 {
    serde_json::from_str(digits).unwrap_or(0.0)
}

/// Formats a number without a fraction of zero.
fn format_float(number: f64) -> String {
    let text = serde_json::Value::from(number).to_string();
    text.strip_suffix(".0").map(ToString::to_string).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merge_concatenates_lists_and_adds_numbers() {
        let mut all = MergedJson::parse(r#"{"Items":[{"a":{"N":"1"}}],"Count":1,"C":{"T":"t","U":0.5,"I":{"x":{"U":1}}},"E":[]}"#).unwrap();
        all.merge(MergedJson::parse(r#"{"Items":[ {"a":{"N":"2"}} ],"Count":2,"C":{"T":"t","U":1.0,"I":{"x":{"U":2}}},"E":[]}"#).unwrap());
        assert_eq!(
            all.to_json(),
            r#"{"Items":[{"a":{"N":"1"}},{"a":{"N":"2"}}],"Count":3,"C":{"T":"t","U":1.5,"I":{"x":{"U":3}}},"E":[]}"#
        );
    }

    #[test]
    fn take_removes_a_field_and_set_adds_one() {
        let mut value =
            MergedJson::parse(r#"{"LastEvaluatedKey":{"a":{"S":"x"}},"Count":1}"#).unwrap();
        assert_eq!(value.take("LastEvaluatedKey").as_deref(), Some(r#"{"a":{"S":"x"}}"#));
        assert_eq!(value.take("LastEvaluatedKey"), None);
        value.set("Count2", "7".to_string());
        assert_eq!(value.to_json(), r#"{"Count":1,"Count2":7}"#);
    }
}

//! Several answers as one: lists one after the other, numbers added, objects member by member. Attribute values stand
//! within lists, so they are copied as text and never looked into.

use crate::json::{Kind, Malformed, Scanner};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A piece of an answer that grows with each further answer.
#[derive(Debug)]
pub(super) enum Part {
    /// Members by their names, as written with quotes.
    Object(Vec<(String, Self)>),
    /// The elements with the commas between them.
    Array(String),
    /// A number, as written.
    Number(String),
    /// Anything else; a later one takes its place.
    Other(String),
}

impl Part {
    /// Reads an answer.
    pub(super) fn read(text: &str) -> Result<Self, Malformed> {
        let mut scanner = Scanner::new(text);
        scanner.space();
        let part = read(&mut scanner)?;
        scanner.end()?;
        Ok(part)
    }

    /// Adds a further answer.
    pub(super) fn add(&mut self, other: Self) {
        match (self, other) {
            (Self::Object(members), Self::Object(more)) => {
                for (name, part) in more {
                    match members.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, known)) => known.add(part),
                        None => members.push((name, part)),
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
                    _ => plain(float(number) + float(&more)),
                };
                *number = sum;
            }
            (this, other) => *this = other,
        }
    }

    /// Takes a member out of an object, as JSON.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let Self::Object(members) = self else { return None };
        let index = members.iter().position(|(known, _)| known.trim_matches('"') == name)?;
        Some(members.swap_remove(index).1.to_json())
    }

    /// Sets a member of an object to `json`.
    pub(super) fn set(&mut self, name: &str, json: String) {
        if let Self::Object(members) = self {
            members.push((format!("\"{name}\""), Self::Other(json)));
        }
    }

    /// A member of an object.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(known, _)| known.trim_matches('"') == name).map(|(_, part)| part)
    }

    /// The length of what it holds, in bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Object(members) => {
                members.iter().map(|(name, part)| name.len() + part.len() + 2).sum()
            }
            Self::Array(text) | Self::Number(text) | Self::Other(text) => text.len(),
        }
    }

    pub(super) fn to_json(&self) -> String {
        let mut out = String::with_capacity(self.len() + 64);
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Object(members) => {
                out.push('{');
                for (index, (name, part)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    out.push_str(name);
                    out.push(':');
                    part.write(out);
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

fn read(scanner: &mut Scanner) -> Result<Part, Malformed> {
    match scanner.kind()? {
        Kind::Object => {
            let mut members = Vec::new();
            let mut more = scanner.first(b'}')?;
            while more {
                let name = scanner.name()?;
                let name = scanner.slice(name).to_string();
                members.push((name, read(scanner)?));
                more = scanner.next(b'}')?;
            }
            Ok(Part::Object(members))
        }
        Kind::Array => {
            let span = scanner.skip()?;
            Ok(Part::Array(scanner.slice(span.start + 1..span.end - 1).trim().to_string()))
        }
        Kind::Number => {
            let span = scanner.skip()?;
            Ok(Part::Number(scanner.slice(span).to_string()))
        }
        _ => {
            let span = scanner.skip()?;
            Ok(Part::Other(scanner.slice(span).to_string()))
        }
    }
}

/// A number of the service's statistics, such as consumed capacity.
fn float(digits: &str) -> f64 {
    serde_json::from_str(digits).unwrap_or(0.0)
}

/// Without a fraction that is zero.
fn plain(number: f64) -> String {
    let text = serde_json::Value::from(number).to_string();
    text.strip_suffix(".0").map(ToString::to_string).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_follow_each_other_and_numbers_are_added() {
        let mut all = Part::read(r#"{"Items":[{"a":{"N":"1"}}],"Count":1,"C":{"T":"t","U":0.5,"I":{"x":{"U":1}}},"E":[]}"#).unwrap();
        all.add(Part::read(r#"{"Items":[ {"a":{"N":"2"}} ],"Count":2,"C":{"T":"t","U":1.0,"I":{"x":{"U":2}}},"E":[]}"#).unwrap());
        assert_eq!(
            all.to_json(),
            r#"{"Items":[{"a":{"N":"1"}},{"a":{"N":"2"}}],"Count":3,"C":{"T":"t","U":1.5,"I":{"x":{"U":3}}},"E":[]}"#
        );
    }

    #[test]
    fn members_are_taken_and_set() {
        let mut part = Part::read(r#"{"LastEvaluatedKey":{"a":{"S":"x"}},"Count":1}"#).unwrap();
        assert_eq!(part.take("LastEvaluatedKey").as_deref(), Some(r#"{"a":{"S":"x"}}"#));
        assert_eq!(part.take("LastEvaluatedKey"), None);
        part.set("Count2", "7".to_string());
        assert_eq!(part.to_json(), r#"{"Count":1,"Count2":7}"#);
    }
}

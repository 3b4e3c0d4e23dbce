//! Texts with placeholders.

use super::place::Place;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

/// A text with placeholders, such as `https://dynamodb.{region}.amazonaws.com`. Filled in, it is a
/// `T`: an egress rule, a table, a credential scope, or a text for AWS STS.
///
/// A placeholder is the name of a setting in braces, or `{tenant}`. What may be filled in is limited
/// so that no two choices of values give the same text: a value must not contain the character that
/// follows its placeholder.
///
/// | pattern | accepted? |
/// |---|---|
/// | `https://dynamodb.{region}.amazonaws.com` | yes: in a host, a placeholder is one whole label |
/// | `https://{region}`, `https://dynamodb.{domain}` | no: the last label of a host is fixed |
/// | `https://db-{region}.example.com`, `https://example.com:{port}` | no |
/// | `{region}/dynamodb` | yes, as a credential scope |
/// | `{tenant}-*` | yes, as a table; then no name of a tenant contains `-` |
/// | `{tenant}*`, `{tenant}{region}` | no: where the value ends would be ambiguous |
///
/// ```
/// use portcullis_policy::{EgressRule, Pattern};
///
/// let rule: Pattern<EgressRule> = "https://dynamodb.{region}.amazonaws.com".parse()?;
/// assert_eq!(rule.placeholders().collect::<Vec<_>>(), ["region"]);
/// assert!("https://{region}".parse::<Pattern<EgressRule>>().is_err());
/// # Ok::<(), portcullis_policy::PatternError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(
    try_from = "String",
    into = "String",
    bound(serialize = "T: Clone", deserialize = "T: Place")
)]
pub struct Pattern<T> {
    parts: Vec<Part>,
    place: PhantomData<fn() -> T>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Fixed(String),
    Placeholder(String),
}

/// The error of parsing a [`Pattern`]. It quotes the first 300 bytes of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} cannot be used in a template: {reason}")]
pub struct PatternError {
    text: String,
    reason: String,
}

/// Why a value cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    /// The setting, or `tenant`.
    pub(super) placeholder: String,
    pub(super) reason: String,
}

impl<T: Place> Pattern<T> {
    /// The names of the placeholders in their order. A name may occur several times.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Placeholder(name) => Some(name.as_str()),
            Part::Fixed(_) => None,
        })
    }

    /// Checks that a value can be filled in for a placeholder, wherever it occurs.
    pub(super) fn check_value(&self, name: &str, value: &str) -> Result<(), Misfit> {
        let misfit = |reason: String| Misfit { placeholder: name.to_string(), reason };
        for (index, part) in self.parts.iter().enumerate() {
            if !matches!(part, Part::Placeholder(known) if known == name) {
                continue;
            }
            let shown = T::HIDDEN.map_or_else(|| self.to_string(), str::to_string);
            T::check_value(value).map_err(|reason| misfit(format!("{reason} (in {shown})")))?;
            if let Some(Part::Fixed(next)) = self.parts.get(index + 1)
                && let Some(end) = next.chars().next().filter(|end| value.contains(*end))
            {
                return Err(misfit(format!(
                    "it contains {end:?}, which ends {{{name}}} in {shown}"
                )));
            }
        }
        Ok(())
    }

    /// A text that the pattern can become, with the same value for all placeholders.
    pub(super) fn sample(&self) -> Result<T, String> {
        let parts = self.parts.iter().map(|part| match part {
            Part::Fixed(text) => text.as_str(),
            Part::Placeholder(_) => SAMPLE,
        });
        T::parse(&parts.collect::<String>())
    }

    /// Fills in values, which are checked. `value` returns the value of a placeholder; without one
    /// for each, there is no result.
    pub(super) fn fill<'v>(
        &self,
        value: impl Fn(&str) -> Option<&'v str>,
    ) -> Result<Option<T>, Misfit> {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Fixed(text) => filled.push_str(text),
                Part::Placeholder(name) => {
                    let Some(value) = value(name) else { return Ok(None) };
                    self.check_value(name, value)?;
                    filled.push_str(value);
                }
            }
        }
        // What each value alone does not show, such as the length of the whole.
        T::parse(&filled).map(Some).map_err(|reason| Misfit {
            placeholder: self.placeholders().next().unwrap_or_default().to_string(),
            reason,
        })
    }
}

impl<T: Place> FromStr for Pattern<T> {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let error = |reason: String| PatternError {
            text: text[..text.floor_char_boundary(300)].to_string(),
            reason,
        };
        let parts = split(text).map_err(|reason| error(reason.to_string()))?;
        for pair in parts.windows(2) {
            match pair {
                [Part::Placeholder(first), Part::Placeholder(second)] => {
                    return Err(error(format!(
                        "put something between {{{first}}} and {{{second}}}"
                    )));
                }
                [Part::Placeholder(name), Part::Fixed(next)] if next.starts_with('*') => {
                    return Err(error(format!(
                        "put a character between {{{name}}} and *, as in \"{{{name}}}-*\": \
                         otherwise \"a\" would match what belongs to \"ab\""
                    )));
                }
                _ => {}
            }
        }
        let sample: String = parts
            .iter()
            .map(|part| match part {
                Part::Fixed(text) => text.as_str(),
                Part::Placeholder(_) => SAMPLE,
            })
            .collect();
        T::parse(&sample).map_err(error)?;
        let mut end = 0;
        for part in &parts {
            let start = end;
            match part {
                Part::Fixed(text) => end += text.len(),
                Part::Placeholder(_) => {
                    end += SAMPLE.len();
                    T::check_position(&sample, start..end)
                        .map_err(|reason| error(reason.to_string()))?;
                }
            }
        }
        Ok(Self { parts, place: PhantomData })
    }
}

/// A value that fits everywhere.
const SAMPLE: &str = "sample";

fn split(text: &str) -> Result<Vec<Part>, &'static str> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some(open) = rest.find(['{', '}']) {
        let after = rest[open..].strip_prefix('{').ok_or("there is a } without {")?;
        let close = after.find('}').ok_or("there is a { without }")?;
        let name = &after[..close];
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        if !is_name {
            return Err("the braces have no name of a setting between them, as in {region}");
        }
        if open > 0 {
            parts.push(Part::Fixed(rest[..open].to_string()));
        }
        parts.push(Part::Placeholder(name.to_string()));
        rest = &after[close + 1..];
    }
    if !rest.is_empty() {
        parts.push(Part::Fixed(rest.to_string()));
    }
    Ok(parts)
}

impl<T> fmt::Display for Pattern<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Fixed(text) => f.write_str(text),
            Part::Placeholder(name) => write!(f, "{{{name}}}"),
        })
    }
}

impl<T: Place> TryFrom<String> for Pattern<T> {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl<T> From<Pattern<T>> for String {
    fn from(pattern: Pattern<T>) -> Self {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::EgressRule;
    use crate::names::TablePattern;
    use crate::scope::CredentialScope;

    fn refused<T: Place>(text: &str) -> String {
        let Err(error) = text.parse::<Pattern<T>>() else { panic!("{text} is accepted") };
        error.to_string()
    }

    #[test]
    fn in_a_host_a_placeholder_is_one_whole_label_before_the_last() {
        for pattern in [
            "https://dynamodb.{region}.amazonaws.com",
            "POST https://{tenant}.{region}.example.com:8443/v1/*",
            "https://a.example",
            "http://{a}.internal",
        ] {
            assert_eq!(pattern.parse::<Pattern<EgressRule>>().unwrap().to_string(), pattern);
        }
        for (pattern, reason) in [
            ("https://{host}", "the last label"),
            ("https://dynamodb.{domain}", "the last label"),
            ("https://dynamodb.{domain}:443", "the last label"),
            ("https://db-{region}.example.com", "one whole label"),
            ("https://{region}db.example.com", "one whole label"),
            ("https://example.com/{path}", "only in the host"),
            ("https://example.com:{port}", "is not an origin"),
            ("{scheme}://example.com", "is not an origin"),
            ("{method} https://example.com", "is not a list of methods"),
            ("https://{a}{b}.example.com", "put something between {a} and {b}"),
            ("https://[{a}]", "is not an origin"),
            ("https://10.0.0.{a}", "the last label"),
            ("https://{a.example.com", "{ without }"),
            ("https://a}.example.com", "} without {"),
            ("https://{}.example.com", "no name of a setting"),
            ("https://{{a}}.example.com", "no name of a setting"),
            ("https://{a b}.example.com", "no name of a setting"),
        ] {
            let message = refused::<EgressRule>(pattern);
            assert!(message.contains(reason), "{pattern}: {message}");
        }
    }

    #[test]
    fn where_a_value_ends_is_never_ambiguous() {
        let tables: Pattern<TablePattern> = "{tenant}-*".parse().unwrap();
        assert!(tables.check_value("tenant", "a").is_ok());
        // Otherwise the tenant "a" would reach the tables of "a-b".
        let misfit = tables.check_value("tenant", "a-b").unwrap_err();
        assert_eq!(misfit.reason, "it contains '-', which ends {tenant} in {tenant}-*");
        assert!(refused::<TablePattern>("{tenant}*").contains("put a character between"));
        assert!(refused::<TablePattern>("{a}{b}").contains("put something between"));
        let last: Pattern<TablePattern> = "app-{tenant}".parse().unwrap();
        assert!(last.check_value("tenant", "a-b").is_ok());
    }

    #[test]
    fn scopes_have_placeholders_as_whole_parts() {
        let scope: Pattern<CredentialScope> = "{region}/dynamodb".parse().unwrap();
        let filled = scope.fill(|_| Some("eu-west-1")).unwrap().unwrap();
        assert_eq!(filled.to_string(), "eu-west-1/dynamodb");
        assert!(scope.fill(|_| None).unwrap().is_none());
        for wrong in ["EU", "a/b", "", "a.b"] {
            assert!(scope.fill(|_| Some(wrong)).is_err(), "{wrong}");
        }
        assert!(refused::<CredentialScope>("eu-{x}/dynamodb").contains("whole"));
    }
}

//! Egress rules: an origin, and where it is wished the methods and paths that requests to it may use.
//!
//! | text | allows |
//! |---|---|
//! | `https://api.example.com` | every method and path of this origin |
//! | `POST https://api.example.com` | one method |
//! | `GET,HEAD https://api.example.com` | two |
//! | `https://api.example.com/v1/items` | this path, with any query |
//! | `POST https://api.example.com/v1/*` | paths that begin with `/v1/` |
//! | `https://*.example.com`, `https://api.example.com/*/x`, `https://api.example.com/a?b` | nothing: it is no rule |
//!
//! A rule that names a path only ever allows a plain one: no empty or dot segment, and no `%`, behind which a server
//! might read another path than the one that was judged.

use crate::{Origin, OriginError};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One allowed origin with methods and paths.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EgressRule {
    /// None allows all.
    methods: Option<Vec<String>>,
    origin: Origin,
    path: Option<PathPattern>,
}

/// A path, or the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct PathPattern {
    text: String,
    is_beginning: bool,
}

/// Why a text is no egress rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct EgressRuleError(#[from] Reason);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error(transparent)]
    Origin(#[from] OriginError),
    #[error(
        "{0:?} is no list of methods; expected them in capitals with commas between, as in POST or GET,HEAD"
    )]
    Methods(String),
    #[error(
        "{0:?} is no path of a rule; expected plain segments, as in /v1/items, with * only at the end, as in /v1/*"
    )]
    Path(String),
}

impl EgressRule {
    /// The origin.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether a method may be used.
    #[must_use]
    pub fn allows_method(&self, method: &str) -> bool {
        self.methods.as_ref().is_none_or(|methods| methods.iter().any(|allowed| allowed == method))
    }

    /// Whether a path, without its query, may be asked for.
    #[must_use]
    pub fn allows_path(&self, path: &str) -> bool {
        self.path.as_ref().is_none_or(|pattern| {
            is_plain(path)
                && if pattern.is_beginning {
                    path.starts_with(&pattern.text)
                } else {
                    path == pattern.text
                }
        })
    }

    /// The rule with one more method.
    pub(crate) fn and_method(&self, method: &str) -> Self {
        let methods = self.methods.iter().flatten().cloned().chain([method.to_string()]).collect();
        Self { methods: Some(methods), ..self.clone() }
    }

    /// The rule for another path, or for all where that path is not plain.
    pub(crate) fn with_path(&self, path: &str) -> Self {
        let plain = is_plain(path) && !path.contains('*');
        Self {
            path: plain.then(|| PathPattern { text: path.to_string(), is_beginning: false }),
            ..self.clone()
        }
    }
}

/// Whether all servers read a path alike: segments of visible ASCII, none of them empty but the last, and none made of
/// dots alone (RFC 3986, section 3.3 and 6.2.2).
fn is_plain(path: &str) -> bool {
    let Some(segments) = path.strip_prefix('/') else { return false };
    let visible = path
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'%' | b'\\' | b'?' | b'#'));
    let mut segments = segments.split('/').peekable();
    let mut whole = true;
    while let Some(segment) = segments.next() {
        // `..;x` is a way up for some servers.
        let name = segment.split(';').next().unwrap_or_default();
        whole &= name != "."
            && name != ".."
            && (!name.is_empty() || (segments.peek().is_none() && segment.is_empty()));
    }
    visible && whole
}

impl From<Origin> for EgressRule {
    fn from(origin: Origin) -> Self {
        Self { methods: None, origin, path: None }
    }
}

impl FromStr for EgressRule {
    type Err = EgressRuleError;

    fn from_str(text: &str) -> Result<Self, EgressRuleError> {
        Ok(parse(text)?)
    }
}

fn parse(text: &str) -> Result<EgressRule, Reason> {
    let (methods, rest) = match text.split_once(' ') {
        Some((methods, rest)) if !methods.contains("://") => (Some(parse_methods(methods)?), rest),
        _ => (None, text),
    };
    let authority_at = rest.find("://").map_or(0, |at| at + 3);
    let path_at = rest[authority_at..].find('/').map(|at| authority_at + at);
    let path = path_at.map(|at| parse_path(&rest[at..])).transpose()?;
    Ok(EgressRule { methods, origin: rest[..path_at.unwrap_or(rest.len())].parse()?, path })
}

fn parse_methods(text: &str) -> Result<Vec<String>, Reason> {
    let methods: Vec<String> = text.split(',').map(ToString::to_string).collect();
    let known = |method: &String| {
        (1..=20).contains(&method.len())
            && method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
    };
    if methods.iter().all(known) {
        Ok(methods)
    } else {
        Err(Reason::Methods(text.chars().take(100).collect()))
    }
}

fn parse_path(text: &str) -> Result<PathPattern, Reason> {
    let (path, is_beginning) = text.strip_suffix('*').map_or((text, false), |path| (path, true));
    if is_plain(path) && !path.contains('*') {
        return Ok(PathPattern { text: path.to_string(), is_beginning });
    }
    Err(Reason::Path(text.chars().take(200).collect()))
}

impl fmt::Display for EgressRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(methods) = &self.methods {
            write!(f, "{} ", methods.join(","))?;
        }
        write!(f, "{}", self.origin)?;
        match &self.path {
            Some(PathPattern { text, is_beginning }) => {
                write!(f, "{text}{}", if *is_beginning { "*" } else { "" })
            }
            None => Ok(()),
        }
    }
}

crate::text::as_text!(EgressRule);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rule(text: &str) -> EgressRule {
        text.parse().unwrap()
    }

    #[test]
    fn methods_and_paths_narrow_an_origin() {
        let all = rule("https://a.example");
        assert!(all.allows_method("DELETE") && all.allows_path("/../%2e//"));
        let narrow = rule("GET,HEAD https://a.example/v1/*");
        assert!(
            narrow.allows_method("HEAD")
                && !narrow.allows_method("POST")
                && !narrow.allows_method("get")
        );
        assert!(
            narrow.allows_path("/v1/")
                && narrow.allows_path("/v1/x/y")
                && !narrow.allows_path("/v1")
                && !narrow.allows_path("/v10")
        );
        let exact = rule("https://a.example/");
        assert!(exact.allows_path("/") && !exact.allows_path("/x"));
    }

    #[test]
    fn a_path_that_servers_read_differently_is_not_the_one_that_was_allowed() {
        let narrow = rule("https://a.example/v1/*");
        for odd in [
            "/v1/../admin",
            "/v1/./x",
            "/v1//x",
            "/v1/%2e%2e/admin",
            "/v1/..;/admin",
            "/v1/..\\admin",
            "/v1/é",
            "v1/",
            "",
            "/v1/;x",
        ] {
            assert!(!narrow.allows_path(odd), "{odd}");
        }
    }

    #[test]
    fn what_is_no_rule_is_refused_with_the_reason() {
        for (wrong, part) in [
            ("", "is not an origin"),
            ("GET", "is not an origin"),
            ("get https://a", "no list of methods"),
            ("GET, HEAD https://a", "no list of methods"),
            (" https://a", "no list of methods"),
            ("https://*.a", "wildcard"),
            ("https://a/*/x", "no path of a rule"),
            ("https://a/b/../c", "no path of a rule"),
            ("https://a/b?c", "no path of a rule"),
            ("https://a?b", "is not an origin"),
            ("https://a@b/", "user name"),
        ] {
            let message = wrong.parse::<EgressRule>().unwrap_err().to_string();
            assert!(message.contains(part), "{wrong:?}: {message}");
        }
    }

    proptest! {
        #[test]
        fn what_is_displayed_parses_to_the_same(text in "([A-Z]{1,5}(,[A-Z]{1,5})? )?https?://[a-z0-9.:]{1,12}(/[a-z./*;%]{0,12})?") {
            if let Ok(rule) = text.parse::<EgressRule>() {
                prop_assert_eq!(rule.to_string().parse::<EgressRule>().unwrap(), rule);
            }
        }

        #[test]
        fn no_text_makes_parsing_panic(text in ".*") {
            let _ = text.parse::<EgressRule>();
            let _ = rule("https://a/b*").allows_path(&text);
        }
    }
}

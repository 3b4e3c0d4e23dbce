//! Egress rules: an origin, optionally preceded by HTTP methods and followed by a path.

use crate::origin::{Origin, OriginError};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An allowed origin, optionally limited to some methods and to a path.
///
/// # Accepted forms
///
/// | text | allows |
/// |---|---|
/// | `https://api.example.com` | every method and path of this [origin](Origin), on port 443 |
/// | `http://localhost:8000`, `https://[2001:db8::1]:8443` | another port, or an IP address |
/// | `POST https://api.example.com` | one method |
/// | `GET,HEAD https://api.example.com` | several methods, separated by commas without spaces |
/// | `https://api.example.com/v1/items` | one path, with any query |
/// | `POST https://api.example.com/v1/*` | paths that begin with `/v1/` |
///
/// Everything else is an error: `https://*.example.com` (wildcard host),
/// `https://api.example.com/*/x` (`*` is allowed only at the end of a path),
/// `https://api.example.com/a?b` (a rule has no query), `get https://api.example.com` (methods are
/// upper case).
///
/// # Matching
///
/// - A request is allowed if one rule matches its origin, method and path. The order of the rules
///   does not matter, and an empty list denies all requests.
/// - Scheme, host and port must be equal. A rule for `https://example.com` does not match
///   `http://example.com`, `https://example.com:8443` or `https://api.example.com`.
/// - Methods are compared case-sensitively, as HTTP does. A rule without methods allows all.
/// - Paths are compared case-sensitively, without the query. A rule without a path allows all.
/// - A rule with a path allows plain paths only: no empty segment, no `.` or `..`, and no `%` or
///   `\`. Servers decode and normalise these differently, so a server could read another path than
///   the one that was checked.
/// - Hosts cannot contain wildcards, because whoever can register a name below the domain, or take
///   over a dangling one, could then receive the datasource's requests.
///
/// [`Policy::check_origin`](crate::Policy::check_origin) and its siblings apply these rules.
///
/// ```
/// use portcullis_policy::EgressRule;
///
/// let rule: EgressRule = "GET,HEAD https://api.example.com/v1/*".parse()?;
/// assert_eq!(rule.origin().to_string(), "https://api.example.com");
/// assert!(rule.allows_method("GET") && !rule.allows_method("POST"));
/// assert!(rule.allows_path("/v1/items") && !rule.allows_path("/v1/../admin"));
/// assert!("https://*.example.com".parse::<EgressRule>().is_err());
/// # Ok::<(), portcullis_policy::EgressRuleError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EgressRule {
    /// `None` allows all methods.
    methods: Option<Vec<String>>,
    origin: Origin,
    /// `None` allows all paths.
    path: Option<PathPattern>,
}

/// A path, or the prefix of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct PathPattern {
    text: String,
    is_prefix: bool,
}

/// The error of parsing an [`EgressRule`]. Its message names the part that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct EgressRuleError(#[from] Reason);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error(transparent)]
    Origin(#[from] OriginError),
    #[error(
        "{0:?} is not a list of methods; expected upper case, separated by commas without spaces, \
         as in POST or GET,HEAD"
    )]
    Methods(String),
    #[error(
        "{0:?} is not a path of an egress rule; expected plain segments, as in /v1/items, with * \
         only at the end, as in /v1/*"
    )]
    Path(String),
}

impl EgressRule {
    /// Returns the origin.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Returns whether the rule allows `method`.
    #[must_use]
    pub fn allows_method(&self, method: &str) -> bool {
        self.methods.as_ref().is_none_or(|methods| methods.iter().any(|allowed| allowed == method))
    }

    /// Returns whether the rule allows `path`, which does not include the query.
    #[must_use]
    pub fn allows_path(&self, path: &str) -> bool {
        self.path.as_ref().is_none_or(|pattern| {
            is_plain(path)
                && if pattern.is_prefix {
                    path.starts_with(&pattern.text)
                } else {
                    path == pattern.text
                }
        })
    }

    /// Returns the rule with one more method.
    pub(crate) fn and_method(&self, method: &str) -> Self {
        let methods = self.methods.iter().flatten().cloned().chain([method.to_string()]).collect();
        Self { methods: Some(methods), ..self.clone() }
    }

    /// Returns the rule with another path, or without a path if `path` is not plain.
    pub(crate) fn with_path(&self, path: &str) -> Self {
        let plain = is_plain(path) && !path.contains('*');
        Self {
            path: plain.then(|| PathPattern { text: path.to_string(), is_prefix: false }),
            ..self.clone()
        }
    }
}

/// Returns whether all servers interpret `path` in the same way: its segments are visible ASCII,
/// only the last one may be empty, and none is `.` or `..` (RFC 3986, sections 3.3 and 6.2.2).
fn is_plain(path: &str) -> bool {
    let Some(segments) = path.strip_prefix('/') else { return false };
    let visible = path
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'%' | b'\\' | b'?' | b'#'));
    let mut segments = segments.split('/').peekable();
    let mut plain = true;
    while let Some(segment) = segments.next() {
        // Some servers read `..;x` as `..`.
        let name = segment.split(';').next().unwrap_or_default();
        plain &= name != "."
            && name != ".."
            && (!name.is_empty() || (segments.peek().is_none() && segment.is_empty()));
    }
    visible && plain
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
    let (path, is_prefix) = text.strip_suffix('*').map_or((text, false), |path| (path, true));
    if is_plain(path) && !path.contains('*') {
        return Ok(PathPattern { text: path.to_string(), is_prefix });
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
            Some(PathPattern { text, is_prefix }) => {
                write!(f, "{text}{}", if *is_prefix { "*" } else { "" })
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
    fn methods_and_path_limit_an_origin() {
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
    fn path_that_servers_interpret_differently_is_not_allowed() {
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
    fn parse_error_names_the_wrong_part() {
        for (wrong, part) in [
            ("", "is not an origin"),
            ("GET", "is not an origin"),
            ("get https://a", "is not a list of methods"),
            ("GET, HEAD https://a", "is not a list of methods"),
            (" https://a", "is not a list of methods"),
            ("https://*.a", "wildcard"),
            ("https://a/*/x", "is not a path of an egress rule"),
            ("https://a/b/../c", "is not a path of an egress rule"),
            ("https://a/b?c", "is not a path of an egress rule"),
            ("https://a?b", "is not an origin"),
            ("https://a@b/", "user name"),
        ] {
            let message = wrong.parse::<EgressRule>().unwrap_err().to_string();
            assert!(message.contains(part), "{wrong:?}: {message}");
        }
    }

    proptest! {
        #[test]
        fn displayed_rule_parses_to_an_equal_rule(
            text in concat!(
                "([A-Z]{1,5}(,[A-Z]{1,5})? )?",
                "https?://[a-z0-9.:]{1,12}(/[a-z./*;%]{0,12})?",
            ),
        ) {
            if let Ok(rule) = text.parse::<EgressRule>() {
                prop_assert_eq!(rule.to_string().parse::<EgressRule>().unwrap(), rule);
            }
        }

        #[test]
        fn parsing_never_panics(text in ".*") {
            let _ = text.parse::<EgressRule>();
            let _ = rule("https://a/b*").allows_path(&text);
        }
    }
}

//! The settings: the policy of the one datasource that a composed component serves, from variables of
//! the environment. The grammar of values is that of policy files where both have the key.

use crate::catalogue::{self, Access, SERVICE};
use crate::denial::{Denial, Rule};
use crate::origin::Origin;
use crate::scope::Scope;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// What the component may do. The default allows no request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `PORTCULLIS_EGRESS`: the origins that requests may go to.
    pub(crate) egress: Vec<Origin>,
    /// `PORTCULLIS_ACCESS`: the highest access class of actions.
    pub(crate) access: Access,
    /// `PORTCULLIS_ACTIONS`: the actions allowed. `None` allows all that `access` allows.
    pub(crate) actions: Option<Vec<String>>,
    /// `PORTCULLIS_SIGNING`: the credential scopes allowed. If it is not set: DynamoDB in
    /// `AWS_REGION`.
    pub(crate) signing: Vec<Scope>,
    /// The limits of a call.
    pub limits: Limits,
}

/// The limits of one call. The defaults are those of policy files, with the same reasons
/// (`host/policy/src/limits.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `PORTCULLIS_DEADLINE`: time for the whole call, in nanoseconds.
    pub deadline_ns: u64,
    /// `PORTCULLIS_REQUESTS`: requests of one call, including all retries and pages.
    pub requests: u32,
    /// `PORTCULLIS_REQUEST_BYTES`: the size of one request body.
    pub request_bytes: u64,
    /// `PORTCULLIS_RESPONSE_BYTES`: the size of one response body.
    pub response_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline_ns: 30 * 1_000_000_000,
            requests: 1000,
            request_bytes: 16 << 20,
            response_bytes: 32 << 20,
        }
    }
}

/// A variable of the environment that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingError {
    variable: String,
    message: String,
    remedy: String,
}

impl SettingError {
    pub(crate) fn new(
        variable: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { variable: variable.into(), message: message.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.variable, self.message, self.remedy)
    }
}

impl core::error::Error for SettingError {}

impl Settings {
    /// Reads the settings from the variables of an environment. Names that do not begin with
    /// `PORTCULLIS_` are other programs', except `AWS_REGION`.
    ///
    /// # Errors
    /// Returns the first error: a value that is not what its variable accepts, a variable that is there
    /// twice, or a name that begins with `PORTCULLIS_` and is unknown. A misspelt rule would otherwise
    /// allow what it should refuse, and so would one that is empty since its template was not filled in.
    pub fn parse<'v>(
        environment: impl Iterator<Item = (&'v str, &'v str)>,
    ) -> Result<Self, SettingError> {
        let mut settings = Self::default();
        let (mut region, mut has_signing) = (None, false);
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in environment {
            let is_ours = name.starts_with("PORTCULLIS_");
            if is_ours && !known().any(|known| known == name) {
                return Err(SettingError::new(name, "there is no such setting", instead_of(name)));
            }
            // Components that read the same variable could otherwise take different values.
            if (is_ours || name.starts_with("AWS_")) && seen.contains(&name) {
                return Err(SettingError::new(name, "it is set twice", "set it once"));
            }
            seen.push(name);
            if value.split(is_separator).all(str::is_empty) {
                match name {
                    "PORTCULLIS_ACTIONS" => return Err(empty(name, "names of actions")),
                    "PORTCULLIS_SIGNING" => {
                        return Err(empty(name, "credential scopes such as eu-west-1/dynamodb"));
                    }
                    _ => continue,
                }
            }
            match name {
                "AWS_REGION" => region = Some(value.trim()),
                "PORTCULLIS_EGRESS" => {
                    settings.egress = list(value, origin)?;
                }
                "PORTCULLIS_ACCESS" => {
                    settings.access = Access::parse(value.trim()).ok_or_else(|| {
                        wrong(name, value, "an access class", "read, write or admin")
                    })?;
                }
                "PORTCULLIS_ACTIONS" => settings.actions = Some(list(value, action)?),
                "PORTCULLIS_SIGNING" => {
                    has_signing = true;
                    settings.signing = list(value, |text| {
                        Scope::parse(text).ok_or_else(|| {
                            let expected = "region/service, as in eu-west-1/dynamodb";
                            wrong(name, text, "a credential scope", expected)
                        })
                    })?;
                }
                "PORTCULLIS_DEADLINE" => {
                    settings.limits.deadline_ns = nanoseconds(value.trim())
                        .ok_or_else(|| wrong(name, value, "a time", TIME))?;
                }
                "PORTCULLIS_REQUESTS" => {
                    settings.limits.requests = number(value.trim(), u32::MAX.into())
                        .ok_or_else(|| wrong(name, value, "a count", "a whole number from 1 on"))?
                        as u32;
                }
                "PORTCULLIS_REQUEST_BYTES" => {
                    settings.limits.request_bytes = bytes(name, value)?;
                }
                "PORTCULLIS_RESPONSE_BYTES" => {
                    settings.limits.response_bytes = bytes(name, value)?;
                }
                _ => {}
            }
        }
        if let (Some(region), false) = (region, has_signing) {
            let scope = Scope::new(region, SERVICE).ok_or_else(|| {
                wrong("AWS_REGION", region, "a region", "a name such as eu-west-1")
            })?;
            settings.signing.push(scope);
        }
        Ok(settings)
    }

    /// Returns the denial of a key for a scope that the settings do not allow.
    #[must_use]
    pub fn deny_scope(&self, region: &str, service: &str) -> Denial {
        let message = format!("this component may not derive a signing key for {region}/{service}");
        let mut remedy = format!(
            "correct the region in the settings, or add {region}/{service} to PORTCULLIS_SIGNING"
        );
        if self.signing.is_empty() && service == SERVICE {
            remedy = format!("{remedy}, or set AWS_REGION={region}");
        }
        Denial::new(Rule::Signing, message, remedy)
    }
}

/// The settings of this component.
const NAMES: [&str; 8] = [
    "PORTCULLIS_EGRESS",
    "PORTCULLIS_ACCESS",
    "PORTCULLIS_ACTIONS",
    "PORTCULLIS_SIGNING",
    "PORTCULLIS_DEADLINE",
    "PORTCULLIS_REQUESTS",
    "PORTCULLIS_REQUEST_BYTES",
    "PORTCULLIS_RESPONSE_BYTES",
];
/// Those of `guest/portable/front`, which has the same environment.
const OF_THE_FRONT: [&str; 2] = ["PORTCULLIS_SETTINGS", "PORTCULLIS_TOKEN"];

/// The names of all settings.
fn known() -> impl Iterator<Item = &'static str> {
    NAMES.into_iter().chain(OF_THE_FRONT)
}

/// Says what to write instead of an unknown name: a name that differs in one or two letters, or any.
fn instead_of(name: &str) -> String {
    let all = known().collect::<Vec<_>>().join(", ");
    let nearest = known().min_by_key(|known| distance(known, name));
    match nearest.filter(|known| distance(known, name) <= 2) {
        Some(nearest) => format!("did you mean {nearest}? The settings are {all}"),
        None => format!("remove it, or use one of {all}"),
    }
}

/// The letters that must be inserted, removed or replaced to turn one name into another (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    // A name that is much longer than all others is near to none, and this costs time by its length.
    if b.len() > 40 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, letter) in a.bytes().enumerate() {
        let mut left = at + 1;
        let mut diagonal = core::mem::replace(&mut row[0], left);
        for (above, other) in row[1..].iter_mut().zip(b.bytes()) {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = *above;
            left = replaced.min(left + 1).min(*above + 1);
            *above = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

const TIME: &str = "a whole number above 0 with a unit, as in 500ms, 30s or 2m, and at most a day";

/// Parses a list whose elements are separated by commas, spaces or line ends.
fn list<T>(
    value: &str,
    parse: impl Fn(&str) -> Result<T, SettingError>,
) -> Result<Vec<T>, SettingError> {
    value.split(is_separator).filter(|text| !text.is_empty()).map(parse).collect()
}

fn is_separator(letter: char) -> bool {
    matches!(letter, ',' | ' ' | '\t' | '\n' | '\r')
}

/// The error of a variable whose absence allows more than an empty list would.
fn empty(variable: &str, expected: &str) -> SettingError {
    let remedy = format!("write {expected}, or remove the variable");
    SettingError::new(variable, "it is empty", remedy)
}

/// Parses an origin. As in a policy, a slash may follow it: nothing else than `/` is asked for here.
fn origin(text: &str) -> Result<Origin, SettingError> {
    Origin::parse(text.strip_suffix('/').unwrap_or(text)).map_err(|reason| {
        // What is before the @ may be a password.
        let (hidden, text) = text.rsplit_once('@').map_or(("", text), |(_, host)| ("…@", host));
        let shown: String = text.chars().take(300).collect();
        SettingError::new(
            "PORTCULLIS_EGRESS",
            format!("\"{hidden}{}\" is not an origin: {reason}", shown.escape_debug()),
            "write scheme, host and optionally port, as in https://dynamodb.eu-west-1.amazonaws.com",
        )
    })
}

fn action(text: &str) -> Result<String, SettingError> {
    if catalogue::access(text).is_some() {
        return Ok(text.to_string());
    }
    Err(wrong("PORTCULLIS_ACTIONS", text, "an action of DynamoDB", "names such as GetItem"))
}

fn bytes(name: &str, value: &str) -> Result<u64, SettingError> {
    let value = value.trim();
    let (digits, unit) = match (value.strip_suffix("KiB"), value.strip_suffix("MiB")) {
        (Some(digits), _) => (digits, 1 << 10),
        (_, Some(digits)) => (digits, 1 << 20),
        _ => (value, 1),
    };
    // More does not fit into the memory of a component.
    number(digits, (1 << 32) / unit).map(|count| count * unit).ok_or_else(|| {
        wrong(name, value, "a size", "a number of bytes, or one with a unit, as in 512KiB or 16MiB")
    })
}

fn nanoseconds(text: &str) -> Option<u64> {
    const DAY: u64 = 86_400 * 1_000_000_000;
    let (digits, unit) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 1_000_000),
        None => match (text.strip_suffix('s'), text.strip_suffix('m')) {
            (Some(digits), _) => (digits, 1_000_000_000),
            (_, Some(digits)) => (digits, 60 * 1_000_000_000),
            _ => return None,
        },
    };
    number(digits, DAY / unit).map(|count| count * unit)
}

/// Parses a whole number from 1 to `max`.
fn number(digits: &str, max: u64) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| plain && (1..=max).contains(number))
}

fn wrong(variable: &str, value: &str, what: &str, expected: &str) -> SettingError {
    let shown: String = value.chars().take(100).collect();
    SettingError::new(variable, format!("{shown:?} is not {what}"), format!("expected {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<Settings, SettingError> {
        Settings::parse(pairs.iter().copied())
    }

    #[test]
    fn values_are_lists_classes_times_and_sizes() {
        let settings = parse(&[
            ("PATH", "/bin"),
            ("AWS_REGION", "eu-west-1"),
            ("PORTCULLIS_EGRESS", "https://a.example,\n http://127.0.0.1:8000"),
            ("PORTCULLIS_ACCESS", "write"),
            ("PORTCULLIS_ACTIONS", "GetItem PutItem"),
            ("PORTCULLIS_DEADLINE", "500ms"),
            ("PORTCULLIS_REQUESTS", "7"),
            ("PORTCULLIS_REQUEST_BYTES", "2MiB"),
            ("PORTCULLIS_RESPONSE_BYTES", "100"),
            ("PORTCULLIS_SETTINGS", "{}"),
        ])
        .unwrap();
        assert_eq!(settings.egress.len(), 2);
        assert_eq!(settings.access, Access::Write);
        assert_eq!(settings.actions.unwrap(), ["GetItem", "PutItem"]);
        assert_eq!(settings.signing[0].to_string(), "eu-west-1/dynamodb");
        let limits = settings.limits;
        assert_eq!((limits.deadline_ns, limits.requests), (500_000_000, 7));
        assert_eq!((limits.request_bytes, limits.response_bytes), (2 << 20, 100));
    }

    #[test]
    fn without_variables_nothing_is_allowed_and_the_limits_are_those_of_the_host() {
        let settings = parse(&[("PORTCULLIS_EGRESS", " ")]).unwrap();
        assert_eq!(settings, Settings::default());
        assert!(settings.egress.is_empty() && settings.signing.is_empty());
        let theirs = portcullis_policy::Limits::default();
        let ours = settings.limits;
        assert_eq!(u128::from(ours.deadline_ns), theirs.deadline.as_nanos());
        assert_eq!(ours.requests, theirs.requests);
        assert_eq!(ours.request_bytes, theirs.request_bytes.as_u64());
        assert_eq!(ours.response_bytes, theirs.response_bytes.as_u64());
    }

    #[test]
    fn signing_replaces_the_scope_of_the_region() {
        let pairs = [("PORTCULLIS_SIGNING", "us-east-1/dynamodb"), ("AWS_REGION", "eu-west-1")];
        let scopes = parse(&pairs).unwrap().signing;
        assert_eq!(scopes.len(), 1);
        assert_eq!(scopes[0].region, "us-east-1");
    }

    #[test]
    fn an_error_names_the_variable_the_value_and_what_was_expected() {
        for (name, value, parts) in [
            ("PORTCULLIS_EGRESS", "example.com", ["\"example.com\"", "as in https://"]),
            ("PORTCULLIS_EGRESS", "https://a/*", ["https://a/*", "no path"]),
            ("PORTCULLIS_EGRESS", "https://a//", ["https://a//", "no path"]),
            ("PORTCULLIS_EGRESS", "https://a.example.", ["a.example.", "ends with a dot"]),
            ("PORTCULLIS_EGRESS", "https://u@a.example", ["a.example", "no user name"]),
            ("PORTCULLIS_EGRESS", "https://*.a", ["*.a", "no wildcard"]),
            ("PORTCULLIS_ACCESS", "all", ["\"all\"", "read, write or admin"]),
            ("PORTCULLIS_ACTIONS", "GetItem,getitem", ["\"getitem\"", "GetItem"]),
            ("PORTCULLIS_SIGNING", "eu-west-1", ["\"eu-west-1\"", "eu-west-1/dynamodb"]),
            ("PORTCULLIS_DEADLINE", "30", ["\"30\"", "30s"]),
            ("PORTCULLIS_DEADLINE", "0s", ["\"0s\"", "above 0"]),
            ("PORTCULLIS_DEADLINE", "99999m", ["99999m", "at most a day"]),
            ("PORTCULLIS_REQUESTS", "+1", ["\"+1\"", "whole number"]),
            ("PORTCULLIS_REQUEST_BYTES", "1e6", ["\"1e6\"", "16MiB"]),
            ("PORTCULLIS_RESPONSE_BYTES", "0", ["\"0\"", "16MiB"]),
            ("AWS_REGION", "EU", ["\"EU\"", "eu-west-1"]),
            (
                "PORTCULLIS_ACTION",
                "GetItem",
                ["no such setting", "did you mean PORTCULLIS_ACTIONS?"],
            ),
            ("PORTCULLIS_TOKENS", "x", ["did you mean PORTCULLIS_TOKEN?", "PORTCULLIS_SETTINGS"]),
            ("PORTCULLIS_SETTING", "x", ["did you mean PORTCULLIS_SETTINGS?", "PORTCULLIS_TOKEN"]),
            ("PORTCULLIS_TABLES", "x", ["remove it, or use one of", "PORTCULLIS_TOKEN"]),
        ] {
            let error = parse(&[(name, value)]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{name}: ")), "{error}");
            for part in parts {
                assert!(error.contains(part), "{name}={value}: {error}");
            }
        }
    }

    #[test]
    fn an_origin_may_have_a_slash_as_in_a_policy() {
        for text in ["https://a.example", "https://a.example/", "http://127.0.0.1:8000/"] {
            let theirs = text.parse::<portcullis_policy::EgressRule>();
            let ours = parse(&[("PORTCULLIS_EGRESS", text)]).unwrap().egress;
            assert_eq!(theirs.unwrap().origin().to_string(), ours[0].to_string());
        }
        for text in ["https:///", "https://", "/", "https://a//", "https://a/?"] {
            assert!(text.parse::<portcullis_policy::EgressRule>().is_err(), "{text}");
            assert!(parse(&[("PORTCULLIS_EGRESS", text)]).is_err(), "{text}");
        }
    }

    #[test]
    fn a_denied_key_names_the_variable_that_is_missing() {
        let remedy = |pairs: &[(&str, &str)]| {
            parse(pairs).unwrap().deny_scope("eu-west-1", "dynamodb").remedy
        };
        assert!(remedy(&[]).ends_with(", or set AWS_REGION=eu-west-1"), "{}", remedy(&[]));
        let other = remedy(&[("AWS_REGION", "us-east-1")]);
        assert!(other.ends_with("add eu-west-1/dynamodb to PORTCULLIS_SIGNING"), "{other}");
    }

    #[test]
    fn distances_count_letters() {
        for (a, b, expected) in
            [("", "", 0), ("abc", "abc", 0), ("abc", "ab", 1), ("abc", "xbcd", 2), ("ax", "xa", 2)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn a_rule_that_is_set_but_empty_is_refused_instead_of_ignored() {
        for name in ["PORTCULLIS_ACTIONS", "PORTCULLIS_SIGNING"] {
            for value in ["", " ", "\n", ",", " , "] {
                let error = parse(&[("AWS_REGION", "eu-west-1"), (name, value)]).unwrap_err();
                let error = error.to_string();
                assert!(error.starts_with(&format!("{name}: it is empty; write ")), "{error}");
            }
        }
        let error = parse(&[("PORTCULLIS_ACTION", "")]).unwrap_err().to_string();
        assert!(error.contains("no such setting"), "{error}");
        // Without any origin, nothing is allowed.
        assert_eq!(parse(&[("PORTCULLIS_EGRESS", "")]), Ok(Settings::default()));
    }

    #[test]
    fn a_variable_that_is_set_twice_is_refused() {
        for name in NAMES.into_iter().chain(OF_THE_FRONT).chain(["AWS_SECRET_ACCESS_KEY"]) {
            let value = match name {
                "PORTCULLIS_EGRESS" => "https://a.example",
                "PORTCULLIS_ACCESS" => "read",
                "PORTCULLIS_ACTIONS" => "GetItem",
                "PORTCULLIS_SIGNING" => "eu-west-1/dynamodb",
                "PORTCULLIS_DEADLINE" => "1s",
                _ => "1",
            };
            let error = parse(&[(name, value), (name, value)]).unwrap_err().to_string();
            assert_eq!(error, format!("{name}: it is set twice; set it once"));
        }
        assert!(parse(&[("PATH", "/a"), ("PATH", "/b")]).is_ok(), "others' variables are not ours");
    }

    #[test]
    fn a_password_before_an_origin_is_not_shown() {
        for value in ["https://user:pass@word@a.example", "user:pass@a.example"] {
            let error = parse(&[("PORTCULLIS_EGRESS", value)]).unwrap_err().to_string();
            assert!(error.contains("\"…@a.example\"") && !error.contains("pass"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(name in "PORTCULLIS_[A-Z_]{3,14}", value in ".*") {
            for name in NAMES.iter().copied().chain([name.as_str()]) {
                let _ = parse(&[(name, &value)]);
            }
        }
    }
}

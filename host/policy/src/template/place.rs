//! What a pattern becomes when it is filled in, and which values fit there.

use crate::egress::{EgressRule, EgressRuleError};
use crate::names::{NameError, TablePattern};
use crate::origin::{Origin, OriginError};
use crate::scope::{CredentialScope, ScopeError};
use std::fmt;
use std::ops::Range;

/// What a pattern becomes when it is filled in.
///
/// This trait is sealed: a new place needs rules about what fits there.
pub trait Place: sealed::Sealed + Sized {
    /// Parses a filled pattern.
    #[doc(hidden)]
    fn parse(text: &str) -> Result<Self, String>;

    /// How errors call a pattern that tenants must not see.
    #[doc(hidden)]
    const HIDDEN: Option<&'static str> = None;

    /// Checks one value, whatever surrounds it.
    #[doc(hidden)]
    fn check_value(value: &str) -> Result<(), String>;

    /// Checks where a placeholder is. `sample` is a filled pattern, in which the value is at `at`.
    #[doc(hidden)]
    fn check_position(sample: &str, at: Range<usize>) -> Result<(), &'static str>;
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::EgressRule {}
    impl Sealed for super::Origin {}
    impl Sealed for super::CredentialScope {}
    impl Sealed for super::TablePattern {}
    impl Sealed for super::ExternalId {}
    impl Sealed for super::SessionName {}
}

impl Place for EgressRule {
    // Where requests go, only operators see.
    const HIDDEN: Option<&'static str> = Some("the template's egress");

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: EgressRuleError| error.to_string())
    }

    fn check_value(value: &str) -> Result<(), String> {
        check_label(value)
    }

    fn check_position(sample: &str, at: Range<usize>) -> Result<(), &'static str> {
        check_host_position(sample, at)
    }
}

impl Place for Origin {
    const HIDDEN: Option<&'static str> = Some("the template's networks");

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: OriginError| error.to_string())
    }

    fn check_value(value: &str) -> Result<(), String> {
        check_label(value)
    }

    fn check_position(sample: &str, at: Range<usize>) -> Result<(), &'static str> {
        check_host_position(sample, at)
    }
}

impl Place for CredentialScope {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: ScopeError| error.to_string())
    }

    fn check_value(value: &str) -> Result<(), String> {
        CredentialScope::new(value, "service")
            .map(drop)
            .map_err(|_| "expected 1 to 63 lower-case letters, digits and hyphens".to_string())
    }

    fn check_position(sample: &str, at: Range<usize>) -> Result<(), &'static str> {
        if is_between(sample, &at, "/", "/") {
            return Ok(());
        }
        Err("a placeholder is the whole region or the whole service of a scope, as in \
             {region}/dynamodb")
    }
}

impl Place for TablePattern {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: NameError| error.to_string())
    }

    fn check_value(value: &str) -> Result<(), String> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if !value.is_empty() && value.bytes().all(known) {
            return Ok(());
        }
        Err("expected letters, digits and _ . -".to_string())
    }

    fn check_position(_: &str, _: Range<usize>) -> Result<(), &'static str> {
        Ok(())
    }
}

/// The external ID with which a role is assumed: 2 to 1,224 letters, digits and `_ + = , . @ : / -`.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExternalId(String);

/// The name of a role session: 2 to 64 letters, digits and `_ + = , . @ -`.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionName(String);

impl Place for ExternalId {
    const HIDDEN: Option<&'static str> = Some("the external ID of the role");

    fn parse(text: &str) -> Result<Self, String> {
        check_sts(text, "_+=,.@:/-", 2..1225)?;
        Ok(Self(text.to_string()))
    }

    fn check_value(value: &str) -> Result<(), String> {
        check_sts(value, "_+=,.@:/-", 1..1225)
    }

    fn check_position(_: &str, _: Range<usize>) -> Result<(), &'static str> {
        Ok(())
    }
}

impl Place for SessionName {
    const HIDDEN: Option<&'static str> = Some("the session name of the role");

    fn parse(text: &str) -> Result<Self, String> {
        check_sts(text, "_+=,.@-", 2..65)?;
        Ok(Self(text.to_string()))
    }

    fn check_value(value: &str) -> Result<(), String> {
        check_sts(value, "_+=,.@-", 1..65)
    }

    fn check_position(_: &str, _: Range<usize>) -> Result<(), &'static str> {
        Ok(())
    }
}

impl fmt::Display for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check_sts(text: &str, others: &str, length: Range<usize>) -> Result<(), String> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || others.as_bytes().contains(&byte);
    if length.contains(&text.len()) && text.bytes().all(known) {
        return Ok(());
    }
    // The text is not shown: the whole may be the operator's secret.
    let (first, last) = (length.start, length.end - 1);
    Err(format!("expected {first} to {last} letters, digits and {others}"))
}

/// Checks that a value is one label of a host name, in the only spelling: lower case, and no encoded
/// letters, which may look like others.
fn check_label(value: &str) -> Result<(), String> {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = (1..=63).contains(&value.len())
        && value.bytes().all(known)
        && !value.starts_with('-')
        && !value.ends_with('-')
        && !value.starts_with("xn--");
    if is_label {
        return Ok(());
    }
    Err("expected one label of a host name: 1 to 63 lower-case letters, digits and hyphens, with no \
         hyphen at an end, and not beginning with xn--"
        .to_string())
}

fn check_host_position(sample: &str, at: Range<usize>) -> Result<(), &'static str> {
    let host_at = sample.find("://").map_or(0, |scheme| scheme + 3);
    let host = sample[host_at..].split(['/', ':', '?', '#']).next().unwrap_or_default();
    let host_end = host_at + host.len();
    if at.start < host_at || at.end > host_end {
        return Err("a placeholder may be only in the host");
    }
    let is_whole = (at.start == host_at || sample[..at.start].ends_with('.'))
        && (at.end == host_end || sample[at.end..].starts_with('.'));
    if !is_whole {
        return Err("in a host, a placeholder is one whole label, between dots");
    }
    if at.end == host_end {
        return Err("the last label of a host must be fixed: it would name any domain otherwise");
    }
    Ok(())
}

/// Whether a value ends where the text does or at `after`, and begins where it does or at `before`.
fn is_between(sample: &str, at: &Range<usize>, before: &str, after: &str) -> bool {
    (at.start == 0 || sample[..at.start].ends_with(before))
        && (at.end == sample.len() || sample[at.end..].starts_with(after))
}

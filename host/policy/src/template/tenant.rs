//! Names of tenants.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The name of a tenant: 1 to 64 of the characters `A-Z a-z 0-9 _ . -`, beginning with a letter or
/// a digit. It comes from the caller's token or from the platform, never from settings.
///
/// The characters are those that table names and role sessions allow, so that `{tenant}` can be a
/// part of them. 64 is the longest name of a role session.
///
/// ```
/// use portcullis_policy::TenantName;
///
/// let tenant: TenantName = "acme".parse()?;
/// assert_eq!(tenant.as_str(), "acme");
/// assert!("../acme".parse::<TenantName>().is_err());
/// # Ok::<(), portcullis_policy::TenantNameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantName(Arc<str>);

/// The error of parsing a [`TenantName`]. It holds the first 70 characters of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not the name of a tenant; expected 1 to 64 letters, digits and _ . -, beginning with \
     a letter or a digit"
)]
pub struct TenantNameError(String);

impl TenantName {
    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A tenant for examples.
    pub(super) fn example() -> Self {
        Self("example".into())
    }
}

impl FromStr for TenantName {
    type Err = TenantNameError;

    fn from_str(text: &str) -> Result<Self, TenantNameError> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        let begins_well = text.starts_with(|first: char| first.is_ascii_alphanumeric());
        if begins_well && text.len() <= 64 && text.bytes().all(known) {
            return Ok(Self(text.into()));
        }
        Err(TenantNameError(text.chars().take(70).collect()))
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

crate::text::as_text!(TenantName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_are_short_plain_names() {
        for name in ["a", "acme", "Acme_1.x-y", "7", &"a".repeat(64)] {
            assert_eq!(name.parse::<TenantName>().unwrap().as_str(), name);
        }
        for wrong in
            ["", ".", "..", "-a", "_a", "a/b", "a b", "a*", "{tenant}", "é", "a\0", &"a".repeat(65)]
        {
            assert!(wrong.parse::<TenantName>().is_err(), "{wrong:?}");
        }
    }
}

//! Names of saved datasources.

use std::fmt;
use std::str::FromStr;

/// The name of a saved datasource: 1 to 64 lower-case letters, digits and `. _ -`, beginning with a
/// letter or a digit. No two names look alike, and none means something in a path.
///
/// ```
/// use portcullis_store::DatasourceName;
///
/// let name: DatasourceName = "acme_orders".parse()?;
/// assert_eq!(name.as_str(), "acme_orders");
/// assert!("Acme".parse::<DatasourceName>().is_err());
/// # Ok::<(), portcullis_store::DatasourceNameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DatasourceName(String);

/// The error of parsing a [`DatasourceName`]. It holds the first 70 characters of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} cannot be the name of a datasource; expected 1 to 64 lower-case letters, digits and \
     . _ -, beginning with a letter or a digit, and no .."
)]
pub struct DatasourceNameError(String);

impl DatasourceName {
    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DatasourceName {
    type Err = DatasourceNameError;

    fn from_str(text: &str) -> Result<Self, DatasourceNameError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let known = |byte: u8| plain(byte) || b"._-".contains(&byte);
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(known)
            && text.bytes().next().is_some_and(plain)
            && !text.contains("..");
        if fits {
            return Ok(Self(text.to_string()));
        }
        Err(DatasourceNameError(text.chars().take(70).collect()))
    }
}

impl fmt::Display for DatasourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_look_different() {
        for name in ["a", "7", "acme-orders", "a.b_c", &"a".repeat(64)] {
            assert_eq!(name.parse::<DatasourceName>().unwrap().as_str(), name);
        }
        for wrong in [
            "",
            ".",
            "..",
            "a..b",
            "-a",
            "_a",
            "A",
            "a/b",
            "a\\b",
            "a%2f",
            "a b",
            "a\0",
            "\u{430}",
            "a:disable",
            "a*",
            "é",
            &"a".repeat(65),
        ] {
            assert!(wrong.parse::<DatasourceName>().is_err(), "{wrong:?}");
        }
    }
}

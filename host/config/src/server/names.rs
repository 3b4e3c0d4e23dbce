//! Names of datasources that a token lists.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The names of datasources that a token lists: one name, or all that begin with a prefix, as in
/// `tenant-a-*`. `*` alone means all.
///
/// ```
/// use portcullis_config::NamePattern;
///
/// let pattern = NamePattern::from("tenant-a-*");
/// assert!(pattern.matches("tenant-a-orders") && !pattern.matches("tenant-b-orders"));
/// assert!(NamePattern::from("orders").matches("orders"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NamePattern(String);

impl NamePattern {
    /// Returns whether a name is among those that the pattern stands for.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match self.prefix() {
            Some(prefix) => name.starts_with(prefix),
            None => self.0 == name,
        }
    }

    /// The beginning of all names, unless the pattern is one name.
    #[must_use]
    pub fn prefix(&self) -> Option<&str> {
        self.0.strip_suffix('*')
    }

    /// The pattern as the policy file has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether a saved datasource can have such a name: lower-case letters, digits and
    /// `. _ -`.
    #[must_use]
    pub fn can_be_saved(&self) -> bool {
        let name = self.prefix().unwrap_or(&self.0);
        let known =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        let begins = name.bytes().next().is_none_or(|byte| byte.is_ascii_alphanumeric());
        let is_one = !self.0.is_empty() && name.len() <= 64;
        is_one && name.bytes().all(known) && begins && !name.contains("..")
    }
}

impl<N: Into<String>> From<N> for NamePattern {
    fn from(text: N) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_star_at_the_end_stands_for_other_names() {
        let matches = |pattern: &str, name: &str| NamePattern::from(pattern).matches(name);
        assert!(matches("*", "a") && matches("a-*", "a-") && matches("a-*", "a-b"));
        assert!(!matches("a-*", "a") && !matches("a", "ab") && !matches("*a", "xa"));
    }

    #[test]
    fn patterns_that_match_no_saved_name_are_known() {
        for pattern in ["*", "a", "tenant-a-*", "7*"] {
            assert!(NamePattern::from(pattern).can_be_saved(), "{pattern}");
        }
        for pattern in ["", "A*", "a*b", "a..b", "**", "-a", "a/b", "é*", &"a".repeat(65)] {
            assert!(!NamePattern::from(pattern).can_be_saved(), "{pattern}");
        }
    }
}

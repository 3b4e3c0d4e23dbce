//! Names in policies: access classes, actions, tables.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What an action does, and the most that a policy allows; each includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Reads items or descriptions.
    #[default]
    Read,
    /// Changes items.
    Write,
    /// Creates, changes or deletes tables, backups, tags, policies …
    Admin,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        })
    }
}

/// The name of an action: 1 to 64 ASCII letters and digits, as the names of AWS operations are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ActionName(String);

impl ActionName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ActionName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(Self(text.to_string()));
        }
        let shown: String = text.chars().take(70).collect();
        Err(format!("{shown:?} is no name of an action; expected 1 to 64 letters and digits, as in GetItem"))
    }
}

impl fmt::Display for ActionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ActionName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ActionName> for String {
    fn from(name: ActionName) -> Self {
        name.0
    }
}

/// A table's name, or the beginning of names: `orders`, `orders-*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TablePattern(String);

impl TablePattern {
    /// Whether `table` is meant. Names are compared letter by letter, case included.
    #[must_use]
    pub fn matches(&self, table: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => table.starts_with(beginning),
            None => table == self.0,
        }
    }
}

impl FromStr for TablePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.strip_suffix('*').unwrap_or(text);
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        if text.is_empty() || text.len() > 256 || !name.bytes().all(known) {
            return Err(format!(
                "{text:?} is no table; expected a name of letters, digits and _ . -, with * at its end to mean all that begin so"
            ));
        }
        Ok(Self(text.to_string()))
    }
}

impl fmt::Display for TablePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for TablePattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<TablePattern> for String {
    fn from(pattern: TablePattern) -> Self {
        pattern.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_at_the_end_stands_for_any_rest() {
        let pattern: TablePattern = "orders-*".parse().unwrap();
        assert!(pattern.matches("orders-2026") && pattern.matches("orders-"));
        assert!(!pattern.matches("orders") && !pattern.matches("Orders-1"));
        assert!("a*b".parse::<TablePattern>().is_err() && "".parse::<TablePattern>().is_err() && "a/b".parse::<TablePattern>().is_err());
    }

    #[test]
    fn access_classes_are_ordered() {
        assert!(Access::Read < Access::Write && Access::Write < Access::Admin);
    }

    #[test]
    fn names_of_actions_are_letters_and_digits() {
        assert!("GetItem".parse::<ActionName>().is_ok());
        for wrong in ["", "Get Item", "Get.Item", "Gét", &"a".repeat(65)] {
            assert!(wrong.parse::<ActionName>().is_err(), "{wrong}");
        }
    }
}

//! Names in policies: access classes, actions, tables.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What an action does, and the most that a policy allows; each includes those before it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
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
pub struct ActionName(Arc<str>);

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
            return Ok(Self(text.into()));
        }
        let shown: String = text.chars().take(70).collect();
        Err(format!(
            "{shown:?} is no name of an action; expected 1 to 64 letters and digits, as in GetItem"
        ))
    }
}

impl fmt::Display for ActionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A table's name or ARN, or the beginning of such: `orders`, `orders-*`, `arn:aws:dynamodb:eu-west-1:123456789012:table/orders`.
/// A name means tables of the credentials' own account and region; a table that is named by its ARN, perhaps one of
/// another account, is only meant by an ARN.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TablePattern(String);

impl TablePattern {
    /// Whether `table`, a name or the ARN of a table, is meant. They are compared letter by letter, case included.
    #[must_use]
    pub fn matches(&self, table: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => table.starts_with(beginning) && is_arn(table) == is_arn(beginning),
            None => table == self.0,
        }
    }
}

fn is_arn(text: &str) -> bool {
    text.starts_with("arn:")
}

impl FromStr for TablePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.strip_suffix('*').unwrap_or(text);
        let known = |byte: u8| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'_' | b'.' | b'-')
                || (is_arn(text) && matches!(byte, b':' | b'/'))
        };
        // An ARN is given at least as far as its account: what stands before says whose table it is.
        let whole = !is_arn(text)
            || name.splitn(6, ':').nth(5).is_some_and(|resource| resource.starts_with("table/"));
        if text.is_empty() || text.len() > 1024 || !whole || !name.bytes().all(known) {
            let form = "a name of letters, digits and _ . -, or the ARN of a table, with * at its end to mean all that begin so";
            return Err(format!("{text:?} is no table; expected {form}"));
        }
        Ok(Self(text.to_string()))
    }
}

impl fmt::Display for TablePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

crate::text::as_text!(ActionName, TablePattern);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_at_the_end_stands_for_any_rest() {
        let pattern: TablePattern = "orders-*".parse().unwrap();
        assert!(pattern.matches("orders-2026") && pattern.matches("orders-"));
        assert!(!pattern.matches("orders") && !pattern.matches("Orders-1"));
        assert!(
            "a*b".parse::<TablePattern>().is_err()
                && "".parse::<TablePattern>().is_err()
                && "a/b".parse::<TablePattern>().is_err()
        );
    }

    #[test]
    fn a_name_means_no_table_of_another_account() {
        let arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders";
        assert!(arn.parse::<TablePattern>().unwrap().matches(arn));
        assert!(
            "arn:aws:dynamodb:eu-west-1:123456789012:table/*"
                .parse::<TablePattern>()
                .unwrap()
                .matches(arn)
        );
        for name in ["orders", "*", "a*"] {
            assert!(!name.parse::<TablePattern>().unwrap().matches(arn), "{name}");
        }
        for wrong in
            ["arn:*", "arn:aws:dynamodb:*", "arn:aws:dynamodb:eu-west-1:123456789012:*", "a/b"]
        {
            assert!(wrong.parse::<TablePattern>().is_err(), "{wrong}");
        }
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

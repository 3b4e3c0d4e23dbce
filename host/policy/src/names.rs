//! Access classes, and the names of actions and tables.

use crate::table::TableName;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The access class of an action, or the highest class that a policy allows. Each class includes
/// the lower ones.
///
/// The enum is exhaustive on purpose: code that grants access must decide about each class.
///
/// ```
/// use portcullis_policy::Access;
///
/// assert!(Access::Read < Access::Write && Access::Write < Access::Admin);
/// ```
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
    /// Creates, changes or deletes tables, backups, tags, policies and the like.
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

/// The error of parsing an [`ActionName`] or a [`TablePattern`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The text is not the name of an action. The variant holds its first 70 characters.
    #[error(
        "{0:?} is not the name of an action; expected 1 to 64 letters and digits, as in GetItem"
    )]
    Action(String),
    /// The text is not the name, ARN or prefix of a table. The variant holds its first 256
    /// characters.
    #[error(
        "{0:?} is not a table; expected a name of letters, digits and _ . -, or the ARN of a \
         table, optionally with * at the end to match any suffix"
    )]
    Table(String),
}

/// The name of an action: 1 to 64 ASCII letters and digits, like the names of AWS operations.
///
/// ```
/// use portcullis_policy::ActionName;
///
/// let action: ActionName = "GetItem".parse()?;
/// assert_eq!(action.as_str(), "GetItem");
/// assert!("Get Item".parse::<ActionName>().is_err());
/// # Ok::<(), portcullis_policy::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ActionName(Arc<str>);

impl ActionName {
    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ActionName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(Self(text.into()));
        }
        Err(NameError::Action(text.chars().take(70).collect()))
    }
}

impl fmt::Display for ActionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A table's name or ARN, or a prefix of one followed by `*`.
///
/// A name matches tables of the credentials' own account and region. A table that a request names
/// by its ARN may belong to another account, so only an ARN matches it.
///
/// ```
/// use portcullis_policy::{TableName, TablePattern};
///
/// let pattern: TablePattern = "orders-*".parse()?;
/// assert!(pattern.matches(TableName::parse("orders-2026")?));
/// assert!(!pattern.matches(TableName::parse("users")?));
///
/// let arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders";
/// assert!(arn.parse::<TablePattern>()?.matches(TableName::parse(arn)?));
/// assert!(!"*".parse::<TablePattern>()?.matches(TableName::parse(arn)?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TablePattern(String);

impl TablePattern {
    /// Returns whether the pattern matches `table`. The comparison is case-sensitive.
    #[must_use]
    pub fn matches(&self, table: TableName<'_>) -> bool {
        let table = table.as_str();
        match self.0.strip_suffix('*') {
            Some(prefix) => table.starts_with(prefix) && is_arn(table) == is_arn(prefix),
            None => table == self.0,
        }
    }
}

fn is_arn(text: &str) -> bool {
    text.starts_with("arn:")
}

impl FromStr for TablePattern {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let name = text.strip_suffix('*').unwrap_or(text);
        let known = |byte: u8| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'_' | b'.' | b'-')
                || (is_arn(text) && matches!(byte, b':' | b'/'))
        };
        // An ARN must be complete up to `table/`, because the parts before it say which account and
        // region own the table.
        let whole = !is_arn(text)
            || name.splitn(6, ':').nth(5).is_some_and(|resource| resource.starts_with("table/"));
        if text.is_empty() || text.len() > 1024 || !whole || !name.bytes().all(known) {
            return Err(NameError::Table(text.chars().take(256).collect()));
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
    fn trailing_star_matches_any_suffix() {
        let pattern: TablePattern = "orders-*".parse().unwrap();
        let matches = |table| pattern.matches(TableName::parse(table).unwrap());
        assert!(matches("orders-2026") && matches("orders-"));
        assert!(!matches("orders") && !matches("Orders-1"));
        assert!(
            "a*b".parse::<TablePattern>().is_err()
                && "".parse::<TablePattern>().is_err()
                && "a/b".parse::<TablePattern>().is_err()
        );
    }

    #[test]
    fn name_does_not_match_a_table_that_is_named_by_its_arn() {
        let arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders";
        let table = TableName::parse(arn).unwrap();
        assert!(arn.parse::<TablePattern>().unwrap().matches(table));
        assert!(
            "arn:aws:dynamodb:eu-west-1:123456789012:table/*"
                .parse::<TablePattern>()
                .unwrap()
                .matches(table)
        );
        for name in ["orders", "*", "a*"] {
            assert!(!name.parse::<TablePattern>().unwrap().matches(table), "{name}");
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
    fn action_names_are_letters_and_digits() {
        assert!("GetItem".parse::<ActionName>().is_ok());
        for wrong in ["", "Get Item", "Get.Item", "Gét", &"a".repeat(65)] {
            assert!(wrong.parse::<ActionName>().is_err(), "{wrong}");
        }
    }
}

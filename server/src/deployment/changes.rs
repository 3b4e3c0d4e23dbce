//! What a reload changed.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// What a reload changed.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Changes {
    /// Datasources that are new.
    pub added: Vec<String>,
    /// Datasources that are connected again on their next use.
    pub changed: Vec<String>,
    /// Datasources that are gone.
    pub removed: Vec<String>,
    /// The number of datasources that kept their instances and connections.
    pub unchanged: usize,
    /// What changed about the tokens.
    pub tokens: TokenChanges,
}

/// What a reload changed about the tokens.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TokenChanges {
    /// Tokens that are new.
    pub added: Vec<String>,
    /// Tokens with another digest, or that allow something else.
    pub changed: Vec<String>,
    /// Tokens that are gone.
    pub removed: Vec<String>,
}

impl Changes {
    pub(super) fn new(datasources: Difference, unchanged: usize, tokens: Difference) -> Self {
        let Difference { added, changed, removed } = tokens;
        let tokens = TokenChanges { added, changed, removed };
        let Difference { added, changed, removed } = datasources;
        Self { added, changed, removed, unchanged, tokens }
    }
}

/// The names that are new, those of what changed, and those that are gone.
pub(super) struct Difference {
    pub(super) added: Vec<String>,
    pub(super) changed: Vec<String>,
    pub(super) removed: Vec<String>,
}

impl Difference {
    pub(super) fn between<T>(
        before: &BTreeMap<String, T>,
        after: &BTreeMap<String, T>,
        is_same: impl Fn(&T, &T) -> bool,
    ) -> Self {
        let names = |names: &mut dyn Iterator<Item = &String>| names.cloned().collect();
        let is_changed =
            |(name, new): &(&String, &T)| before.get(*name).is_some_and(|old| !is_same(old, new));
        Self {
            added: names(&mut after.keys().filter(|name| !before.contains_key(*name))),
            changed: names(&mut after.iter().filter(is_changed).map(|(name, _)| name)),
            removed: names(&mut before.keys().filter(|name| !after.contains_key(*name))),
        }
    }
}

impl TokenChanges {
    pub(crate) fn is_empty(&self) -> bool {
        [&self.added, &self.changed, &self.removed].iter().all(|names| names.is_empty())
    }
}

/// The names, for records.
impl fmt::Display for TokenChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds =
            [("added", &self.added), ("changed", &self.changed), ("removed", &self.removed)];
        let kinds = kinds.iter().filter(|(_, names)| !names.is_empty());
        let texts: Vec<_> =
            kinds.map(|(kind, names)| format!("{kind}: {}", names.join(", "))).collect();
        f.write_str(&texts.join("; "))
    }
}

/// A summary, for logs. A list may have thousands of names.
impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { added, changed, removed, unchanged, tokens } = self;
        write!(
            f,
            "datasources: {} added, {} changed, {} removed, {unchanged} unchanged; tokens: {} \
             added, {} changed, {} removed",
            added.len(),
            changed.len(),
            removed.len(),
            tokens.added.len(),
            tokens.changed.len(),
            tokens.removed.len()
        )
    }
}

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
    /// The templates. What tenants have filled in is connected again on its next use if its template
    /// has changed.
    pub templates: NameChanges,
    /// The tokens: those that have changed have another digest, or allow something else.
    pub tokens: NameChanges,
}

/// The names of what a reload changed.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NameChanges {
    /// What is new.
    pub added: Vec<String>,
    /// What is different.
    pub changed: Vec<String>,
    /// What is gone.
    pub removed: Vec<String>,
}

impl Changes {
    pub(super) fn new(
        datasources: NameChanges,
        unchanged: usize,
        templates: NameChanges,
        tokens: NameChanges,
    ) -> Self {
        let NameChanges { added, changed, removed } = datasources;
        Self { added, changed, removed, unchanged, templates, tokens }
    }
}

impl NameChanges {
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

    pub(crate) fn is_empty(&self) -> bool {
        [&self.added, &self.changed, &self.removed].iter().all(|names| names.is_empty())
    }

    fn counts(&self) -> String {
        let Self { added, changed, removed } = self;
        format!("{} added, {} changed, {} removed", added.len(), changed.len(), removed.len())
    }
}

/// The names, for records.
impl fmt::Display for NameChanges {
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
        let Self { added, changed, removed, unchanged, templates, tokens } = self;
        write!(
            f,
            "datasources: {} added, {} changed, {} removed, {unchanged} unchanged; templates: {}; \
             tokens: {}",
            added.len(),
            changed.len(),
            removed.len(),
            templates.counts(),
            tokens.counts(),
        )
    }
}

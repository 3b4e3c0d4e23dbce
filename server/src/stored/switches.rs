//! The switches of saved datasources, found by their names.

use crate::deployment::Switch;
use parking_lot::Mutex;
use portcullis_cache::Shared;
use portcullis_store::DatasourceName;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One switch for each name, whatever is saved under it: whoever connects it, even while another one is
/// saved, is disabled with it. A restart of the server enables all.
#[derive(Default)]
pub(super) struct Switches {
    used: Shared<Switch>,
    disabled: Mutex<BTreeMap<DatasourceName, Arc<Switch>>>,
}

impl Switches {
    /// The switch of a name.
    pub(super) fn of(&self, name: &DatasourceName) -> Arc<Switch> {
        self.used.get(name.as_str(), Switch::default)
    }

    /// Disables or enables what is connected under a name, now or later.
    pub(super) fn set_disabled(&self, name: &DatasourceName, is_disabled: bool) {
        let mut disabled = self.disabled.lock();
        let switch = self.of(name);
        switch.set_disabled(is_disabled);
        if is_disabled {
            disabled.insert(name.clone(), switch);
        } else {
            disabled.remove(name);
        }
    }

    /// Whether an operator has disabled it.
    pub(super) fn is_disabled(&self, name: &DatasourceName) -> bool {
        self.disabled.lock().contains_key(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_are_connected_under_a_name_are_disabled_together() {
        let switches = Switches::default();
        let name: DatasourceName = "orders".parse().unwrap();
        let before = switches.of(&name);
        switches.set_disabled(&name, true);
        let after = switches.of(&name);
        assert!(before.is_disabled() && after.is_disabled());
        drop((before, after));
        assert!(switches.of(&name).is_disabled() && switches.is_disabled(&name));
        switches.set_disabled(&name, false);
        assert!(!switches.of(&name).is_disabled() && !switches.is_disabled(&name));
    }
}

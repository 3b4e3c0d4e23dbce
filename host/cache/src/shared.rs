//! Values that their users share.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// One value for each name, as long as somebody has it.
///
/// ```
/// use portcullis_cache::Shared;
/// use std::sync::Arc;
///
/// let shared = Shared::default();
/// let first = shared.get("orders", || 1);
/// assert!(Arc::ptr_eq(&first, &shared.get("orders", || 2)));
/// drop(first);
/// assert_eq!(*shared.get("orders", || 3), 3);
/// ```
#[derive(Debug)]
pub struct Shared<T>(Mutex<HashMap<String, Weak<T>>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Shared<T> {
    /// The value of a name, which is created if nobody has it.
    pub fn get(&self, name: &str, create: impl FnOnce() -> T) -> Arc<T> {
        let mut values = self.0.lock();
        if let Some(known) = values.get(name).and_then(Weak::upgrade) {
            return known;
        }
        // Before it grows, what nobody has any more goes.
        if values.len() == values.capacity() {
            values.retain(|_, value| value.strong_count() > 0);
        }
        let new = Arc::new(create());
        values.insert(name.to_string(), Arc::downgrade(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_nobody_has_take_no_memory() {
        let shared = Shared::default();
        let used = shared.get("used", || 0);
        for index in 1..10_000 {
            shared.get(&index.to_string(), || index);
        }
        assert!(shared.0.lock().capacity() < 100);
        assert!(Arc::ptr_eq(&used, &shared.get("used", || 1)));
    }
}

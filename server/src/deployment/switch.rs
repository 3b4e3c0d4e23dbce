//! Switches with which an operator disables datasources.

use tokio::sync::watch;

/// Whether an operator has disabled a datasource. A reload of the policy does not change it; a
/// restart of the server enables all.
pub(crate) struct Switch(watch::Sender<bool>);

/// A call that was not made, or was ended, because its datasource is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Disabled {
    /// Whether the service may have received a request of the call.
    pub(crate) maybe_applied: bool,
}

impl Default for Switch {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Switch {
    pub(crate) fn is_disabled(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns whether this changes anything.
    pub(crate) fn set_disabled(&self, is_disabled: bool) -> bool {
        self.0.send_replace(is_disabled) != is_disabled
    }

    /// Makes a call, and ends it when the datasource is disabled.
    pub(crate) async fn guard<T>(&self, call: impl Future<Output = T>) -> Result<T, Disabled> {
        let mut changes = self.0.subscribe();
        if *changes.borrow_and_update() {
            return Err(Disabled { maybe_applied: false });
        }
        let disabled = async {
            // Fails if the switch is gone, which this borrows.
            let _ = changes.wait_for(|is_disabled| *is_disabled).await;
        };
        tokio::select! {
            biased;
            result = call => Ok(result),
            () = disabled => Err(Disabled { maybe_applied: true }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use std::sync::Arc;

    #[tokio::test]
    async fn disabling_ends_running_calls_and_refuses_new_ones() {
        let switch = Arc::new(Switch::default());
        assert_eq!(switch.guard(ready(1)).await, Ok(1));
        let running = switch.clone();
        let running = tokio::spawn(async move { running.guard(pending::<()>()).await });
        tokio::task::yield_now().await;
        assert!(switch.set_disabled(true) && !switch.set_disabled(true));
        assert_eq!(running.await.unwrap(), Err(Disabled { maybe_applied: true }));
        assert_eq!(switch.guard(ready(1)).await, Err(Disabled { maybe_applied: false }));
        switch.set_disabled(false);
        assert_eq!(switch.guard(ready(1)).await, Ok(1));
    }
}

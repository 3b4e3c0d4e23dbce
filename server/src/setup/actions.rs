//! Names of actions in the policy file, compared with the manifests of its plugins.

use portcullis::Plugin;
use portcullis_config::{ServerConfig, ServerConfigError};
use std::collections::BTreeSet;

/// Checks that the actions which tokens list are actions of a plugin. A manifest without actions
/// does not say what its plugin has, so with such a plugin every name is accepted.
///
/// # Errors
/// Returns an error that names the token, the unknown action, and the closest known one.
pub fn check_token_actions<'p>(
    server: &ServerConfig,
    plugins: impl IntoIterator<Item = &'p Plugin>,
) -> Result<(), ServerConfigError> {
    let mut known = BTreeSet::new();
    for plugin in plugins {
        let mut actions = plugin.manifest().actions().map(|(name, _)| name.as_str()).peekable();
        if actions.peek().is_none() {
            return Ok(());
        }
        known.extend(actions);
    }
    server.check_actions(&known)
}

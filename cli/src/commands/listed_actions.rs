//! Whether the actions that a policy lists are actions of its plugin, and allowed.

use crate::failure::Failure;
use dynamodb_plugin::nearest::nearest;
use portcullis::{Plugin, Policy};

/// Refuses actions that are not in the manifest: they are misspelt, or newer than the manifest, and
/// would allow nothing. A manifest without actions does not say what its plugin has.
pub(super) fn check_actions(plugin: &Plugin, policy: &Policy) -> Result<(), Failure> {
    let known: Vec<&str> = plugin.manifest().actions().map(|(name, _)| name.as_str()).collect();
    let mut listed = policy.actions.iter().flatten();
    match listed.find(|action| !known.contains(&action.as_str())) {
        Some(action) if !known.is_empty() => {
            let failure = Failure::configuration(format!(
                "actions lists {:?}, which is not in the plugin's manifest",
                action.as_str()
            ));
            let guess = nearest(action.as_str(), known.iter().copied());
            Err(match guess {
                Some(guess) => failure.with(format!("did you mean {guess}?")),
                None => failure.with("`portcullis inspect` lists the plugin's actions"),
            })
        }
        _ => check_access(plugin, policy),
    }
}

/// Refuses actions that need more access than the policy gives: they are listed, and denied.
fn check_access(plugin: &Plugin, policy: &Policy) -> Result<(), Failure> {
    for action in policy.actions.iter().flatten() {
        let needed = plugin.manifest().action(action).map(portcullis::policy::Action::min_access);
        if let Some(Err(denial)) = needed.map(|needed| policy.check_access(action, needed)) {
            return Err(Failure::configuration(format!(
                "actions lists {action}: {}",
                denial.message
            ))
            .with(format!("take it out of the list, or write {}", denial.remedy)));
        }
    }
    Ok(())
}

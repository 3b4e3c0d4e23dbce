//! Hints for the most common mistakes: what the caller can do about an error of the service.
//!
//! The hints are tables of texts with placeholders: that is smaller than code for each of them, and
//! every plugin instance holds it.

mod code;
mod context;
mod expression;
mod request;
mod statement;
#[cfg(test)]
mod tests;
mod validation;

pub(crate) use code::IN_PROGRESS;
pub use context::HintContext;

use crate::catalogue::permissions;
use alloc::string::String;

/// Returns a hint for an error of the service, or `None` if the service's message needs none.
#[must_use]
pub fn hint(code: &str, message: &str, context: &HintContext) -> Option<String> {
    let HintContext { action, region, request, .. } = context;
    let is_validation = code == "ValidationException";
    let is_statement = action.ends_with("Statement") || *action == "ExecuteTransaction";
    if is_statement && (is_validation || code == "ResourceNotFoundException") {
        let found = statement::hint(message, request);
        if found.is_some() {
            return found;
        }
    }
    if is_validation {
        return validation::hint(message, context);
    }
    let text = code::hint(code, message, context)?;
    Some(
        text.replace("{action}", action)
            .replace("{region}", region.unwrap_or_default())
            .replace("{permissions}", &needed(action)),
    )
}

/// Returns the IAM permissions that an action needs, for people.
fn needed(action: &str) -> String {
    let mut needed = String::new();
    let own = [action];
    let names = permissions(action);
    if names.len() > 1 {
        needed.push_str("what the call needs of ");
    }
    for name in if names.is_empty() { &own } else { names } {
        if needed.ends_with(|c: char| c.is_ascii_alphanumeric()) {
            needed.push_str(", ");
        }
        needed.push_str("dynamodb:");
        needed.push_str(name);
    }
    needed
}

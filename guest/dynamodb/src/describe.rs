//! What the plugin says of itself, for people and forms.

use crate::catalogue::{Access, OPERATIONS, Shape, json_schema};
use crate::settings::{MEANINGS, OPTIONS, SETTINGS};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::{Value, json};

/// Name, version, settings, options and actions, as JSON.
#[must_use]
pub fn describe() -> String {
    let actions: Vec<Value> = OPERATIONS
        .iter()
        .map(|operation| {
            let example: Value = serde_json::from_str(operation.example).unwrap_or_default();
            json!({"name": operation.name, "access": access(operation.access), "example": example})
        })
        .collect();
    json!({
        "name": "dynamodb",
        "title": "Amazon DynamoDB",
        "version": env!("CARGO_PKG_VERSION"),
        "settings": explained(&SETTINGS),
        "options": explained(&OPTIONS),
        "actions": actions,
    })
    .to_string()
}

/// The JSON Schema of settings or options, with what each means.
fn explained(shape: &Shape) -> Value {
    let mut schema = json_schema(shape);
    for (name, meaning) in MEANINGS {
        if let Some(property) = schema["properties"].get_mut(name) {
            property["description"] = json!(meaning);
        }
    }
    schema
}

/// The access class as policies write it.
#[must_use]
pub fn access(access: Access) -> &'static str {
    match access {
        Access::Read => "read",
        Access::Write => "write",
        Access::Admin => "admin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_and_option_is_explained() {
        let described: Value = serde_json::from_str(&describe()).unwrap();
        for part in ["settings", "options"] {
            for (name, property) in described[part]["properties"].as_object().unwrap() {
                assert!(property["description"].is_string(), "{part}: {name}");
            }
        }
    }
}

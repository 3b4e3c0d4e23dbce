//! The plugin's description of itself, for people and forms.

use crate::catalogue::{Access, OPERATIONS, REGIONS, Shape, json_schema};
use crate::object::object;
use crate::settings::{DESCRIPTIONS, OPTIONS, SETTINGS};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::Value;

/// Returns the plugin's name, version, settings, options and actions, as JSON.
#[must_use]
pub fn describe() -> String {
    let actions: Vec<Value> = OPERATIONS
        .iter()
        .map(|operation| {
            let example: Value = serde_json::from_str(operation.example).unwrap_or_default();
            object(&mut [
                ("name", operation.name.into()),
                ("access", access(operation.access).into()),
                ("example", example),
            ])
        })
        .collect();
    object(&mut [
        ("name", "dynamodb".into()),
        ("title", "Amazon DynamoDB".into()),
        ("version", env!("CARGO_PKG_VERSION").into()),
        ("settings", described_schema(&SETTINGS)),
        ("options", described_schema(&OPTIONS)),
        ("actions", actions.into()),
    ])
    .to_string()
}

/// Returns the JSON Schema of the settings or options, with descriptions.
fn described_schema(shape: &Shape) -> Value {
    let mut schema = json_schema(shape);
    for (name, title, description) in DESCRIPTIONS {
        if let Some(property) = schema["properties"].get_mut(name) {
            property["title"] = title.into();
            property["description"] = description.into();
        }
    }
    for (name, example) in EXAMPLES {
        if let Some(property) = schema["properties"].get_mut(name) {
            property["examples"] = [example].into();
        }
    }
    if let Some(region) = schema["properties"].get_mut("region") {
        // Suggestions with names for people. Other regions are accepted too.
        let known = REGIONS.iter().map(|(region, name)| {
            object(&mut [("const", (*region).into()), ("title", (*name).into())])
        });
        let others = object(&mut [("type", "string".into())]);
        region["anyOf"] = known.chain([others]).collect::<Vec<_>>().into();
    }
    schema
}

/// What settings look like.
const EXAMPLES: [(&str, &str); 3] =
    [("accountId", "123456789012"), ("endpoint", "http://localhost:8000"), ("region", "eu-west-1")];

/// Returns the access class as it is written in policies.
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
    fn every_setting_and_option_has_a_description() {
        let described: Value = serde_json::from_str(&describe()).unwrap();
        for part in ["settings", "options"] {
            for (name, property) in described[part]["properties"].as_object().unwrap() {
                assert!(property["description"].is_string(), "{part}: {name}");
                assert!(property["title"].is_string(), "{part}: {name}");
            }
        }
    }
}

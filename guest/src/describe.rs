//! What the plugin says of itself, for people and forms.

use crate::catalogue::{Access, OPERATIONS, json_schema};
use crate::settings::{OPTIONS, SETTINGS};
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
        "settings": json_schema(&SETTINGS),
        "options": json_schema(&OPTIONS),
        "actions": actions,
    })
    .to_string()
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

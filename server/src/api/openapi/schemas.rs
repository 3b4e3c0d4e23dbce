//! The schemas that several paths have.

use crate::deployment::Condition;
use serde_json::{Value, json};

/// The document of a call that brings its datasource along.
pub(super) fn call_document(has_input: bool) -> Value {
    let secret = json!({"type": "string", "writeOnly": true, "minLength": 1});
    let mut document = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "settings": {
                "type": "object",
                "description": "The settings that the template lets a tenant give.",
                "additionalProperties": {"type": ["string", "number", "boolean"]},
            },
            "credentials": {
                "type": "object",
                "description": "AWS credentials, if the template takes the caller's. No response, log or record contains them.",
                "additionalProperties": false,
                "required": ["accessKeyId", "secretAccessKey"],
                "properties": {
                    "accessKeyId": {"type": "string", "minLength": 1},
                    "secretAccessKey": secret,
                    "sessionToken": secret,
                },
            },
            "options": {
                "type": "object",
                "description": "The same options as in the query of a call, and deadline.",
            },
        },
    });
    if has_input {
        document["properties"]["input"] =
            json!({"type": "object", "description": "The input of the action."});
        document["properties"]["template"] = json!({
            "type": "string",
            "description": "Instead of input: JSON with {{name}} in place of each value.",
        });
        document["properties"]["values"] =
            json!({"type": "object", "description": "The values of the template by name."});
    }
    document
}

/// What a datasource is.
pub(super) fn state() -> Value {
    let names = Condition::ALL.map(Condition::as_str);
    json!({
        "enum": names,
        "description": "An idle datasource is connected on its next use.",
    })
}

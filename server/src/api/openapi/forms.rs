//! The paths for forms.

use super::parameters::template_parameter;
use super::responses::responses;
use serde_json::{Value, json};

/// The paths for forms.
pub(super) fn form_paths() -> Value {
    let schema = json!({"type": "object", "description": "JSON Schema, draft 2020-12."});
    let plugin = json!({
        "name": "plugin", "in": "path", "required": true, "schema": {"type": "string", "minLength": 1},
    });
    let template = template_parameter();
    json!({
        "/v1/plugins/{plugin}": {"get": {
            "operationId": "plugin", "summary": "Describe a plugin: settings, options, actions and kinds of credentials",
            "parameters": [plugin],
            "responses": responses("What the plugin says about itself.", &json!({
                "type": "object", "required": ["authentication"],
                "properties": {
                    "name": {"type": "string"}, "title": {"type": "string"}, "version": {"type": "string"},
                    "settings": schema, "options": schema,
                    "actions": {"type": "array", "items": {
                        "type": "object", "required": ["name", "access"], "properties": {
                            "name": {"type": "string"},
                            "access": {"enum": ["read", "write", "admin"]},
                            "example": {"type": "object"},
                            "input": {"type": "object", "description": "The JSON Schema of the input."},
                        },
                    }},
                    "authentication": {"type": "array", "items": {"type": "object", "required": ["type", "schema"]}},
                },
            }), &[400, 401, 403, 404, 502, 503, 504]),
        }},
        "/v1/templates/{template}": {"get": {
            "operationId": "template", "summary": "Describe what a tenant may fill in, and what the datasource may do",
            "parameters": [template],
            "responses": responses("The template.", &json!({
                "type": "object", "required": ["name", "plugin", "tenant", "settings", "credentials", "access"],
                "properties": {
                    "name": {"type": "string"}, "plugin": {"type": "string"},
                    "title": {"type": ["string", "null"]},
                    "tenant": {"type": "boolean", "description": "Whether it needs the name of a tenant."},
                    "settings": schema,
                    "credentials": {"type": "object", "required": ["from"], "properties": {
                        "from": {"enum": ["caller", "operator", "nowhere"]},
                        "accepts": {"type": "array", "items": {"type": "object"}},
                    }},
                    "access": {"enum": ["read", "write", "admin"]},
                    "actions": {"type": ["array", "null"], "items": {"type": "string"}},
                    "tables": {"type": ["array", "null"], "items": {"type": "string"}},
                    "egress": {
                        "type": "array", "items": {"type": "string"},
                        "description": "Where requests may go. Only operators see it.",
                    },
                },
            }), &[400, 401, 403, 404, 502, 503, 504]),
        }},
    })
}

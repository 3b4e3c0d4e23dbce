//! The paths that belong to no datasource.

use super::parameters::query;
use super::responses::{responses, with_problems, with_request_id};
use dynamodb_plugin::catalogue::OPERATIONS;
use serde_json::{Value, json};

/// The paths that belong to no datasource.
pub(super) fn server_paths() -> Value {
    let known: Vec<&str> = OPERATIONS.iter().map(|operation| operation.name).collect();
    let action =
        json!({"name": "action", "in": "path", "required": true, "schema": {"enum": known}});
    let object = json!({"type": "object"});
    json!({
        "/v1/actions": {"get": {
            "operationId": "actions", "summary": "List the actions of DynamoDB and of other plugins",
            "responses": responses("All actions of DynamoDB, and those of other plugins that are loaded and whose datasources the token may use.", &json!({
                "type": "object", "required": ["actions"],
                "properties": {
                    "actions": {
                        "type": "array",
                        "items": {"type": "object", "required": ["name", "access", "plugin"]},
                    },
                },
            }), &[401, 403]),
        }},
        "/v1/actions/{action}": {"get": {
            "operationId": "action", "summary": "Describe one action, with an example and the JSON Schema of its input",
            "parameters": [action],
            "responses": responses(
                "The description of the action.",
                &json!({"type": "object", "required": ["name", "access", "example", "input"]}),
                &[400, 401, 403, 404],
            ),
        }},
        "/v1/reload": {"post": {
            "operationId": "reload", "summary": "Reload the policy: all of it, or nothing",
            "responses": responses("The changes to datasources, templates and tokens.", &json!({
                "type": "object",
                "required": ["added", "changed", "removed", "unchanged", "templates", "tokens"],
            }), &[401, 403, 409]),
        }},
        "/metrics": {"get": {
            "operationId": "metrics", "summary": "Return metrics for Prometheus",
            "responses": with_problems(json!({"200": {
                "description": "The metrics.", "content": {
                    "text/plain; version=0.0.4; charset=utf-8": {"schema": {"type": "string"}},
                },
            }}), &[401, 403]),
        }},
        "/": {"get": {
            "operationId": "page", "summary": "Lead people to the console",
            "security": [],
            "responses": with_request_id(
                json!({"307": {"description": "The console is at /console/."}}),
            ),
        }},
        "/console/{path}": {"get": {
            "operationId": "console", "summary": "A file of the console, a page for people",
            "security": [],
            "parameters": [{
                "name": "path", "in": "path", "required": true,
                "description": "Empty for the page itself.", "schema": {"type": "string"},
            }],
            "responses": with_problems(json!({
                "200": {"description": "The file.", "content": {"*/*": {"schema": {"type": "string"}}}},
                "304": {"description": "The browser has it already."},
            }), &[400, 403, 404]),
        }},
        "/v1/refusals": {"get": {
            "operationId": "refusals", "summary": "List the latest refusals, the last one first",
            "parameters": [query("limit", "The most refusals. 200 are kept.",
                &json!({"type": "integer", "minimum": 1, "default": 50}))],
            "responses": responses("The latest refusals since the server was started.", &json!({
                "type": "object", "required": ["refusals"],
                "properties": {"refusals": {"type": "array", "items": {
                    "type": "object", "required": ["time", "rule"], "properties": {
                        "time": {"type": "string", "format": "date-time"},
                        "rule": {"type": "string"},
                        "remedy": {
                            "type": ["string", "null"],
                            "description": "What would allow it: a line of policy, or other advice.",
                        },
                    },
                }}},
            }), &[400, 401, 403]),
        }},
        "/healthz": {
            "get": {
                "operationId": "healthz",
                "summary": "Check that the server runs",
                "security": [],
                "responses": responses("The server runs.", &object, &[]),
            },
        },
        "/readyz": {"get": {
            "operationId": "readyz", "summary": "Check that the server accepts requests", "security": [],
            "responses": with_problems(json!({
                "200": {
                    "description": "The server accepts requests.",
                    "content": {"application/json": {"schema": object}},
                },
                "503": {
                    "description": "The server is about to stop.",
                    "content": {"application/json": {"schema": object}},
                },
            }), &[]),
        }},
        "/openapi.json": {
            "get": {
                "operationId": "openapi",
                "summary": "Return this description",
                "security": [],
                "responses": responses("The description of the API.", &object, &[]),
            },
        },
    })
}

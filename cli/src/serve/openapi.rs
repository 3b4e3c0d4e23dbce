//! The description of the JSON API, by `OpenAPI` 3.1.
//! <https://spec.openapis.org/oas/v3.1.1.html>

use super::api::BOUND;
use super::problem::CASES;
use dynamodb_plugin::catalogue::OPERATIONS;
use serde_json::{Map, Value, json};

/// The description.
pub(crate) fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Portcullis",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Datasource plugins in a sandbox, for clients in any language. Below /ddb/{datasource}/ the same datasources speak \
                DynamoDB's own protocol; point an AWS SDK's endpoint URL there.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "security": [{}, {"token": []}],
        "paths": paths(),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "Needed where the server has tokens."}},
            "schemas": {"Problem": problem()},
            "headers": {"RequestId": {"description": "The id that audit records and logs have.", "schema": {"type": "string"}}},
        },
    })
}

fn paths() -> Value {
    let name = |name: &str, description: &str| json!({"name": name, "in": "path", "required": true, "description": description, "schema": {"type": "string", "minLength": 1}});
    let query = |name: &str, description: &str, schema: Value| json!({"name": name, "in": "query", "description": description, "schema": schema});
    let datasource = name("datasource", "The datasource, by its name in the policy.");
    let known: Vec<&str> = OPERATIONS.iter().map(|operation| operation.name).collect();
    let action = json!({"name": "action", "in": "path", "required": true, "description": "The action, as the service calls it: GetItem. Those of \
        DynamoDB are listed; other plugins have others.", "schema": {"anyOf": [{"enum": known}, {"type": "string", "pattern": "^[A-Za-z0-9]{1,64}$"}]}});
    let deadline = query(
        "deadline",
        "The most time for the call: 5s, 500ms. The policy's deadline stands where it is shorter.",
        json!({"type": "string", "pattern": "^[1-9][0-9]{0,5}(ms|s)$"}),
    );
    let request_id = json!({"name": "x-request-id", "in": "header", "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
        "description": "The caller's own id of the request, for audit records and logs; one is made where there is none."});
    let bound = json!({
        "type": "object",
        "required": ["template", "values"],
        "additionalProperties": false,
        "properties": {
            "template": {"type": "string", "description": "JSON with {{name}} where a value shall stand."},
            "values": {"type": "object", "description": "The values by name. Each is filled in as one JSON value, so that none can change the query."},
        },
    });
    let execute = json!({
        "operationId": "execute",
        "summary": "Run an action",
        "parameters": [
            datasource, action, request_id, deadline,
            query("format", "How attribute values are written: typed ({\"S\": \"a\"}) or plain (\"a\").", json!({"enum": ["typed", "plain"]})),
            query("pages", "Fetch all pages of a list, a query or a scan as one answer.", json!({"enum": ["one", "all"]})),
            query("maxItems", "With pages=all: stop after the page that reaches so many items.", json!({"type": "integer", "minimum": 1})),
            query("maxBytes", "With pages=all: stop after the page that reaches so many bytes.", json!({"type": "integer", "minimum": 1})),
            query("resubmit", "Send again what a batch leaves undone.", json!({"type": "boolean"})),
            query("strict", "false leaves it to the service to find mistakes in the input.", json!({"type": "boolean"})),
        ],
        "requestBody": {"required": true, "content": {
            "application/json": {"schema": {"type": "object", "description": "The action's JSON; see /v1/actions/{action}. Comments and trailing commas are accepted."}},
            BOUND: {"schema": bound},
        }},
        "responses": responses("The action's answer.", &json!({"type": "object"}), &[400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 502, 503, 504]),
    });
    let mut paths = of_the_server();
    let object = json!({"type": "object"});
    let datasources = json!({
        "/v1/datasources": {"get": {
            "operationId": "datasources", "summary": "The datasources that may be used",
            "responses": responses("The datasources.", &json!({
                "type": "object", "required": ["datasources"],
                "properties": {"datasources": {"type": "array", "items": {
                    "type": "object", "required": ["name", "plugin", "access"],
                    "properties": {
                        "name": {"type": "string"}, "plugin": {"type": "string"}, "access": {"enum": ["read", "write", "admin"]},
                        "actions": {"type": ["array", "null"], "items": {"type": "string"}},
                    },
                }}},
            }), &[401, 403]),
        }},
        "/v1/datasources/{datasource}/actions/{action}": {"post": execute},
        "/v1/datasources/{datasource}/test": {"get": {
            "operationId": "test", "summary": "Is the service reached, and does it accept the identity?",
            "parameters": [datasource, request_id, deadline],
            "responses": responses("It is and does.", &json!({
                "type": "object", "required": ["ok", "message"], "properties": {"ok": {"type": "boolean"}, "message": {"type": "string"}},
            }), &[400, 401, 403, 404, 429, 502, 503, 504]),
        }},
        "/v1/datasources/{datasource}/structure": {"get": {
            "operationId": "structure", "summary": "The tables with their keys and indexes",
            "parameters": [
                datasource, request_id, deadline,
                query("prefix", "Only tables whose names begin so.", json!({"type": "string"})),
                query("limit", "The most tables.", json!({"type": "integer", "minimum": 1, "maximum": 1000, "default": 100})),
            ],
            "responses": responses("What the datasource holds.", &object, &[400, 401, 403, 404, 429, 502, 503, 504]),
        }},
    });
    if let (Some(paths), Value::Object(datasources)) = (paths.as_object_mut(), datasources) {
        paths.extend(datasources);
    }
    paths
}

/// What is no datasource's.
fn of_the_server() -> Value {
    let known: Vec<&str> = OPERATIONS.iter().map(|operation| operation.name).collect();
    let action =
        json!({"name": "action", "in": "path", "required": true, "schema": {"enum": known}});
    let object = json!({"type": "object"});
    json!({
        "/v1/actions": {"get": {
            "operationId": "actions", "summary": "The actions of DynamoDB",
            "responses": responses("All of them.", &json!({
                "type": "object", "required": ["actions"],
                "properties": {"actions": {"type": "array", "items": {"type": "object", "required": ["name", "access"]}}},
            }), &[401, 403]),
        }},
        "/v1/actions/{action}": {"get": {
            "operationId": "action", "summary": "One action, with an example and the JSON Schema of its input",
            "parameters": [action],
            "responses": responses("The action.", &json!({"type": "object", "required": ["name", "access", "example", "input"]}), &[400, 401, 403, 404]),
        }},
        "/v1/reload": {"post": {
            "operationId": "reload", "summary": "Read the policy again: all of it, or nothing",
            "responses": responses("What has changed.", &json!({
                "type": "object", "required": ["added", "changed", "removed", "unchanged"],
            }), &[401, 403, 409]),
        }},
        "/metrics": {"get": {
            "operationId": "metrics", "summary": "Figures for Prometheus",
            "responses": with_problems(json!({"200": {
                "description": "The figures.", "content": {"text/plain; version=0.0.4; charset=utf-8": {"schema": {"type": "string"}}},
            }}), &[401, 403]),
        }},
        "/healthz": {"get": {"operationId": "healthz", "summary": "Does the server live?", "security": [], "responses": responses("It does.", &object, &[])}},
        "/readyz": {"get": {
            "operationId": "readyz", "summary": "Shall the server get requests?", "security": [],
            "responses": {
                "200": {"description": "It shall.", "content": {"application/json": {"schema": object}}},
                "503": {"description": "It is about to stop.", "content": {"application/json": {"schema": object}}},
            },
        }},
        "/openapi.json": {"get": {"operationId": "openapi", "summary": "This description", "security": [], "responses": responses("It.", &object, &[])}},
    })
}

/// An answer of success in JSON, and the problems that there may be.
fn responses(description: &str, schema: &Value, problems: &[u16]) -> Value {
    let success = json!({"200": {"description": description, "content": {"application/json": {"schema": schema}}}});
    with_problems(success, problems)
}

fn with_problems(mut responses: Value, problems: &[u16]) -> Value {
    let content =
        json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
    // What any path may answer: 405 to another method.
    for status in problems.iter().chain(&[405]) {
        let reason = http::StatusCode::from_u16(*status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Error");
        responses[status.to_string()] = json!({"description": reason, "content": content});
    }
    let headers = json!({"x-request-id": {"$ref": "#/components/headers/RequestId"}});
    for (_, response) in responses.as_object_mut().unwrap_or(&mut Map::new()) {
        response["headers"] = headers.clone();
    }
    responses
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "RFC 9457. `case` says which members there are.",
        "required": ["type", "title", "status", "detail", "case"],
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "case": {"enum": CASES},
            "remedy": {"type": "string", "description": "What would help; for `denied` the line of policy that would allow it."},
            "rule": {"type": "string", "description": "The rule of policy that refused."},
            "subject": {"type": "string", "description": "What was refused: an origin, an action, a table."},
            "faults": {"type": "array", "items": {
                "type": "object", "required": ["pointer", "message"],
                "properties": {"pointer": {"type": "string", "description": "A JSON Pointer (RFC 6901) into the body, or to a name in the query."}, "message": {"type": "string"}},
            }},
            "code": {"type": "string", "description": "The service's name for its error."},
            "hint": {"type": "string"},
            "details": {"type": "object", "description": "Further members of the service's answer: CancellationReasons, Item …"},
            "serviceStatus": {"type": "integer"},
            "serviceRequestId": {"type": "string"},
            "retryable": {"type": "boolean"},
            "attempts": {"type": "integer", "description": "Requests that were sent."},
            "maybeApplied": {"type": "boolean", "description": "Whether the service may have done what was asked."},
            "limit": {"type": "string", "description": "The bound of the policy that was reached."},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::api::ROUTES;

    #[test]
    fn what_is_served_is_described_and_nothing_else() {
        let document = document();
        let mut described: Vec<&str> =
            document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        let mut served = ROUTES.to_vec();
        described.sort_unstable();
        served.sort_unstable();
        assert_eq!(described, served);
    }
}

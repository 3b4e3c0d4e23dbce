//! The paths of the calls of a datasource.

use super::parameters::{Parameters, query, tenant_parameter};
use super::responses::{responses, result};
use super::schemas::state;
use crate::routes::BOUND;
use dynamodb_plugin::catalogue::OPERATIONS;
use serde_json::{Value, json};

/// The paths of calls, and the switches of operators.
pub(super) fn datasource_paths() -> Value {
    let parameters = Parameters::new();
    // For those that were saved: the policy's own belong to no tenant.
    let tenant = tenant_parameter();
    let object = json!({"type": "object"});
    let mut name = parameters.datasource.clone();
    name["name"] = "name".into();
    let switch = |id: &str, summary: &str| {
        json!({"post": {
            "operationId": id, "summary": summary,
            "parameters": [name, parameters.request_id],
            "responses": responses("The state of the datasource.", &json!({
                "type": "object", "required": ["name", "state"],
                "properties": {"name": {"type": "string"}, "state": state()},
            }), &[400, 401, 403, 404, 503]),
        }})
    };
    json!({
        "/v1/datasources/{name}:disable":
            switch("disable", "Refuse calls of a datasource, and end those that are running"),
        "/v1/datasources/{name}:enable": switch("enable", "Accept calls of a datasource again"),
        "/v1/datasources/{datasource}/actions/{action}": {"post": execute(&parameters, &tenant)},
        "/v1/datasources/{datasource}/actions": {"get": {
            "operationId": "datasourceActions", "summary": "List the actions of a datasource, and why some are not allowed",
            "parameters": [parameters.datasource, tenant, parameters.request_id],
            "responses": responses("The actions.", &json!({
                "type": "object", "required": ["actions", "policy"], "properties": {
                    "actions": {"type": "array", "items": {
                        "type": "object", "required": ["name", "access", "allowed"], "properties": {
                            "name": {"type": "string"},
                            "access": {"enum": ["read", "write", "admin"]},
                            "allowed": {"type": "boolean"},
                            "reason": {"type": ["string", "null"]},
                        },
                    }},
                    "policy": {
                        "type": "object", "required": ["access"],
                        "description": "What it may do. `observe` names the rules that are only recorded. Only operators see `egress`.",
                    },
                },
            }), &[400, 401, 403, 404, 409, 503]),
        }},
        "/v1/datasources/{datasource}/test": {"get": {
            "operationId": "test", "summary": "Check connectivity and credentials",
            "parameters": [parameters.datasource, tenant, parameters.request_id, parameters.deadline],
            "responses": result("The service was reached and accepted the credentials.", &json!({
                "type": "object", "required": ["ok", "message"], "properties": {
                    "ok": {"type": "boolean"},
                    "message": {"type": "string"},
                },
            }), &[400, 401, 403, 404, 409, 413, 429, 502, 503, 504]),
        }},
        "/v1/datasources/{datasource}/structure": {"get": {
            "operationId": "structure", "summary": "List the tables with their keys and indexes",
            "parameters": [
                parameters.datasource, tenant, parameters.request_id, parameters.deadline,
                query(
                    "prefix",
                    "Only tables whose name starts with this prefix.",
                    &json!({"type": "string"}),
                ),
                query(
                    "limit",
                    "The maximum number of tables.",
                    &json!({"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}),
                ),
            ],
            "responses": result(
                "The structure of the datasource.",
                &object,
                &[400, 401, 403, 404, 409, 413, 429, 502, 503, 504],
            ),
        }},
    })
}

/// The operation that runs an action.
fn execute(parameters: &Parameters, tenant: &Value) -> Value {
    let known: Vec<&str> = OPERATIONS.iter().map(|operation| operation.name).collect();
    let action = json!({
        "name": "action",
        "in": "path",
        "required": true,
        "description": "The service's name of the action, such as GetItem. The list has the \
            actions of DynamoDB; other plugins have other actions.",
        "schema": {
            "anyOf": [{"enum": known}, {"type": "string", "pattern": "^[A-Za-z0-9]{1,64}$"}],
        },
    });
    let bound = json!({
        "type": "object",
        "required": ["template", "values"],
        "additionalProperties": false,
        "properties": {
            "template": {
                "type": "string",
                "description": "JSON with {{name}} in place of each value.",
            },
            "values": {
                "type": "object",
                "description": "The values by name. Each replaces its placeholder as one JSON value, so that no value can change the query.",
            },
        },
    });
    json!({
        "operationId": "execute",
        "summary": "Run an action",
        "parameters": [
            parameters.datasource, action, tenant, parameters.request_id, parameters.deadline,
            query(
                "format",
                "How attribute values are written: typed ({\"S\": \"a\"}) or plain (\"a\").",
                &json!({"enum": ["typed", "plain"]}),
            ),
            query(
                "pages",
                "Fetch all pages of a list, a query or a scan as one response.",
                &json!({"enum": ["one", "all"]}),
            ),
            query(
                "maxItems",
                "With pages=all: stop after the page that reaches this number of items.",
                &json!({"type": "integer", "minimum": 1}),
            ),
            query(
                "maxBytes",
                "With pages=all: stop after the page that reaches this number of bytes.",
                &json!({"type": "integer", "minimum": 1}),
            ),
            query(
                "resubmit",
                "Send unprocessed items of a batch again.",
                &json!({"type": "boolean"}),
            ),
            query(
                "strict",
                "false skips the validation of the input before it is sent.",
                &json!({"type": "boolean"}),
            ),
        ],
        "requestBody": {"required": true, "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "description": "The input of the action, see /v1/actions/{action}. Comments and trailing commas are accepted.",
                },
            },
            BOUND: {"schema": bound},
        }},
        "responses": result(
            "The result of the action.",
            &json!({"type": "object"}),
            &[400, 401, 403, 404, 408, 409, 413, 415, 429, 502, 503, 504],
        ),
    })
}

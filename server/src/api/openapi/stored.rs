//! The paths of datasources that callers save.

use super::parameters::{Parameters, query, tenant_parameter};
use super::responses::{responses, result, with_problems};
use super::schemas::{call_document, state};
use serde_json::{Value, json};

/// The list of datasources, and those that callers save.
pub(super) fn stored_paths() -> Value {
    let Parameters { request_id, .. } = Parameters::new();
    let tenant = tenant_parameter();
    let name = json!({
        "name": "datasource", "in": "path", "required": true,
        "description": "The name of the datasource.",
        "schema": {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,63}$"},
    });
    let header = |name: &str, description: &str| json!({"name": name, "in": "header", "description": description, "schema": {"type": "string"}});
    let if_match =
        header("if-match", "The ETag that the datasource must have. `*`: it must exist.");
    let if_none_match =
        header("if-none-match", "The ETag that it must not have. `*`: it must not exist.");
    let etag = json!({"etag": {"description": "The version.", "schema": {"type": "string"}}});
    let one = |description: &str| {
        let schema = datasource();
        json!({"description": description, "headers": etag,
            "content": {"application/json": {"schema": schema}}})
    };
    let body = |is_test: bool| json!({"required": true, "content": {"application/json": {"schema": draft(is_test)}}});
    json!({
        "/v1/datasources": {"get": {
            "operationId": "datasources",
            "summary": "List the datasources that the caller may use, in the order of their names",
            "parameters": [
                query("limit", "The most datasources.",
                    &json!({"type": "integer", "minimum": 1, "maximum": 1000, "default": 1000})),
                query("after", "The name after which the list begins: `next` of another response.",
                    &json!({"type": "string"})),
                tenant, request_id,
            ],
            "responses": responses("The datasources that the caller may use.", &json!({
                "type": "object", "required": ["datasources", "operator"],
                "properties": {
                    "operator": {"type": "boolean", "description": "Whether the caller is an operator of this server."},
                    "caller": {"type": ["string", "null"], "description": "The name of the caller's token, if the server has tokens."},
                    "tenant": {"type": ["string", "null"], "description": "The tenant for whom the caller acts."},
                    "datasources": {"type": "array", "items": datasource()},
                    "next": {"type": "string", "description": "There are more: send it as `after`."},
                    "store": {
                        "type": "object", "required": ["state"],
                        "description": "Whether saved datasources can be listed. Only operators see the reason.",
                        "properties": {
                            "state": {"enum": ["ready", "failing", "unavailable"]}, "reason": {"type": "string"},
                        },
                    },
                },
            }), &[400, 401, 403, 429]),
        }},
        "/v1/datasources:test": {"post": {
            "operationId": "testDatasource",
            "summary": "Check the settings, connectivity and credentials of a datasource before it is saved",
            "parameters": [tenant, request_id],
            "requestBody": body(true),
            "responses": result("The service was reached and accepted the credentials.",
                &json!({"type": "object"}),
                &[400, 401, 403, 404, 408, 413, 415, 429, 502, 503, 504]),
        }},
        "/v1/datasources/{datasource}": {
            "get": {
                "operationId": "datasource", "summary": "Describe a datasource. Of credentials it says only since when there are some",
                "parameters": [name, tenant, request_id],
                "responses": with_problems(
                    json!({"200": one("The datasource.")}), &[400, 401, 403, 404, 429, 503],
                ),
            },
            "put": {
                "operationId": "saveDatasource", "summary": "Save a datasource, or another version of it",
                "parameters": [name, if_match, if_none_match, tenant, request_id],
                "requestBody": body(false),
                "responses": with_problems(
                    json!({"200": one("It was replaced."), "201": one("It is new.")}),
                    &[400, 401, 403, 404, 408, 409, 412, 413, 415, 429, 502, 503, 504],
                ),
            },
            "delete": {
                "operationId": "deleteDatasource", "summary": "Delete a datasource that was saved",
                "parameters": [name, if_match, if_none_match, tenant, request_id],
                "responses": with_problems(
                    json!({"204": {"description": "It was deleted."}}),
                    &[400, 401, 403, 404, 412, 429, 503],
                ),
            },
        },
    })
}

/// A datasource, as a caller sees it.
fn datasource() -> Value {
    json!({
        "type": "object", "required": ["name", "origin", "plugin", "access", "state"],
        "properties": {
            "name": {"type": "string"},
            "origin": {"enum": ["policy", "store"], "description": "Whether it is in the policy file, or was saved."},
            "plugin": {"type": ["string", "null"]},
            "access": {"enum": ["read", "write", "admin", null]},
            "actions": {"type": ["array", "null"], "items": {"type": "string"}},
            "state": state(),
            "reason": {
                "type": "string",
                "description": "Why it is unavailable. Only operators see it if the reason is in the policy file.",
            },
            "embedded": {
                "type": "boolean",
                "description": "Whether its database is a part of this server: `portcullis serve --local`.",
            },
            "template": {"type": "string", "description": "The template that it fills in, if it was saved."},
            "tenant": {"type": ["string", "null"]},
            "settings": {"type": "object"},
            "credentials": {
                "type": ["object", "null"],
                "description": "Whether there are credentials, and since when. Nothing shows them.",
                "properties": {"since": {"type": "string", "format": "date-time"}},
            },
            "created": {"type": "string", "format": "date-time"},
            "changed": {"type": "string", "format": "date-time"},
        },
    })
}

/// The document of a datasource that a caller wants to save, or to test before.
fn draft(is_test: bool) -> Value {
    let mut document = call_document(false);
    document["required"] = json!(["template"]);
    let fields = &mut document["properties"];
    fields["template"] = json!({"type": "string", "description": "The template that it fills in."});
    fields["name"] = json!({"type": "string", "description": if is_test {
        "A saved datasource: its credentials are used if there are none here."
    } else {
        "The name in the path, if it is given."
    }});
    fields["credentials"]["type"] = json!(["object", "null"]);
    fields["credentials"]["description"] = "AWS credentials, if the template takes the caller's. \
        Without them those that were saved stay; null removes them. Nothing shows them."
        .into();
    if let Some(fields) = fields.as_object_mut() {
        fields.remove("options");
    }
    document
}

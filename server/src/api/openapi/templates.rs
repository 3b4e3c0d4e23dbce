//! The paths of templates.

use super::parameters::{Parameters, query, template_parameter, tenant_parameter};
use super::responses::{responses, result};
use super::schemas::call_document;
use crate::routes::CALL;
use serde_json::{Value, json};

/// The paths of templates.
pub(super) fn template_paths() -> Value {
    let Parameters { request_id, .. } = Parameters::new();
    let template = template_parameter();
    let tenant = tenant_parameter();
    let action = json!({
        "name": "action", "in": "path", "required": true,
        "description": "The service's name of the action, such as GetItem.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9]{1,64}$"},
    });
    let called = |success: &str| {
        let problems = [400, 401, 403, 404, 408, 413, 415, 429, 502, 503, 504];
        result(success, &json!({"type": "object"}), &problems)
    };
    let call = |id: &str, summary: &str, path: &[&Value], has_input: bool, responses: Value| {
        let mut parameters = vec![&template];
        parameters.extend(path);
        parameters.extend([&tenant, &request_id]);
        json!({"post": {
            "operationId": id, "summary": summary, "parameters": parameters,
            "requestBody": {"required": true, "content": {CALL: {"schema": call_document(has_input)}}},
            "responses": responses,
        }})
    };
    json!({
        "/v1/templates": {"get": {
            "operationId": "templates", "summary": "List the templates that the caller may fill in",
            "responses": responses("The templates that the caller may fill in.", &json!({
                "type": "object", "required": ["templates"],
                "properties": {"templates": {"type": "array", "items": {
                    "type": "object", "required": ["name", "plugin", "access", "state"],
                    "properties": {
                        "name": {"type": "string"}, "plugin": {"type": ["string", "null"]},
                        "access": {"enum": ["read", "write", "admin"]},
                        "actions": {"type": ["array", "null"], "items": {"type": "string"}},
                        "state": {"enum": ["loaded", "idle", "unavailable"]},
                        "reason": {
                            "type": "string",
                            "description": "Why it is unavailable. Only operators see it.",
                        },
                    },
                }}},
            }), &[401, 403]),
        }},
        "/v1/templates/{template}/actions/{action}": call(
            "executeInline", "Run an action on a datasource that the request describes",
            &[&action], true, called("The result of the action."),
        ),
        "/v1/templates/{template}/test": call(
            "testInline", "Check the settings, connectivity and credentials of a datasource",
            &[], false, called("The service was reached and accepted the credentials."),
        ),
        "/v1/templates/{template}/structure": call(
            "structureInline", "List the tables of a datasource that the request describes",
            &[], false, called("The structure of the datasource."),
        ),
        "/v1/templates/{template}/iam": call(
            "iamInline", "Return the AWS IAM policy that a datasource needs, without its credentials",
            &[
                &query("account", "The AWS account, 12 digits.",
                    &json!({"type": "string", "pattern": "^(\\*|[0-9]{12})$", "default": "*"})),
                &query("sourceIp", "The network from which it is used.", &json!({"type": "string"})),
            ],
            false,
            // Nothing is sent.
            responses(
                "The IAM policy.",
                &json!({"type": "object"}),
                &[400, 401, 403, 404, 408, 413, 415, 503],
            ),
        ),
    })
}

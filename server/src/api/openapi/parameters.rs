//! The parameters that several paths have.

use serde_json::{Value, json};

/// The parameters that several paths have.
pub(super) struct Parameters {
    pub(super) datasource: Value,
    pub(super) deadline: Value,
    pub(super) request_id: Value,
}

impl Parameters {
    pub(super) fn new() -> Self {
        let datasource = json!({
            "name": "datasource",
            "in": "path",
            "required": true,
            "description": "The name of the datasource.",
            "schema": {"type": "string", "minLength": 1},
        });
        let deadline = query(
            "deadline",
            "The maximum time for the call, such as 5s or 500ms. A shorter deadline of the \
                policy still applies.",
            &json!({"type": "string", "pattern": "^[1-9][0-9]{0,5}(ms|s|m|h)$"}),
        );
        let request_id = json!({
            "name": "x-request-id",
            "in": "header",
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
            "description": "The caller's own id of the request, for audit records and logs. If there \
                is none, the server creates one.",
        });
        Self { datasource, deadline, request_id }
    }
}

pub(super) fn tenant_parameter() -> Value {
    json!({
        "name": "x-portcullis-tenant", "in": "header",
        "description": "The tenant for whom a platform acts. Only tokens with tenants = \"any\" may send it.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"},
    })
}

pub(super) fn template_parameter() -> Value {
    json!({
        "name": "template", "in": "path", "required": true,
        "description": "The name of the template in the policy.",
        "schema": {"type": "string", "minLength": 1},
    })
}

/// A parameter of the URL's query.
pub(super) fn query(name: &str, description: &str, schema: &Value) -> Value {
    json!({
        "name": name,
        "in": "query",
        "description": description,
        "schema": schema,
    })
}

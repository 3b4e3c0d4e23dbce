//! The description of the JSON API, in `OpenAPI` 3.1.
//! <https://spec.openapis.org/oas/v3.1.1.html>

use super::problem::ProblemKind;
use crate::deployment::Condition;
use crate::routes::{BOUND, CALL};
use dynamodb_plugin::catalogue::OPERATIONS;
use serde_json::{Map, Value, json};

/// The description.
pub(crate) fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Portcullis",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Datasource plugins in a sandbox, for clients in any language. Below /ddb/{datasource}/ \
                the same datasources speak DynamoDB's own protocol: set the endpoint URL of an AWS SDK to it.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "security": [{}, {"token": []}],
        "paths": paths(),
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Required if the server has tokens.",
                },
            },
            "schemas": {"Problem": problem()},
            "headers": {
                "RequestId": {
                    "description": "The id of the request in audit records and logs.",
                    "schema": {"type": "string"},
                },
            },
        },
    })
}

fn paths() -> Value {
    let mut paths = server_paths();
    for more in [datasource_paths(), stored_paths(), template_paths(), form_paths()] {
        if let (Some(paths), Value::Object(more)) = (paths.as_object_mut(), more) {
            paths.extend(more);
        }
    }
    paths
}

/// The paths of calls, and the switches of operators.
fn datasource_paths() -> Value {
    let parameters = Parameters::new();
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
            }), &[400, 401, 403, 404]),
        }})
    };
    json!({
        "/v1/datasources/{name}:disable":
            switch("disable", "Refuse calls of a datasource, and end those that are running"),
        "/v1/datasources/{name}:enable": switch("enable", "Accept calls of a datasource again"),
        "/v1/datasources/{datasource}/actions/{action}": {"post": execute(&parameters)},
        "/v1/datasources/{datasource}/actions": {"get": {
            "operationId": "datasourceActions", "summary": "List the actions of a datasource, and why some are not allowed",
            "parameters": [parameters.datasource, parameters.request_id],
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
                        "description": "What it may do. Only operators see `egress`.",
                    },
                },
            }), &[400, 401, 403, 404, 503]),
        }},
        "/v1/datasources/{datasource}/test": {"get": {
            "operationId": "test", "summary": "Check connectivity and credentials",
            "parameters": [parameters.datasource, parameters.request_id, parameters.deadline],
            "responses": responses("The service was reached and accepted the credentials.", &json!({
                "type": "object", "required": ["ok", "message"], "properties": {
                    "ok": {"type": "boolean"},
                    "message": {"type": "string"},
                },
            }), &[400, 401, 403, 404, 429, 502, 503, 504]),
        }},
        "/v1/datasources/{datasource}/structure": {"get": {
            "operationId": "structure", "summary": "List the tables with their keys and indexes",
            "parameters": [
                parameters.datasource, parameters.request_id, parameters.deadline,
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
            "responses": responses(
                "The structure of the datasource.",
                &object,
                &[400, 401, 403, 404, 429, 502, 503, 504],
            ),
        }},
    })
}

/// The list of datasources, and those that callers save.
fn stored_paths() -> Value {
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
    let if_none_match = header("if-none-match", "`*`: it must not exist.");
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
                "type": "object", "required": ["datasources"],
                "properties": {
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
            }), &[400, 401, 403]),
        }},
        "/v1/datasources:test": {"post": {
            "operationId": "testDatasource",
            "summary": "Check the settings, connectivity and credentials of a datasource before it is saved",
            "parameters": [tenant, request_id],
            "requestBody": body(true),
            "responses": responses("The service was reached and accepted the credentials.",
                &json!({"type": "object"}),
                &[400, 401, 403, 404, 408, 413, 415, 422, 429, 502, 503, 504]),
        }},
        "/v1/datasources/{datasource}": {
            "get": {
                "operationId": "datasource", "summary": "Describe a datasource. Of credentials it says only since when there are some",
                "parameters": [name, tenant, request_id],
                "responses": with_problems(json!({"200": one("The datasource.")}), &[400, 401, 403, 404, 503]),
            },
            "put": {
                "operationId": "saveDatasource", "summary": "Save a datasource, or another version of it",
                "parameters": [name, if_match, if_none_match, tenant, request_id],
                "requestBody": body(false),
                "responses": with_problems(
                    json!({"200": one("It was replaced."), "201": one("It is new.")}),
                    &[400, 401, 403, 404, 408, 409, 412, 413, 415, 429, 503],
                ),
            },
            "delete": {
                "operationId": "deleteDatasource", "summary": "Delete a datasource that was saved",
                "parameters": [name, if_match, tenant, request_id],
                "responses": with_problems(
                    json!({"204": {"description": "It was deleted."}}),
                    &[400, 401, 403, 404, 409, 412, 503],
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

/// The paths of templates.
fn template_paths() -> Value {
    let Parameters { request_id, .. } = Parameters::new();
    let template = template_parameter();
    let tenant = tenant_parameter();
    let action = json!({
        "name": "action", "in": "path", "required": true,
        "description": "The service's name of the action, such as GetItem.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9]{1,64}$"},
    });
    let call = |id: &str, summary: &str, path: &[&Value], success: &str, has_input: bool| {
        let mut parameters = vec![&template];
        parameters.extend(path);
        parameters.extend([&tenant, &request_id]);
        json!({"post": {
            "operationId": id, "summary": summary, "parameters": parameters,
            "requestBody": {"required": true, "content": {CALL: {"schema": call_document(has_input)}}},
            "responses": responses(success, &json!({"type": "object"}),
                &[400, 401, 403, 404, 408, 413, 415, 422, 429, 502, 503, 504]),
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
            &[&action], "The result of the action.", true,
        ),
        "/v1/templates/{template}/test": call(
            "testInline", "Check the settings, connectivity and credentials of a datasource",
            &[], "The service was reached and accepted the credentials.", false,
        ),
        "/v1/templates/{template}/structure": call(
            "structureInline", "List the tables of a datasource that the request describes",
            &[], "The structure of the datasource.", false,
        ),
        "/v1/templates/{template}/iam": call(
            "iamInline", "Return the AWS IAM policy that a datasource needs, without its credentials",
            &[
                &query("account", "The AWS account, 12 digits.",
                    &json!({"type": "string", "pattern": "^(\\*|[0-9]{12})$", "default": "*"})),
                &query("sourceIp", "The network from which it is used.", &json!({"type": "string"})),
            ],
            "The IAM policy.", false,
        ),
    })
}

fn tenant_parameter() -> Value {
    json!({
        "name": "x-portcullis-tenant", "in": "header",
        "description": "The tenant for whom a platform acts. Only tokens with tenants = \"any\" may send it.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"},
    })
}

fn template_parameter() -> Value {
    json!({
        "name": "template", "in": "path", "required": true,
        "description": "The name of the template in the policy.",
        "schema": {"type": "string", "minLength": 1},
    })
}

/// The paths for forms.
fn form_paths() -> Value {
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

/// The document of a call that brings its datasource along.
fn call_document(has_input: bool) -> Value {
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
fn state() -> Value {
    let names = Condition::ALL.map(Condition::as_str);
    json!({
        "enum": names,
        "description": "An idle datasource is connected on its next use.",
    })
}

/// The parameters that several paths have.
struct Parameters {
    datasource: Value,
    deadline: Value,
    request_id: Value,
}

impl Parameters {
    fn new() -> Self {
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

/// The operation that runs an action.
fn execute(parameters: &Parameters) -> Value {
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
            parameters.datasource, action, parameters.request_id, parameters.deadline,
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
        "responses": responses(
            "The result of the action.",
            &json!({"type": "object"}),
            &[400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 502, 503, 504],
        ),
    })
}

/// A parameter of the URL's query.
fn query(name: &str, description: &str, schema: &Value) -> Value {
    json!({
        "name": name,
        "in": "query",
        "description": description,
        "schema": schema,
    })
}

/// The paths that belong to no datasource.
fn server_paths() -> Value {
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
            "responses": responses("The changes to the datasources.", &json!({
                "type": "object", "required": ["added", "changed", "removed", "unchanged", "tokens"],
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
            "responses": {"307": {"description": "The console is at /console/."}},
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
            }), &[403, 404]),
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
            "responses": {
                "200": {
                    "description": "The server accepts requests.",
                    "content": {"application/json": {"schema": object}},
                },
                "503": {
                    "description": "The server is about to stop.",
                    "content": {"application/json": {"schema": object}},
                },
            },
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

/// A successful response in JSON, and the problems that may occur.
fn responses(description: &str, schema: &Value, problems: &[u16]) -> Value {
    let success = json!({
        "200": {"description": description, "content": {"application/json": {"schema": schema}}},
    });
    with_problems(success, problems)
}

fn with_problems(mut responses: Value, problems: &[u16]) -> Value {
    let content =
        json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
    // Every path responds with 405 to a method that it does not accept.
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
    let cases: Vec<&str> = ProblemKind::all().map(ProblemKind::as_str).collect();
    json!({
        "type": "object",
        "description": "A problem document (RFC 9457). `case` decides which fields it has.",
        "required": ["type", "title", "status", "detail", "case"],
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "case": {"enum": cases},
            "remedy": {
                "type": "string",
                "description": "What would help. For `denied` it is the line of policy that would allow the request.",
            },
            "rule": {
                "type": "string",
                "description": "The rule of the policy that denied the request.",
            },
            "subject": {
                "type": "string",
                "description": "What was denied: an origin, an action, a table.",
            },
            "faults": {"type": "array", "items": {
                "type": "object", "required": ["pointer", "message"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "A JSON Pointer (RFC 6901) into the body, or to a name in the query.",
                    },
                    "message": {"type": "string"},
                },
            }},
            "code": {"type": "string", "description": "The service's name for its error."},
            "hint": {"type": "string"},
            "details": {
                "type": "object",
                "description": "Further fields of the service's response, such as CancellationReasons or Item.",
            },
            "serviceStatus": {"type": "integer"},
            "serviceRequestId": {"type": "string"},
            "retryable": {"type": "boolean"},
            "attempts": {
                "type": "integer",
                "description": "The number of requests that were sent.",
            },
            "maybeApplied": {
                "type": "boolean",
                "description": "Whether the service may have carried out the request.",
            },
            "limit": {"type": "string", "description": "The limit of the policy that was reached."},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::ROUTES;

    #[test]
    fn exactly_the_served_paths_are_described() {
        let document = document();
        let mut described: Vec<&str> =
            document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        let mut served = ROUTES.to_vec();
        described.sort_unstable();
        served.sort_unstable();
        assert_eq!(described, served);
    }
}

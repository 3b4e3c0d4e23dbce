//! Responses, and the problems that may occur.

use crate::api::problem::ProblemKind;
use serde_json::{Value, json};

/// A successful response in JSON, and the problems that may occur.
pub(super) fn responses(description: &str, schema: &Value, problems: &[u16]) -> Value {
    let success = json!({
        "200": {"description": description, "content": {"application/json": {"schema": schema}}},
    });
    with_problems(success, problems)
}

/// The result of a call of a plugin, and the problems that may occur. Other problems are the service's
/// own: what it says about a request is passed on with its status.
pub(super) fn result(description: &str, schema: &Value, problems: &[u16]) -> Value {
    let of_service = json!({"allOf": [
        {"$ref": "#/components/schemas/Problem"}, {"properties": {"case": {"const": "service"}}},
    ]});
    let responses = json!({
        "200": {
            "description": description,
            "headers": {"x-portcullis-attempts": {"$ref": "#/components/headers/Attempts"}},
            "content": {"application/json": {"schema": schema}},
        },
        "4XX": {
            "description": "The service's own error, with the status that it has given.",
            "content": {"application/problem+json": {"schema": of_service}},
        },
    });
    with_problems(responses, problems)
}

/// Adds the problems that may occur.
pub(super) fn with_problems(mut responses: Value, problems: &[u16]) -> Value {
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
    with_request_id(responses)
}

/// Adds the header with the id of the request, which every response has.
pub(super) fn with_request_id(mut responses: Value) -> Value {
    for (_, response) in responses.as_object_mut().into_iter().flatten() {
        response["headers"]["x-request-id"] = json!({"$ref": "#/components/headers/RequestId"});
    }
    responses
}

pub(super) fn problem() -> Value {
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

    #[test]
    fn a_response_keeps_its_own_headers() {
        let success = json!({"200": {"description": "", "headers": {"etag": {}}}, "204": {}});
        let responses = with_problems(success, &[404]);
        let names = |status: &str| -> Vec<&str> {
            let headers = responses[status]["headers"].as_object().unwrap();
            headers.keys().map(String::as_str).collect()
        };
        assert_eq!(names("200"), ["etag", "x-request-id"]);
        for status in ["204", "404", "405"] {
            assert_eq!(names(status), ["x-request-id"], "{status}");
        }
        let called = result("", &json!({}), &[]);
        let headers = called["200"]["headers"].as_object().unwrap();
        assert!(headers.contains_key("x-portcullis-attempts"), "{headers:?}");
        assert!(headers.contains_key("x-request-id"), "{headers:?}");
    }

    #[test]
    fn a_status_that_is_not_listed_is_that_of_the_service() {
        let responses = result("", &json!({}), &[400]);
        let schema = |status: &str| {
            let content = &responses[status]["content"]["application/problem+json"];
            content["schema"].clone()
        };
        let (listed, other) = (schema("400"), schema("4XX"));
        assert_eq!(listed, json!({"$ref": "#/components/schemas/Problem"}));
        assert_eq!(other["allOf"][0], listed);
        assert_eq!(other["allOf"][1]["properties"]["case"], json!({"const": "service"}));
    }
}

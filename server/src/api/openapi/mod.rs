//! The description of the JSON API, in `OpenAPI` 3.1.
//! <https://spec.openapis.org/oas/v3.1.1.html>
//!
//! | module | role |
//! |---|---|
//! | `server` | the paths that belong to no datasource |
//! | `datasources` | the paths of calls, and the switches of operators |
//! | `stored` | the list of datasources, and those that callers save |
//! | `templates` | the paths of templates |
//! | `forms` | the paths for forms |
//! | `parameters` | the parameters that several paths have |
//! | `responses` | responses, and the problems that may occur |
//! | `schemas` | the schemas that several paths have |

mod datasources;
mod forms;
mod parameters;
mod responses;
mod schemas;
mod server;
mod stored;
mod templates;

use datasources::datasource_paths;
use forms::form_paths;
use responses::problem;
use serde_json::{Value, json};
use server::server_paths;
use stored::stored_paths;
use templates::template_paths;

/// The description.
pub(crate) fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Portcullis",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Datasource plugins in a sandbox, for clients in any language. Below /ddb/{datasource}/ \
                the same datasources speak DynamoDB's own protocol: set the endpoint URL of an AWS SDK to it. \
                Behind a load balancer, every path responds with 503 to a machine that has too many connections.",
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
                "Attempts": {
                    "description": "How many requests the call sent to the service, retries and pages included.",
                    "schema": {"type": "integer"},
                },
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

    #[test]
    fn each_response_has_the_headers_that_the_server_sends() {
        let document = document();
        let has = |response: &Value, name: &str| response["headers"].get(name).is_some();
        let paths = document["paths"].as_object().unwrap();
        for (path, operations) in paths {
            for (method, operation) in operations.as_object().unwrap() {
                for (status, response) in operation["responses"].as_object().unwrap() {
                    assert!(has(response, "x-request-id"), "{method} {path} {status}");
                }
            }
        }
        let one = &paths["/v1/datasources/{datasource}"];
        for (method, status) in [("get", "200"), ("put", "200"), ("put", "201")] {
            assert!(has(&one[method]["responses"][status], "etag"), "{method} {status}");
        }
        let call = &paths["/v1/datasources/{datasource}/actions/{action}"]["post"];
        assert!(has(&call["responses"]["200"], "x-portcullis-attempts"));
    }
}

//! The paths of the JSON API, for its description, logs and metrics.

/// The paths of the JSON API.
pub(crate) const ROUTES: [&str; 26] = [
    "/",
    "/v1/datasources",
    "/v1/datasources:test",
    "/v1/datasources/{datasource}",
    "/v1/datasources/{name}:disable",
    "/v1/datasources/{name}:enable",
    "/v1/datasources/{datasource}/actions/{action}",
    "/v1/datasources/{datasource}/test",
    "/v1/datasources/{datasource}/structure",
    "/v1/datasources/{datasource}/actions",
    "/v1/plugins/{plugin}",
    "/v1/templates",
    "/v1/templates/{template}",
    "/v1/templates/{template}/actions/{action}",
    "/v1/templates/{template}/test",
    "/v1/templates/{template}/structure",
    "/v1/templates/{template}/iam",
    "/v1/refusals",
    "/v1/actions",
    "/v1/actions/{action}",
    "/v1/reload",
    "/metrics",
    "/healthz",
    "/readyz",
    "/openapi.json",
    CONSOLE,
];

/// The files of the web page.
const CONSOLE: &str = "/console/{path}";

/// The media type of a template with its values.
pub(crate) const BOUND: &str = "application/vnd.portcullis.bound+json";

/// The media type of a call that brings its datasource along.
pub(crate) const CALL: &str = "application/vnd.portcullis.call+json";

/// A matched path as logs and metrics name it. Everything else is the endpoint for AWS SDKs.
pub(crate) fn route(matched: &str) -> &'static str {
    if matched.starts_with("/console") {
        return CONSOLE;
    }
    ROUTES.iter().copied().find(|route| *route == matched).unwrap_or("/ddb")
}

//! The paths of the JSON API, for its description, logs and metrics.

/// The paths of the JSON API.
pub(crate) const ROUTES: [&str; 11] = [
    "/v1/datasources",
    "/v1/datasources/{datasource}/actions/{action}",
    "/v1/datasources/{datasource}/test",
    "/v1/datasources/{datasource}/structure",
    "/v1/actions",
    "/v1/actions/{action}",
    "/v1/reload",
    "/metrics",
    "/healthz",
    "/readyz",
    "/openapi.json",
];

/// The media type of a template with its values.
pub(crate) const BOUND: &str = "application/vnd.portcullis.bound+json";

/// A matched path as logs and metrics name it. Everything else is the endpoint for AWS SDKs.
pub(crate) fn route(matched: &str) -> &'static str {
    ROUTES.iter().copied().find(|route| *route == matched).unwrap_or("/ddb")
}

//! The JSON API.
//!
//! | module | role |
//! |---|---|
//! | `handlers` | one function for each path |
//! | `forms` | what forms need: settings as JSON Schema, actions with what is allowed |
//! | `iam` | the AWS IAM policy that a datasource needs |
//! | `templates` | calls that bring their datasource along |
//! | `stored` | datasources that callers save |
//! | `managed` | a name under which a caller saves a datasource |
//! | `list` | the list of datasources |
//! | `draft` | the document of a datasource that a caller wants to save |
//! | `console` | the files of the web page |
//! | `conditions` | `If-Match` and `If-None-Match` |
//! | `input` | the query and the body of a call |
//! | `inline` | the document of a call that brings its datasource along |
//! | `values` | the fields of a JSON object in their order |
//! | `problem` | problem documents |
//! | `openapi` | the description |

mod conditions;
mod console;
#[cfg(test)]
mod described_tests;
#[cfg(test)]
mod documents_tests;
mod draft;
mod forms;
mod handlers;
mod iam;
mod inline;
mod input;
mod list;
mod managed;
mod openapi;
pub(crate) mod problem;
mod stored;
mod templates;
pub(crate) mod values;

use crate::server::Server;
use crate::{access_log, auth, wire};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};
use problem::{Problem, ProblemKind};
use std::sync::Arc;

/// The JSON API, and below `/ddb/` the endpoints for AWS SDKs.
pub(crate) fn router(server: &Arc<Server>) -> Router {
    let guarded = Router::new()
        .route("/v1/datasources", get(list::datasources))
        .route("/v1/datasources:test", post(stored::test))
        .route(
            "/v1/datasources/{datasource}",
            get(stored::get).put(stored::put).delete(stored::delete).post(handlers::switch),
        )
        .route("/v1/datasources/{datasource}/actions/{action}", post(handlers::execute))
        .route("/v1/datasources/{datasource}/test", get(handlers::test))
        .route("/v1/datasources/{datasource}/structure", get(handlers::structure))
        .route("/v1/datasources/{datasource}/actions", get(forms::datasource_actions))
        .route("/v1/plugins/{plugin}", get(forms::plugin))
        .route("/v1/templates", get(templates::templates))
        .route("/v1/templates/{template}", get(forms::template))
        .route("/v1/templates/{template}/actions/{action}", post(templates::execute))
        .route("/v1/templates/{template}/test", post(templates::test))
        .route("/v1/templates/{template}/structure", post(templates::structure))
        .route("/v1/actions", get(handlers::actions))
        .route("/v1/actions/{action}", get(handlers::action))
        .route("/v1/templates/{template}/iam", post(iam::template))
        .route("/v1/refusals", get(handlers::refusals))
        .route("/v1/reload", post(handlers::reload))
        .route("/metrics", get(handlers::metrics))
        .fallback(nothing)
        .method_not_allowed_fallback(not_allowed)
        .route_layer(middleware::from_fn_with_state(server.clone(), authenticate));
    let open = health_routes()
        .route("/openapi.json", get(handlers::openapi))
        // An AWS SDK whose endpoint URL lacks the datasource posts here.
        .route("/", get(async || Redirect::temporary("/console/")).fallback(nothing))
        .method_not_allowed_fallback(not_allowed);
    let wire = Router::new()
        .route("/ddb/{datasource}", any(wire::named))
        .route("/ddb/{datasource}/", any(wire::named));
    let open = open.merge(console::routes());
    let all = guarded.merge(open).merge(wire::layer(wire, server));
    access_log::layer(all, server).with_state(server.clone())
}

/// Health checks alone.
pub(crate) fn health_router(server: &Arc<Server>) -> Router {
    let routes = health_routes().fallback(not_found).method_not_allowed_fallback(not_allowed);
    access_log::layer(routes, server).with_state(server.clone())
}

fn health_routes() -> Router<Arc<Server>> {
    Router::new().route("/healthz", get(handlers::healthy)).route("/readyz", get(handlers::ready))
}

/// A path that does not exist. An AWS SDK whose endpoint URL lacks the datasource gets a response
/// that it understands.
async fn nothing(State(server): State<Arc<Server>>, request: Request) -> Response {
    match wire::misdirected(&server, &request) {
        Some(response) => response,
        None => not_found().await.into_response(),
    }
}

/// The auth layer of the JSON API.
async fn authenticate(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let refuse = |error| Problem::from(error).into_response();
    auth::pass(&server, request, next, auth::bearer, refuse).await
}

async fn not_found() -> Problem {
    Problem::no_such_path()
}

async fn not_allowed() -> Problem {
    let problem = Problem::new(
        ProblemKind::MethodNotAllowed,
        "this path does not accept this method; the header `allow` lists those it accepts",
    );
    problem.remedy("GET /openapi.json describes the API")
}

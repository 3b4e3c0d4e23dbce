//! The JSON API.
//!
//! | module | role |
//! |---|---|
//! | `handlers` | one function for each path |
//! | `input` | the query and the body of a call |
//! | `values` | the fields of a JSON object in their order |
//! | `problem` | problem documents |
//! | `openapi` | the description |

mod handlers;
mod input;
mod openapi;
pub(crate) mod problem;
pub(crate) mod values;

use crate::server::Server;
use crate::{access_log, auth, wire};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use problem::{Problem, ProblemKind};
use std::sync::Arc;

/// The JSON API, and below `/ddb/` the endpoints for AWS SDKs.
pub(crate) fn router(server: &Arc<Server>) -> Router {
    let guarded = Router::new()
        .route("/v1/datasources", get(handlers::datasources))
        .route("/v1/datasources/{datasource}/actions/{action}", post(handlers::execute))
        .route("/v1/datasources/{datasource}/test", get(handlers::test))
        .route("/v1/datasources/{datasource}/structure", get(handlers::structure))
        .route("/v1/actions", get(handlers::actions))
        .route("/v1/actions/{action}", get(handlers::action))
        .route("/v1/reload", post(handlers::reload))
        .route("/metrics", get(handlers::metrics))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .route_layer(middleware::from_fn_with_state(server.clone(), authenticate));
    let guarded = access_log::layer(guarded, server);
    let open = Router::new()
        .route("/healthz", get(handlers::healthy))
        .route("/readyz", get(handlers::ready))
        .route("/openapi.json", get(handlers::openapi))
        .method_not_allowed_fallback(not_allowed);
    let wire = Router::new()
        .route("/ddb/{datasource}", any(wire::named))
        .route("/ddb/{datasource}/", any(wire::named));
    guarded.merge(open).merge(wire::layer(wire, server)).with_state(server.clone())
}

/// The auth layer of the JSON API.
async fn authenticate(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let refuse = |error| Problem::from(error).into_response();
    auth::pass(&server, request, next, auth::bearer, refuse).await
}

async fn not_found() -> Problem {
    let problem = Problem::new(ProblemKind::NotFound, "there is nothing at this path");
    problem.remedy("GET /openapi.json describes the API")
}

async fn not_allowed() -> Problem {
    let problem = Problem::new(
        ProblemKind::MethodNotAllowed,
        "this path does not accept this method; the header `allow` lists those it accepts",
    );
    problem.remedy("GET /openapi.json describes the API")
}

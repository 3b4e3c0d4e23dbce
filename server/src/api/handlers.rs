//! One function for each path of the JSON API.

use super::input::{MediaType, Options, Pairs, fill};
use super::openapi as description;
use super::problem::{Problem, ProblemKind};
use crate::auth::Caller;
use crate::body;
use crate::deployment::ServedDatasource;
use crate::server::Server;
use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use dynamodb_plugin::catalogue::{OPERATIONS, Operation, json_schema, operation};
use dynamodb_plugin::describe::access;
use dynamodb_plugin::nearest::nearest;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use portcullis::Datasource;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

type Names<T> = Result<Path<T>, PathRejection>;

/// Lists the datasources that the caller may use.
pub(super) async fn datasources(Extension(caller): Extension<Caller>) -> Response {
    let usable = caller.deployment.datasources.iter().filter(|(name, _)| caller.may_use(name));
    let list: Vec<Value> = usable
        .map(|(name, ServedDatasource { plugin, policy, .. })| {
            json!({
                "name": name,
                "plugin": plugin.manifest().name(),
                "access": policy.access.to_string(),
                "actions": policy.actions,
            })
        })
        .collect();
    json_response(json!({"datasources": list}).to_string())
}

/// Runs an action.
pub(super) async fn execute(
    Extension(caller): Extension<Caller>,
    names: Names<(String, String)>,
    query: Pairs,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let (name, action) = path(names)?;
    let served = caller.datasource(&name, Some(&action))?;
    let options = Options::from_query(query)?;
    let media_type = MediaType::from_headers(&headers)?;
    let config = &caller.deployment.server;
    let bytes = body::read(request.into_body(), config)
        .await
        .map_err(|error| Problem::from_body_error(error, config))?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let message = format!("the body is not UTF-8 from byte {} on", error.valid_up_to());
        Problem::new(ProblemKind::BadRequest, message)
    })?;
    let filled;
    let input = match media_type {
        MediaType::Json => text,
        MediaType::Bound => {
            filled = fill(text, served.policy.limits.request_bytes.as_u64() as usize)?;
            &filled
        }
    };
    let datasource = for_call(served, &caller, options.time);
    let output = if options.plugin.is_empty() {
        datasource.execute(&action, input).await?
    } else {
        let options = Value::Object(options.plugin).to_string();
        datasource.execute_with(&action, input, &options).await?
    };
    Ok(json_response(output))
}

/// Checks that the service can be reached and accepts the credentials.
pub(super) async fn test(
    Extension(caller): Extension<Caller>,
    names: Names<String>,
    query: Pairs,
) -> Result<Response, Problem> {
    let name = path(names)?;
    let served = caller.datasource(&name, None)?;
    let options = Options::from_query(query)?.only(&[])?;
    Ok(json_response(for_call(served, &caller, options.time).test().await?))
}

/// Returns the tables with their keys and indexes.
pub(super) async fn structure(
    Extension(caller): Extension<Caller>,
    names: Names<String>,
    query: Pairs,
) -> Result<Response, Problem> {
    let name = path(names)?;
    let served = caller.datasource(&name, None)?;
    let options = Options::from_query(query)?.only(&["prefix", "limit"])?;
    let datasource = for_call(served, &caller, options.time);
    let options = Value::Object(options.plugin).to_string();
    Ok(json_response(datasource.structure(&options).await?))
}

/// Lists all actions of DynamoDB.
pub(super) async fn actions() -> Response {
    let action = |known: &Operation| json!({"name": known.name, "access": access(known.access)});
    let list: Vec<Value> = OPERATIONS.iter().map(action).collect();
    json_response(json!({"actions": list}).to_string())
}

/// Returns one action with the JSON Schema of its input.
pub(super) async fn action(names: Names<String>) -> Result<Response, Problem> {
    let name = path(names)?;
    let Some(found) = operation(&name) else {
        let guess = nearest(&name, OPERATIONS.iter().map(|operation| operation.name));
        let remedy = match guess {
            Some(guess) => format!("did you mean {guess}?"),
            None => "GET /v1/actions lists all actions".to_string(),
        };
        let message = format!("DynamoDB has no action {name:?}");
        return Err(Problem::new(ProblemKind::NotFound, message).remedy(remedy));
    };
    let example: Value = serde_json::from_str(found.example).unwrap_or_default();
    let paging = found.paging.as_ref().map(
        |paging| json!({"input": paging.input, "output": paging.output, "results": paging.results}),
    );
    let description = json!({
        "name": found.name,
        "access": access(found.access),
        "example": example,
        "paging": paging,
        "input": json_schema(found.input),
    });
    Ok(json_response(description.to_string()))
}

/// Reads the policy again.
pub(super) async fn reload(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    check_operator(&caller)?;
    match server.reload().await {
        Ok(changes) => Ok(json_response(json!(changes).to_string())),
        Err(error) => {
            let remedy = "nothing has changed; fix the file, and reload again";
            Err(Problem::new(ProblemKind::Reload, error.to_string()).remedy(remedy))
        }
    }
}

/// Returns figures for Prometheus.
pub(super) async fn metrics(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    check_operator(&caller)?;
    let mut response =
        Response::new(Body::from(server.metrics.text(&caller.deployment, server.memory())));
    let media_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    Ok(response)
}

/// Says that the server runs.
pub(super) async fn healthy() -> Response {
    json_response(json!({"status": "ok"}).to_string())
}

/// Says whether the server accepts requests.
pub(super) async fn ready(State(server): State<Arc<Server>>) -> Response {
    if server.is_draining() {
        let mut response = json_response(json!({"status": "stopping"}).to_string());
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        return response;
    }
    json_response(json!({"status": "ready"}).to_string())
}

/// Describes the API.
pub(super) async fn openapi() -> Response {
    json_response(description::document().to_string())
}

fn path<T>(names: Names<T>) -> Result<T, Problem> {
    let Path(names) = names.map_err(|error| {
        Problem::new(ProblemKind::BadRequest, format!("the path cannot be read: {error}"))
    })?;
    Ok(names)
}

/// The datasource for the call of this request.
fn for_call(served: &ServedDatasource, caller: &Caller, time: Option<Duration>) -> Datasource {
    let datasource = served.datasource.clone().for_request(&caller.request_id);
    match time {
        Some(time) => datasource.within(time),
        None => datasource,
    }
}

fn check_operator(caller: &Caller) -> Result<(), Problem> {
    if caller.is_operator() {
        return Ok(());
    }
    let problem = Problem::new(ProblemKind::Forbidden, "this needs the token of an operator");
    Err(problem.remedy("set operator = true for the token in the policy file"))
}

fn json_response(text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    let media_type = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response
}

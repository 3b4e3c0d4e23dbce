//! The JSON API.

use super::deployment::Served;
use super::door::{self, Caller};
use super::problem::{Case, Problem};
use super::{Server, body, openapi, wire};
use crate::rows::Members;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::response::Response;
use axum::routing::{any, get, post};
use axum::{Extension, Router, middleware};
use dynamodb_plugin::catalogue::{OPERATIONS, Operation, json_schema, operation};
use dynamodb_plugin::describe::access;
use dynamodb_plugin::nearest::nearest;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use portcullis::{Fault, bind};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The paths that are served, for logs, metrics and the description.
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

/// The API, and below `/ddb/` the endpoints for DynamoDB's SDKs.
pub(crate) fn router(server: &Arc<Server>) -> Router {
    let guarded = Router::new()
        .route("/v1/datasources", get(datasources))
        .route("/v1/datasources/{datasource}/actions/{action}", post(execute))
        .route("/v1/datasources/{datasource}/test", get(test))
        .route("/v1/datasources/{datasource}/structure", get(structure))
        .route("/v1/actions", get(actions))
        .route("/v1/actions/{action}", get(action))
        .route("/v1/reload", post(reload))
        .route("/metrics", get(metrics))
        .fallback(async || {
            Problem::new(Case::NotFound, "there is nothing here")
                .remedy("GET /openapi.json describes what there is")
        })
        .method_not_allowed_fallback(not_allowed)
        .route_layer(middleware::from_fn_with_state(server.clone(), door::api));
    let open = Router::new()
        .route("/healthz", get(async || json_answer(json!({"status": "ok"}).to_string())))
        .route("/readyz", get(ready))
        .route("/openapi.json", get(async || json_answer(openapi::document().to_string())))
        .method_not_allowed_fallback(not_allowed);
    let wire = Router::new()
        .route("/ddb/{datasource}", any(wire::named))
        .route("/ddb/{datasource}/", any(wire::named))
        .route_layer(middleware::from_fn_with_state(server.clone(), door::wire));
    guarded.merge(open).merge(wire).with_state(server.clone())
}

async fn not_allowed() -> Problem {
    Problem::new(Case::MethodNotAllowed, "this path has another method")
        .remedy("GET /openapi.json describes what there is")
}

async fn ready(State(server): State<Arc<Server>>) -> Response {
    if server.is_draining() {
        let mut response = json_answer(json!({"status": "stopping"}).to_string());
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        return response;
    }
    json_answer(json!({"status": "ready"}).to_string())
}

/// The datasources that the caller may use.
async fn datasources(Extension(caller): Extension<Caller>) -> Response {
    let may_use = caller.deployment.datasources.iter().filter(|(name, _)| caller.may_use(name));
    let list: Vec<Value> = may_use
        .map(|(name, Served { plugin, policy, .. })| {
            json!({"name": name, "plugin": plugin.manifest().name(), "access": policy.access.to_string(), "actions": policy.actions})
        })
        .collect();
    json_answer(json!({"datasources": list}).to_string())
}

type Pairs = Result<Query<Vec<(String, String)>>, axum::extract::rejection::QueryRejection>;
type Names<T> = Result<Path<T>, axum::extract::rejection::PathRejection>;

/// One action.
async fn execute(
    Extension(caller): Extension<Caller>,
    names: Names<(String, String)>,
    query: Pairs,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let (name, action) = path(names)?;
    let served = caller.datasource(&name, Some(&action))?;
    let (options, time) = options(query)?;
    let kind = Kind::of(&headers).ok_or_else(unfit_media_type)?;
    let config = &caller.deployment.server;
    let bytes =
        body::read(request.into_body(), config).await.map_err(|unread| unread.problem(config))?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        Problem::new(
            Case::BadRequest,
            format!("the body is not UTF-8 from byte {} on", error.valid_up_to()),
        )
    })?;
    let filled;
    let input = match kind {
        Kind::Json => text,
        Kind::Bound => {
            filled = fill(text)?;
            &filled
        }
    };
    let datasource = asked(served, &caller, time);
    let answer = if options.is_empty() {
        datasource.execute(&action, input).await?
    } else {
        datasource.execute_with(&action, input, &Value::Object(options).to_string()).await?
    };
    Ok(json_answer(answer))
}

/// What a body is.
enum Kind {
    Json,
    Bound,
}

/// A template with its values.
pub(crate) const BOUND: &str = "application/vnd.portcullis.bound+json";

impl Kind {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        match value.split(';').next()?.trim() {
            kind if kind.eq_ignore_ascii_case("application/json") => Some(Self::Json),
            kind if kind.eq_ignore_ascii_case(BOUND) => Some(Self::Bound),
            _ => None,
        }
    }
}

/// Browsers send other types across sites without asking; these two they do not.
fn unfit_media_type() -> Problem {
    Problem::new(
        Case::MediaType,
        format!("the body is application/json, or {BOUND} for a template with its values"),
    )
    .remedy("send the header Content-Type: application/json")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bound {
    template: String,
    values: Members,
}

fn fill(text: &str) -> Result<String, Problem> {
    let bound: Bound = serde_json::from_str(text).map_err(|error| {
        Problem::new(
            Case::BadRequest,
            format!("the body is not {{\"template\": \"…\", \"values\": {{…}}}}: {error}"),
        )
        .remedy(
            "the template is a text: JSON with {{name}} where the value of that name shall stand",
        )
    })?;
    let unfit = |faults: &[Fault]| {
        Problem::new(Case::BadRequest, "the values do not fit the template").faults(faults)
    };
    let mut values = BTreeMap::new();
    for (name, value) in &bound.values.0 {
        if values.insert(name.as_str(), value.get()).is_some() {
            let message = "it is given twice; one of the two would be lost".to_string();
            return Err(unfit(&[Fault { pointer: format!("/values/{name}"), message }]));
        }
    }
    bind(&bound.template, &values).map_err(|faults| unfit(&faults))
}

/// The options of a call, as the plugin takes them, and the time that the caller gives it. Each stands in the query as
/// `true`, `false`, a number or a text; which there are, the plugin knows.
fn options(query: Pairs) -> Result<(Map<String, Value>, Option<Duration>), Problem> {
    let unread = |message: String, name: &str| {
        Problem::new(Case::BadRequest, "the query cannot be used")
            .faults(&[Fault { pointer: format!("/{name}"), message }])
    };
    let Query(pairs) = query.map_err(|error| {
        Problem::new(Case::BadRequest, format!("the query cannot be read: {error}"))
    })?;
    let mut options = Map::new();
    let mut time = None;
    for (name, text) in pairs {
        if options.contains_key(&name) || (name == DEADLINE && time.is_some()) {
            return Err(unread("it is given twice".to_string(), &name));
        }
        if name == DEADLINE {
            let parsed = humantime::parse_duration(&text).ok().filter(|time| !time.is_zero());
            time = Some(parsed.ok_or_else(|| {
                unread(format!("{text:?} is no time; expected one as in 5s or 500ms"), &name)
            })?);
            continue;
        }
        let value = match text.as_str() {
            // It is a text, and may look like a number.
            text if name == "prefix" => json!(text),
            "true" => json!(true),
            "false" => json!(false),
            digits if digits.parse::<u64>().is_ok() => {
                json!(digits.parse::<u64>().unwrap_or_default())
            }
            text => json!(text),
        };
        options.insert(name, value);
    }
    Ok((options, time))
}

const DEADLINE: &str = "deadline";

fn path<T>(names: Names<T>) -> Result<T, Problem> {
    let Path(names) = names.map_err(|error| {
        Problem::new(Case::BadRequest, format!("the path cannot be read: {error}"))
    })?;
    Ok(names)
}

/// The datasource, for this request.
fn asked(served: &Served, caller: &Caller, time: Option<Duration>) -> portcullis::Datasource {
    let datasource = served.datasource.clone().for_request(&caller.request_id);
    match time {
        Some(time) => datasource.within(time),
        None => datasource,
    }
}

async fn test(
    Extension(caller): Extension<Caller>,
    names: Names<String>,
    query: Pairs,
) -> Result<Response, Problem> {
    let name = path(names)?;
    let served = caller.datasource(&name, None)?;
    let (options, time) = options(query)?;
    known(&options, &[])?;
    Ok(json_answer(asked(served, &caller, time).test().await?))
}

async fn structure(
    Extension(caller): Extension<Caller>,
    names: Names<String>,
    query: Pairs,
) -> Result<Response, Problem> {
    let name = path(names)?;
    let served = caller.datasource(&name, None)?;
    let (options, time) = options(query)?;
    known(&options, &["prefix", "limit"])?;
    let options = Value::Object(options).to_string();
    Ok(json_answer(asked(served, &caller, time).structure(&options).await?))
}

fn known(options: &Map<String, Value>, known: &[&str]) -> Result<(), Problem> {
    let faults: Vec<Fault> = options
        .keys()
        .filter(|name| !known.contains(&name.as_str()))
        .map(|name| {
            let all: Vec<&str> = known.iter().copied().chain([DEADLINE]).collect();
            Fault {
                pointer: format!("/{name}"),
                message: format!("there is no such option here; known are {}", all.join(", ")),
            }
        })
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Problem::new(Case::BadRequest, "the query cannot be used").faults(&faults))
    }
}

/// All actions of DynamoDB.
async fn actions() -> Response {
    let list: Vec<Value> = OPERATIONS
        .iter()
        .map(|known| json!({"name": known.name, "access": access(known.access)}))
        .collect();
    json_answer(json!({"actions": list}).to_string())
}

/// One action, with the JSON Schema of its input.
async fn action(names: Names<String>) -> Result<Response, Problem> {
    let name = path(names)?;
    let Some(found) = operation(&name) else {
        let guess = nearest(&name, OPERATIONS.iter().map(|operation| operation.name));
        let problem = Problem::new(Case::NotFound, format!("DynamoDB has no action {name:?}"));
        let remedy = guess.map_or_else(
            || "GET /v1/actions lists all".to_string(),
            |guess| format!("did you mean {guess}?"),
        );
        return Err(problem.remedy(remedy));
    };
    Ok(json_answer(describe(found).to_string()))
}

fn describe(operation: &Operation) -> Value {
    let example: Value = serde_json::from_str(operation.example).unwrap_or_default();
    let paging = operation.paging.as_ref().map(
        |paging| json!({"input": paging.input, "output": paging.output, "results": paging.results}),
    );
    json!({
        "name": operation.name,
        "access": access(operation.access),
        "example": example,
        "paging": paging,
        "input": json_schema(operation.input),
    })
}

async fn reload(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    operator(&caller)?;
    match server.reload().await {
        Ok(changes) => Ok(json_answer(json!(changes).to_string())),
        Err(failure) => {
            let detail = failure.lines().collect::<Vec<_>>().join("\n");
            Err(Problem::new(Case::Reload, detail)
                .remedy("nothing has changed; mend the file, and ask again"))
        }
    }
}

async fn metrics(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    operator(&caller)?;
    let mut response = Response::new(Body::from(server.metrics.text(&caller.deployment)));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

fn operator(caller: &Caller) -> Result<(), Problem> {
    if caller.is_operator() {
        return Ok(());
    }
    let problem = Problem::new(Case::Forbidden, "the token is not an operator's");
    Err(problem.remedy("operator = true in the token's part of the policy file"))
}

fn json_answer(text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

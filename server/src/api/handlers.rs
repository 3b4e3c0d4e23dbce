//! One function for each path of the JSON API.

use super::input::{MediaType, Options, Pairs, fields, fill, wrong_field};
use super::openapi as description;
use super::problem::{Problem, ProblemKind};
use crate::auth::Caller;
use crate::body;
use crate::calls;
use crate::deployment::Condition;
use crate::memory;
use crate::quotas::Admitted;
use crate::server::Server;
use crate::source::Source;
use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use dynamodb_plugin::catalogue::Shape;
use dynamodb_plugin::catalogue::{OPERATIONS, Operation, Rows, json_schema, operation, suggested};
use dynamodb_plugin::describe::access;
use dynamodb_plugin::nearest::nearest;
use dynamodb_plugin::transcode::{EncodeOptions, Format, encode};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use portcullis::{Datasource, Diagnostic, Error};
use portcullis_memory::Account;
use portcullis_store::DatasourceName;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub(super) type Names<T> = Result<Path<T>, PathRejection>;

/// Runs an action. What is known before the body is checked before it: the token, the datasource
/// and the media type. What the body says comes next, and then what the action may do.
pub(super) async fn execute(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    names: Names<(String, String)>,
    query: Pairs,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let (name, action) = path(names)?;
    let source = find(&server, &caller, &name, &headers).await?;
    let source = &source;
    let account = source.account(&server, &caller);
    let media_type = MediaType::from_headers(&headers)?;
    let options = Options::from_query(query)?;
    let config = &caller.deployment.server;
    let body = request.into_body();
    if let MediaType::Json = media_type {
        calls::check_length(source, &body)
            .map_err(|error| Problem::from(&error).refused("too-large"))?;
    }
    let mut body = body::read(body, config, &account)
        .await
        .map_err(|error| Problem::from_body_error(error, config))?;
    let mut text = portcullis_json::text(body.bytes).map_err(|error| {
        Problem::new(ProblemKind::BadRequest, format!("the body cannot be read: {error}"))
    })?;
    if let MediaType::Bound = media_type {
        let limit = source.policy().limits.request_bytes.as_u64();
        let filled = fill(&text, usize::try_from(limit).unwrap_or(usize::MAX))?;
        text = filled;
        let more = (text.len() as u64).saturating_sub(body.charge.bytes());
        body.charge.grow(more).map_err(|exceeded| Problem::no_memory(memory::refusal(exceeded)))?;
    }
    if let Err(refusal) = caller.check_action(&name, &action) {
        return Err(syntax_error(&text).unwrap_or_else(|| refusal.into()));
    }
    let result = respond(&server, &caller, source, options.time, async |datasource| {
        run_action(datasource, &action, &text, options.plugin).await
    })
    .await;
    // The host refuses an action before it reads the input.
    result.map_err(|problem| {
        if !problem.is_about_action() {
            return problem;
        }
        match (syntax_error(&text), suggested(&action)) {
            (Some(syntax), _) => syntax,
            (None, Some(guess)) if operation(&action).is_none() => {
                problem.remedy(format!("did you mean {guess}?"))
            }
            _ => problem,
        }
    })
}

/// Runs an action on a datasource.
pub(super) async fn run_action(
    datasource: &Datasource,
    action: &str,
    input: &str,
    options: Map<String, Value>,
) -> Result<String, Error> {
    if options.is_empty() {
        return datasource.execute(action, input).await;
    }
    datasource.execute_with(action, input, &Value::Object(options).to_string()).await
}

/// The largest input that is searched for syntax errors although its action is refused, in bytes: longer
/// than what people type, and the search takes less than a millisecond.
const MAX_SYNTAX_CHECK: usize = 256 * 1024;

/// The problem of a text that is not JSON, which may have comments and trailing commas here. It is
/// looked for when the action is refused: otherwise the plugin reports it.
fn syntax_error(text: &str) -> Option<Problem> {
    // The plugin takes an empty text as an empty object.
    if text.trim_ascii().is_empty() || text.len() > MAX_SYNTAX_CHECK {
        return None;
    }
    let options = EncodeOptions { format: Format::Typed, strict: false };
    // `Shape::Any` accepts every JSON value.
    let faults: Vec<_> = encode(text, &Shape::Any, options)
        .err()?
        .into_iter()
        .map(|fault| Diagnostic::new(fault.pointer, fault.message))
        .collect();
    let message = "the body is not JSON";
    Some(Problem::new(ProblemKind::BadRequest, message).faults(&faults))
}

/// Checks that the service can be reached and accepts the credentials.
pub(super) async fn test(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    names: Names<String>,
    query: Pairs,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = path(names)?;
    let source = &find(&server, &caller, &name, &headers).await?;
    let options = Options::from_query(query)?.only(&[])?;
    caller.check_export(&server, &name, source.plugin_slot(), "test").await?;
    respond(&server, &caller, source, options.time, async |datasource| datasource.test().await)
        .await
}

/// Returns the tables with their keys and indexes.
pub(super) async fn structure(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    names: Names<String>,
    query: Pairs,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = path(names)?;
    let source = &find(&server, &caller, &name, &headers).await?;
    let options = Options::from_query(query)?.only(&["prefix", "limit"])?;
    caller.check_export(&server, &name, source.plugin_slot(), "structure").await?;
    let plugin_options = Value::Object(options.plugin).to_string();
    let run = async |datasource: &Datasource| datasource.structure(&plugin_options).await;
    respond(&server, &caller, source, options.time, run).await
}

/// The datasource that a request names.
async fn find(
    server: &Server,
    caller: &Caller,
    name: &str,
    headers: &HeaderMap,
) -> Result<Source, Problem> {
    let found = Source::find(server, caller, name, headers).await;
    found.map_err(|error| Problem::from_no_source(error, caller))
}

/// Makes a call, and responds with its result.
async fn respond(
    server: &Server,
    caller: &Caller,
    source: &Source,
    time: Option<Duration>,
    run: impl AsyncFnOnce(&Datasource) -> Result<String, Error>,
) -> Result<Response, Problem> {
    let result = calls::call(server, caller, source, time, run).await;
    let account = source.account(server, caller);
    let result = result.map_err(|error| {
        let problem = Problem::from_call(&error, caller);
        match source {
            Source::Policy(_) => problem,
            Source::Stored(saved) => problem.about(saved.name.as_str(), saved.tenant.as_ref()),
        }
    });
    finish(server, caller, &account, result).await
}

/// Responds with the result of a call.
pub(super) async fn finish(
    server: &Server,
    caller: &Caller,
    account: &Arc<Account>,
    result: Result<String, Problem>,
) -> Result<Response, Problem> {
    let output = result?;
    let held =
        calls::hold(account, output.len()).map_err(|error| Problem::from_call(&error, caller))?;
    let output =
        server.json.checked(output).await.map_err(|error| {
            Problem::of_result(format!("the plugin's result is not JSON: {error}"))
        })?;
    let mut response = json_response(output);
    response.extensions_mut().insert(held);
    let attempts = caller.attempts.load(Ordering::Relaxed);
    response.headers_mut().insert(ATTEMPTS, attempts.into());
    Ok(response)
}

/// How many requests a call sent to the service.
const ATTEMPTS: HeaderName = HeaderName::from_static("x-portcullis-attempts");

/// Disables or enables a datasource: the path ends in `:disable` or `:enable`.
pub(super) async fn switch(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    names: Names<String>,
) -> Result<Response, Problem> {
    let path = path(names)?;
    let (name, is_disabled) = match path.rsplit_once(':') {
        Some((name, "disable")) => (name, true),
        Some((name, "enable")) => (name, false),
        _ => return Err(Problem::no_such_path()),
    };
    check_operator(&caller)?;
    let state = if let Some(source) = caller.deployment.datasources.get(name) {
        source.switch.set_disabled(is_disabled);
        source.condition()
    } else {
        disable_saved(&server, &caller, name, is_disabled).await?
    };
    let action = if is_disabled { "disable" } else { "enable" };
    server.record_operator(Some(&caller.who()), action, name, true);
    Ok(json_response(json!({"name": name, "state": state.as_str()}).to_string()))
}

/// Disables or enables a datasource that was saved.
async fn disable_saved(
    server: &Server,
    caller: &Caller,
    name: &str,
    is_disabled: bool,
) -> Result<Condition, Problem> {
    let absent = || {
        Problem::new(ProblemKind::NotFound, format!("there is no datasource {name:?}"))
            .remedy("GET /v1/datasources lists all")
    };
    let parsed = name.parse::<DatasourceName>().map_err(|_| absent())?;
    let store = server.stored.store().ok_or_else(absent)?;
    // One that was disabled can be enabled also if it was deleted, or if the store cannot be used.
    if is_disabled || !server.stored.is_disabled(&parsed) {
        let known = store.saved(&parsed).await;
        known.map_err(|failure| Problem::of_store(&failure, caller))?.ok_or_else(absent)?;
    }
    server.stored.set_disabled(&parsed, is_disabled);
    Ok(if is_disabled { Condition::Disabled } else { Condition::Idle })
}

/// The name of the built-in plugin.
const BUILT_IN: &str = "dynamodb";

/// Lists the actions of DynamoDB, and of the other plugins that are loaded and whose datasources the
/// caller may use.
pub(super) async fn actions(Extension(caller): Extension<Caller>) -> Response {
    let action = |known: &Operation| json!({"name": known.name, "access": access(known.access), "plugin": BUILT_IN});
    let mut list: Vec<Value> = OPERATIONS.iter().map(action).collect();
    let mut plugins = BTreeSet::from([BUILT_IN.to_string()]);
    let datasources = caller.deployment.datasources.iter();
    let datasources = datasources
        .filter(|(name, _)| caller.may_use(name))
        .map(|(_, source)| (source.plugin_name(), source.loaded_plugin()));
    let templates = caller.deployment.templates.iter();
    let templates = templates
        .filter(|(name, _)| caller.may_fill_in(name))
        .map(|(_, template)| (template.plugin_name(), template.loaded_plugin()));
    for (name, plugin) in datasources.chain(templates) {
        // Thousands of datasources have few plugins.
        if name.is_some_and(|name| plugins.contains(name)) {
            continue;
        }
        let Some(plugin) = plugin else { continue };
        let manifest = plugin.manifest();
        if plugins.insert(manifest.name().to_string()) {
            list.extend(manifest.actions().map(|(name, action)| {
                json!({
                    "name": name.as_str(),
                    "access": action.access().to_string(),
                    "plugin": manifest.name(),
                })
            }));
        }
    }
    json_response(json!({"actions": list}).to_string())
}

/// Returns one action with the JSON Schema of its input.
pub(super) async fn action(names: Names<String>) -> Result<Response, Problem> {
    let name = path(names)?;
    let Some(found) = operation(&name) else {
        let guess = suggested(&name)
            .or_else(|| nearest(&name, OPERATIONS.iter().map(|operation| operation.name)));
        let remedy = match guess {
            Some(guess) => format!("did you mean {guess}?"),
            None => "GET /v1/actions lists all actions".to_string(),
        };
        let message = format!("DynamoDB has no action {name:?}");
        return Err(Problem::new(ProblemKind::NotFound, message).remedy(remedy));
    };
    let example: Value = serde_json::from_str(found.example).unwrap_or_default();
    let results = found.rows.map(Rows::field);
    let paging = found
        .paging
        .as_ref()
        .map(|paging| json!({"input": paging.input, "output": paging.output, "results": results}));
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
    match server.reload(Some(&caller.who())).await {
        Ok(changes) => Ok(json_response(json!(changes).to_string())),
        Err(error) => {
            let remedy = "nothing has changed; fix the file, and reload again";
            Err(Problem::new(ProblemKind::Reload, error.to_string()).remedy(remedy))
        }
    }
}

/// Lists the latest refusals, the last one first.
pub(super) async fn refusals(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    query: Pairs,
) -> Result<Response, Problem> {
    check_operator(&caller)?;
    let [limit] = fields(query, ["limit"])?;
    let number = |text: String| text.parse().ok().filter(|number| *number > 0);
    let limit = limit.map_or(Some(LISTED_REFUSALS), number);
    let limit = limit.ok_or_else(|| wrong_field("limit", "expected a number from 1"))?;
    Ok(json_response(json!({"refusals": server.recent.list(limit)}).to_string()))
}

/// The refusals that are listed without `limit`.
const LISTED_REFUSALS: usize = 50;

/// Returns figures for Prometheus.
pub(super) async fn metrics(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    check_operator(&caller)?;
    let mut response = Response::new(Body::from(server.metrics.text(
        &server.host,
        &server.connections,
        &caller.deployment,
        (&server.tenants.figures(), server.stored.count()),
    )));
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

/// Counts a request that makes no call.
pub(super) fn admit(server: &Server, caller: &Caller) -> Result<Admitted, Problem> {
    caller.admit(&server.quotas).map_err(|exceeded| Problem::exceeded(&exceeded, caller))
}

pub(super) fn path<T>(names: Names<T>) -> Result<T, Problem> {
    let Path(names) = names.map_err(|error| {
        Problem::new(ProblemKind::BadRequest, format!("the path cannot be read: {error}"))
    })?;
    Ok(names)
}

fn check_operator(caller: &Caller) -> Result<(), Problem> {
    if caller.is_operator() {
        return Ok(());
    }
    let problem = Problem::new(ProblemKind::Forbidden, "this needs the token of an operator");
    Err(problem.remedy("ask the operator of this server"))
}

pub(super) fn json_response(text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    let media_type = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response
}

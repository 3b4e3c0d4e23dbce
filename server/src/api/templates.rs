//! Templates, and calls that bring their datasource along.

use super::handlers::{Names, finish, json_response, path};
use super::inline::InlineCall;
use super::input::MediaType;
use super::problem::{Problem, ProblemKind};
use crate::auth::Caller;
use crate::body;
use crate::calls;
use crate::deployment::ServedTemplate;
use crate::server::Server;
use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use portcullis::{Datasource, Error, Tenant};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// Lists the templates that the caller may fill in.
pub(super) async fn templates(Extension(caller): Extension<Caller>) -> Response {
    let usable = caller.deployment.templates.values();
    let usable = usable.filter(|template| caller.may_fill_in(template.name()));
    let list: Vec<Value> = usable.map(|template| listed(template)).collect();
    json_response(json!({"templates": list}).to_string())
}

fn listed(template: &ServedTemplate) -> Value {
    let rules = template.entry().template.rules();
    json!({
        "name": template.name(),
        "plugin": template.plugin_name(),
        "access": rules.access.to_string(),
        "actions": rules.actions,
    })
}

/// Runs an action on a datasource that the request describes.
pub(super) async fn execute(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    names: Names<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    let (name, action) = path(names)?;
    let (template, tenant, call) = read(&caller, &name, request).await?;
    caller.check_action(&name, &action)?;
    let InlineCall { input, options, .. } = call;
    let plugin_options = Value::Object(options.plugin);
    let has_options = plugin_options.as_object().is_some_and(|options| !options.is_empty());
    let run = async |datasource: &Datasource| {
        if has_options {
            datasource.execute_with(&action, &input, &plugin_options.to_string()).await
        } else {
            datasource.execute(&action, &input).await
        }
    };
    respond(&server, &caller, &template, &tenant, options.time, run).await
}

/// Checks that the service can be reached, and accepts the credentials.
pub(super) async fn test(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    names: Names<String>,
    request: Request,
) -> Result<Response, Problem> {
    let name = path(names)?;
    let (template, tenant, call) = read(&caller, &name, request).await?;
    let options = call.without_input()?.options.only(&[])?;
    let run = async |datasource: &Datasource| datasource.test().await;
    respond(&server, &caller, &template, &tenant, options.time, run).await
}

/// Returns the tables with their keys and indexes.
pub(super) async fn structure(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    names: Names<String>,
    request: Request,
) -> Result<Response, Problem> {
    let name = path(names)?;
    let (template, tenant, call) = read(&caller, &name, request).await?;
    let options = call.without_input()?.options.only(&["prefix", "limit"])?;
    let plugin_options = Value::Object(options.plugin).to_string();
    let run = async |datasource: &Datasource| datasource.structure(&plugin_options).await;
    respond(&server, &caller, &template, &tenant, options.time, run).await
}

/// Makes a call, and responds with its result.
async fn respond(
    server: &Server,
    caller: &Caller,
    template: &ServedTemplate,
    tenant: &Tenant,
    time: Option<Duration>,
    run: impl AsyncFnOnce(&Datasource) -> Result<String, Error>,
) -> Result<Response, Problem> {
    let result = calls::call_tenant(server, caller, template, tenant, time, run).await;
    finish(caller, result.map_err(|error| Problem::from_tenant_call(&error, caller)))
}

/// Reads a call. What is known before the body is checked before it: the token, the template, the
/// tenant and the media type.
async fn read(
    caller: &Caller,
    name: &str,
    request: Request,
) -> Result<(Arc<ServedTemplate>, Tenant, InlineCall), Problem> {
    let template = caller.template(name)?.clone();
    let tenant = caller.tenant(request.headers())?;
    MediaType::check_call(request.headers())?;
    let config = &caller.deployment.server;
    let body = body::read(request.into_body(), config, &caller.account)
        .await
        .map_err(|error| Problem::from_body_error(error, config))?;
    // It contains credentials.
    let text = portcullis_json::text(body.bytes).map(Zeroizing::new).map_err(|error| {
        Problem::new(ProblemKind::BadRequest, format!("the body cannot be read: {error}"))
    })?;
    let limit = template.entry().template.rules().limits.request_bytes.as_u64();
    let mut call = InlineCall::parse(&text, usize::try_from(limit).unwrap_or(usize::MAX))?;
    let settings = std::mem::take(&mut call.settings);
    let credentials = call.credentials.take();
    Ok((template, Tenant { name: tenant, settings, credentials }, call))
}

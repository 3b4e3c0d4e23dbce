//! DynamoDB's own protocol: AWS SDKs, the AWS CLI and other tools set their endpoint URL to it.
//!
//! The caller's signature is dropped. The action in `x-amz-target` and the body go through
//! [`Datasource::relay`](portcullis::Datasource::relay), and the response is returned unchanged.
//! Errors of this server have the service's own form, so that every SDK understands them.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>

mod error;
mod headers;
mod response;

use crate::access_log;
use crate::auth::{self, Caller, CallerName};
use crate::body;
use crate::calls;
use crate::deployment::Served;
use crate::headers::{REQUEST_ID as OUR_REQUEST_ID, only};
use crate::refusals::Refused;
use crate::server::Server;
use crate::source::Source;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Extension, Router};
use dynamodb_plugin::catalogue::operation;
use error::WireError;
use headers::{REQUEST_ID, complete};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use portcullis::{ActionName, Datasource};
use response::pass_on;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The endpoint of one datasource on its own port.
pub(crate) fn router(server: &Arc<Server>, datasource: &str) -> Router {
    let datasource: Arc<str> = datasource.into();
    let relay = async move |State(server): State<Arc<Server>>,
                            Extension(caller): Extension<Caller>,
                            request: Request| {
        respond(&server, &caller, &datasource, request).await
    };
    // The service does not look at the path either.
    let routes = Router::new().route("/", any(relay.clone())).route("/{*path}", any(relay));
    access_log::layer(layer(routes, server), server).with_state(server.clone())
}

/// Adds the layer of this protocol.
pub(crate) fn layer(router: Router<Arc<Server>>, server: &Arc<Server>) -> Router<Arc<Server>> {
    router.route_layer(middleware::from_fn_with_state(server.clone(), authenticate))
}

/// The auth layer of this protocol. It adds the request id in the service's own header, if the service
/// sent none.
async fn authenticate(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let id = request.headers().get(OUR_REQUEST_ID).cloned();
    let refuse = |error| WireError::unauthenticated(error).into_response();
    let mut response = auth::pass(&server, request, next, auth::bearer_or_key, refuse).await;
    if let Some(id) = id {
        response.headers_mut().entry(REQUEST_ID).or_insert(id);
    }
    response
}

/// The endpoint of the datasource in the path.
pub(crate) async fn named(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    match name {
        Ok(Path(name)) => respond(&server, &caller, &name, request).await,
        Err(_) => WireError::unknown_operation("the datasource's name in the path cannot be read")
            .into_response(),
    }
}

async fn respond(server: &Server, caller: &Caller, name: &str, request: Request) -> Response {
    relay(server, caller, name, request).await.unwrap_or_else(IntoResponse::into_response)
}

/// What is known before the body is checked before it: the token, the datasource and the media
/// type. The body comes next, and then the operation, as in the service.
async fn relay(
    server: &Server,
    caller: &Caller,
    name: &str,
    request: Request,
) -> Result<Response, WireError> {
    let (parts, body) = request.into_parts();
    let Ok(()) = check_form(&parts.method, &parts.headers) else {
        return Ok(match parts.method {
            // The service responds like this, and some tools ask for it.
            Method::GET | Method::HEAD => (StatusCode::OK, "healthy: portcullis").into_response(),
            _ => unknown_form(),
        });
    };
    let source = Source::find(server, caller, name, &parts.headers).await;
    let source = &source.map_err(|error| WireError::from_no_source(error, caller))?;
    let account = source.account(server, caller);
    let config = &caller.deployment.server;
    calls::check_length(source, &body).map_err(|error| WireError::too_large(&error, caller))?;
    let body =
        body::read(body, config, &account).await.map_err(|error| WireError::body(error, config))?;
    let body::Received { bytes, charge: _charge } = body;
    let bytes = json_object(server, bytes).await?;
    let action = action(&parts.headers, source)?;
    caller.check_action(name, action)?;
    let run = async |datasource: &Datasource| datasource.relay(action, &bytes).await;
    let relayed = calls::call(server, caller, source, None, run)
        .await
        .map_err(|error| WireError::from_call(error, caller).about(source))?;
    let held = calls::hold(&account, relayed.body.len())
        .map_err(|error| WireError::from_call(error, caller))?;
    let mut response = pass_on(&server.json, relayed).await?;
    response.extensions_mut().insert(held);
    Ok(response)
}

/// Checks what the service checks first: the method and the media type. It may be missing here, so
/// that a request is easy to type.
fn check_form(method: &Method, headers: &HeaderMap) -> Result<(), ()> {
    let is_missing = !headers.contains_key(header::CONTENT_TYPE);
    let media_type = only(headers, &header::CONTENT_TYPE).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let is_known = ["application/x-amz-json-1.0", "application/json"]
        .iter()
        .any(|known| media_type.eq_ignore_ascii_case(known));
    if *method == Method::POST && (is_known || is_missing) { Ok(()) } else { Err(()) }
}

/// The service's response to another method or media type.
fn unknown_form() -> Response {
    const BODY: &str = "<UnknownOperationException/>\n";
    let mut response = (StatusCode::NOT_FOUND, BODY).into_response();
    let xml = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(header::CONTENT_TYPE, xml);
    complete(response.headers_mut(), BODY.as_bytes());
    let reason = "the method or the media type is not that of DynamoDB";
    response.extensions_mut().insert(Refused::new("media-type").because(reason));
    response
}

/// Returns a body if it is a JSON object.
async fn json_object(server: &Server, body: Vec<u8>) -> Result<Vec<u8>, WireError> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(WireError::serialization());
    }
    server.json.checked(body).await.map_err(|_| WireError::serialization())
}

/// The action of a request. A name that DynamoDB does not have is a typing error, unless the policy
/// lists it: it may be newer than this program.
fn action<'h>(headers: &'h HeaderMap, source: &Source) -> Result<&'h str, WireError> {
    let unknown = WireError::unknown_operation;
    match only(headers, &TARGET).unwrap_or_default().split_once('.') {
        Some(("DynamoDB_20120810", action)) => {
            let name: ActionName = action.parse().map_err(|_| unknown(""))?;
            let listed = source.policy().actions.iter().flatten().any(|listed| *listed == name);
            if listed || source.knows_action(&name) || operation(action).is_some() {
                return Ok(action);
            }
            Err(unknown(""))
        }
        Some((service, _)) if service.starts_with("DynamoDBStreams_") => {
            Err(unknown("DynamoDB Streams are not served here, only DynamoDB itself"))
        }
        Some((service, _)) if service.starts_with("DynamoDB_") => {
            Err(unknown("this version of DynamoDB's API is not served here, only 2012-08-10"))
        }
        _ => Err(unknown("")),
    }
}

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// The most datasources that a message lists.
const LISTED: usize = 5;

/// Whether an AWS SDK has sent a request.
pub(crate) fn is_from_sdk(request: &Request<Body>) -> bool {
    request.headers().contains_key(TARGET)
}

/// A response that asks an AWS SDK to try again later.
pub(crate) fn throttled(message: &str) -> Response {
    WireError::throttled(message).into_response()
}

/// A response to an AWS SDK whose endpoint URL lacks the datasource: it names the right URL. `None`
/// if the request is not from an SDK.
pub(crate) fn misdirected(server: &Server, request: &Request<Body>) -> Option<Response> {
    let headers = request.headers();
    if *request.method() != Method::POST || !is_from_sdk(request) {
        return None;
    }
    let caller = match auth::caller(server, request, auth::bearer_or_key) {
        Ok(caller) => caller,
        Err(error) => return Some(WireError::unauthenticated(error).into_response()),
    };
    let usable = |all: &BTreeMap<String, Arc<Served>>| {
        all.keys().filter(|name| caller.may_use(name)).take(LISTED + 1).cloned().collect::<Vec<_>>()
    };
    let mut names = usable(&caller.deployment.datasources);
    let more = names.len() > LISTED;
    names.truncate(LISTED);
    let scheme = if caller.deployment.server.tls.is_some() { "https" } else { "http" };
    let host = only(headers, &header::HOST).unwrap_or("HOST:PORT");
    let url = |name: &String| format!("{scheme}://{host}/ddb/{name}/");
    let urls = names.iter().map(url).collect::<Vec<_>>().join(", ");
    let may_use_saved = server.stored.store().is_some() && caller.may_use_saved();
    let message = match (names.len(), more) {
        (0, _) => format!(
            "set the endpoint URL to {}: the path names the datasource. {}",
            url(&"DATASOURCE".to_string()),
            if may_use_saved {
                "This token may use none of the policy file, but a saved datasource is reached by \
                 its name too"
            } else {
                "This token may use none"
            }
        ),
        (1, false) => format!("set the endpoint URL to {urls}: the path names the datasource"),
        (_, true) => {
            format!("set the endpoint URL to one such as {urls}: the path names the datasource")
        }
        _ => format!("set the endpoint URL to one of {urls}: the path names the datasource"),
    };
    let mut response = WireError::unknown_operation(message).into_response();
    response.extensions_mut().insert(CallerName(caller.name().to_string()));
    if let Some(id) = headers.get(OUR_REQUEST_ID) {
        response.headers_mut().insert(REQUEST_ID, id.clone());
    }
    Some(response)
}

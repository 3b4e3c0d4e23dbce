//! DynamoDB's own protocol: AWS SDKs, the AWS CLI and other tools set their endpoint URL to it.
//!
//! The caller's signature is dropped. The action in `x-amz-target` and the body go through
//! [`Datasource::relay`](portcullis::Datasource::relay), and the response is returned unchanged.
//! Errors of this server have the service's own form, so that every SDK understands them.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>

use crate::access_log;
use crate::auth::{self, AuthError, Caller, Refusal};
use crate::body::{self, BodyError};
use crate::headers::{self, only};
use crate::server::Server;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Extension, Router};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use portcullis::{ActionName, Error, Limit, LimitKind, PluginError, RawResponse};
use serde_json::json;
use std::sync::Arc;

/// The endpoint of one datasource on its own port.
pub(crate) fn router(server: &Arc<Server>, datasource: &str) -> Router {
    let datasource: Arc<str> = datasource.into();
    let relay = async move |Extension(caller): Extension<Caller>, request: Request| {
        respond(&caller, &datasource, request).await
    };
    let nothing = async || unknown_operation("the only path here is /");
    let routes = Router::new().route("/", any(relay)).route("/{*path}", any(nothing));
    layer(routes, server).with_state(server.clone())
}

/// Adds the layers of this protocol.
pub(crate) fn layer(router: Router<Arc<Server>>, server: &Arc<Server>) -> Router<Arc<Server>> {
    let router = router.route_layer(middleware::from_fn_with_state(server.clone(), authenticate));
    access_log::layer(router, server).route_layer(middleware::map_response(add_request_id))
}

/// The auth layer of this protocol.
async fn authenticate(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    auth::pass(&server, request, next, auth::bearer_or_key, unauthenticated).await
}

/// Adds the request id in the service's own header, if the service sent none.
async fn add_request_id(mut response: Response) -> Response {
    if let Some(id) = response.headers().get(headers::REQUEST_ID).cloned() {
        response.headers_mut().entry(REQUEST_ID).or_insert(id);
    }
    response
}

/// The endpoint of the datasource in the path.
pub(crate) async fn named(
    State(_): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    match name {
        Ok(Path(name)) => respond(&caller, &name, request).await,
        Err(_) => {
            unknown_operation("the datasource's name in the path cannot be read").into_response()
        }
    }
}

async fn respond(caller: &Caller, datasource: &str, request: Request) -> Response {
    relay(caller, datasource, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn relay(caller: &Caller, datasource: &str, request: Request) -> Result<Response, WireError> {
    let (parts, body) = request.into_parts();
    match parts.method {
        Method::POST => {}
        // The service responds like this, and some tools ask for it.
        Method::GET | Method::HEAD => {
            return Ok((StatusCode::OK, "healthy: portcullis").into_response());
        }
        _ => return Err(unknown_operation("")),
    }
    let action = action(&parts.headers)?;
    let served =
        caller.datasource(datasource, Some(action)).map_err(|refusal| refused(&refusal))?;
    let config = &caller.deployment.server;
    let bytes = body::read(body, config).await.map_err(|error| {
        let (status, code) = match error {
            BodyError::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "com.amazon.coral.service#RequestEntityTooLargeException",
            ),
            BodyError::TooSlow => {
                (StatusCode::REQUEST_TIMEOUT, "com.amazon.coral.service#RequestTimeoutException")
            }
            BodyError::Broken => {
                (StatusCode::BAD_REQUEST, "com.amazon.coral.service#SerializationException")
            }
        };
        WireError::new(status, code, error.message(config))
    })?;
    let datasource = served.datasource.clone().for_request(&caller.request_id);
    match datasource.relay(action, &bytes).await {
        Ok(relayed) => Ok(pass_on(relayed)),
        Err(failure) => Err(failed(&failure)),
    }
}

/// The action of a request.
fn action(headers: &HeaderMap) -> Result<&str, WireError> {
    match only(headers, &TARGET).unwrap_or_default().split_once('.') {
        Some(("DynamoDB_20120810", action)) if action.parse::<ActionName>().is_ok() => Ok(action),
        Some((service, _)) if service.starts_with("DynamoDBStreams_") => {
            Err(unknown_operation("DynamoDB Streams are not served here, only DynamoDB itself"))
        }
        Some((service, _)) if service.starts_with("DynamoDB_") => Err(unknown_operation(
            "this version of DynamoDB's API is not served here, only 2012-08-10",
        )),
        _ => Err(unknown_operation("")),
    }
}

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// The service's response, unchanged, with the headers that describe it.
fn pass_on(relayed: RawResponse) -> Response {
    let RawResponse { status, headers, body, .. } = relayed;
    let body = Bytes::from(body);
    let mut response = Response::new(Body::from(body.clone()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let passed =
        |name: &str| name == "content-type" || name == "retry-after" || name.starts_with("x-amz");
    for (name, value) in headers.iter().filter(|(name, _)| passed(name)) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    complete(response.headers_mut(), &body);
    response
}

/// The service's name for the id of a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const CRC32: HeaderName = HeaderName::from_static("x-amz-crc32");
const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");

/// Adds headers that SDKs look for, if the service did not send them.
fn complete(headers: &mut HeaderMap, body: &[u8]) {
    headers.entry(header::CONTENT_TYPE).or_insert(JSON);
    headers.entry(CRC32).or_insert_with(|| HeaderValue::from(crc32fast::hash(body)));
}

/// A request that is not let in.
fn unauthenticated(error: AuthError) -> Response {
    let code = match error {
        AuthError::Missing => "com.amazon.coral.service#MissingAuthenticationTokenException",
        AuthError::Wrong => "com.amazon.coral.service#UnrecognizedClientException",
        AuthError::Host | AuthError::Page => ACCESS_DENIED,
    };
    WireError::new(StatusCode::BAD_REQUEST, code, format!("{error}; {}", error.remedy()))
        .into_response()
}

const ACCESS_DENIED: &str = "com.amazon.coral.service#AccessDeniedException";

fn refused(refusal: &Refusal) -> WireError {
    let code = if refusal.is_not_found {
        "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"
    } else {
        ACCESS_DENIED
    };
    WireError::new(
        StatusCode::BAD_REQUEST,
        code,
        format!("{}; {}", refusal.message, refusal.remedy),
    )
}

fn unknown_operation(message: &str) -> WireError {
    WireError::new(
        StatusCode::BAD_REQUEST,
        "com.amazon.coral.service#UnknownOperationException",
        message,
    )
}

/// A call without a response of the service. SDKs retry a status of 500 or more and throttling, as
/// they do when they talk to the service itself and lose a connection.
fn failed(failure: &Error) -> WireError {
    let message = failure.to_string();
    let internal = "com.amazonaws.dynamodb.v20120810#InternalServerError";
    match failure {
        Error::Denied(denial) => WireError::new(
            StatusCode::BAD_REQUEST,
            ACCESS_DENIED,
            format!("{message}; remedy: {}", denial.remedy),
        ),
        // Others need the memory now, and later perhaps not.
        Error::Busy(_)
        | Error::Limit(Limit { which: LimitKind::ProcessMemory, maybe_applied: false, .. }) => {
            WireError::new(
                StatusCode::BAD_REQUEST,
                "com.amazon.coral.availability#ThrottlingException",
                message,
            )
        }
        Error::Limit(Limit { which: LimitKind::RequestBytes, .. }) => WireError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "com.amazon.coral.service#RequestEntityTooLargeException",
            message,
        ),
        // A retry would not help.
        Error::Limit(Limit { which, .. })
            if !matches!(which, LimitKind::Deadline | LimitKind::ProcessMemory) =>
        {
            WireError::new(
                StatusCode::BAD_REQUEST,
                "com.amazon.coral.validate#ValidationException",
                message,
            )
        }
        Error::Plugin(PluginError::UnknownAction(_)) => unknown_operation(&message),
        Error::Plugin(PluginError::Credentials(_)) => WireError::new(
            StatusCode::BAD_REQUEST,
            "com.amazon.coral.service#UnrecognizedClientException",
            message,
        ),
        Error::Audit { maybe_applied: false, .. } => {
            WireError::new(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE, message)
        }
        Error::Plugin(PluginError::Transport(end)) if !end.maybe_applied => {
            WireError::new(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE, message)
        }
        _ => WireError::new(StatusCode::INTERNAL_SERVER_ERROR, internal, message),
    }
}

const UNAVAILABLE: &str = "com.amazon.coral.availability#ServiceUnavailableException";

/// An error in the form of the service.
struct WireError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl WireError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }
}

impl IntoResponse for WireError {
    fn into_response(self) -> Response {
        // The service has both `message` and `Message`; SDKs accept both.
        let field =
            if self.code.starts_with("com.amazon.coral.service#") { "Message" } else { "message" };
        let body = json!({"__type": self.code, field: self.message}).to_string();
        let mut response = Response::new(Body::from(body.clone()));
        *response.status_mut() = self.status;
        complete(response.headers_mut(), body.as_bytes());
        response
    }
}

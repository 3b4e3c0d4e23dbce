//! DynamoDB's own protocol: AWS's SDKs, its command line and its tools point their endpoint URL here.
//!
//! The caller's signature is dropped; the action that `x-amz-target` names and the body go through
//! [`Datasource::relay`](portcullis::Datasource::relay), and the answer comes back as it is. Errors that are not the
//! service's are written as it writes them, so that every SDK understands them.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>

use super::door::{Caller, Refusal, Stranger};
use super::problem::Case;
use super::{Server, body, door};
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Extension, Router, middleware};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use portcullis::{ActionName, Error, Limit, LimitKind, PluginError, Relayed};
use serde_json::json;
use std::sync::Arc;

/// The endpoint of one datasource, on a port of its own.
pub(crate) fn router(server: &Arc<Server>, datasource: &str) -> Router {
    let datasource: Arc<str> = datasource.into();
    Router::new()
        .route(
            "/",
            any(async move |Extension(caller): Extension<Caller>, request: Request| {
                answer(&caller, &datasource, request).await
            }),
        )
        .fallback(async || unknown_operation("there is nothing but / here"))
        .layer(middleware::from_fn_with_state(server.clone(), door::wire))
        .with_state(server.clone())
}

/// The endpoint that is named in the path.
pub(crate) async fn named(
    State(_): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    name: Result<Path<String>, axum::extract::rejection::PathRejection>,
    request: Request,
) -> Response {
    match name {
        Ok(Path(name)) => answer(&caller, &name, request).await,
        Err(_) => {
            unknown_operation("the datasource's name in the path cannot be read").into_response()
        }
    }
}

async fn answer(caller: &Caller, datasource: &str, request: Request) -> Response {
    relay(caller, datasource, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn relay(caller: &Caller, datasource: &str, request: Request) -> Result<Response, WireError> {
    let (parts, body) = request.into_parts();
    match parts.method {
        Method::POST => {}
        // As the service answers, and some tools ask.
        Method::GET | Method::HEAD => {
            return Ok((StatusCode::OK, "healthy: portcullis").into_response());
        }
        _ => return Err(unknown_operation("")),
    }
    let action = action(&parts.headers)?;
    let served =
        caller.datasource(datasource, Some(action)).map_err(|refusal| refused(&refusal))?;
    let config = &caller.deployment.server;
    let bytes = body::read(body, config).await.map_err(|unread| {
        let (status, code) = match unread {
            body::Unread::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "com.amazon.coral.service#RequestEntityTooLargeException",
            ),
            body::Unread::TooSlow => {
                (StatusCode::REQUEST_TIMEOUT, "com.amazon.coral.service#RequestTimeoutException")
            }
            body::Unread::Broken => {
                (StatusCode::BAD_REQUEST, "com.amazon.coral.service#SerializationException")
            }
        };
        WireError::new(status, code, unread.message(config))
    })?;
    let datasource = served.datasource.clone().for_request(&caller.request_id);
    match datasource.relay(action, &bytes).await {
        Ok(relayed) => Ok(pass_on(relayed)),
        Err(failure) => Err(failed(&failure)),
    }
}

/// The action that the request asks for.
fn action(headers: &HeaderMap) -> Result<&str, WireError> {
    match door::only(headers, &TARGET).unwrap_or_default().split_once('.') {
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

/// The service's answer, to the byte. Of its headers those that say something of it.
fn pass_on(relayed: Relayed) -> Response {
    let Relayed { status, headers, body } = relayed;
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
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const CRC32: HeaderName = HeaderName::from_static("x-amz-crc32");
const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");

/// Adds what SDKs look for, where the service did not say it; the request's id is the door's affair.
fn complete(headers: &mut HeaderMap, body: &[u8]) {
    headers.entry(header::CONTENT_TYPE).or_insert(JSON);
    headers.entry(CRC32).or_insert_with(|| HeaderValue::from(crc32fast::hash(body)));
}

/// Somebody who is not let in.
pub(crate) fn stranger(stranger: Stranger) -> Response {
    let code = match stranger {
        Stranger::Missing => "com.amazon.coral.service#MissingAuthenticationTokenException",
        Stranger::Wrong => "com.amazon.coral.service#UnrecognizedClientException",
        Stranger::Host | Stranger::Page => ACCESS_DENIED,
    };
    WireError::new(
        StatusCode::BAD_REQUEST,
        code,
        format!("{}; {}", stranger.message(), stranger.remedy()),
    )
    .into_response()
}

const ACCESS_DENIED: &str = "com.amazon.coral.service#AccessDeniedException";

fn refused(refusal: &Refusal) -> WireError {
    let code = if refusal.case == Case::NotFound {
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

/// A call that has no answer of the service's. SDKs try again what has a status of 500 or more, or is throttled: so they
/// do when they speak to the service itself and a connection is lost.
fn failed(failure: &Error) -> WireError {
    let message = failure.to_string();
    let internal = "com.amazonaws.dynamodb.v20120810#InternalServerError";
    match failure {
        Error::Denied(denial) => WireError::new(
            StatusCode::BAD_REQUEST,
            ACCESS_DENIED,
            format!("{message}; remedy: {}", denial.remedy),
        ),
        Error::Busy(_) => WireError::new(
            StatusCode::BAD_REQUEST,
            "com.amazon.coral.availability#ThrottlingException",
            message,
        ),
        Error::Limit(Limit { which: LimitKind::RequestBytes, .. }) => WireError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "com.amazon.coral.service#RequestEntityTooLargeException",
            message,
        ),
        // Trying again would not help.
        Error::Limit(Limit { which, .. }) if *which != LimitKind::Deadline => WireError::new(
            StatusCode::BAD_REQUEST,
            "com.amazon.coral.validate#ValidationException",
            message,
        ),
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

/// An error as the service writes it.
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
        // Its own have `message` or `Message`; SDKs take both.
        let member =
            if self.code.starts_with("com.amazon.coral.service#") { "Message" } else { "message" };
        let body = json!({"__type": self.code, member: self.message}).to_string();
        let mut response = Response::new(Body::from(body.clone()));
        *response.status_mut() = self.status;
        complete(response.headers_mut(), body.as_bytes());
        response
    }
}

//! What a client's request is for.

use crate::failure::{problem, wire};
use crate::reply::Reply;
use alloc::format;

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route<'r> {
    /// `GET /healthz`.
    Health,
    /// `GET /readyz`.
    Ready,
    /// `GET /v1/describe`.
    Describe,
    /// `POST /v1/actions/{action}`.
    Action(&'r str),
    /// `POST /` with an operation in `x-amz-target`: DynamoDB's protocol.
    Relay(&'r str),
}

/// A request that is not for anything here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteError {
    /// Whether the client speaks DynamoDB's protocol.
    is_wire: bool,
    refusal: Refusal,
}

/// Why a request is not for anything here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is nothing at this path.
    NoPath,
    /// The path does not accept the method.
    Method(&'static str),
    /// The body has another media type.
    MediaType,
    /// There are options in the query.
    Query,
    /// The operation is not one of DynamoDB.
    Operation,
}

impl<'r> Route<'r> {
    /// Finds what a request is for. `target` is the header `x-amz-target` if there is exactly one.
    ///
    /// # Errors
    /// Returns an error if it is for nothing here.
    pub fn parse(
        method: &str,
        path: &'r str,
        target: Option<&'r str>,
        media_type: Option<&str>,
    ) -> Result<Self, RouteError> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let is_wire = path == "/";
        let error = |refusal| RouteError { is_wire, refusal };
        let only = |expected: &'static str| {
            if method == expected { Ok(()) } else { Err(error(Refusal::Method(expected))) }
        };
        let is_read = matches!(method, "GET" | "HEAD");
        match path {
            // Load balancers and some tools ask for `/`; the service responds too.
            "/" | "/healthz" if is_read => Ok(Self::Health),
            "/readyz" if is_read => Ok(Self::Ready),
            "/healthz" | "/readyz" => Err(error(Refusal::Method("GET, HEAD"))),
            "/v1/describe" => only("GET").map(|()| Self::Describe),
            "/" => {
                only("POST")?;
                let media_type = media_type.unwrap_or("application/x-amz-json-1.0");
                if !is(media_type, "application/x-amz-json-1.0") && !is_json(media_type) {
                    return Err(error(Refusal::MediaType));
                }
                let action = target.and_then(|target| target.strip_prefix("DynamoDB_20120810."));
                let action = action.filter(|action| is_action(action));
                action.map(Self::Relay).ok_or_else(|| error(Refusal::Operation))
            }
            _ => {
                let action = path.strip_prefix("/v1/actions/").filter(|action| is_action(action));
                let action = action.ok_or_else(|| error(Refusal::NoPath))?;
                only("POST")?;
                // A page in a browser may send other types to other sites without asking (CSRF).
                if !media_type.is_some_and(is_json) {
                    return Err(error(Refusal::MediaType));
                }
                if !query.is_empty() {
                    return Err(error(Refusal::Query));
                }
                Ok(Self::Action(action))
            }
        }
    }
}

impl RouteError {
    /// Returns the response.
    #[must_use]
    pub fn reply(&self) -> Reply {
        if self.is_wire {
            let message = match self.refusal {
                Refusal::Operation => {
                    "the header x-amz-target does not name one operation of DynamoDB; send it once, \
                     as in DynamoDB_20120810.GetItem"
                }
                Refusal::Method(_) | Refusal::MediaType => {
                    "send POST with the content type application/x-amz-json-1.0"
                }
                _ => "there is nothing here",
            };
            return wire(400, "UnknownOperationException", message);
        }
        match self.refusal {
            Refusal::NoPath | Refusal::Operation => problem(
                404,
                "not-found",
                "there is nothing at this path",
                "POST /v1/actions/{action}, GET /v1/describe, GET /healthz and GET /readyz exist, \
                 and / for AWS SDKs",
            ),
            Refusal::Method(expected) => {
                let message = format!("this path accepts only {expected}");
                problem(405, "method-not-allowed", &message, &format!("send {expected}"))
                    .with("allow", expected)
            }
            Refusal::MediaType => problem(
                415,
                "media-type",
                "the body is not said to be JSON",
                "send Content-Type: application/json",
            ),
            Refusal::Query => problem(
                400,
                "bad-request",
                "options in the query are not supported by this form of Portcullis",
                "leave out the query; `portcullis serve` supports options",
            ),
        }
    }
}

fn is_json(media_type: &str) -> bool {
    is(media_type, "application/json")
}

/// Returns whether a media type is this one, with any parameters.
fn is(media_type: &str, expected: &str) -> bool {
    media_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(expected)
}

fn is_action(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: Option<&str> = Some("Application/JSON; charset=utf-8");

    #[test]
    fn each_path_has_its_method() {
        let route = |method, path| Route::parse(method, path, None, JSON);
        assert_eq!(route("GET", "/healthz"), Ok(Route::Health));
        for method in ["GET", "HEAD"] {
            assert_eq!(route(method, "/"), Ok(Route::Health));
            assert_eq!(route(method, "/healthz"), Ok(Route::Health));
            assert_eq!(route(method, "/readyz"), Ok(Route::Ready));
        }
        assert_eq!(route("GET", "/v1/describe"), Ok(Route::Describe));
        assert_eq!(route("POST", "/v1/actions/GetItem"), Ok(Route::Action("GetItem")));
        for (method, path, status) in [
            ("POST", "/healthz", 405),
            ("GET", "/v1/actions/GetItem", 405),
            ("POST", "/v1/actions/", 404),
            ("POST", "/v1/actions/a/b", 404),
            ("POST", "/v1/actions/GetItem?pages=all", 400),
            ("GET", "/x", 404),
            ("PUT", "/", 400),
        ] {
            assert_eq!(route(method, path).unwrap_err().reply().status, status, "{method} {path}");
        }
    }

    #[test]
    fn a_wrong_method_is_answered_with_the_right_ones() {
        for (method, path, allowed) in [
            ("POST", "/healthz", "GET, HEAD"),
            ("POST", "/readyz", "GET, HEAD"),
            ("POST", "/v1/describe", "GET"),
            ("GET", "/v1/actions/GetItem", "POST"),
        ] {
            let reply = Route::parse(method, path, None, JSON).unwrap_err().reply();
            let allow = ("allow".to_string(), allowed.as_bytes().to_vec());
            assert!(reply.status == 405 && reply.headers.contains(&allow), "{method} {path}");
        }
    }

    #[test]
    fn sdks_name_the_operation_in_a_header() {
        let route = |target, media_type| Route::parse("POST", "/", target, media_type);
        let target = Some("DynamoDB_20120810.GetItem");
        assert_eq!(route(target, Some("application/x-amz-json-1.0")), Ok(Route::Relay("GetItem")));
        assert_eq!(route(target, None), Ok(Route::Relay("GetItem")));
        for (target, media_type) in [
            (None, None),
            (Some("DynamoDBStreams_20120810.ListStreams"), None),
            (Some("DynamoDB_20120810.Get Item"), None),
            (target, Some("text/plain")),
        ] {
            let reply = route(target, media_type).unwrap_err().reply();
            let body = String::from_utf8(reply.body).unwrap();
            assert!(body.contains("UnknownOperationException"), "{body}");
            assert!(!body.contains("\"message\": \"\""), "{body}");
        }
    }

    #[test]
    fn a_form_of_another_site_is_not_read() {
        for media_type in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
            let error = Route::parse("POST", "/v1/actions/GetItem", None, media_type).unwrap_err();
            assert_eq!(error.reply().status, 415);
        }
    }
}

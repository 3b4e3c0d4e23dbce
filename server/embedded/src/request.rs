//! Reads a request, and runs the operation that it names.

use crate::deep::{self, Deep};
use crate::response::{AMZ_JSON, Reply};
use crate::{absent, dispatch, operations, wording};
use dynoxide::Database;
use dynoxide::auth_material::{self, AuthMaterial};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::Value;

/// The most bytes of a request's body, as in DynamoDB: 16 MiB.
pub const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// The response to a request whose body was read.
pub(crate) fn respond(database: &Database, head: &Parts, body: &[u8]) -> Reply {
    let body = match std::str::from_utf8(body) {
        Ok(body) => body,
        Err(error) => {
            let message = format!("Request body didn't contain valid UTF-8: {error}");
            return Reply::text(StatusCode::BAD_REQUEST, message);
        }
    };
    match head.method {
        Method::GET => Reply::plain(StatusCode::OK, wording::HEALTHY),
        Method::POST => post(database, head, body),
        // No page of a browser is a client, so nothing is said about origins.
        _ => Reply::not_found(),
    }
}

fn post(database: &Database, head: &Parts, body: &str) -> Reply {
    let content_type = text(&head.headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let base = content_type.split(';').next().unwrap_or_default().trim();
    let is_amz = base.eq_ignore_ascii_case(AMZ_JSON);
    let is_json = is_amz || base.eq_ignore_ascii_case(JSON);
    let is_empty = body.is_empty() && content_type.is_empty();
    if !is_json && !is_empty {
        return Reply::not_found();
    }
    let reply_type = if is_amz { AMZ_JSON } else { JSON };
    let unreadable = || Reply::protocol(reply_type, "SerializationException", None);

    // The order of these checks is DynamoDB's.
    let too_deep = match serde_json::from_str::<Value>(body) {
        Ok(_) => false,
        Err(_) if body.is_empty() => false,
        Err(error) if error.to_string().starts_with("recursion limit exceeded") => true,
        Err(_) => return unreadable(),
    };
    let target = text(&head.headers, "x-amz-target").unwrap_or_default();
    let name = TARGETS.iter().find_map(|prefix| target.strip_prefix(prefix)).unwrap_or_default();
    let Some(operation) = operations::find(name) else {
        match absent::answer(database, name, body) {
            Some(Ok(body)) => return Reply::json(reply_type, body),
            Some(Err(error)) => return Reply::error(reply_type, "DescribeTable", &error),
            None => {}
        }
        let missing = wording::missing_feature(name);
        let message = missing.map(|feature| format!("the embedded database has no {feature}"));
        return Reply::protocol(reply_type, "UnknownOperationException", message.as_deref());
    };
    if let Some(error) = auth_material::validate(AuthMaterial {
        authorization: text(&head.headers, header::AUTHORIZATION.as_str()),
        query: head.uri.query().unwrap_or_default(),
        has_date_header: ["x-amz-date", "date"].iter().any(|name| head.headers.contains_key(*name)),
    }) {
        return Reply::refused(reply_type, error);
    }
    if body.is_empty() {
        return unreadable();
    }
    let result = if too_deep {
        match deep::resolve(operation, body) {
            Deep::Unreadable => return unreadable(),
            Deep::Refuse(error) => Err(error),
            Deep::Run(body) => dispatch::run(database, operation, &body),
        }
    } else {
        dispatch::run(database, operation, body)
    };
    match result {
        Ok(body) => Reply::json(reply_type, body),
        Err(error) => Reply::error(reply_type, operation.name, &error),
    }
}

const JSON: &str = "application/json";

/// What stands before the operation's name in `x-amz-target`.
const TARGETS: [&str; 2] = ["DynamoDB_20120810.", "DynamoDBStreams_20120810."];

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

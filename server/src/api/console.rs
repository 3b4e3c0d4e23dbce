//! The files of the console: a page that connects datasources and queries them.
//!
//! They hold no data, so that no token is needed for them. The page uses the JSON API, with the token that
//! people type into it.

use super::handlers::{Names, path};
use super::problem::Problem;
use crate::auth;
use crate::server::Server;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use portcullis_console::{CONTENT_SECURITY_POLICY, File};
use std::sync::Arc;

/// The paths of the console. Browsers that open the address of the server come here.
pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/console", get(async || Redirect::permanent("/console/")))
        .route("/console/", get(page))
        .route("/console/{*path}", get(named))
}

async fn page(State(server): State<Arc<Server>>, headers: HeaderMap) -> Response {
    respond(&server, &headers, "")
}

async fn named(
    State(server): State<Arc<Server>>,
    names: Names<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Ok(respond(&server, &headers, &path(names)?))
}

fn respond(server: &Server, headers: &HeaderMap, path: &str) -> Response {
    if let Err(error) = auth::check_host(&server.current(), headers) {
        return Problem::from(error).into_response();
    }
    match portcullis_console::file(path) {
        Some(file) => send(file, headers),
        None => Problem::no_such_path().into_response(),
    }
}

/// Sends a file, compressed if the browser accepts that, or says that the browser has it already.
fn send(file: &'static File, request: &HeaderMap) -> Response {
    let (bytes, coding) = match (file.brotli, file.gzip) {
        (Some(brotli), _) if accepts(request, "br") => (brotli, Some("br")),
        (_, Some(gzip)) if accepts(request, "gzip") => (gzip, Some("gzip")),
        _ => (file.bytes, None),
    };
    let tag = if coding.is_some() { format!("W/{}", file.etag) } else { file.etag.to_string() };
    let has_it = request.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        let tags = value.to_str().unwrap_or_default().split(',').map(str::trim);
        // Two codings of one file are equally good.
        tags.map(|known| known.trim_start_matches("W/")).any(|known| known == file.etag)
    });
    let mut response = if has_it {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(Body::from(Bytes::from_static(bytes)));
        let media_type = HeaderValue::from_static(file.media_type);
        response.headers_mut().insert(header::CONTENT_TYPE, media_type);
        if let Some(coding) = coding {
            let coding = HeaderValue::from_static(coding);
            response.headers_mut().insert(header::CONTENT_ENCODING, coding);
        }
        response
    };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    let caching = if file.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    for (name, value) in [
        (header::CACHE_CONTROL, caching),
        (header::VARY, "Accept-Encoding"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether a browser accepts a coding.
/// <https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3>
fn accepts(request: &HeaderMap, coding: &str) -> bool {
    let values = request.get_all(header::ACCEPT_ENCODING).iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|part| {
        let (name, weight) = part.split_once(';').unwrap_or((part, "q=1"));
        let weight = weight.trim().trim_start_matches("q=").parse::<f32>();
        name.trim().eq_ignore_ascii_case(coding) && weight.is_ok_and(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str, pairs: &[(header::HeaderName, &'static str)]) -> Response {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.clone(), HeaderValue::from_static(value));
        }
        send(portcullis_console::file(path).unwrap(), &headers)
    }

    #[test]
    fn files_are_sent_in_a_coding_that_the_browser_accepts() {
        let large = portcullis_console::files().iter().find(|file| file.brotli.is_some()).unwrap();
        for (accepted, expected) in [
            ("gzip, br", Some("br")),
            ("gzip", Some("gzip")),
            ("br;q=0, gzip;q=0.5", Some("gzip")),
            ("identity", None),
            ("br;q=x", None),
        ] {
            let response = get(large.path, &[(header::ACCEPT_ENCODING, accepted)]);
            let coding = response.headers().get(header::CONTENT_ENCODING);
            assert_eq!(coding.map(|coding| coding.to_str().unwrap()), expected, "{accepted}");
            assert_eq!(response.headers()[header::VARY], "Accept-Encoding");
        }
    }

    #[test]
    fn every_file_forbids_frames_and_inline_scripts_and_is_not_sent_twice() {
        for file in portcullis_console::files() {
            let response = get(file.path, &[]);
            let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
            assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            let again = get(file.path, &[(header::IF_NONE_MATCH, file.etag)]);
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
            assert_eq!(again.headers()[header::ETAG], file.etag);
        }
    }
}

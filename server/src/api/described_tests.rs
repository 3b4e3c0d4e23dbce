//! What the handlers do is what the description says.
//!
//! Each operation of the description is called on a server whose plugin and store cannot be used, so that
//! the responses are those of the handlers alone.

use super::openapi::document;
use super::router;
use crate::deployment::Deployment;
use crate::memory::Accounts;
use crate::overrides::Overrides;
use crate::quotas::Whose;
use crate::server::Server;
use crate::setup::{PolicyLocation, small_host};
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderValue, header};
use portcullis_config::PolicyFile;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;
use tower::ServiceExt;

#[tokio::test]
async fn the_headers_that_a_handler_reads_are_described() {
    let (api, document) = (router(&server().await), document());
    for (path, method, operation) in operations(&document) {
        for (name, value, refusal) in HEADERS {
            let mut request = request(path, method, operation, "operator", SAVED);
            set_header(&mut request, name, value);
            let problem = body(api.clone().oneshot(request).await.unwrap()).await;
            let detail = problem["detail"].as_str().unwrap_or_default();
            let mut parameters = operation["parameters"].as_array().into_iter().flatten();
            let is_described = parameters
                .any(|parameter| parameter["in"] == "header" && parameter["name"] == name);
            assert_eq!(is_described, detail.contains(refusal), "{name}: {method} {path}: {detail}");
        }
    }
}

/// Headers, each with a value that a handler refuses if it reads the header, and the refusal.
const HEADERS: [(&str, &str, &str); 3] = [
    ("x-portcullis-tenant", "a", "may not name a tenant"),
    ("if-match", "unquoted", "the header if-match has no list"),
    ("if-none-match", "unquoted", "the header if-none-match has no list"),
];

#[tokio::test]
async fn each_response_of_a_handler_is_described() {
    let server = server().await;
    // From now on each call of this token is one too many.
    let quota = server.current().server.tokens["spent"].calls;
    let _running = server.quotas.admit(quota, || Whose::Token("spent".into())).unwrap();
    let (api, document) = (router(&server), document());
    let mut seen = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        for (token, datasource, change) in SITUATIONS {
            let mut request = request(path, method, operation, token, datasource);
            change(&mut request);
            let response = api.clone().oneshot(request).await.unwrap();
            let what = format!("{method} {path}, {datasource}, token of {token}");
            check_described(operation, &response, &what);
            seen.insert((id, response.status().as_u16()));
        }
    }
    for (status, ids) in SEEN {
        for id in ids {
            assert!(seen.contains(&(*id, status)), "{id} responds with {status}");
        }
    }
    server.drain();
    let request = http::Request::get("/readyz").body(Body::empty()).unwrap();
    let response = api.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 503);
    check_described(&document["paths"]["/readyz"]["get"], &response, "while it stops");
}

/// Checks that the status of a response is described, and its type.
fn check_described(operation: &Value, response: &Response, what: &str) {
    let status = response.status();
    // No service has responded, so that the range of its statuses does not count.
    let described = operation["responses"].get(status.as_str());
    let described = described.unwrap_or_else(|| panic!("{what}: {status} is not described"));
    let content = described.get("content").filter(|content| content.get("*/*").is_none());
    let Some(content) = content else { return };
    let media_type = response.headers()[header::CONTENT_TYPE].to_str().unwrap();
    assert!(content.get(media_type).is_some(), "{what}: {status} has the type {media_type}");
}

/// What makes a request another one.
type Change = fn(&mut Request);

/// What is sent to each operation: with which token, for which datasource, and what is different from
/// a request that has what the operation needs.
const SITUATIONS: [(&str, &str, Change); 14] = [
    ("operator", SAVED, |_| {}),
    ("operator", IN_POLICY, |_| {}),
    ("operator", "No-Name", |_| {}),
    ("operator", NO_TEXT, |_| {}),
    ("spent", SAVED, |_| {}),
    ("spent", IN_POLICY, |_| {}),
    ("manager", IN_POLICY, |_| {}),
    ("nobody", SAVED, |_| {}),
    ("unknown", SAVED, |_| {}),
    ("operator", SAVED, |request| set_header(request, "content-type", "text/plain")),
    ("operator", IN_POLICY, |request| set_header(request, "content-type", "text/plain")),
    ("operator", SAVED, |request| *request.body_mut() = Body::from("[")),
    ("operator", SAVED, |request| *request.body_mut() = Body::from(" ".repeat(2048))),
    ("operator", IN_POLICY, |request| *request.body_mut() = Body::from(" ".repeat(2048))),
];

fn set_header(request: &mut Request, name: &'static str, value: &'static str) {
    request.headers_mut().insert(name, HeaderValue::from_static(value));
}

/// Statuses that the situations lead to, each with operations, so that the test tests something.
const SEEN: [(u16, &[&str]); 6] = [
    (403, &["datasource", "saveDatasource", "execute", "executeInline", "disable", "reload"]),
    (404, &["datasource", "execute", "test", "structure", "datasourceActions", "enable"]),
    (409, &["execute", "test", "structure", "datasourceActions", "saveDatasource", "reload"]),
    (413, &["execute", "executeInline", "iamInline", "saveDatasource", "testDatasource"]),
    (
        429,
        &[
            "datasources",
            "datasource",
            "saveDatasource",
            "deleteDatasource",
            "testDatasource",
            "execute",
            "test",
            "structure",
            "executeInline",
            "testInline",
            "structureInline",
        ],
    ),
    (503, &["datasource", "saveDatasource", "deleteDatasource", "execute", "disable", "enable"]),
];

#[tokio::test]
async fn a_path_that_is_not_text_is_a_bad_request_everywhere() {
    let (api, document) = (router(&server().await), document());
    for (path, method, operation) in operations(&document).filter(|(path, ..)| path.contains('{')) {
        let request = request(path, method, operation, "operator", NO_TEXT);
        let response = api.clone().oneshot(request).await.unwrap();
        assert!(operation["responses"].get("400").is_some(), "{method} {path}");
        assert_eq!(response.status(), 400, "{method} {path}");
        assert_eq!(body(response).await["case"], "bad-request", "{method} {path}");
    }
}

#[tokio::test]
async fn both_apis_say_the_same_about_a_datasource_that_cannot_be_connected() {
    let api = router(&server().await);
    let send = async |path: String| {
        let request = http::Request::post(path)
            .header(header::AUTHORIZATION, "Bearer caller")
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-amz-target", "DynamoDB_20120810.ListTables")
            .body(Body::from("{}"));
        let response = api.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), 503);
        body(response).await
    };
    let problem = send(format!("/v1/datasources/{IN_POLICY}/actions/ListTables")).await;
    let error = send(format!("/ddb/{IN_POLICY}/")).await;
    let text = |value: &Value| value.as_str().unwrap().to_string();
    let (detail, remedy) = (text(&problem["detail"]), text(&problem["remedy"]));
    assert_eq!(text(&error["message"]), format!("{detail}; {remedy}"));
    for place in ["GET /v1/datasources", "GET /v1/templates"] {
        assert!(remedy.contains(place), "{remedy}");
    }
}

/// A datasource that may be saved.
const SAVED: &str = "a-x";
/// A datasource of the policy.
const IN_POLICY: &str = "taken";
/// A name that is not UTF-8.
const NO_TEXT: &str = "%ff";

/// The policy of the server. None of the files exist.
const POLICY: &str = r#"
[datasources.taken]
plugin = { file = "none.wasm", manifest = "none.toml" }

[templates.t]
plugin = { file = "none.wasm", manifest = "none.toml" }

[server]
body-bytes = "1 KiB"

[server.store]
file = "none.db"
key = { from = "file", path = "none.key" }
"#;

/// A server with this policy. The text of each token is its name.
async fn server() -> Arc<Server> {
    let token = |name: &str, rights: &str| {
        let digest = hex::encode(Sha256::digest(name));
        format!("[server.tokens.{name}]\nsha256 = \"{digest}\"\n{rights}\n")
    };
    let all = "datasources = [\"*\"]\nmanage = [\"*\"]\ntemplates = [\"*\"]";
    let policy = POLICY.to_string()
        + &token("operator", &format!("{all}\noperator = true"))
        + &token("caller", all)
        + &token("spent", &format!("{all}\ncalls = {{ concurrent = 1 }}"))
        + &token("manager", "manage = [\"*\"]\ntemplates = [\"*\"]")
        + &token("nobody", "");
    let file = PolicyFile::parse(&policy).unwrap();
    let location = PolicyLocation::named("/nonexistent/portcullis.toml");
    let overrides = Overrides::default();
    let host = small_host().build().unwrap();
    let accounts = Accounts::new(host.memory().clone());
    let deployment =
        Deployment::new(&host, &location, file, &overrides, &accounts, None).await.unwrap();
    Arc::new(Server::new(host, Some(location), overrides, deployment, accounts, None).unwrap())
}

/// The operations of the description: the path of each, its method, and what is said about it.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// A request that has what the operation needs.
fn request(path: &str, method: &str, operation: &Value, token: &str, datasource: &str) -> Request {
    let other = |name: &'static str| if datasource == NO_TEXT { NO_TEXT } else { name };
    let path = path
        .replace("{datasource}", datasource)
        .replace("{name}", datasource)
        .replace("{template}", other("t"))
        .replace("{plugin}", other("none"))
        .replace("{action}", other("ListTables"))
        .replace("{path}", other(""));
    let request = http::Request::builder()
        .method(method.to_uppercase().as_str())
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"));
    let contents = operation["requestBody"]["content"].as_object();
    let Some((media_type, content)) = contents.and_then(|contents| contents.iter().next()) else {
        return request.body(Body::empty()).unwrap();
    };
    let needs_template = content["schema"]["required"] == json!(["template"]);
    // Credentials that are removed are not looked for in the store.
    let document =
        if needs_template { json!({"template": "t", "credentials": null}) } else { json!({}) };
    let request = request.header(header::CONTENT_TYPE, media_type.as_str());
    request.body(Body::from(document.to_string())).unwrap()
}

/// The body of a response; null if it is not JSON.
async fn body(response: Response) -> Value {
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

//! A server that saves datasources, and requests to it.

use super::{Response, Serve, token};
use portcullis_testkit::recorder::{self, Recorder};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A tenant's secret. It must appear nowhere.
pub(crate) const SECRET: &str = "tenantA/7MDENG+bPxRfiCYEXAMPLEKEY0000000";

/// A service that responds with the name of who signed the request.
pub(crate) async fn service() -> Recorder {
    let respond = |request: &recorder::RecordedRequest| {
        let signed = request.header("authorization").to_string();
        let credential = signed.split("Credential=").nth(1).unwrap_or_default();
        let id = credential.split('/').next().unwrap_or_default();
        recorder::Response::ok(json!({"TableNames": [id]}).to_string())
    };
    recorder::start_with("127.0.0.1", respond, None).await
}

/// A template for this service, a store, and tokens.
pub(crate) fn policy(authority: &str) -> String {
    let mut policy = format!(
        r#"
[templates.dynamodb]
plugin = "dynamodb"
settings = {{ region = ["eu-west-1", "us-*"] }}
fixed-settings = {{ endpoint = "http://{authority}" }}
credentials = {{ from = "caller" }}
egress = ["http://{authority}"]
networks = {{ "http://{authority}" = ["127.0.0.0/8"] }}
signing = ["{{region}}/dynamodb"]
tables = ["{{tenant}}_*"]
access = "write"

[templates.other]
plugin = "dynamodb"
fixed-settings = {{ endpoint = "http://{authority}", region = "eu-west-1" }}
credentials = {{ from = "caller" }}
egress = ["http://{authority}"]
networks = {{ "http://{authority}" = ["127.0.0.0/8"] }}
signing = ["eu-west-1/dynamodb"]
access = "read"

[audit]
file = "audit.jsonl"

[server.store]
file = "store.db"
key = {{ from = "file", path = "store.key" }}
per-tenant = 1500
"#
    );
    let all = "templates = [\"*\"]";
    policy += &token(
        "platform",
        "platform-token",
        &format!("{all}\ntenants = \"any\"\nmanage = [\"*\"]"),
    );
    policy += &token("a", "token-a", &format!("{all}\ntenant = \"a\"\nmanage = [\"a-*\"]"));
    policy +=
        &token("b", "token-b", &format!("{all}\ntenant = \"b\"\nmanage = [\"b-*\", \"a-*\"]"));
    policy += &token("reader", "token-reader", "datasources = [\"a-*\"]\ntenant = \"a\"");
    policy += &token("operator", "operator-token", "datasources = [\"*\"]\noperator = true");
    policy
}

pub(crate) fn run(folder: &Path, arguments: &[&str]) {
    let program = env!("CARGO_BIN_EXE_portcullis");
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A folder with a store and its key.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &["store", "key", "-o", "store.key"]);
    run(folder.path(), &["store", "create", "store.db"]);
    folder
}

pub(crate) fn start(service: &Recorder) -> Serve {
    Serve::start_in(folder(), &policy(&service.authority), &[])
}

pub(crate) fn document(id: &str) -> Value {
    json!({
        "template": "dynamodb", "settings": {"region": "eu-west-1"},
        "credentials": {"accessKeyId": id, "secretAccessKey": SECRET},
    })
}

/// Sends a request with a token. `more` are further headers.
pub(crate) fn send(
    serve: &Serve,
    method: &str,
    path: &str,
    token: &str,
    more: &[(&str, &str)],
    body: &Value,
) -> Response {
    let authorization = format!("Bearer {token}");
    let mut headers = vec![("authorization", authorization.as_str())];
    headers.extend(more);
    if body.is_null() {
        return serve.send(method, path, &headers, &[]);
    }
    headers.push(("content-type", "application/json"));
    serve.send(method, path, &headers, body.to_string().as_bytes())
}

pub(crate) fn put(serve: &Serve, name: &str, token: &str, body: &Value) -> Response {
    send(serve, "PUT", &format!("/v1/datasources/{name}"), token, &[], body)
}

pub(crate) fn get(serve: &Serve, name: &str, token: &str) -> Response {
    send(serve, "GET", &format!("/v1/datasources/{name}"), token, &[], &Value::Null)
}

pub(crate) fn delete(serve: &Serve, name: &str, token: &str) -> Response {
    send(serve, "DELETE", &format!("/v1/datasources/{name}"), token, &[], &Value::Null)
}

pub(crate) fn list_tables(serve: &Serve, name: &str, token: &str) -> Response {
    let path = format!("/v1/datasources/{name}/actions/ListTables");
    send(serve, "POST", &path, token, &[], &json!({}))
}

/// Who signed the request of a call.
pub(crate) fn signer(response: &Response) -> String {
    assert_eq!(response.status, 200, "{response:?}");
    response.json()["TableNames"][0].as_str().unwrap().to_string()
}

/// All bytes in a folder, without the key of the store.
pub(crate) fn bytes_in(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() && path.file_name().unwrap() != "store.key" {
            all.extend(std::fs::read(path).unwrap());
        }
    }
    all
}

//! Tests of the server with clients in other languages.

mod support;

use portcullis_testkit::dynoxide;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use support::{Serve, datasource, token};
use tokio::task::block_in_place;

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn installed(path: &str) -> PathBuf {
    let path = folder().join("../target/servers").join(path);
    assert!(path.exists(), "{} is missing; install the servers with: make servers", path.display());
    path
}

fn run(command: &mut Command, input: &str) -> Output {
    command
        .env("AWS_ACCESS_KEY_ID", "portcullis")
        .env("AWS_SECRET_ACCESS_KEY", "ignored")
        .env("SERVERS", installed(""));
    command
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_SESSION_TOKEN");
    block_in_place(|| {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    })
}

fn text(output: &Output) -> String {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(output.status.success(), "{}{text}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Returns the outcomes of a client that prints one per line.
fn lines(output: &Output) -> Vec<String> {
    text(output).lines().map(comparable).collect()
}

/// Sorts the fields of JSON and removes those that differ between runs. Other text does not change.
fn comparable(text: &str) -> String {
    let Ok(mut json) = serde_json::from_str::<Value>(text) else { return text.to_string() };
    remove_variable_fields(&mut json);
    json.to_string()
}

fn remove_variable_fields(json: &mut Value) {
    match json {
        Value::Object(fields) => {
            fields.retain(|name, _| !name.ends_with("DateTime") && name != "TableId");
            fields.values_mut().for_each(remove_variable_fields);
        }
        Value::Array(elements) => elements.iter_mut().for_each(remove_variable_fields),
        _ => {}
    }
}

/// Runs a client against one DynamoDB-compatible server directly and against another through the
/// endpoint, and compares the outcomes. There must be at least `min` of them.
async fn compare(client: impl Fn(&str) -> Vec<String>, min: usize) {
    let (direct, behind) = (dynoxide::start().await, dynoxide::start().await);
    let serve = Serve::start(&datasource("orders", &behind.authority, "access = \"admin\""), &[]);
    let directly = client(&format!("http://{}", direct.authority));
    let through = client(&format!("{}/ddb/orders/", serve.url));
    assert!(directly.len() >= min, "{directly:#?}");
    let all = directly.join("\n");
    for name in [
        "ConditionalCheckFailedException",
        "ResourceNotFoundException",
        "ResourceInUseException",
        "TransactionCanceledException",
        "ValidationException",
    ] {
        assert!(all.contains(name), "{name} is among the outcomes: {all}");
    }
    for (directly, through) in directly.iter().zip(&through) {
        assert_eq!(directly, through);
    }
    assert_eq!(directly.len(), through.len());
}

fn operations() -> Vec<(String, Value)> {
    serde_json::from_slice(&std::fs::read(folder().join("tests/clients/operations.json")).unwrap())
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_has_the_same_outcomes_through_the_endpoint() {
    let script = folder().join("tests/clients/boto3_client.py");
    compare(
        |endpoint| {
            lines(&run(Command::new(installed("venv/bin/python")).arg(&script).arg(endpoint), ""))
        },
        operations().len(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sdk_for_javascript_has_the_same_outcomes_through_the_endpoint() {
    let script = folder().join("tests/clients/js_client.cjs");
    compare(
        |endpoint| lines(&run(Command::new("node").arg(&script).arg(endpoint), "")),
        operations().len(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn aws_cli_has_the_same_outcomes_through_the_endpoint() {
    let script = folder().join("tests/clients/aws_cli.sh");
    let input: Vec<String> =
        operations().iter().map(|(action, input)| format!("{action} {input}")).collect();
    let input = input.join("\n") + "\n";
    let client = |endpoint: &str| {
        let output = run(
            Command::new("sh").arg(&script).arg(installed("venv/bin/aws")).arg(endpoint),
            &input,
        );
        let outcome = |part: &str| {
            let (action, rest) = part.split_once('\n').unwrap();
            let (response, exit) = rest.trim_end().rsplit_once("exit ").unwrap();
            format!("{action} {} {exit}", comparable(response))
        };
        text(&output).split("== ").skip(1).map(outcome).collect()
    };
    compare(client, operations().len()).await;
}

/// Runs a client that sends refused and allowed requests in turn, and returns its outcomes.
async fn refused_and_allowed(command: &mut Command) -> Vec<String> {
    let upstream = dynoxide::start().await;
    let policy = datasource("orders", &upstream.authority, "access = \"admin\"")
        + &datasource("users", &upstream.authority, "access = \"admin\"")
        + &token("app", "pcl_app", "datasources = [\"orders\"]\nactions = [\"ListTables\"]");
    let serve = Serve::start(&policy, &[]);
    command.args(["pcl_app", &serve.url]).env("NODE_PATH", installed("node_modules"));
    lines(&run(command, ""))
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_sdk_for_javascript_sees_each_refusal_and_loses_no_allowed_call() {
    let script = folder().join("tests/clients/refused.cjs");
    let outcomes = refused_and_allowed(Command::new("node").arg(&script)).await;
    assert_eq!(outcomes.len(), 4 * 20 * 4);
    for outcome in outcomes {
        let expected =
            ["allowed ok", "refused AccessDeniedException", "refused UnrecognizedClientException"];
        assert!(expected.contains(&&*outcome), "{outcome}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_python_sees_each_refusal_and_loses_no_allowed_call() {
    let script = folder().join("tests/clients/refused.py");
    let outcomes =
        refused_and_allowed(Command::new(installed("venv/bin/python")).arg(&script)).await;
    assert_eq!(outcomes.len(), 4 * 20 * 2 + (4 * 20 + 3) * 4);
    for outcome in outcomes {
        let expected = [
            "allowed ok",
            "refused AccessDeniedException",
            "refused UnrecognizedClientException",
            "refused 403",
            "refused 401",
        ];
        assert!(expected.contains(&&*outcome), "{outcome}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_runs() {
    let upstream = dynoxide::start().await;
    let serve = Serve::start(&datasource("orders", &upstream.authority, "access = \"admin\""), &[]);
    let examples = folder().join("../examples");
    let classes = tempfile::tempdir().unwrap();
    let commands = [
        ("python_boto3.py", Command::new(installed("venv/bin/python"))),
        ("aws_cli.sh", Command::new("sh")),
        ("sdk_v3.cjs", Command::new("node")),
        ("curl.sh", Command::new("sh")),
        ("client.mjs", Command::new("node")),
        ("Client.java", Command::new("java")),
    ];
    let mut seen = 0;
    for (file, mut command) in commands {
        command
            .arg(examples.join(file))
            .env("PORTCULLIS_URL", &serve.url)
            .env("PORTCULLIS_DATASOURCE", "orders");
        command.env("NODE_PATH", installed("node_modules")).current_dir(classes.path());
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", installed("venv/bin").display()));
        let output = run(&mut command, "");
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.status.success() && text.contains("Anneke"), "{file}: {text}");
        seen += 1;
    }
    let files = std::fs::read_dir(&examples)
        .unwrap()
        .map(Result::unwrap)
        // `platform.rs` runs the one that needs a template, and tests/portable those in folders.
        .filter(|file| file.file_type().unwrap().is_file())
        .map(|file| file.file_name().into_string().unwrap())
        .filter(|name| name != "README.md" && !name.starts_with("tenants_platform"))
        .count();
    assert_eq!(seen, files, "every example is run");
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_no_500_and_no_undocumented_response() {
    let upstream = dynoxide::start().await;
    let serve = Serve::start(&datasource("orders", &upstream.authority, "access = \"admin\""), &[]);
    let checks = [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ];
    // With random names of datasources, almost every response would be 404. The status 504 is
    // expected: with a random deadline such as 1 ms, a call may time out.
    let config = r#"
[parameters]
"path.datasource" = "orders"
[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "504"]
"#;
    std::fs::write(serve.path("schemathesis.toml"), config).unwrap();
    let mut command = Command::new(installed("venv/bin/schemathesis"));
    command.args([
        "run",
        &format!("{}/openapi.json", serve.url),
        "--checks",
        &checks.join(","),
        "--max-examples",
        "100",
        "--seed",
        "1",
    ]);
    // These change what the others get.
    for path in ["/v1/reload", "/v1/datasources/{name}:disable", "/v1/datasources/{name}:enable"] {
        command.args(["--exclude-path", path]);
    }
    command.arg("--no-color").current_dir(serve.path(""));
    let output = run(&mut command, "");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let metrics = String::from_utf8(serve.send("GET", "/metrics", &[], &[]).body).unwrap();
    let ended = |outcome: &str| {
        metrics.contains(&format!(
            "portcullis_calls_total{{datasource=\"orders\",outcome=\"{outcome}\"}}"
        ))
    };
    assert!(
        ended("service") && ended("invalid-input"),
        "some requests reach the service: {metrics}"
    );
    assert_eq!(serve.get("/healthz"), (200, json!({"status": "ok"})));
}

#[tokio::test(flavor = "multi_thread")]
async fn request_spans_are_exported_to_a_collector() {
    let (upstream, collector) = (
        dynoxide::start().await,
        portcullis_testkit::recorder::start(portcullis_testkit::recorder::Response::ok("")).await,
    );
    let policy = datasource("orders", &upstream.authority, "access = \"admin\"");
    let mut serve = Serve::start_with(
        &policy,
        &[],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{}", collector.authority))],
    );
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    let headers = [
        ("content-type", "application/json"),
        ("x-request-id", "traced-1"),
        ("traceparent", &*parent),
    ];
    assert_eq!(
        serve.send("POST", "/v1/datasources/orders/actions/ListTables", &headers, b"{}").status,
        200
    );
    serve.signal("TERM");
    assert!(block_in_place(|| serve.wait()).success());
    let sent = &collector.requests()[0];
    assert_eq!(
        (&*sent.path, sent.header("content-type")),
        ("/v1/traces", "application/x-protobuf")
    );
    let contains = |bytes: &[u8]| sent.body.windows(bytes.len()).any(|window| window == bytes);
    assert!(
        contains(b"traced-1") && contains(b"/v1/datasources/{datasource}/actions/{action}"),
        "the span has the request's id and route"
    );
    assert!(contains(&hex::decode(trace).unwrap()), "the span belongs to the caller's trace");
}

//! The console in Chromium: the tests of `server/console/e2e` with servers of this machine.

mod support;

use serde_json::json;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::moto::moto;
use support::saved::folder;
use support::{Serve, token};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs tests of the folder `e2e` with Node.js.
fn node(files: &[&str], variables: &[(&str, &str)]) {
    let console = root().join("target/console");
    assert!(
        console.join("node_modules/playwright-core").exists(),
        "{} has no packages; install them with: make console-packages",
        console.display()
    );
    let mut command = Command::new("node");
    command.args(["--test", "--test-concurrency=1"]).current_dir(&console);
    command.args(files.iter().map(|file| format!("e2e/{file}.test.mjs")));
    // Some tests start a server themselves.
    command.env_remove("PORTCULLIS_POLICY").env_remove("AWS_SESSION_TOKEN");
    let output = command.envs(variables.iter().copied()).output().expect("Node.js is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{text}");
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    // Each file ran, and had a test.
    let tests = text
        .lines()
        .find_map(|line| line.strip_prefix("# tests ").or(line.strip_prefix("ℹ tests ")));
    let tests: usize = tests.expect("Node.js counts the tests").trim().parse().unwrap();
    assert!(tests >= files.len(), "{text}");
}

/// A server with an embedded database, also for other servers.
fn embedded() -> Serve {
    Serve::start("", &["--local", "--empty", "--wire", "127.0.0.1:0=local"])
}

#[test]
fn people_query_tables_and_see_faults_in_place() {
    let serve = embedded();
    let variables =
        [("CONSOLE_URL", serve.url.as_str()), ("PORTCULLIS_BIN", env!("CARGO_BIN_EXE_portcullis"))];
    node(&["query", "query-access", "tables", "access", "examples", "lint"], &variables);
}

#[test]
fn j1_no_value_runs_as_a_script() {
    let serve = embedded();
    node(&["payloads", "attacks"], &[("CONSOLE_URL", &serve.url)]);
}

#[test]
fn ten_thousand_rows_scroll() {
    let serve = embedded();
    node(&["scrolling"], &[("CONSOLE_URL", &serve.url)]);
}

/// Nothing listens on the port for discarded data.
const DEAD: &str = "http://127.0.0.1:9";

/// A policy with a template for an endpoint, a datasource that may only read, and the token of a person.
fn policy(endpoint: &str) -> String {
    let mut policy = format!(
        r#"
[datasources.local]
plugin = "dynamodb"
settings = {{ region = "local", endpoint = "{endpoint}" }}
credentials = {{ from = "env" }}
egress = ["{endpoint}"]
networks = {{ "{endpoint}" = ["127.0.0.0/8"] }}
access = "admin"

[datasources.readonly]
plugin = "dynamodb"
settings = {{ region = "local", endpoint = "{endpoint}" }}
credentials = {{ from = "env" }}
egress = ["{endpoint}"]
networks = {{ "{endpoint}" = ["127.0.0.0/8"] }}
access = "read"
tables = ["readable"]

[templates.tenant]
plugin = "dynamodb"
settings = {{ region = ["local", "eu-west-1", "us-*"], endpoint = ["{endpoint}", "{DEAD}"] }}
credentials = {{ from = "caller" }}
egress = ["{endpoint}", "{DEAD}"]
networks = {{ "{endpoint}" = ["127.0.0.0/8"], "{DEAD}" = ["127.0.0.0/8"] }}
# The region `local` is signed for us-east-1.
signing = ["{{region}}/dynamodb", "us-east-1/dynamodb"]
access = "admin"

[server.store]
file = "store.db"
key = {{ from = "file", path = "store.key" }}
"#
    );
    let more = "datasources = [\"*\"]\ntemplates = [\"*\"]\nmanage = [\"*\"]\noperator = true";
    policy.write_str(&token("person", "person-token", more)).unwrap();
    policy
}

#[test]
fn people_connect_a_datasource_and_see_what_the_policy_denies() {
    let database = embedded();
    for table in ["readable", "hidden"] {
        let create = json!({
            "TableName": table, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        });
        let path = "/v1/datasources/local/actions";
        let (status, problem) = database.post(&format!("{path}/CreateTable"), &create.to_string());
        assert_eq!(status, 200, "{problem}");
        let put = json!({"TableName": table, "Item": {"id": {"S": "1"}}}).to_string();
        assert_eq!(database.post(&format!("{path}/PutItem"), &put).0, 200);
    }
    let endpoint = database.wire[0].as_str();
    let serve = Serve::start_in(folder(), &policy(endpoint), &[]);
    let variables = [
        ("CONSOLE_URL", serve.url.as_str()),
        ("CONSOLE_TOKEN", "person-token"),
        ("CONSOLE_TEMPLATE", "tenant"),
        ("CONSOLE_ENDPOINT", endpoint),
        ("CONSOLE_DEAD_ENDPOINT", DEAD),
        ("CONSOLE_READ_DATASOURCE", "readonly"),
        ("CONSOLE_READ_TABLE", "readable"),
        ("CONSOLE_HIDDEN_TABLE", "hidden"),
    ];
    node(&["connect", "denied", "access"], &variables);
}

#[test]
fn one_person_goes_all_the_way_with_an_embedded_database() {
    let database = embedded();
    let (region, endpoint) = ("local", database.wire[0].as_str());
    flow(region, endpoint, ["AKIDEXAMPLE", "embedded/7MDENG+bPxRfiCYEXAMPLEKEY000000"], "ignored");
}

#[test]
fn one_person_goes_all_the_way_with_a_service_that_checks_the_secret() {
    let (_moto, started) = moto();
    let endpoint = format!("http://127.0.0.1:{}", started["port"]);
    let of_user = |name: &str| started["user"][name].as_str().unwrap();
    let credentials = [of_user("AccessKeyId"), of_user("SecretAccessKey")];
    flow("us-east-1", &endpoint, credentials, "checked");
}

/// Runs one person's way through the page. The test starts the server itself, because it restarts it.
fn flow(region: &str, endpoint: &str, [id, secret]: [&str; 2], signatures: &str) {
    let home = folder();
    std::fs::write(home.path().join("portcullis.toml"), policy(endpoint)).unwrap();
    let variables = [
        ("PORTCULLIS_BIN", env!("CARGO_BIN_EXE_portcullis")),
        ("CONSOLE_FOLDER", home.path().to_str().unwrap()),
        ("CONSOLE_TOKEN", "person-token"),
        ("CONSOLE_TEMPLATE", "tenant"),
        ("CONSOLE_REGION", region),
        ("CONSOLE_ENDPOINT", endpoint),
        ("CONSOLE_ACCESS_KEY_ID", id),
        ("CONSOLE_SECRET_ACCESS_KEY", secret),
        ("CONSOLE_SIGNATURES", signatures),
        ("CONSOLE_READ_DATASOURCE", "readonly"),
        ("CONSOLE_HIDDEN_TABLE", "hidden"),
    ];
    node(&["flow"], &variables);
}

#[test]
fn j2_another_site_can_neither_frame_nor_call_the_console() {
    let serve = embedded();
    let page = serve.send("GET", "/console/", &[], &[]);
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-frame-options"), "DENY");
    assert_eq!(page.header("access-control-allow-origin"), "");
    // DNS rebinding: the name of another host.
    let rebound = serve.send("GET", "/console/", &[("host", "evil.example")], &[]);
    assert_eq!(rebound.status, 403, "{rebound:?}");
    for headers in [
        [("origin", "https://evil.example"), ("content-type", "application/json")],
        [("sec-fetch-site", "cross-site"), ("content-type", "application/json")],
    ] {
        let path = "/v1/datasources/local/actions/ListTables";
        assert_eq!(serve.send("POST", path, &headers, b"{}").status, 403, "{headers:?}");
    }
    let lead = serve.raw(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert!(lead.contains("location: /console/"), "{lead}");
    for path in ["/console/none.js", "/console/../Cargo.toml", "/console/%2e%2e/Cargo.toml"] {
        assert_eq!(serve.send("GET", path, &[], &[]).status, 404, "{path}");
    }
}

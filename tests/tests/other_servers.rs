//! DynamoDB-compatible servers in other languages: dynalite (JavaScript), and moto (Python), which
//! checks identities and signatures.

use portcullis::{Credentials, Datasource, DatasourceConfig, Secret, Settings, StaticCredentials};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tests::{matrix, plugins};

/// The process of a server. It is killed when this value is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // Errors mean that the process has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn installed(path: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/servers").join(path);
    assert!(path.exists(), "{} is missing; install the servers with: make servers", path.display());
    path
}

async fn connect(authority: &str, credentials: Credentials) -> Datasource {
    let settings = format!(
        "{{\"region\":\"us-east-1\",\"endpoint\":\"http://{authority}\",\"maxAttempts\":1}}"
    );
    let connect = DatasourceConfig::new("datasource")
        .policy(plugins::policy(authority, ""))
        .settings(Settings::Trusted(&settings))
        .shared_credentials(Arc::new(StaticCredentials::new(credentials)));
    plugins::host().connect(plugins::dynamodb(), connect).await.unwrap()
}

fn credentials(of: &Value) -> Credentials {
    let text = |name: &str| of[name].as_str().map(str::to_string);
    Credentials {
        access_key_id: text("AccessKeyId").unwrap(),
        secret_access_key: Secret::new(text("SecretAccessKey").unwrap()),
        session_token: text("SessionToken").map(Secret::new),
        expires: None,
    }
}

#[tokio::test]
async fn dynalite_gives_the_documented_results() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let script = installed("node_modules/dynalite/cli.js");
    let arguments = [
        "--host",
        "127.0.0.1",
        "--port",
        &port.to_string(),
        "--createTableMs",
        "0",
        "--deleteTableMs",
        "0",
    ];
    let _server = Server(
        Command::new("node")
            .arg(script)
            .args(arguments)
            .stdout(Stdio::null())
            .spawn()
            .expect("Node.js is installed"),
    );
    let authority = format!("127.0.0.1:{port}");
    let datasource = connect(
        &authority,
        Credentials {
            access_key_id: "A".into(),
            secret_access_key: Secret::new("B"),
            session_token: None,
            expires: None,
        },
    )
    .await;
    for _ in 0..100 {
        if datasource.test().await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    matrix::check("dynalite", &matrix::run(&datasource).await);
}

/// Starts moto, and returns what it prints: its port, and the credentials of a user and of a role.
fn moto() -> (Server, Value) {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("servers/moto_server.py");
    let mut child = Command::new(installed("venv/bin/python"))
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let started = serde_json::from_str(&line).expect("moto prints its port and credentials");
    (Server(child), started)
}

#[tokio::test]
async fn moto_accepts_our_signatures_and_gives_the_documented_results() {
    let (_server, started) = moto();
    let authority = format!("127.0.0.1:{}", started["port"]);
    let outcomes = matrix::run(&connect(&authority, credentials(&started["user"])).await).await;
    matrix::check("moto", &outcomes);

    // Temporary credentials from AssumeRole, which have a session token.
    let role = connect(&authority, credentials(&started["role"])).await;
    assert!(role.execute("ListTables", "").await.is_ok());

    // moto refuses a wrong secret and an unknown key, so it does check signatures.
    let mut wrong = credentials(&started["user"]);
    wrong.secret_access_key = Secret::new("wrong");
    let error = connect(&authority, wrong).await.execute("ListTables", "").await.unwrap_err();
    assert_eq!(error.service().unwrap().code, "SignatureDoesNotMatch");
    let mut unknown = credentials(&started["user"]);
    unknown.access_key_id = "AKIAUNKNOWN000000000".to_string();
    let error = connect(&authority, unknown).await.execute("ListTables", "").await.unwrap_err();
    assert!(error.service().unwrap().hint.is_some(), "{error:?}");
}

//! moto, a DynamoDB-compatible server in Python. It checks signatures and IAM policies.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A server in Python. It is killed when the test ends.
pub(crate) struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // Fails if the process has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts moto, and returns what it prints: its port, and the credentials of a user and of a role.
pub(crate) fn moto() -> (Server, Value) {
    let mut child = Command::new(python())
        .arg(root().join("tests/servers/moto_server.py"))
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

/// The Python that has moto and boto3.
pub(crate) fn python() -> PathBuf {
    let path = root().join("target/servers/venv/bin/python");
    assert!(path.exists(), "{} is missing; install the servers with: make servers", path.display());
    path
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

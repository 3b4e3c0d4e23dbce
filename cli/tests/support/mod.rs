//! Runs `portcullis serve` as a process with a policy file.
#![expect(dead_code, reason = "each test program uses only a part of this module")]

pub(crate) mod command;
pub(crate) mod moto;
pub(crate) mod saved;

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::task::block_in_place;

/// A running server. It is killed when the test ends.
pub(crate) struct Serve {
    child: Child,
    /// The scheme, address and port of the JSON API.
    pub(crate) url: String,
    /// The scheme, address and port of each separate DynamoDB endpoint.
    pub(crate) wire: Vec<String>,
    /// The scheme, address and port of the health checks; empty if they have none of their own.
    health: String,
    folder: TempDir,
    log: Arc<Mutex<String>>,
}

/// Returns the policy of a datasource that uses a server on loopback. `more` are further lines.
pub(crate) fn datasource(name: &str, authority: &str, more: &str) -> String {
    format!(
        r#"
[datasources.{name}]
plugin = "dynamodb"
settings = {{ region = "us-east-1", endpoint = "http://{authority}", maxAttempts = 1 }}
credentials = {{ from = "env" }}
egress = ["http://{authority}"]
networks = {{ "http://{authority}" = ["127.0.0.0/8"] }}
{more}
"#
    )
}

/// Returns the policy of a token. `more` are further lines.
pub(crate) fn token(name: &str, token: &str, more: &str) -> String {
    let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(token));
    format!("\n[server.tokens.{name}]\nsha256 = \"{digest}\"\n{more}\n")
}

/// The input of `CreateTable` for the table `orders`, whose key is the string `id`.
pub(crate) const TABLE: &str = r#"{"TableName": "orders",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}"#;

/// The secret key of all datasources in these tests. It must not appear in the log.
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// Sets a flag when it is dropped: threads that wait for the flag end also if the test fails before.
pub(crate) struct SetOnDrop<'a>(pub(crate) &'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The most bytes of a server's log that are kept: a load test writes a million lines, on the machine
/// whose memory it measures.
const MOST_LOG: usize = 8 * 1024 * 1024;

const PROGRAM: &str = env!("CARGO_BIN_EXE_portcullis");

impl Serve {
    /// Starts a server.
    pub(crate) fn start(policy: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start_in(folder, policy, arguments)
    }

    /// Starts a server with additional environment variables.
    pub(crate) fn start_with(policy: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let program = Command::new(PROGRAM);
        Self::spawn(program, tempfile::tempdir().unwrap(), policy, arguments, variables)
    }

    /// Starts a server that may use so much memory, in KiB (`RLIMIT_DATA`).
    pub(crate) fn start_with_memory(folder: TempDir, policy: &str, kibibytes: u64) -> Self {
        let mut program = Command::new("sh");
        let script = format!("ulimit -d {kibibytes} && exec \"$0\" \"$@\"");
        program.args(["-c", &script, PROGRAM]);
        Self::spawn(program, folder, policy, &[], &[])
    }

    /// Starts a server whose policy is in this folder.
    pub(crate) fn start_in(folder: TempDir, policy: &str, arguments: &[&str]) -> Self {
        Self::spawn(Command::new(PROGRAM), folder, policy, arguments, &[])
    }

    fn spawn(
        mut program: Command,
        folder: TempDir,
        policy: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        std::fs::write(folder.path().join("portcullis.toml"), policy).unwrap();
        let mut child = program
            .args(["serve", "--log", "json", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .current_dir(folder.path())
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env_remove("AWS_SESSION_TOKEN")
            .envs(variables.iter().copied())
            .env_remove("PORTCULLIS_POLICY")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (lines, stderr) = (log.clone(), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = lines.lock().unwrap();
                log.push_str(&(line + "\n"));
                if log.len() > MOST_LOG {
                    let half = log.floor_char_boundary(MOST_LOG / 2);
                    log.drain(..half);
                }
            }
        });
        let mut url = String::new();
        let (mut wire, mut health) = (Vec::new(), String::new());
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
            let first = line.split(' ').next().unwrap_or_default().to_string();
            if line.contains("the JSON API") {
                url = first;
            } else if line.contains("/healthz") {
                health = first;
            } else if line.starts_with("http") {
                wire.push(first);
            }
            if line.contains("token") {
                return Self { child, url, wire, health, folder, log };
            }
        }
        let _ = child.wait();
        std::thread::sleep(Duration::from_millis(100));
        panic!("the server does not start: {}", log.lock().unwrap());
    }

    /// The id of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Replaces the policy file, without a reload.
    pub(crate) fn write_policy(&self, policy: &str) {
        std::fs::write(self.folder.path().join("portcullis.toml"), policy).unwrap();
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Returns the log so far, or the end of a long one.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the log contains `text`.
    pub(crate) fn wait_for_log(&self, text: &str) {
        let end = Instant::now() + Duration::from_secs(10);
        while !self.log().contains(text) {
            assert!(Instant::now() < end, "{text:?} is not in the log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits at most 30 seconds for the process to end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "the server does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Returns the server's resident memory, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// Returns the most resident memory that the server has had, in KiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// Returns the server's resident memory that is not part of a file, in KiB.
    pub(crate) fn anonymous_memory(&self) -> u64 {
        self.status("RssAnon:")
    }

    /// Returns a number of KiB from the kernel's description of the process.
    fn status(&self, key: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Sends a POST to the JSON API, and returns the status and body of the response.
    pub(crate) fn post(&self, path: &str, body: &str) -> (u16, Value) {
        let response =
            self.send("POST", path, &[("content-type", "application/json")], body.as_bytes());
        (response.status, response.json())
    }

    /// Sends a GET to the JSON API, and returns the status and body of the response.
    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        let response = self.send("GET", path, &[], &[]);
        (response.status, response.json())
    }

    /// Sends a GET to the listener for health checks.
    pub(crate) fn health(&self, path: &str) -> (u16, Value) {
        let response = send("GET", &format!("{}{path}", self.health), &[], &[]);
        (response.status, response.json())
    }

    /// Returns the audit records so far.
    pub(crate) fn audit(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path("audit.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Runs an action of the datasource `orders`.
    pub(crate) fn act(&self, action: &str, input: &str) -> (u16, Value) {
        self.post(&format!("/v1/datasources/orders/actions/{action}"), input)
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        send(method, &format!("{}{path}", self.url), headers, body)
    }

    /// Sends bytes on a new connection. Returns what the server sends until it closes the
    /// connection or is silent for 1.5 seconds.
    pub(crate) fn raw(&self, bytes: &[u8]) -> String {
        block_in_place(|| {
            let mut stream = self.connect();
            stream.write_all(bytes).unwrap();
            read(&mut stream)
        })
    }

    #[expect(clippy::disallowed_methods, reason = "the test is a client")]
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.url.trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(1500))).unwrap();
        stream
    }
}

pub(crate) fn read(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        all.extend_from_slice(&buffer[..length]);
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// The response to a request.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }
}

/// Sends one request on a new connection.
pub(crate) fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    try_send(method, url, headers, body).unwrap()
}

pub(crate) fn try_send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Response, ureq::Error> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.to_vec()).unwrap();
    block_in_place(|| {
        let mut response = agent.run(request)?;
        let body = response.body_mut().with_config().limit(64 << 20).read_to_vec()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Response { status, headers, body })
    })
}

impl Drop for Serve {
    fn drop(&mut self) {
        // Fails if the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

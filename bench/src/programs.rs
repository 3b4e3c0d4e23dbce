//! Other programs: AWS's SDKs for Python and JavaScript, and how long command lines take from start
//! to exit.
//!
//! These programs are optional: `make servers` installs them in `target/servers`. The tables name
//! those that are not installed.

use crate::cases::Case;
use crate::constants::{ACCESS_KEY_ID, REGION, SECRET};
use crate::cores::Core;
use crate::percentile::percentile;
use crate::process::bound;
use crate::upstream::Endpoints;
use anyhow::{Context, Result, ensure};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The results of a client in another language.
#[derive(Clone, Debug)]
pub struct OtherLanguage {
    /// The name of the client.
    pub name: &'static str,
    /// The median latency of each case. Empty if the client is not installed.
    pub p50: Vec<(Case, Duration)>,
}

/// How many calls of each case are measured.
const CALLS: [(Case, u32); 4] =
    [(Case::GetItem, 1000), (Case::Query, 200), (Case::Scan, 20), (Case::BatchWrite, 20)];

/// Runs boto3 and AWS's SDK for JavaScript.
pub fn other_languages(endpoints: &Endpoints) -> Result<Vec<OtherLanguage>> {
    let servers = servers();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    let python =
        (servers.join("venv/bin/python"), here.join("boto3_client.py"), servers.join("venv"));
    let node = (
        PathBuf::from("node"),
        here.join("js_client.cjs"),
        servers.join("node_modules/@aws-sdk/client-dynamodb"),
    );
    let mut all = Vec::new();
    for (name, (program, script, needs)) in [("boto3", python), ("AWS SDK for JavaScript v3", node)]
    {
        let mut p50 = Vec::new();
        if needs.exists() {
            for (case, calls) in CALLS {
                p50.push((
                    case,
                    median_of(&program, &script, endpoints, case, calls)
                        .with_context(|| format!("{name}, {}", case.title()))?,
                ));
            }
        }
        all.push(OtherLanguage { name, p50 });
    }
    Ok(all)
}

fn median_of(
    program: &Path,
    script: &Path,
    endpoints: &Endpoints,
    case: Case,
    calls: u32,
) -> Result<Duration> {
    let endpoint = format!("http://localhost:{}", endpoints.http);
    let mut command = bound(Some(Core::First), program)?;
    command
        .arg(script)
        .args([&endpoint, case.action(), &calls.to_string()])
        .env("NODE_PATH", servers().join("node_modules"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    child
        .stdin
        .take()
        .context("the input of the client is a pipe")?
        .write_all(case.input().as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "the client ended with {}", output.status);
    let mut taken: Vec<f64> = serde_json::from_slice(&output.stdout)?;
    taken.sort_by(f64::total_cmp);
    Ok(Duration::from_secs_f64(taken[taken.len() / 2] / 1e6))
}

/// How long a command line takes from its start to its exit.
#[derive(Clone, Copy, Debug)]
pub struct Startup {
    /// `portcullis execute --local FILE`, with the compiled code in its cache.
    pub ours: Duration,
    /// `aws dynamodb get-item`. `None` if the AWS CLI is not installed.
    pub aws: Option<Duration>,
}

/// Measures both command lines. Returns `None` if `target/debug/portcullis` is not built.
pub fn startup(endpoints: &Endpoints) -> Result<Option<Startup>> {
    let ours = portcullis()?;
    if !ours.exists() {
        return Ok(None);
    }
    let folder = tempfile::tempdir()?;
    let local = |action: &str, input: &str| {
        let mut command = bound(Some(Core::First), &ours)?;
        command
            .args(["execute", "--local"])
            .arg(folder.path().join("data.db"))
            .args([action, input]);
        command.env("PORTCULLIS_CACHE", folder.path().join("cache"));
        Ok(command)
    };
    let table = r#"{"TableName": "orders", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}"#;
    succeeds(local("CreateTable", table)?)?;
    let item = r#"{"TableName": "orders", "Item": {"id": "c-000042", "total": 129.95}}"#;
    succeeds(local("PutItem", item)?)?;
    let taken =
        median(20, || local("GetItem", r#"{"TableName": "orders", "Key": {"id": "c-000042"}}"#))?;
    let aws = servers().join("venv/bin/aws");
    let endpoint = format!("http://localhost:{}", endpoints.http);
    let startup = aws.exists().then(|| {
        let taken = median(10, || {
            let mut command = bound(Some(Core::First), &aws)?;
            command.args([
                "dynamodb",
                "get-item",
                "--region",
                REGION,
                "--table-name",
                "orders",
                "--endpoint-url",
                &endpoint,
            ]);
            command.args(["--key", r#"{"customer": {"S": "c-000042"}, "order": {"N": "1042"}}"#]);
            command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID).env("AWS_SECRET_ACCESS_KEY", SECRET);
            Ok(command)
        });
        taken.with_context(|| format!("{}: `make servers` installs it", aws.display()))
    });
    Ok(Some(Startup { ours: taken, aws: startup.transpose()? }))
}

fn median(times: usize, command: impl Fn() -> Result<Command>) -> Result<Duration> {
    let mut taken = Vec::new();
    for _ in 0..=times {
        let command = command()?;
        let began = Instant::now();
        succeeds(command)?;
        taken.push(began.elapsed());
    }
    // The first run fills caches, and is left out.
    let taken = &mut taken[1..];
    taken.sort_unstable();
    Ok(percentile(taken, 0.5))
}

fn succeeds(mut command: Command) -> Result<()> {
    let output = command.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Returns the path of our command line, which may not be built: next to this program.
pub fn portcullis() -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name("portcullis"))
}

fn servers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/servers")
}

//! `portcullis demo`: what this does, in a dozen calls.

use crate::failure::Failure;
use crate::out::out;
use anstyle::{AnsiColor, Style};
use portcullis::{
    Access, Datasource, DatasourceConfig, Error, Host, Plugin, Policy, Settings, StaticCredentials,
};
use portcullis_server::setup::Embedded;
use portcullis_server::setup::{built_in, open_host, small_host};
use std::time::{Duration, Instant};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();

pub(crate) async fn run() -> Result<(), Failure> {
    let started = Instant::now();
    out!(
        "{BOLD}Portcullis{BOLD:#}: a DynamoDB in this process, a plugin in a sandbox, and a gate between them.\n"
    )?;
    let host = open_host(small_host)?;
    let plugin = built_in(&host)?;
    let local = Embedded::start(None).await?;
    let datasource = local.connect("demo", &host, &plugin).await?;
    introduce(&plugin, &local, started.elapsed())?;

    for step in STEPS {
        take(&datasource, step).await?;
    }
    refusals(&host, &plugin, &local).await?;
    local.stop().await;
    out!(
        "\n{BOLD}Done{BOLD:#} in {}. The secret never entered the sandbox: it saw a key derived for one day, region and service.",
        milliseconds(started.elapsed())
    )?;
    out!(
        "Next: `portcullis execute --local ListTables`, or `portcullis init` for a policy of your own."
    )?;
    Ok(())
}

fn introduce(plugin: &Plugin, local: &Embedded, elapsed: Duration) -> Result<(), Failure> {
    out!(
        "  plugin      {}, {} KB, sha256 {}…",
        plugin.manifest().name(),
        plugin.size() / 1000,
        &plugin.digest()[..16]
    )?;
    out!(
        "  it imports  {} interfaces: clocks, random numbers, HTTP through the gate, signing keys; no file, no socket",
        plugin.imports().len()
    )?;
    out!("  policy      egress = [\"http://{}\"], access = \"admin\"", local.authority)?;
    out!("  ready       after {}, compilation included\n", milliseconds(elapsed))
}

/// A call of the demo.
struct Step {
    /// What it shows.
    title: &'static str,
    action: &'static str,
    input: &'static str,
    /// Options for this call; none for the defaults.
    options: Option<&'static str>,
    /// Whether it is here for its error.
    fails: bool,
}

const fn step(title: &'static str, action: &'static str, input: &'static str) -> Step {
    Step { title, action, input, options: None, fails: false }
}

/// The example of a low-code platform's documentation, comments included. It defines an attribute that no key uses.
const DOCUMENTED_CREATE_TABLE: &str = r#"{
  "AttributeDefinitions": [
    {"AttributeName": "name", "AttributeType": "S"},
    {"AttributeName": "emp_id", "AttributeType": "S"},
    {"AttributeName": "team_id", "AttributeType": "S"}
  ],
  "TableName": "users",
  "KeySchema": [
    {"AttributeName": "team_id", "KeyType": "HASH"}, // partition key
    {"AttributeName": "emp_id", "KeyType": "RANGE"} // sort key
  ],
  "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
}"#;

const STEPS: &[Step] = &[
    Step {
        title: "A documented example, with comments: the service refuses it, and a hint says why",
        action: "CreateTable",
        input: DOCUMENTED_CREATE_TABLE,
        options: None,
        fails: true,
    },
    step(
        "The table, as it should be",
        "CreateTable",
        r#"{"TableName": "users",
  "AttributeDefinitions": [{"AttributeName": "team_id", "AttributeType": "S"}, {"AttributeName": "employee_id", "AttributeType": "S"}],
  "KeySchema": [{"AttributeName": "team_id", "KeyType": "HASH"}, {"AttributeName": "employee_id", "KeyType": "RANGE"}],
  "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}}"#,
    ),
    step(
        "Write an item, in DynamoDB's JSON",
        "PutItem",
        r#"{"TableName": "users", "Item": {"team_id": {"S": "team_1"}, "employee_id": {"S": "emp_1"}, "name": {"S": "Aman"}}}"#,
    ),
    step(
        "Write one in ordinary JSON: numbers keep all their digits",
        "PutItem",
        r#"{"TableName": "users", "Item": {"team_id": "team_1", "employee_id": "emp_2", "name": "Anneke", "salary": 12345678901234567890.12, "tags": ["a", null, true]}}"#,
    ),
    step(
        "Read it back",
        "GetItem",
        r#"{"TableName": "users", "Key": {"team_id": "team_1", "employee_id": "emp_2"}}"#,
    ),
    Step {
        title: "The same, answered in ordinary JSON",
        action: "GetItem",
        input: r#"{"TableName": "users", "Key": {"team_id": "team_1", "employee_id": "emp_2"}}"#,
        options: Some(r#"{"format": "plain"}"#),
        fails: false,
    },
    Step {
        title: "Query a team",
        action: "Query",
        input: r#"{"TableName": "users", "KeyConditionExpression": "team_id = :team", "ExpressionAttributeValues": {":team": "team_1"}, "ProjectionExpression": "employee_id"}"#,
        options: Some(r#"{"format": "plain"}"#),
        fails: false,
    },
    step(
        "Update an item",
        "UpdateItem",
        r##"{"TableName": "users", "Key": {"team_id": "team_1", "employee_id": "emp_1"}, "UpdateExpression": "SET #n = :n",
  "ExpressionAttributeNames": {"#n": "name"}, "ExpressionAttributeValues": {":n": "Amal"}, "ReturnValues": "UPDATED_NEW"}"##,
    ),
    step(
        "Two writes, both or none",
        "TransactWriteItems",
        r#"{"TransactItems": [
  {"Put": {"TableName": "users", "Item": {"team_id": "team_2", "employee_id": "emp_3", "name": "Noor"}}},
  {"Delete": {"TableName": "users", "Key": {"team_id": "team_1", "employee_id": "emp_1"}}}]}"#,
    ),
    Step {
        title: "Scan what is left",
        action: "Scan",
        input: r#"{"TableName": "users"}"#,
        options: Some(r#"{"format": "plain"}"#),
        fails: false,
    },
];

/// Makes one call and prints it.
async fn take(datasource: &Datasource, step: &Step) -> Result<(), Failure> {
    out!("{BOLD}{}{BOLD:#}", step.title)?;
    out!("  {} {DIM}{}{DIM:#}", step.action, step.input.replace('\n', "\n  "))?;
    let started = Instant::now();
    let result = match step.options {
        Some(options) => datasource.execute_with(step.action, step.input, options).await,
        None => datasource.execute(step.action, step.input).await,
    };
    let elapsed = milliseconds(started.elapsed());
    match result {
        Ok(answer) if !step.fails => {
            out!("  {GREEN}ok{GREEN:#} {elapsed}  {}\n", shorten(&answer))?;
            Ok(())
        }
        Err(error) if step.fails && error.service().is_some() => {
            out!("  {YELLOW}refused by the service{YELLOW:#} {elapsed}")?;
            explain(error)?;
            out!()?;
            Ok(())
        }
        Ok(answer) => Err(Failure::other(format!(
            "{} should have failed, and answered {answer}",
            step.action
        ))),
        Err(error) => Err(error.into()),
    }
}

/// Shows the gate: requests that do not leave.
async fn refusals(host: &Host, plugin: &Plugin, local: &Embedded) -> Result<(), Failure> {
    let attempts = [
        (
            "Settings that point elsewhere, here to AWS itself: the gate lets nothing out",
            r#"{"region": "us-east-1"}"#.to_string(),
            Policy { access: Access::Admin, ..local.policy()? },
            "ListTables",
        ),
        (
            "A datasource that may only read",
            format!(r#"{{"region": "us-east-1", "endpoint": "http://{}"}}"#, local.authority),
            Policy { access: Access::Read, ..local.policy()? },
            "DeleteTable",
        ),
    ];
    for (title, settings, policy, action) in attempts {
        out!("{BOLD}{title}{BOLD:#}")?;
        out!("  {action} {DIM}with settings {settings}{DIM:#}")?;
        let config = DatasourceConfig::new("demo")
            .settings(Settings::Trusted(&settings))
            .policy(policy)
            .credentials(StaticCredentials::from_key("LOCAL", "LOCAL"));
        let datasource = host.connect(plugin, config).await?;
        let started = Instant::now();
        match datasource
            .execute(action, if action == "DeleteTable" { r#"{"TableName": "users"}"# } else { "" })
            .await
        {
            Err(error) if error.is_denied() => {
                out!(
                    "  {YELLOW}refused by the gate{YELLOW:#} {}",
                    milliseconds(started.elapsed())
                )?;
                explain(error)?;
                out!()?;
            }
            other => {
                return Err(Failure::other(format!(
                    "the gate should have refused {action}, and the call ended in {other:?}"
                )));
            }
        }
    }
    Ok(())
}

fn explain(error: Error) -> Result<(), Failure> {
    for line in Failure::from(error).lines() {
        out!("  {line}")?;
    }
    Ok(())
}

/// An answer on one line, not too long to read.
fn shorten(answer: &str) -> String {
    const LENGTH: usize = 300;
    let line: String = answer.chars().take(LENGTH).collect();
    if line.len() < answer.len() { format!("{line}…") } else { line }
}

fn milliseconds(elapsed: Duration) -> String {
    format!("{:.1} ms", elapsed.as_secs_f64() * 1000.0)
}

//! `portcullis demo`: shows the sandbox, the gate and the plugin in a dozen calls.

use crate::compiler::small_host;
use crate::failure::Failure;
use crate::out::out;
use anstyle::{AnsiColor, Style};
use portcullis::{
    Access, Datasource, DatasourceConfig, Error, Host, Plugin, Policy, Settings, StaticCredentials,
};
use portcullis_server::setup::{Embedded, built_in, open_host};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

const BOLD: Style = Style::new().bold();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();

pub(crate) async fn run() -> Result<(), Failure> {
    let started = Instant::now();
    print(&format!(
        "{BOLD}Portcullis{BOLD:#}: an embedded DynamoDB-compatible server (dynoxide), a plugin in \
         a sandbox, and a gate between them."
    ))?;
    out!()?;
    let local = Embedded::open(None, true).await?;
    let host = open_host(|| small_host().dial(local.dial()))?;
    let plugin = built_in(&host)?;
    let datasource = local.connect("demo", &host, &plugin).await?;
    introduce(&plugin, &local, started.elapsed())?;

    for step in STEPS {
        run_step(&datasource, step).await?;
    }
    show_gate(&host, &plugin, &local).await?;
    local.stop().await;
    print(&format!(
        "\n{BOLD}Done{BOLD:#} in {}. The secret never entered the sandbox: the plugin signed with \
         a key derived for one day, region and service.",
        milliseconds(started.elapsed())
    ))?;
    let program = program();
    out!("Next, type this, or `{program} init` to write your own policy:")?;
    out!("  {program} execute --local ListTables")?;
    out!("  {program} demo --open                 (tables to look at, in a browser)")
}

/// Shows the plugin and its policy.
fn introduce(plugin: &Plugin, local: &Embedded, elapsed: Duration) -> Result<(), Failure> {
    out!(
        "  plugin      {}, {} KB, sha256 {}…",
        plugin.manifest().name(),
        plugin.size() / 1000,
        &plugin.digest()[..16]
    )?;
    print(&format!(
        "  imports     {} interfaces: clocks, random numbers, HTTP through the gate, signing keys; \
         no files, no sockets",
        plugin.imports().len()
    ))?;
    out!("  policy      egress = [\"http://{}\"], access = \"admin\"", local.authority)?;
    out!("  ready       after {}, including compilation\n", milliseconds(elapsed))
}

/// One call of the demo.
struct Step {
    /// A sentence that says what the call shows.
    title: &'static str,
    action: &'static str,
    input: &'static str,
    /// The options of the call. `None` uses the defaults.
    options: Option<&'static str>,
    /// Whether the call shows an error of the service.
    fails: bool,
}

const fn step(title: &'static str, action: &'static str, input: &'static str) -> Step {
    Step { title, action, input, options: None, fails: false }
}

/// An example from the documentation of a low-code platform, including its comments. It defines an
/// attribute that no key uses, which the service rejects.
const DOCUMENTED_CREATE_TABLE: &str = r#"{
  "AttributeDefinitions": [
    {"AttributeName": "name", "AttributeType": "S"},
    {"AttributeName": "emp_id", "AttributeType": "S"},
    {"AttributeName": "team_id", "AttributeType": "S"}
  ],
  "TableName": "employees",
  "KeySchema": [
    {"AttributeName": "team_id", "KeyType": "HASH"}, // partition key
    {"AttributeName": "emp_id", "KeyType": "RANGE"} // sort key
  ],
  "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
}"#;

const STEPS: &[Step] = &[
    step(
        "Create a table",
        "CreateTable",
        r#"{"TableName": "users",
  "AttributeDefinitions": [
    {"AttributeName": "team_id", "AttributeType": "S"},
    {"AttributeName": "employee_id", "AttributeType": "S"}],
  "KeySchema": [
    {"AttributeName": "team_id", "KeyType": "HASH"},
    {"AttributeName": "employee_id", "KeyType": "RANGE"}],
  "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}}"#,
    ),
    step(
        "Write an item in DynamoDB JSON",
        "PutItem",
        r#"{"TableName": "users", "Item": {
  "team_id": {"S": "team_1"}, "employee_id": {"S": "emp_1"}, "name": {"S": "Aman"}}}"#,
    ),
    step(
        "Write an item in ordinary JSON: numbers keep every digit",
        "PutItem",
        r#"{"TableName": "users", "Item": {
  "team_id": "team_1", "employee_id": "emp_2", "name": "Anneke",
  "salary": 12345678901234567890.12, "tags": ["a", null, true]}}"#,
    ),
    step(
        "Read it back",
        "GetItem",
        r#"{"TableName": "users", "Key": {"team_id": "team_1", "employee_id": "emp_2"}}"#,
    ),
    Step {
        title: "Read the same item as ordinary JSON",
        action: "GetItem",
        input: r#"{"TableName": "users", "Key": {"team_id": "team_1", "employee_id": "emp_2"}}"#,
        options: Some(r#"{"format": "plain"}"#),
        fails: false,
    },
    Step {
        title: "Query a team",
        action: "Query",
        input: r#"{"TableName": "users", "KeyConditionExpression": "team_id = :team",
  "ExpressionAttributeValues": {":team": "team_1"}, "ProjectionExpression": "employee_id"}"#,
        options: Some(r#"{"format": "plain"}"#),
        fails: false,
    },
    step(
        "Update an item",
        "UpdateItem",
        r##"{"TableName": "users", "Key": {"team_id": "team_1", "employee_id": "emp_1"},
  "UpdateExpression": "SET #n = :n", "ExpressionAttributeNames": {"#n": "name"},
  "ExpressionAttributeValues": {":n": "Amal"}, "ReturnValues": "UPDATED_NEW"}"##,
    ),
    step(
        "A transaction: two writes, both or neither",
        "TransactWriteItems",
        r#"{"TransactItems": [
  {"Put": {"TableName": "users",
    "Item": {"team_id": "team_2", "employee_id": "emp_3", "name": "Noor"}}},
  {"Delete": {"TableName": "users",
    "Key": {"team_id": "team_1", "employee_id": "emp_1"}}}]}"#,
    ),
    Step {
        title: "Scan the remaining items",
        action: "Scan",
        input: r#"{"TableName": "users"}"#,
        options: Some(r#"{"format": "plain"}"#),
        fails: false,
    },
    Step {
        title: "An example as it is documented: the service rejects it, and a hint explains why",
        action: "CreateTable",
        input: DOCUMENTED_CREATE_TABLE,
        options: None,
        fails: true,
    },
];

/// Makes one call, and prints it and its result.
async fn run_step(datasource: &Datasource, step: &Step) -> Result<(), Failure> {
    print(&format!("{BOLD}{}{BOLD:#}", step.title))?;
    print(&format!("  {} {}", step.action, step.input.replace('\n', "\n  ")))?;
    let started = Instant::now();
    let result = match step.options {
        Some(options) => datasource.execute_with(step.action, step.input, options).await,
        None => datasource.execute(step.action, step.input).await,
    };
    let elapsed = milliseconds(started.elapsed());
    match result {
        Ok(response) if !step.fails => {
            print(&format!("  {GREEN}ok{GREEN:#} {elapsed}  {}\n", shorten(&response)))?;
            out!()
        }
        Err(error) if step.fails && error.service().is_some() => {
            out!("  {YELLOW}rejected by the service{YELLOW:#} {elapsed}")?;
            explain(error)?;
            out!()
        }
        Ok(response) => Err(Failure::other(format!(
            "{} should have failed, but its response is {response}",
            step.action
        ))),
        Err(error) => Err(error.into()),
    }
}

/// Shows requests that the gate blocks.
async fn show_gate(host: &Host, plugin: &Plugin, local: &Embedded) -> Result<(), Failure> {
    let attempts = [
        (
            "Settings that point somewhere else (here: AWS itself): the gate blocks the request",
            r#"{"region": "us-east-1"}"#.to_string(),
            Policy { access: Access::Admin, ..local.policy()? },
            "ListTables",
        ),
        (
            "A read-only datasource: it may not delete a table",
            format!(r#"{{"region": "us-east-1", "endpoint": "http://{}"}}"#, local.authority),
            Policy { access: Access::Read, ..local.policy()? },
            "DeleteTable",
        ),
    ];
    for (title, settings, policy, action) in attempts {
        print(&format!("{BOLD}{title}{BOLD:#}"))?;
        print(&format!("  {action} with settings {settings}"))?;
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
                    "  {YELLOW}blocked by the gate{YELLOW:#} {}",
                    milliseconds(started.elapsed())
                )?;
                explain(error)?;
                out!()?;
            }
            other => {
                return Err(Failure::other(format!(
                    "the gate should have blocked {action}, but the result is {other:?}"
                )));
            }
        }
    }
    Ok(())
}

/// Prints an error as a failed command would.
fn explain(error: Error) -> Result<(), Failure> {
    for line in Failure::from(error).lines() {
        print(&format!("  {line}"))?;
    }
    Ok(())
}

/// A response without its middle, if it is long: the end says how many items there are.
fn shorten(response: &str) -> String {
    /// With the end, three or four lines on a terminal.
    const START: usize = 200;
    const END: usize = 80;
    let count = response.chars().count();
    if count <= START + END {
        return response.to_string();
    }
    let start: String = response.chars().take(START).collect();
    let end: String = response.chars().skip(count - END).collect();
    format!("{start} … {end}")
}

/// This program as it was called, so that the command works as it is shown.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "portcullis".to_string())
}

/// Prints lines that fit the terminal. What continues a line is indented like it.
fn print(text: &str) -> Result<(), Failure> {
    let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    for line in text.lines() {
        out!("{}", wrapped(line, width.filter(|_| std::io::stdout().is_terminal())))?;
    }
    Ok(())
}

/// Breaks a line after spaces, or anywhere within a longer word.
fn wrapped(line: &str, width: Option<usize>) -> String {
    let length = |text: &str| anstream::adapter::strip_str(text).to_string().chars().count();
    let Some(width) = width.filter(|width| *width >= MIN_WIDTH && length(line) > *width) else {
        return line.to_string();
    };
    let indent = line.len() - line.trim_start().len();
    let margin = " ".repeat(indent);
    let (mut out, mut column) = (margin.clone(), indent);
    for word in line.trim_start().split_inclusive(' ') {
        let mut rest = word;
        if column > indent && column + length(rest.trim_end()) > width {
            out.truncate(out.trim_end().len());
            out.push('\n');
            out.push_str(&margin);
            column = indent;
        }
        while column + length(rest.trim_end()) > width {
            let room = rest.char_indices().nth(width - column).map_or(rest.len(), |(at, _)| at);
            out.push_str(&rest[..room]);
            out.push('\n');
            out.push_str(&margin);
            rest = &rest[room..];
            column = indent;
        }
        out.push_str(rest);
        column += length(rest);
    }
    out
}

/// Lines are not broken for terminals that are narrower, in columns.
const MIN_WIDTH: usize = 30;

fn milliseconds(elapsed: Duration) -> String {
    format!("{:.1} ms", elapsed.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_to_the_terminals_width() {
        let wide = Some(40);
        assert_eq!(wrapped("  short", wide), "  short");
        let text = format!("  {}", "word ".repeat(20));
        let lines = wrapped(&text, wide);
        assert!(lines.lines().count() == 3, "{lines}");
        assert!(
            lines.lines().all(|line| line.starts_with("  word") && line.len() <= 40),
            "{lines}"
        );
        let json = format!("  ok {}", "x".repeat(100));
        let lines = wrapped(&json, wide);
        assert!(lines.lines().all(|line| line.len() <= 40), "{lines}");
        assert_eq!(lines.replace(['\n', ' '], ""), json.replace(' ', ""), "nothing is lost");
        assert_eq!(wrapped(&json, None), json);
    }

    #[test]
    fn long_responses_lose_their_middle() {
        assert_eq!(shorten("{}"), "{}");
        let long = format!("{{{}\"Count\":2}}", "x".repeat(1000));
        let short = shorten(&long);
        assert!(short.starts_with("{xxx") && short.ends_with("\"Count\":2}"), "{short}");
        assert!(short.chars().count() < 300);
    }
}

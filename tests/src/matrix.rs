//! Sends every operation to a server, and compares the results with the table in
//! `docs/operations.md`.

use portcullis::{Datasource, Error, PluginError};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

/// The result of each operation: `ok`, an error code, or `–` if the server does not know the
/// operation.
pub type Outcomes = BTreeMap<String, String>;

/// Returns a call for every operation of the API model, in an order in which each finds what it
/// needs.
///
/// `{table}` and `{backup}` are placeholders for ARNs that earlier responses contain.
#[expect(clippy::too_many_lines, reason = "one line for each operation")]
fn calls() -> Vec<(&'static str, Value)> {
    let key = json!({"team_id": "team_1", "employee_id": "emp_1"});
    let keys = |names: [&str; 2]| {
        json!([
            {"AttributeName": names[0], "KeyType": "HASH"},
            {"AttributeName": names[1], "KeyType": "RANGE"},
        ])
    };
    let select = r#"SELECT * FROM "users" WHERE team_id = ? AND employee_id = ?"#;
    let s3 = json!({"S3Bucket": "a-bucket", "InputFormat": "DYNAMODB_JSON"});
    let new_table = json!({
        "TableName": "imported",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    });
    vec![
        (
            "CreateTable",
            json!({
                "TableName": "users",
                "AttributeDefinitions": [
                    {"AttributeName": "team_id", "AttributeType": "S"},
                    {"AttributeName": "employee_id", "AttributeType": "S"},
                ],
                "KeySchema": keys(["team_id", "employee_id"]),
                "BillingMode": "PAY_PER_REQUEST",
                "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"},
            }),
        ),
        ("DescribeTable", json!({"TableName": "users"})),
        ("ListTables", json!({})),
        ("DescribeEndpoints", json!({})),
        ("DescribeLimits", json!({})),
        (
            "PutItem",
            json!({
                "TableName": "users",
                "Item": {
                    "team_id": "team_1",
                    "employee_id": "emp_1",
                    "n": 1.5,
                    "l": [null, true],
                    "S": "L",
                },
            }),
        ),
        ("GetItem", json!({"TableName": "users", "Key": key})),
        (
            "UpdateItem",
            json!({
                "TableName": "users",
                "Key": key,
                "UpdateExpression": "SET #n = :n",
                "ExpressionAttributeNames": {"#n": "name"},
                "ExpressionAttributeValues": {":n": "Amal"},
            }),
        ),
        (
            "Query",
            json!({
                "TableName": "users",
                "KeyConditionExpression": "team_id = :t",
                "ExpressionAttributeValues": {":t": "team_1"},
            }),
        ),
        ("Scan", json!({"TableName": "users", "Limit": 5})),
        (
            "BatchWriteItem",
            json!({
                "RequestItems": {
                    "users": [
                        {"PutRequest": {"Item": {"team_id": "team_2", "employee_id": "emp_2"}}},
                    ],
                },
            }),
        ),
        ("BatchGetItem", json!({"RequestItems": {"users": {"Keys": [key]}}})),
        (
            "TransactWriteItems",
            json!({
                "TransactItems": [
                    {
                        "Put": {
                            "TableName": "users",
                            "Item": {"team_id": "team_3", "employee_id": "emp_3"},
                        },
                    },
                ],
            }),
        ),
        (
            "TransactGetItems",
            json!({"TransactItems": [{"Get": {"TableName": "users", "Key": key}}]}),
        ),
        (
            "ExecuteStatement",
            json!({
                "Statement": "SELECT * FROM \"users\" WHERE team_id = ?",
                "Parameters": ["team_1"],
            }),
        ),
        (
            "BatchExecuteStatement",
            json!({
                "Statements": [
                    {
                        "Statement": select,
                        "Parameters": ["team_1", "emp_1"],
                    },
                ],
            }),
        ),
        (
            "ExecuteTransaction",
            json!({
                "TransactStatements": [
                    {
                        "Statement": select,
                        "Parameters": ["team_1", "emp_1"],
                    },
                ],
            }),
        ),
        ("UpdateTable", json!({"TableName": "users", "DeletionProtectionEnabled": false})),
        (
            "UpdateTimeToLive",
            json!({
                "TableName": "users",
                "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "ends"},
            }),
        ),
        ("DescribeTimeToLive", json!({"TableName": "users"})),
        (
            "TagResource",
            json!({
                "ResourceArn": "{table}",
                "Tags": [{"Key": "department", "Value": "marketing"}],
            }),
        ),
        ("ListTagsOfResource", json!({"ResourceArn": "{table}"})),
        ("UntagResource", json!({"ResourceArn": "{table}", "TagKeys": ["department"]})),
        (
            "PutResourcePolicy",
            json!({
                "ResourceArn": "{table}",
                "Policy": "{\"Version\":\"2012-10-17\",\"Statement\":[]}",
            }),
        ),
        ("GetResourcePolicy", json!({"ResourceArn": "{table}"})),
        ("DeleteResourcePolicy", json!({"ResourceArn": "{table}"})),
        ("CreateBackup", json!({"TableName": "users", "BackupName": "users-backup"})),
        ("DescribeBackup", json!({"BackupArn": "{backup}"})),
        ("ListBackups", json!({"TableName": "users"})),
        ("RestoreTableFromBackup", json!({"TargetTableName": "restored", "BackupArn": "{backup}"})),
        ("DeleteBackup", json!({"BackupArn": "{backup}"})),
        (
            "UpdateContinuousBackups",
            json!({
                "TableName": "users",
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true},
            }),
        ),
        ("DescribeContinuousBackups", json!({"TableName": "users"})),
        (
            "RestoreTableToPointInTime",
            json!({
                "SourceTableName": "users",
                "TargetTableName": "restored-pit",
                "UseLatestRestorableTime": true,
            }),
        ),
        ("ExportTableToPointInTime", json!({"TableArn": "{table}", "S3Bucket": "a-bucket"})),
        ("ListExports", json!({"TableArn": "{table}"})),
        ("DescribeExport", json!({"ExportArn": "{table}/export/01234567890123-a1b2c3d4"})),
        (
            "ImportTable",
            json!({
                "S3BucketSource": {"S3Bucket": "a-bucket"},
                "InputFormat": "DYNAMODB_JSON",
                "TableCreationParameters": new_table,
            }),
        ),
        ("ListImports", json!({})),
        ("DescribeImport", json!({"ImportArn": "{table}/import/01234567890123-a1b2c3d4"})),
        (
            "UpdateContributorInsights",
            json!({"TableName": "users", "ContributorInsightsAction": "ENABLE"}),
        ),
        ("DescribeContributorInsights", json!({"TableName": "users"})),
        ("ListContributorInsights", json!({})),
        (
            "EnableKinesisStreamingDestination",
            json!({
                "TableName": "users",
                "StreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/users",
            }),
        ),
        (
            "UpdateKinesisStreamingDestination",
            json!({
                "TableName": "users",
                "StreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/users",
            }),
        ),
        ("DescribeKinesisStreamingDestination", json!({"TableName": "users"})),
        (
            "DisableKinesisStreamingDestination",
            json!({
                "TableName": "users",
                "StreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/users",
            }),
        ),
        (
            "CreateGlobalTable",
            json!({"GlobalTableName": "users", "ReplicationGroup": [{"RegionName": "us-east-1"}]}),
        ),
        ("DescribeGlobalTable", json!({"GlobalTableName": "users"})),
        ("ListGlobalTables", json!({})),
        (
            "UpdateGlobalTable",
            json!({
                "GlobalTableName": "users",
                "ReplicaUpdates": [{"Create": {"RegionName": "us-west-2"}}],
            }),
        ),
        ("DescribeGlobalTableSettings", json!({"GlobalTableName": "users"})),
        (
            "UpdateGlobalTableSettings",
            json!({"GlobalTableName": "users", "GlobalTableBillingMode": "PROVISIONED"}),
        ),
        ("DescribeTableReplicaAutoScaling", json!({"TableName": "users"})),
        ("UpdateTableReplicaAutoScaling", json!({"TableName": "users"})),
        (
            "SearchVectors",
            json!({
                "TableName": "users",
                "IndexName": "by-vector",
                "SearchVector": [0.5, 1],
                "TopK": 1,
            }),
        ),
        (
            "StartBulkPutItems",
            json!({
                "TableName": "users",
                "InputS3Configuration": s3,
                "OutputS3Configuration": {"OutputType": ["ERROR"]},
            }),
        ),
        ("DescribeBulkOperation", json!({"BulkOperationArn": "{table}/bulk/1"})),
        ("ListBulkOperations", json!({})),
        ("CancelBulkOperation", json!({"BulkOperationArn": "{table}/bulk/1"})),
        ("DeleteItem", json!({"TableName": "users", "Key": key})),
        ("DeleteTable", json!({"TableName": "users"})),
    ]
}

/// Makes every call, and returns the results.
pub async fn run(datasource: &Datasource) -> Outcomes {
    let mut table = "arn:aws:dynamodb:us-east-1:123456789012:table/users".to_string();
    let mut backup = format!("{table}/backup/01489602797149-73d8d5bc");
    let mut outcomes = Outcomes::new();
    for (action, input) in calls() {
        let input = input.to_string().replace("{table}", &table).replace("{backup}", &backup);
        let outcome = match datasource.execute(action, &input).await {
            Ok(response) => {
                let response: Value = serde_json::from_str(&response).unwrap_or_default();
                let text = |value: &Value| value.as_str().map(str::to_string);
                table = text(&response["TableDescription"]["TableArn"])
                    .filter(|_| action == "CreateTable")
                    .unwrap_or(table);
                backup = text(&response["BackupDetails"]["BackupArn"]).unwrap_or(backup);
                "ok".to_string()
            }
            Err(Error::Plugin(PluginError::Service(error)))
                if is_unknown(&error.code, error.http_status) =>
            {
                "–".to_string()
            }
            Err(Error::Plugin(PluginError::Service(error))) => format!("`{}`", error.code),
            Err(error) => format!("{error}"),
        };
        outcomes.insert(action.to_string(), outcome);
    }
    outcomes
}

/// Returns whether an error means that the server does not know the operation. Servers say so in
/// different ways: moto sends an HTML page with status 500.
fn is_unknown(code: &str, status: u16) -> bool {
    matches!(code, "UnknownOperationException" | "UnsupportedOperationException" | "NotImplemented")
        || status == 500
        || status == 501
}

/// Compares the results with a column of the table in `docs/operations.md`.
///
/// With `PORTCULLIS_UPDATE` in the environment it writes the column instead.
///
/// # Panics
/// Panics if the results differ from the column, or if there is no such column.
pub fn check(column: &str, outcomes: &Outcomes) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let mut table = Table::parse(&text);
    if std::env::var_os("PORTCULLIS_UPDATE").is_some() {
        table.columns.insert(column.to_string(), outcomes.clone());
        std::fs::write(&path, table.render()).expect("docs/operations.md can be written");
        return;
    }
    let documented = table.columns.get(column).unwrap_or_else(|| {
        panic!("docs/operations.md has no column {column}; add it with `make operations`")
    });
    assert_eq!(
        outcomes, documented,
        "column {column} of docs/operations.md is not up to date; run `make operations`"
    );
}

/// The table in `docs/operations.md`: one column for each server, one row for each operation.
struct Table {
    columns: BTreeMap<String, Outcomes>,
}

impl Table {
    fn parse(text: &str) -> Self {
        let mut columns: BTreeMap<String, Outcomes> = BTreeMap::new();
        let mut rows = text.lines().filter_map(|line| line.strip_prefix("| "));
        let cells = |row: &str| {
            row.trim_end_matches('|')
                .split(" | ")
                .map(|cell| cell.trim().to_string())
                .collect::<Vec<_>>()
        };
        let header = rows.next().map(cells).unwrap_or_default();
        for row in rows.map(cells) {
            for (name, cell) in header.iter().zip(&row).skip(1) {
                columns.entry(name.clone()).or_default().insert(row[0].clone(), cell.clone());
            }
        }
        Self { columns }
    }

    fn render(&self) -> String {
        let mut out = INTRODUCTION.to_string();
        let names: Vec<&str> = self.columns.keys().map(String::as_str).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "| operation | {} |\n|---|{}",
            names.join(" | "),
            "---|".repeat(names.len())
        );
        let mut operations: Vec<&str> = calls().into_iter().map(|(action, _)| action).collect();
        operations.sort_unstable();
        for operation in operations {
            let cells: Vec<&str> = self
                .columns
                .values()
                .map(|column| column.get(operation).map_or("", String::as_str))
                .collect();
            let _ = writeln!(out, "| {operation} | {} |", cells.join(" | "));
        }
        out
    }
}

/// The text of `docs/operations.md` before the table.
const INTRODUCTION: &str = "\
# Operations and servers

The result of sending each operation of the API model through the sandbox, for each server. Tests
compare this table with the results; `make operations` writes it.

- `dynoxide` is the embedded server of `make test`. `dynalite` and `moto` (with IAM signature
  checks) run in `make test-all`.
- `recorder` only records requests: `ok` means that the target, body and signature are right, and
  that a prepared response in the operation's shape is returned in both formats.
- A dash means that the server does not know the operation. A code is the server's own error for
  this call.

";

//! Every operation against a server, and the table in `docs/operations.md` that says how each ends.

use portcullis::{Datasource, Error, PluginError};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

/// What became of each operation: `ok`, `error CODE`, or `–` where the server does not know it.
pub type Outcomes = BTreeMap<String, String>;

/// Calls that touch every operation of the model, in an order in which each finds what it needs. Texts in braces are
/// filled in from answers: `{table}` and `{backup}` are ARNs.
#[expect(clippy::too_many_lines, reason = "one line for each operation")]
fn calls() -> Vec<(&'static str, Value)> {
    let key = json!({"team_id": "team_1", "employee_id": "emp_1"});
    let keys = |names: [&str; 2]| json!([{"AttributeName": names[0], "KeyType": "HASH"}, {"AttributeName": names[1], "KeyType": "RANGE"}]);
    let s3 = json!({"S3Bucket": "a-bucket", "InputFormat": "DYNAMODB_JSON"});
    let new_table = json!({"TableName": "imported", "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"});
    vec![
        (
            "CreateTable",
            json!({"TableName": "users", "AttributeDefinitions": [{"AttributeName": "team_id", "AttributeType": "S"}, {"AttributeName": "employee_id", "AttributeType": "S"}], "KeySchema": keys(["team_id", "employee_id"]), "BillingMode": "PAY_PER_REQUEST", "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"}}),
        ),
        ("DescribeTable", json!({"TableName": "users"})),
        ("ListTables", json!({})),
        ("DescribeEndpoints", json!({})),
        ("DescribeLimits", json!({})),
        (
            "PutItem",
            json!({"TableName": "users", "Item": {"team_id": "team_1", "employee_id": "emp_1", "n": 1.5, "l": [null, true], "S": "L"}}),
        ),
        ("GetItem", json!({"TableName": "users", "Key": key})),
        (
            "UpdateItem",
            json!({"TableName": "users", "Key": key, "UpdateExpression": "SET #n = :n", "ExpressionAttributeNames": {"#n": "name"}, "ExpressionAttributeValues": {":n": "Amal"}}),
        ),
        (
            "Query",
            json!({"TableName": "users", "KeyConditionExpression": "team_id = :t", "ExpressionAttributeValues": {":t": "team_1"}}),
        ),
        ("Scan", json!({"TableName": "users", "Limit": 5})),
        (
            "BatchWriteItem",
            json!({"RequestItems": {"users": [{"PutRequest": {"Item": {"team_id": "team_2", "employee_id": "emp_2"}}}]}}),
        ),
        ("BatchGetItem", json!({"RequestItems": {"users": {"Keys": [key]}}})),
        (
            "TransactWriteItems",
            json!({"TransactItems": [{"Put": {"TableName": "users", "Item": {"team_id": "team_3", "employee_id": "emp_3"}}}]}),
        ),
        (
            "TransactGetItems",
            json!({"TransactItems": [{"Get": {"TableName": "users", "Key": key}}]}),
        ),
        (
            "ExecuteStatement",
            json!({"Statement": "SELECT * FROM \"users\" WHERE team_id = ?", "Parameters": ["team_1"]}),
        ),
        (
            "BatchExecuteStatement",
            json!({"Statements": [{"Statement": "SELECT * FROM \"users\" WHERE team_id = ? AND employee_id = ?", "Parameters": ["team_1", "emp_1"]}]}),
        ),
        (
            "ExecuteTransaction",
            json!({"TransactStatements": [{"Statement": "SELECT * FROM \"users\" WHERE team_id = ? AND employee_id = ?", "Parameters": ["team_1", "emp_1"]}]}),
        ),
        ("UpdateTable", json!({"TableName": "users", "DeletionProtectionEnabled": false})),
        (
            "UpdateTimeToLive",
            json!({"TableName": "users", "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "ends"}}),
        ),
        ("DescribeTimeToLive", json!({"TableName": "users"})),
        (
            "TagResource",
            json!({"ResourceArn": "{table}", "Tags": [{"Key": "department", "Value": "marketing"}]}),
        ),
        ("ListTagsOfResource", json!({"ResourceArn": "{table}"})),
        ("UntagResource", json!({"ResourceArn": "{table}", "TagKeys": ["department"]})),
        (
            "PutResourcePolicy",
            json!({"ResourceArn": "{table}", "Policy": "{\"Version\":\"2012-10-17\",\"Statement\":[]}"}),
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
            json!({"TableName": "users", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}}),
        ),
        ("DescribeContinuousBackups", json!({"TableName": "users"})),
        (
            "RestoreTableToPointInTime",
            json!({"SourceTableName": "users", "TargetTableName": "restored-pit", "UseLatestRestorableTime": true}),
        ),
        ("ExportTableToPointInTime", json!({"TableArn": "{table}", "S3Bucket": "a-bucket"})),
        ("ListExports", json!({"TableArn": "{table}"})),
        ("DescribeExport", json!({"ExportArn": "{table}/export/01234567890123-a1b2c3d4"})),
        (
            "ImportTable",
            json!({"S3BucketSource": {"S3Bucket": "a-bucket"}, "InputFormat": "DYNAMODB_JSON", "TableCreationParameters": new_table}),
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
            json!({"TableName": "users", "StreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/users"}),
        ),
        (
            "UpdateKinesisStreamingDestination",
            json!({"TableName": "users", "StreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/users"}),
        ),
        ("DescribeKinesisStreamingDestination", json!({"TableName": "users"})),
        (
            "DisableKinesisStreamingDestination",
            json!({"TableName": "users", "StreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/users"}),
        ),
        (
            "CreateGlobalTable",
            json!({"GlobalTableName": "users", "ReplicationGroup": [{"RegionName": "us-east-1"}]}),
        ),
        ("DescribeGlobalTable", json!({"GlobalTableName": "users"})),
        ("ListGlobalTables", json!({})),
        (
            "UpdateGlobalTable",
            json!({"GlobalTableName": "users", "ReplicaUpdates": [{"Create": {"RegionName": "us-west-2"}}]}),
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
            json!({"TableName": "users", "IndexName": "by-vector", "SearchVector": [0.5, 1], "TopK": 1}),
        ),
        (
            "StartBulkPutItems",
            json!({"TableName": "users", "InputS3Configuration": s3, "OutputS3Configuration": {"OutputType": ["ERROR"]}}),
        ),
        ("DescribeBulkOperation", json!({"BulkOperationArn": "{table}/bulk/1"})),
        ("ListBulkOperations", json!({})),
        ("CancelBulkOperation", json!({"BulkOperationArn": "{table}/bulk/1"})),
        ("DeleteItem", json!({"TableName": "users", "Key": key})),
        ("DeleteTable", json!({"TableName": "users"})),
    ]
}

/// Makes every call, and says how each ended.
pub async fn run(datasource: &Datasource) -> Outcomes {
    let mut table = "arn:aws:dynamodb:us-east-1:123456789012:table/users".to_string();
    let mut backup = format!("{table}/backup/01489602797149-73d8d5bc");
    let mut outcomes = Outcomes::new();
    for (action, input) in calls() {
        let input = input.to_string().replace("{table}", &table).replace("{backup}", &backup);
        let outcome = match datasource.execute(action, &input).await {
            Ok(answer) => {
                let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
                let text = |value: &Value| value.as_str().map(str::to_string);
                table = text(&answer["TableDescription"]["TableArn"])
                    .filter(|_| action == "CreateTable")
                    .unwrap_or(table);
                backup = text(&answer["BackupDetails"]["BackupArn"]).unwrap_or(backup);
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

/// Servers have different ways to say that they do not know an operation; moto answers with an HTML page and status 500.
fn is_unknown(code: &str, status: u16) -> bool {
    matches!(code, "UnknownOperationException" | "UnsupportedOperationException" | "NotImplemented")
        || status == 500
        || status == 501
}

/// Compares a column of the table in the docs with what was seen. With `PORTCULLIS_UPDATE` in the environment the column
/// is written instead.
///
/// # Panics
/// The docs say something else.
pub fn check(column: &str, outcomes: &Outcomes) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let mut table = Table::parse(&text);
    if std::env::var_os("PORTCULLIS_UPDATE").is_some() {
        table.columns.insert(column.to_string(), outcomes.clone());
        std::fs::write(&path, table.render()).expect("the docs can be written");
        return;
    }
    let documented = table
        .columns
        .get(column)
        .unwrap_or_else(|| panic!("docs/operations.md has no column {column}"));
    assert_eq!(
        outcomes, documented,
        "docs/operations.md, column {column}; `make operations` writes what was seen"
    );
}

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

const INTRODUCTION: &str = "\
# Operations and servers

How each operation of the API model ends when it is sent through the sandbox. The tests compare this table with what they
see; `make operations` writes it anew.

- `dynoxide` is the embedded server of `make test`; `dynalite` and `moto` (with IAM signature checks) run in `make test-all`.
- `recorder` writes down what it is sent: `ok` means that target, body and signature are right, and that a canned answer in the
  operation's shape is handed back in both formats.
- A dash: the server does not know the operation. A code: the server's own answer to this call.

";

//! What is true of features that the embedded database does not have: there are no backups, no replicas,
//! no exports and no statistics, and what could be switched on is switched off.

use crate::{dispatch, operations};
use dynoxide::{Database, Result};
use serde_json::{Value, json};

/// The response to an operation that only asks about such a feature, or leaves it off. `None` for
/// one that needs it.
pub(crate) fn answer(database: &Database, operation: &str, body: &str) -> Option<Result<String>> {
    let request: Value = serde_json::from_str(body).ok()?;
    let table = request["TableName"].as_str().unwrap_or_default();
    let statistics = json!({"TableName": table, "ContributorInsightsStatus": "DISABLED"});
    let backups = json!({"ContinuousBackupsDescription": {
        "ContinuousBackupsStatus": "DISABLED",
        "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
    }});
    let of_table = |response: Value| Some(table_exists(database, table).map(|()| response));
    let is_off = |pointer: &str, off: Value| request.pointer(pointer) == Some(&off);
    let response = match operation {
        "ListBackups" => Some(Ok(json!({"BackupSummaries": []}))),
        "ListGlobalTables" => Some(Ok(json!({"GlobalTables": []}))),
        "ListExports" => Some(Ok(json!({"ExportSummaries": []}))),
        "ListImports" => Some(Ok(json!({"ImportSummaryList": []}))),
        "ListContributorInsights" => Some(Ok(json!({"ContributorInsightsSummaries": []}))),
        "DescribeContinuousBackups" => of_table(backups),
        "UpdateContinuousBackups"
            if is_off(
                "/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled",
                json!(false),
            ) =>
        {
            of_table(backups)
        }
        "DescribeContributorInsights" => of_table(statistics),
        "UpdateContributorInsights" if is_off("/ContributorInsightsAction", json!("DISABLE")) => {
            of_table(statistics)
        }
        "DescribeTableReplicaAutoScaling" => of_table(json!({"TableAutoScalingDescription": {
            "TableName": table, "TableStatus": "ACTIVE", "Replicas": [],
        }})),
        _ => None,
    };
    response.map(|response| response.map(|response| response.to_string()))
}

/// Fails as `DescribeTable` does if there is no such table.
fn table_exists(database: &Database, table: &str) -> Result<()> {
    let Some(describe) = operations::find("DescribeTable") else { return Ok(()) };
    dispatch::run(database, describe, &json!({"TableName": table}).to_string()).map(drop)
}

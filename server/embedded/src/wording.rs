//! The texts that differ from those of dynoxide's own server, which speaks as AWS does.

use dynoxide::DynoxideError;

/// What `GET /` says.
pub(crate) const HEALTHY: &str = "healthy\n";

/// What clients are told after a bug in the database. The details are in the operator's log.
pub(crate) const PANICKED: &str =
    "the embedded database failed on this request, which is a bug; see the log for its message";

/// What clients are told when the database was stopped, or cannot start a thread.
pub(crate) const STOPPED: &str = "the embedded database has stopped; start the program again";

/// What the embedded database has not, for an operation of DynamoDB that it does not support.
pub(crate) fn missing_feature(operation: &str) -> Option<&'static str> {
    let feature = match operation {
        "CreateBackup"
        | "DeleteBackup"
        | "DescribeBackup"
        | "ListBackups"
        | "RestoreTableFromBackup"
        | "RestoreTableToPointInTime"
        | "DescribeContinuousBackups"
        | "UpdateContinuousBackups" => "backups; copy its file while nothing uses it",
        "CreateGlobalTable"
        | "DescribeGlobalTable"
        | "DescribeGlobalTableSettings"
        | "ListGlobalTables"
        | "UpdateGlobalTable"
        | "UpdateGlobalTableSettings"
        | "DescribeTableReplicaAutoScaling"
        | "UpdateTableReplicaAutoScaling" => "replicas; each of its tables is in one file",
        "DescribeExport" | "ExportTableToPointInTime" | "ListExports" => {
            "exports; read its tables with Scan"
        }
        "DescribeImport" | "ImportTable" | "ListImports" => {
            "imports; write items with BatchWriteItem"
        }
        "DescribeKinesisStreamingDestination"
        | "DisableKinesisStreamingDestination"
        | "EnableKinesisStreamingDestination"
        | "UpdateKinesisStreamingDestination" => {
            "destinations for streams; read changes with GetRecords"
        }
        "DescribeContributorInsights" | "ListContributorInsights" | "UpdateContributorInsights" => {
            "statistics of access; count requests in the client"
        }
        "DeleteResourcePolicy" | "GetResourcePolicy" | "PutResourcePolicy" => {
            "access rules of its own; use the policy of the datasource"
        }
        "DescribeEndpoints" => "other endpoints; use the one it is reached at",
        "DescribeLimits" => "quotas; nothing has to be asked for",
        _ => return None,
    };
    Some(feature)
}

/// The same error, in our words where dynoxide's name users and accounts.
pub(crate) fn reword(operation: &str, error: DynoxideError) -> DynoxideError {
    match error {
        DynoxideError::AccessDeniedException(message) => {
            let resource = message.rsplit_once(" on resource: ").map_or("", |(_, name)| name);
            DynoxideError::AccessDeniedException(format!(
                "{operation}: the embedded database has no table with the ARN {resource}; \
                 ListTables lists its tables"
            ))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{missing_feature, reword};
    use dynoxide::DynoxideError;

    #[test]
    fn the_tables_of_others_are_not_mentioned_as_users_and_rights() {
        let theirs = "User: arn:aws:iam::000000000000:root is not authorized to perform: \
                      dynamodb:ListTagsOfResource on resource: arn:aws:dynamodb:x:1:table/none";
        let error = DynoxideError::AccessDeniedException(theirs.to_string());
        let ours = reword("ListTagsOfResource", error).to_string();
        assert!(ours.contains("arn:aws:dynamodb:x:1:table/none"), "{ours}");
        assert!(!ours.contains("iam") && !ours.contains("authorized"), "{ours}");
    }

    #[test]
    fn each_missing_feature_has_a_remedy() {
        for operation in ["CreateBackup", "ListGlobalTables", "DescribeLimits"] {
            let feature = missing_feature(operation).expect("it is an operation of DynamoDB");
            assert!(feature.contains("; "), "{feature}");
        }
        assert_eq!(missing_feature("GetItem"), None);
        assert_eq!(missing_feature("Frobnicate"), None);
    }
}

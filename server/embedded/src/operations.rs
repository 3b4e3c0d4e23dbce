//! The operations of the database.

use crate::decode::decode;
use dynoxide::{Database, DynoxideError, Result, actions};

/// An operation of DynamoDB that the database has.
pub(crate) struct Operation {
    /// Its name.
    pub(crate) name: &'static str,
    /// Runs it, with a request in JSON, and returns the response in JSON.
    pub(crate) run: fn(&Database, &str) -> Result<String>,
    /// Reads a request in JSON, and does nothing with it.
    pub(crate) read: fn(&str) -> Result<()>,
}

/// Finds an operation by its name.
pub(crate) fn find(name: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}

macro_rules! operations {
    ($($name:literal $method:ident $request:ident,)*) => {
        /// All operations.
        static OPERATIONS: &[Operation] = &[$(
            Operation {
                name: $name,
                run: |database, body| {
                    let response = database.$method(decode(body)?)?;
                    serde_json::to_string(&response)
                        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
                },
                read: |body| decode::<actions::$method::$request>(body).map(drop),
            },
        )*];
    };
}

operations! {
    "BatchExecuteStatement" batch_execute_statement BatchExecuteStatementRequest,
    "BatchGetItem" batch_get_item BatchGetItemRequest,
    "BatchWriteItem" batch_write_item BatchWriteItemRequest,
    "CreateTable" create_table CreateTableRequest,
    "DeleteItem" delete_item DeleteItemRequest,
    "DeleteTable" delete_table DeleteTableRequest,
    "DescribeStream" describe_stream DescribeStreamRequest,
    "DescribeTable" describe_table DescribeTableRequest,
    "DescribeTimeToLive" describe_time_to_live DescribeTimeToLiveRequest,
    "ExecuteStatement" execute_statement ExecuteStatementRequest,
    "ExecuteTransaction" execute_transaction ExecuteTransactionRequest,
    "GetItem" get_item GetItemRequest,
    "GetRecords" get_records GetRecordsRequest,
    "GetShardIterator" get_shard_iterator GetShardIteratorRequest,
    "ListStreams" list_streams ListStreamsRequest,
    "ListTables" list_tables ListTablesRequest,
    "ListTagsOfResource" list_tags_of_resource ListTagsOfResourceRequest,
    "PutItem" put_item PutItemRequest,
    "Query" query QueryRequest,
    "Scan" scan ScanRequest,
    "SearchVectors" search_vectors SearchVectorsRequest,
    "TagResource" tag_resource TagResourceRequest,
    "TransactGetItems" transact_get_items TransactGetItemsRequest,
    "TransactWriteItems" transact_write_items TransactWriteItemsRequest,
    "UntagResource" untag_resource UntagResourceRequest,
    "UpdateItem" update_item UpdateItemRequest,
    "UpdateTable" update_table UpdateTableRequest,
    "UpdateTimeToLive" update_time_to_live UpdateTimeToLiveRequest,
}

#[cfg(test)]
mod tests {
    use super::{OPERATIONS, find};
    use crate::wording::missing_feature;

    #[test]
    fn an_operation_is_either_there_or_missing() {
        assert_eq!(OPERATIONS.len(), 28);
        assert!(OPERATIONS.iter().all(|operation| missing_feature(operation.name).is_none()));
        assert!(find("GetItem").is_some() && find("getitem").is_none());
    }
}

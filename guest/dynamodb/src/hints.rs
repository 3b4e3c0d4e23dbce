//! What a caller can do about the mistakes that users make most.

use alloc::format;
use alloc::string::{String, ToString};

/// What the caller asked for, as far as a hint needs it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The action.
    pub action: &'a str,
    /// The region whose endpoint was asked.
    pub region: &'a str,
}

/// A hint for an error of the service; none where its own text says all.
#[must_use]
pub fn hint(code: &str, message: &str, asked: &Asked) -> Option<String> {
    let Asked { action, region } = asked;
    let says = |part: &str| message.to_ascii_lowercase().contains(&part.to_ascii_lowercase());
    let hint = match code {
        "ValidationException" => return validation(&says),
        "ResourceNotFoundException" if says("index") => "Check IndexName; `DescribeTable` lists the table's indexes.".to_string(),
        "ResourceNotFoundException" => format!(
            "Region {region} was asked, for the account of these credentials. Check the table's name and case, the region, and the account; `ListTables` shows what is there."
        ),
        "ResourceInUseException" => "The table exists already, or is being created or changed. Wait until `DescribeTable` says ACTIVE.".to_string(),
        "ConditionalCheckFailedException" => {
            "The condition was false, so nothing was written. Set ReturnValuesOnConditionCheckFailure to ALL_OLD to see the item.".to_string()
        }
        "TransactionCanceledException" => "Nothing was written. `details.CancellationReasons` has one entry for each item, in order; None means that one was fine.".to_string(),
        "TransactionConflictException" | "TransactionInProgressException" => "Another transaction works on the same items. Try again.".to_string(),
        "IdempotentParameterMismatchException" => "The ClientRequestToken was used in the last 10 minutes for other input. Use a new one.".to_string(),
        "ProvisionedThroughputExceededException" | "RequestLimitExceeded" => {
            "The table or one of its partitions gets more requests than its capacity. Slow down, raise the capacity, or use on-demand billing.".to_string()
        }
        "ItemCollectionSizeLimitExceededException" => "With a local secondary index, the items of one partition key may have 10 GB in all.".to_string(),
        "LimitExceededException" => "Too many tables or indexes are being created, changed or deleted at once. Wait for some to end.".to_string(),
        "AccessDeniedException" | "AccessDenied" => {
            format!("The identity is known, but may not do this. Add dynamodb:{} for this table to its IAM policy.", permission(action))
        }
        "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidAccessKeyId" => format!(
            "AWS does not know this access key in region {region}. Check for typing errors, whether the key is active, and whether a session token belongs to it."
        ),
        "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" => "The session token has expired. Fetch new credentials.".to_string(),
        "MissingAuthenticationTokenException" | "IncompleteSignatureException" => "The request was not signed as AWS wants it. Is something between here and AWS changing headers?".to_string(),
        "InvalidSignatureException" | "SignatureDoesNotMatch" | "RequestTimeTooSkewed" => {
            "The secret does not belong to the access key id, or this machine's clock is wrong by more than 5 minutes.".to_string()
        }
        "UnknownOperationException" => format!("This endpoint has no {action}. Is it DynamoDB, and a server that knows this action?"),
        "OptInRequired" | "SubscriptionRequiredException" => "The AWS account is not ready for DynamoDB: its sign-up is not complete.".to_string(),
        "RequestEntityTooLarge" => "An item may have 400 KB, a batch or a transaction 16 and 4 MB in all.".to_string(),
        "TableNotFoundException" | "SourceTableNotFoundException" => format!("Region {region} was asked. Check the table's name, its case, and the region."),
        _ => return None,
    };
    Some(hint)
}

fn validation(says: &dyn Fn(&str) -> bool) -> Option<String> {
    let hint = if says("reserved keyword") || says("reserved word") {
        "The expression uses a word that DynamoDB reserves. Write #n in its place, and add \"ExpressionAttributeNames\": {\"#n\": \"the word\"}."
    } else if says("number of attributes in keyschema")
        || says("unused attribute")
        || says("some attributedefinitions are not used")
        || (says("attribute definitions") && says("key schema"))
        || says("attributedefinitions")
    {
        "AttributeDefinitions must name the attributes of KeySchema and of the indexes' keys, and no others. Other attributes need no definition."
    } else if says("provided key element does not match the schema")
        || says("number of conditions on the keys is invalid")
        || says("missing the key")
        || says("key element")
    {
        "Key must give exactly the table's key attributes, each of its type. `DescribeTable` shows them under KeySchema and AttributeDefinitions."
    } else if says("query condition missed key schema element")
        || says("query key condition not supported")
    {
        "KeyConditionExpression must have the partition key with =, and may have the sort key; other attributes go into FilterExpression."
    } else if says("type mismatch") || says("incorrect operand type") || says("operand type") {
        "The value's type is not the attribute's. {\"S\": \"1\"} is text, {\"N\": \"1\"} is a number."
    } else if says("an expression attribute value used in expression is not defined")
        || says("attribute value used in expression is not defined")
    {
        "Add the value to ExpressionAttributeValues, as in {\":v\": {\"S\": \"text\"}}."
    } else if says("attribute name used in the document path is not defined")
        || says("expression attribute name used")
    {
        "Add the name to ExpressionAttributeNames, as in {\"#n\": \"name\"}."
    } else if says("unused in expressions") {
        "ExpressionAttributeNames and ExpressionAttributeValues may have only what an expression uses."
    } else if says("syntax error")
        || says("invalid updateexpression")
        || says("invalid filterexpression")
        || says("invalid keyconditionexpression")
        || says("invalid conditionexpression")
        || says("invalid projectionexpression")
    {
        "In expressions, values are written as :v and given in ExpressionAttributeValues; names with other characters or reserved ones as #n in ExpressionAttributeNames."
    } else if says("item size") {
        "An item may have 400 KB, names and values together. Store large data elsewhere and keep a reference."
    } else if says("empty string") || says("empty value") || says("emptystring") {
        "Key attributes may not be empty; other attributes may."
    } else if says("duplicates") || says("duplicate") {
        "A batch names each key once, and a set has each element once."
    } else if says("more than one datatypes") || says("must contain exactly one") {
        "An attribute value has exactly one type, as in {\"S\": \"text\"}."
    } else if says("throughput") && says("billing") || says("provisionedthroughput") {
        "Set BillingMode to PAY_PER_REQUEST, or give ProvisionedThroughput with both of its units."
    } else if says("exclusive start key") || says("exclusivestartkey") || says("starting key") {
        "Pass LastEvaluatedKey of the last answer as it is, with the same table, index and conditions."
    } else if says("protected against deletion") || says("deletion protection") {
        "Turn the protection off first: UpdateTable with \"DeletionProtectionEnabled\": false."
    } else if says("too many items")
        || says("less than or equal to 25")
        || says("less than or equal to 100")
    {
        "BatchWriteItem takes 25 entries, BatchGetItem, TransactWriteItems and TransactGetItems take 100."
    } else {
        return None;
    };
    Some(hint.to_string())
}

/// The IAM permission that an action needs, where it is not called as the action.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html>
fn permission(action: &str) -> &str {
    match action {
        "BatchExecuteStatement" | "ExecuteStatement" | "ExecuteTransaction" => {
            "PartiQLSelect, PartiQLInsert, PartiQLUpdate or PartiQLDelete"
        }
        "TransactGetItems" => "GetItem",
        "TransactWriteItems" => "PutItem, UpdateItem, DeleteItem and ConditionCheckItem",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: &str, message: &str) -> Option<String> {
        hint(code, message, &Asked { action: "TransactGetItems", region: "eu-west-1" })
    }

    #[test]
    fn a_reserved_word_is_explained() {
        let hint =
            of("ValidationException", "Invalid FilterExpression: Attribute name is a reserved keyword; reserved keyword: name").unwrap();
        assert!(hint.contains("ExpressionAttributeNames"));
    }

    #[test]
    fn a_spare_attribute_definition_is_explained() {
        let message = "One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions";
        assert!(of("ValidationException", message).unwrap().contains("no others"));
    }

    #[test]
    fn an_unknown_table_names_the_region_and_a_missing_permission_its_name() {
        assert!(
            of("ResourceNotFoundException", "Requested resource not found")
                .unwrap()
                .contains("eu-west-1")
        );
        assert!(
            of("AccessDeniedException", "not authorized").unwrap().contains("dynamodb:GetItem")
        );
    }

    #[test]
    fn an_error_that_says_all_gets_no_hint() {
        assert_eq!(of("ValidationException", "something new"), None);
        assert_eq!(of("NewException", ""), None);
    }
}

//! Hints for the most common mistakes: what the caller can do about an error of the service.

use crate::catalogue::permissions;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The parts of a request that hints refer to.
#[derive(Clone, Copy, Debug)]
pub struct HintContext<'a> {
    /// The action.
    pub action: &'a str,
    /// The region of the endpoint.
    pub region: &'a str,
}

/// Returns a hint for an error of the service, or `None` if the service's message needs none.
#[must_use]
pub fn hint(code: &str, message: &str, context: &HintContext) -> Option<String> {
    let HintContext { action, region } = context;
    let says = |part: &str| message.to_ascii_lowercase().contains(&part.to_ascii_lowercase());
    let hint = match code {
        "ValidationException" => return validation(&says),
        "ResourceNotFoundException" if says("index") => {
            "Check IndexName. `DescribeTable` lists the indexes of the table.".to_string()
        }
        "ResourceNotFoundException" => format!(
            "The request went to region {region}, with the account of these credentials. Check the table's \
             name and case, the region, and the account. `ListTables` lists the tables there."
        ),
        "ResourceInUseException" => "The table already exists, or is being created or changed. \
             Wait until `DescribeTable` returns the status ACTIVE."
            .to_string(),
        "ConditionalCheckFailedException" => "The condition was false, so nothing was written. \
             Set ReturnValuesOnConditionCheckFailure to ALL_OLD to see the item."
            .to_string(),
        "TransactionCanceledException" => {
            "Nothing was written. `details.CancellationReasons` has one \
             entry for each item, in order. The code None means that the item was not the cause."
                .to_string()
        }
        "TransactionConflictException" | "TransactionInProgressException" => {
            "Another transaction is using the same items. Try again.".to_string()
        }
        "IdempotentParameterMismatchException" => "The ClientRequestToken was used for different \
             input in the last 10 minutes. Use a new token."
            .to_string(),
        "ProvisionedThroughputExceededException" | "RequestLimitExceeded" => {
            "The table or one of its partitions receives more requests than its capacity allows. \
             Send fewer requests, raise the capacity, or use on-demand billing."
                .to_string()
        }
        "ItemCollectionSizeLimitExceededException" => "With a local secondary index, all items \
             with one partition key may have at most 10 GB."
            .to_string(),
        "LimitExceededException" => "Too many tables or indexes are being created, changed or \
             deleted at once. Wait until some are finished."
            .to_string(),
        "AccessDeniedException" | "AccessDenied" => access_denied(action),
        "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidAccessKeyId" => format!(
            "AWS does not know this access key in region {region}. Check the key for typing \
             errors, whether it is active, and whether it needs a session token."
        ),
        "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" => {
            "The session token has expired. Get new credentials.".to_string()
        }
        "MissingAuthenticationTokenException" | "IncompleteSignatureException" => {
            "AWS did not find a complete signature. Check whether a proxy in between changes \
             the headers."
                .to_string()
        }
        "InvalidSignatureException" | "SignatureDoesNotMatch" | "RequestTimeTooSkewed" => {
            "The secret access key does not belong to the access key ID, or this machine's clock \
             is wrong by more than 5 minutes."
                .to_string()
        }
        "UnknownOperationException" => format!(
            "The endpoint does not support {action}. Check that it is DynamoDB, or a compatible \
             server that supports this action."
        ),
        "OptInRequired" | "SubscriptionRequiredException" => {
            "The AWS account cannot use DynamoDB yet: its sign-up is not complete.".to_string()
        }
        "RequestEntityTooLarge" => "The limits are 400 KB for an item, 16 MB for a batch and 4 MB \
             for a transaction."
            .to_string(),
        "TableNotFoundException" | "SourceTableNotFoundException" => format!(
            "The request went to region {region}. Check the table's name and case, and the region."
        ),
        _ => return None,
    };
    Some(hint)
}

/// Returns a hint for a `ValidationException`. `says` tells whether the message contains a text.
fn validation(says: &dyn Fn(&str) -> bool) -> Option<String> {
    let hint = if says("reserved keyword") || says("reserved word") {
        "The expression uses a reserved word of DynamoDB. Write #n instead of the word, and add \
         \"ExpressionAttributeNames\": {\"#n\": \"the word\"}."
    } else if says("number of attributes in keyschema")
        || says("unused attribute")
        || says("some attributedefinitions are not used")
        || (says("attribute definitions") && says("key schema"))
        || says("attributedefinitions")
    {
        "AttributeDefinitions must list exactly the attributes used as table or index keys. \
         Other attributes need no definition."
    } else if says("provided key element does not match the schema")
        || says("number of conditions on the keys is invalid")
        || says("missing the key")
        || says("key element")
    {
        "Key must have exactly the key attributes of the table, with their types. \
         `DescribeTable` lists them under KeySchema and AttributeDefinitions."
    } else if says("query condition missed key schema element")
        || says("query key condition not supported")
    {
        "KeyConditionExpression must compare the partition key with =, and may restrict the sort \
         key. Put other attributes into FilterExpression."
    } else if says("type mismatch") || says("incorrect operand type") || says("operand type") {
        "The type of the value differs from the type of the attribute. {\"S\": \"1\"} is a string, \
         {\"N\": \"1\"} is a number."
    } else if says("an expression attribute value used in expression is not defined")
        || says("attribute value used in expression is not defined")
    {
        "Add the value to ExpressionAttributeValues, for example {\":v\": {\"S\": \"text\"}}."
    } else if says("attribute name used in the document path is not defined")
        || says("expression attribute name used")
    {
        "Add the name to ExpressionAttributeNames, for example {\"#n\": \"name\"}."
    } else if says("unused in expressions") {
        "ExpressionAttributeNames and ExpressionAttributeValues must only have entries that an \
         expression uses."
    } else if says("syntax error")
        || says("invalid updateexpression")
        || says("invalid filterexpression")
        || says("invalid keyconditionexpression")
        || says("invalid conditionexpression")
        || says("invalid projectionexpression")
    {
        "In expressions, write values as :v and define them in ExpressionAttributeValues. Write \
         names that are reserved or have special characters as #n and define them in \
         ExpressionAttributeNames."
    } else if says("item size") {
        "An item may have at most 400 KB, names and values together. Store large data elsewhere, \
         and a reference in the item."
    } else if says("empty string") || says("empty value") || says("emptystring") {
        "Key attributes must not be empty. Other attributes may be."
    } else if says("duplicates") || says("duplicate") {
        "Each key may appear only once in a batch, and each element only once in a set."
    } else if says("more than one datatypes") || says("must contain exactly one") {
        "An attribute value has exactly one type, for example {\"S\": \"text\"}."
    } else if says("throughput") && says("billing") || says("provisionedthroughput") {
        "Set BillingMode to PAY_PER_REQUEST, or set both capacities in ProvisionedThroughput."
    } else if says("exclusive start key") || says("exclusivestartkey") || says("starting key") {
        "Pass LastEvaluatedKey of the last response unchanged, with the same table, index and \
         conditions."
    } else if says("protected against deletion") || says("deletion protection") {
        "First turn off the protection: UpdateTable with \"DeletionProtectionEnabled\": false."
    } else if says("too many items")
        || says("less than or equal to 25")
        || says("less than or equal to 100")
    {
        "BatchWriteItem accepts at most 25 entries. BatchGetItem, TransactWriteItems and \
         TransactGetItems accept at most 100."
    } else {
        return None;
    };
    Some(hint.to_string())
}

/// Returns a hint that lists the IAM permissions of an action.
fn access_denied(action: &str) -> String {
    let names: Vec<String> =
        permissions(action).iter().map(|name| format!("dynamodb:{name}")).collect();
    let needed = match names.as_slice() {
        [] => format!("dynamodb:{action}"),
        [name] => name.clone(),
        _ => format!("what the call needs of {}", names.join(", ")),
    };
    format!(
        "The credentials are valid, but their IAM policy does not allow this action. \
         Allow {needed} on this table."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint_for(code: &str, message: &str) -> Option<String> {
        hint(code, message, &HintContext { action: "TransactGetItems", region: "eu-west-1" })
    }

    #[test]
    fn a_reserved_word_gets_a_hint() {
        let hint = hint_for(
            "ValidationException",
            "Invalid FilterExpression: Attribute name is a reserved \
                 keyword; reserved keyword: name",
        )
        .unwrap();
        assert!(hint.contains("ExpressionAttributeNames"));
    }

    #[test]
    fn an_unused_attribute_definition_gets_a_hint() {
        let message = "One or more parameter values were invalid: Number of attributes in \
                       KeySchema does not exactly match number of attributes defined in \
                       AttributeDefinitions";
        assert!(hint_for("ValidationException", message).unwrap().contains("list exactly"));
    }

    #[test]
    fn hints_name_the_region_and_the_missing_permission() {
        assert!(
            hint_for("ResourceNotFoundException", "Requested resource not found")
                .unwrap()
                .contains("eu-west-1")
        );
        assert!(
            hint_for("AccessDeniedException", "not authorized")
                .unwrap()
                .contains("dynamodb:GetItem")
        );
    }

    #[test]
    fn an_unknown_error_gets_no_hint() {
        assert_eq!(hint_for("ValidationException", "something new"), None);
        assert_eq!(hint_for("NewException", ""), None);
    }

    #[test]
    fn a_missing_permission_of_an_action_with_several_lists_them_all() {
        let context = HintContext { action: "ExecuteStatement", region: "eu-west-1" };
        let hint = hint("AccessDeniedException", "not authorized", &context).unwrap();
        assert!(hint.contains("dynamodb:PartiQLInsert, dynamodb:PartiQLSelect"), "{hint}");
        let context = HintContext { action: "GetItem", region: "eu-west-1" };
        let hint = super::hint("AccessDeniedException", "not authorized", &context).unwrap();
        assert!(hint.ends_with("Allow dynamodb:GetItem on this table."), "{hint}");
    }
}

//! Hints for the most common mistakes: what the caller can do about an error of the service.

mod expression;
mod request;
mod statement;
#[cfg(test)]
mod tests;
mod validation;

use crate::catalogue::permissions;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The parts of a request that hints refer to.
#[derive(Clone, Copy, Debug)]
pub struct HintContext<'a> {
    /// The action.
    pub action: &'a str,
    /// The region, if the request went to AWS. A server that the settings name has no regions and
    /// accounts that hints could speak of.
    pub region: Option<&'a str>,
    /// The body of the request.
    pub request: &'a str,
}

/// Returns a hint for an error of the service, or `None` if the service's message needs none.
#[must_use]
pub fn hint(code: &str, message: &str, context: &HintContext) -> Option<String> {
    let HintContext { action, region, request } = context;
    let says = |part: &str| message.to_ascii_lowercase().contains(&part.to_ascii_lowercase());
    let is_statement = action.ends_with("Statement") || *action == "ExecuteTransaction";
    if is_statement
        && matches!(code, "ValidationException" | "ResourceNotFoundException")
        && let Some(found) = statement::hint(message, request)
    {
        return Some(found);
    }
    let hint = match code {
        "ValidationException" => return validation::hint(message, request),
        "ResourceNotFoundException" if says("index") => {
            "Check IndexName. `DescribeTable` lists the indexes of the table.".to_string()
        }
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
        "DuplicateItemException" => {
            "There is an item with this key, and INSERT does not replace it. \
             Use UPDATE, or PutItem."
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
        "OptInRequired" | "SubscriptionRequiredException" if region.is_some() => {
            "The AWS account cannot use DynamoDB yet: its sign-up is not complete.".to_string()
        }
        "RequestEntityTooLarge" => "The limits are 400 KB for an item, 16 MB for a batch and 4 MB \
             for a transaction."
            .to_string(),
        _ => return by_region(code, action, *region),
    };
    Some(hint)
}

/// Returns a hint for an error that has to do with the region, the account or its permissions.
fn by_region(code: &str, action: &str, region: Option<&str>) -> Option<String> {
    let hint = match code {
        "ResourceNotFoundException" => match region {
            Some(region) => format!(
                "The request went to region {region}, with the account of these credentials. Check \
                 the table's name and case, the region, and the account. `ListTables` lists the \
                 tables there."
            ),
            None => "Check the table's name and case. `ListTables` lists the tables.".to_string(),
        },
        "AccessDeniedException" | "AccessDenied" => match region {
            Some(_) => access_denied(action),
            None => "The server knows the credentials, but does not allow this action for them."
                .to_string(),
        },
        "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidAccessKeyId" => {
            match region {
                Some(region) => format!(
                    "AWS does not know this access key in region {region}. Check the key for \
                     typing errors, whether it is active, and whether it needs a session token."
                ),
                None => "The server does not know this access key. Check it for typing errors; \
                         DynamoDB Local accepts any that consists of letters and digits."
                    .to_string(),
            }
        }
        "TableNotFoundException" | "SourceTableNotFoundException" => match region {
            Some(region) => format!(
                "The request went to region {region}. Check the table's name and case, and the \
                 region."
            ),
            None => "Check the table's name and case.".to_string(),
        },
        _ => return None,
    };
    Some(hint)
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

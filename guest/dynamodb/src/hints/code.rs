//! Hints by the code of an error.

use super::context::HintContext;
use super::request::text;

/// Returns the text of a hint with its placeholders `{action}`, `{region}` and `{permissions}`.
pub(super) fn hint(code: &str, message: &str, context: &HintContext) -> Option<&'static str> {
    let is_aws = context.region.is_some();
    let lower = message.to_ascii_lowercase();
    // The name of a table may contain the word. Updates of a table name indexes deep in the request.
    if code == "ResourceNotFoundException"
        && lower.contains("index")
        && context.request.contains("\"IndexName\"")
    {
        return Some("Check IndexName. `DescribeTable` lists the indexes of the table.");
    }
    if is_aws && code.starts_with("AccessDenied") && lower.contains("explicit deny") {
        return Some(
            "A policy denies this action explicitly, so a policy that allows it changes nothing. \
             The deny itself must change. The message says which kind of policy has it.",
        );
    }
    if code == IN_PROGRESS && context.token_is_generated {
        return Some(
            "An earlier attempt of this call is still running. Read the items before you repeat \
             the call, or set ClientRequestToken yourself and keep it for the repetition.",
        );
    }
    // With a token, the service treats all attempts as one.
    if context.maybe_applied
        && text(context.request, "ClientRequestToken").is_none()
        && let Some((_, text)) = MAYBE_APPLIED.iter().find(|(known, _)| *known == code)
    {
        return Some(text);
    }
    let (_, at_aws, elsewhere) = BY_CODE.iter().find(|(codes, ..)| codes.contains(&code))?;
    let text = if is_aws { at_aws } else { elsewhere };
    Some(*text).filter(|text| !text.is_empty())
}

/// The code of a request while another one with the same token is running.
pub(crate) const IN_PROGRESS: &str = "TransactionInProgressException";

/// Hints for codes that say little about what is written after an earlier attempt that may have been
/// applied: the attempt itself can be the cause of the error.
static MAYBE_APPLIED: &[(&str, &str)] = &[
    (
        "ConditionalCheckFailedException",
        "The condition was false, but an earlier attempt of this call may have written the item. \
         Read the item before you repeat the call.",
    ),
    (
        "DuplicateItemException",
        "There is an item with this key, and an earlier attempt of this call may have written it. \
         Read the item before you repeat the call.",
    ),
    (
        "TransactionCanceledException",
        "An earlier attempt of this call may have written the items. Read them before you repeat \
         the call. `details.CancellationReasons` has one entry for each item, in order.",
    ),
];

/// A hint for some codes, from AWS and from another server. Empty if there is none.
type Hint = (&'static [&'static str], &'static str, &'static str);

/// A hint that is the same for every server.
const fn any(codes: &'static [&'static str], text: &'static str) -> Hint {
    (codes, text, text)
}

static BY_CODE: &[Hint] = &[
    (
        &["ResourceNotFoundException"],
        "The request went to region {region}, with the account of these credentials. Check the \
         table's name and case, the region, and the account. `ListTables` lists the tables there.",
        "Check the table's name and case. `ListTables` lists the tables.",
    ),
    (
        &["TableNotFoundException", "SourceTableNotFoundException"],
        "The request went to region {region}. Check the table's name and case, and the region.",
        "Check the table's name and case.",
    ),
    (
        &["AccessDeniedException", "AccessDenied"],
        "The credentials are valid, but their IAM policy does not allow this action. Allow \
         {permissions} on the resource that the message names.",
        "The server knows the credentials, but does not allow this action for them.",
    ),
    (
        &["UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId"],
        "AWS does not know this access key in region {region}. Check the key for typing errors, \
         whether it is active, and whether it needs a session token.",
        "The server does not know this access key. Check it for typing errors; DynamoDB Local \
         accepts any that consists of letters and digits.",
    ),
    (
        &["OptInRequired", "SubscriptionRequiredException"],
        "The AWS account cannot use DynamoDB yet: its sign-up is not complete.",
        "",
    ),
    (
        &["MissingAuthenticationTokenException", "IncompleteSignatureException"],
        "AWS did not find a complete signature. Check whether a proxy in between changes the \
         headers.",
        "The server did not find a complete signature. Check whether a proxy in between changes \
         the headers.",
    ),
    any(
        &["ResourceInUseException"],
        "The table already exists, or is being created or changed. Wait until `DescribeTable` \
         returns the status ACTIVE.",
    ),
    any(
        &["ConditionalCheckFailedException"],
        "The condition was false, so nothing was written. Set ReturnValuesOnConditionCheckFailure \
         to ALL_OLD to see the item.",
    ),
    any(
        &["TransactionCanceledException"],
        "Nothing was written. `details.CancellationReasons` has one entry for each item, in order. \
         The code None means that the item was not the cause.",
    ),
    any(
        &["DuplicateItemException"],
        "There is an item with this key, and INSERT does not replace it. Use UPDATE, or PutItem.",
    ),
    any(
        &["TransactionConflictException"],
        "Another transaction is using the same items. Try again.",
    ),
    any(
        &[IN_PROGRESS],
        "An earlier request with this ClientRequestToken is still running. Try again with the same \
         token.",
    ),
    any(
        &["IdempotentParameterMismatchException"],
        "The ClientRequestToken was used for different input in the last 10 minutes. Use a new \
         token.",
    ),
    any(
        &["ProvisionedThroughputExceededException", "RequestLimitExceeded"],
        "The table or one of its partitions receives more requests than its capacity allows. Send \
         fewer requests, raise the capacity, or use on-demand billing.",
    ),
    any(
        &["ItemCollectionSizeLimitExceededException"],
        "With a local secondary index, all items with one partition key may have at most 10 GB.",
    ),
    any(
        &["LimitExceededException"],
        "Too many tables or indexes are being created, changed or deleted at once. Wait until some \
         are finished.",
    ),
    any(
        &["ExpiredTokenException", "ExpiredToken", "RequestExpired"],
        "The session token has expired. Get new credentials.",
    ),
    any(
        &["InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed"],
        "The secret access key does not belong to the access key ID, or this machine's clock is \
         wrong by more than 5 minutes.",
    ),
    any(
        &["UnknownOperationException"],
        "The endpoint does not support {action}. Check that it is DynamoDB, or a compatible server \
         that supports this action.",
    ),
    any(
        &["RequestEntityTooLarge"],
        "The limits are 400 KB for an item, 16 MB for a batch and 4 MB for a transaction.",
    ),
];

//! What an error says after earlier attempts of the same call.

use super::*;
use crate::response::ServiceError;

const PUT: &str =
    r#"{"TableName":"t","Item":{"id":"a"},"ConditionExpression":"attribute_not_exists(id)"}"#;
const INSERT: &str = r#"{"Statement":"INSERT INTO t VALUE {'id': 'a'}"}"#;
const TRANSACTION: &str = r#"{"TransactItems":[{"Delete":{"TableName":"t","Key":{"a":"b"}}}]}"#;

fn refused(code: &str) -> Result<Response, SendError> {
    response(400, &[], &format!(r#"{{"__type":"x#{code}","message":"m"}}"#))
}

fn service_error(
    responses: Vec<Result<Response, SendError>>,
    settings: &str,
    action: &str,
    input: &str,
) -> ServiceError {
    let platform = ScriptedPlatform::new(responses);
    match call(&platform, settings, action, input) {
        Err(Error::Service(error)) => *error,
        other => panic!("a service error, not {other:?}"),
    }
}

#[test]
fn a_condition_that_fails_after_an_attempt_that_may_have_written_says_so() {
    let lost = |reached| Err(SendError::Failed { message: "gone".to_string(), reached });
    let corrupted = || response(200, &[("x-amz-crc32", "1")], "{}");
    let hint = |earlier, action: &str, input, code: &str| {
        service_error(vec![earlier, refused(code)], "", action, input).hint.unwrap()
    };
    let condition = "ConditionalCheckFailedException";
    for (action, input, code) in
        [("PutItem", PUT, condition), ("ExecuteStatement", INSERT, "DuplicateItemException")]
    {
        for earlier in [lost(true), corrupted(), unavailable()] {
            let hint = hint(earlier, action, input, code);
            assert!(hint.contains("an earlier attempt of this call may have written"), "{hint}");
            assert!(hint.contains("Read the item") && !hint.contains("nothing was"), "{hint}");
        }
    }
    for earlier in [lost(false), throttled()] {
        assert!(hint(earlier, "PutItem", PUT, condition).contains("nothing was written"));
    }
    let alone = service_error(vec![refused(condition)], "", "PutItem", PUT);
    assert!(alone.hint.unwrap().contains("nothing was written"));
}

#[test]
fn only_a_transaction_without_a_token_may_be_canceled_by_its_own_earlier_attempt() {
    let hint = |settings| {
        let responses = vec![unavailable(), refused("TransactionCanceledException")];
        service_error(responses, settings, "TransactWriteItems", TRANSACTION).hint.unwrap()
    };
    assert!(hint("").starts_with("Nothing was written"));
    assert!(hint(",\"idempotencyTokens\":false").starts_with("An earlier attempt"));
}

#[test]
fn a_transaction_in_progress_is_retryable_only_with_a_token_that_the_caller_keeps() {
    let in_progress = || vec![refused("TransactionInProgressException"); 4];
    let error = service_error(in_progress(), "", "TransactWriteItems", TRANSACTION);
    assert_eq!((error.attempts, error.retryable), (4, false));
    let hint = error.hint.unwrap();
    assert!(hint.contains("still running. Read the items before you repeat"), "{hint}");

    let own = TRANSACTION.replacen('{', r#"{"ClientRequestToken":"mine","#, 1);
    let error = service_error(in_progress(), "", "TransactWriteItems", &own);
    assert_eq!((error.attempts, error.retryable), (4, true));
    assert!(error.hint.unwrap().contains("with the same token"));
}

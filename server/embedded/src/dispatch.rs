//! Runs one operation, with the checks and the errors of dynoxide's own server.

use crate::booleans::whole_numbers;
use crate::layer::Layer;
use crate::operations::Operation;
use crate::{nesting, type_checks, wording};
use dynoxide::{Database, DynoxideError, Result};
use serde_json::Value;

/// Runs an operation with a body that is JSON, and returns the response in JSON.
///
/// # Errors
/// Returns the error of DynamoDB.
pub(crate) fn run(database: &Database, operation: &Operation, body: &str) -> Result<String> {
    let body = whole_numbers(body);
    let json: Value = serde_json::from_str(&body)
        .map_err(|error| DynoxideError::SerializationException(error.to_string()))?;
    nesting::check(&json)?;
    let result = type_checks::check(operation.name, &json);
    let layer = match result {
        Ok(()) => Layer::of_request(operation.name, &json),
        Err(_) => Layer::of_operation(operation.name),
    };
    // The body may be large.
    drop(json);
    result
        .and_then(|()| layer.apply(|| (operation.run)(database, &body)))
        .map_err(|error| wording::reword(operation.name, resolve(operation.name, layer, error)))
}

/// Gives an error its final form, which depends on the operation.
pub(crate) fn resolve(operation: &str, layer: Layer, error: DynoxideError) -> DynoxideError {
    match error {
        DynoxideError::EnvelopedValidation(message) => {
            let single = matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem");
            DynoxideError::ValidationException(if single && layer == Layer::Current {
                format!("1 validation error detected: {message}")
            } else {
                message
            })
        }
        DynoxideError::ConditionalCheckFailedException(message, Some(item))
            if operation == "ExecuteStatement" =>
        {
            DynoxideError::StatementConditionalCheckFailed(message, item)
        }
        other => other,
    }
}

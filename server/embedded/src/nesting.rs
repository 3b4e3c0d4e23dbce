//! Limits how deeply expressions nest, before dynoxide parses them by recursion.

use dynoxide::{DynoxideError, Result};
use serde_json::Value;

/// The most levels of parentheses and brackets in an expression or a PartiQL statement. DynamoDB
/// allows 300 operators in an expression, and a level without an operator is redundant, which it
/// refuses as well.
pub const MAX_NESTING: usize = 300;

/// Checks all expressions and statements of a request.
///
/// # Errors
/// Returns a `ValidationException` that names the member.
pub(crate) fn check(body: &Value) -> Result<()> {
    match body {
        Value::Object(members) => members.iter().try_for_each(|(name, value)| match value {
            Value::String(text) if EXPRESSIONS.contains(&name.as_str()) => {
                if depth(text, name == STATEMENT) <= MAX_NESTING {
                    return Ok(());
                }
                Err(DynoxideError::ValidationException(format!(
                    "{name} nests parentheses or brackets more than {MAX_NESTING} levels deep; \
                     write it with fewer levels"
                )))
            }
            // The body was parsed with a limit of 128 levels.
            _ => check(value),
        }),
        Value::Array(elements) => elements.iter().try_for_each(check),
        _ => Ok(()),
    }
}

/// The members that are parsed, wherever they are. The values of items are objects, so an attribute
/// with such a name is not meant.
const EXPRESSIONS: [&str; 6] = [
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "ProjectionExpression",
    "UpdateExpression",
    STATEMENT,
];

const STATEMENT: &str = "Statement";

/// The most levels that are open at once. Quoted text counts for nothing in a statement;
/// expressions have no quotes.
fn depth(text: &str, quotes: bool) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'(' | b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            // A doubled quote ends one text and starts the next.
            b'\'' | b'"' if quotes => {
                bytes.by_ref().find(|other| *other == byte);
            }
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::{MAX_NESTING, check, depth};
    use serde_json::json;

    #[test]
    fn levels_that_are_open_at_once_count() {
        assert_eq!(depth("(a) AND (b)", false), 1);
        assert_eq!(depth("((a[0]))", false), 3);
        assert_eq!(depth(")))(", false), 1);
        assert_eq!(depth("['((''((', \"[[\"]", true), 1);
        assert_eq!(depth("'((((", true), 0);
        assert_eq!(depth("'((", false), 2);
    }

    #[test]
    fn every_place_of_an_expression_is_checked_and_no_attribute() {
        let deep = "(".repeat(MAX_NESTING + 1);
        for body in [
            json!({"ConditionExpression": deep}),
            json!({"TransactItems": [{"Update": {"UpdateExpression": deep}}]}),
            json!({"RequestItems": {"t": {"ProjectionExpression": deep}}}),
            json!({"Statements": [{"Statement": "SELECT"}, {"Statement": deep}]}),
        ] {
            let error = check(&body).expect_err("it nests too deeply").to_string();
            assert!(error.contains("more than 300 levels"), "{error}");
        }
        check(&json!({"Item": {"Statement": {"S": deep}}})).expect("it is an attribute");
        check(&json!({"FilterExpression": &deep[1..]})).expect("it is at the limit");
    }
}

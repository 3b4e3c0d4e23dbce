//! Cursors of paged operations, as JSON: what all that fetch pages must know of them.
//!
//! ```
//! use dynamodb_plugin::cursor::{is_end, is_same};
//!
//! assert!(is_end("{ }") && !is_end(r#"{"id": {"S": "a"}}"#));
//! assert!(is_same(r#"{"a": 1, "b": 2}"#, r#"{"b": 2, "a": 1}"#));
//! ```

use serde_json::Value;

/// Whether a cursor says that no page is left. DynamoDB leaves it out; other services that speak
/// its protocol return an empty one.
#[must_use]
pub fn is_end(cursor: &str) -> bool {
    matches!(cursor.trim(), "null" | "\"\"") || {
        let mut bytes = cursor.bytes().filter(|byte| !byte.is_ascii_whitespace());
        (bytes.next(), bytes.next(), bytes.next()) == (Some(b'{'), Some(b'}'), None)
    }
}

/// Whether two cursors are the same value, whatever the order of their fields.
#[must_use]
pub fn is_same(a: &str, b: &str) -> bool {
    let parse = |text| serde_json::from_str::<Value>(text).ok();
    a == b || parse(a).is_some_and(|a| Some(a) == parse(b))
}

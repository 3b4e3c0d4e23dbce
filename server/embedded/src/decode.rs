//! Reads requests into dynoxide's types, and words what `serde_json` refuses as DynamoDB does.

use dynoxide::{DynoxideError, Result};
use serde::de::DeserializeOwned;

/// Reads the body of a request.
pub(crate) fn decode<T: DeserializeOwned>(body: &str) -> Result<T> {
    serde_json::from_str(body).map_err(|error| refusal(&error.to_string(), body))
}

/// The error of DynamoDB for an error of `serde_json`.
fn refusal(message: &str, body: &str) -> DynoxideError {
    use DynoxideError::{EnvelopedValidation, SerializationException, ValidationException};
    // dynoxide's types mark their own errors with the kind of error.
    for (mark, kind, keeps_position) in [
        ("SERIALIZATION_AS_READ:", SerializationException as fn(String) -> DynoxideError, true),
        ("VALIDATION_AS_READ:", ValidationException, true),
        ("SERIALIZATION:", SerializationException, false),
        ("VALIDATION_REQUEST:", EnvelopedValidation, false),
        ("VALIDATION:", ValidationException, false),
    ] {
        if let Some(rest) = message.strip_prefix(mark) {
            let text = if keeps_position { rest } else { without_position(rest) };
            return kind(text.to_string());
        }
    }
    let has = |part: &str| message.contains(part);
    if has("missing field") || has("unknown variant") || has("invalid type: null") {
        ValidationException(message.to_string())
    } else if has("empty AttributeValue") {
        ValidationException(EMPTY_VALUE.to_string())
    } else if has("Supplied AttributeValue") {
        ValidationException(without_position(message).to_string())
    } else {
        SerializationException(serialization(message, body))
    }
}

const EMPTY_VALUE: &str =
    "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";

/// The message without the position that `serde_json` appends.
fn without_position(message: &str) -> &str {
    match message.rfind(" at line ") {
        Some(at) if message[at..].contains("column") => &message[..at],
        _ => message,
    }
}

fn serialization(message: &str, body: &str) -> String {
    if let Some(rest) = message.strip_prefix("invalid type: ") {
        let Some((found, expected)) = rest.split_once(", expected ") else {
            return message.to_string();
        };
        let expected = expected.split(" at line ").next().unwrap_or(expected).trim();
        // DynamoDB passes on what its own parser says of the one member with 32 bits.
        if expected == "i32" {
            return message.to_string();
        }
        return mismatch(found.trim(), expected);
    }
    if message.starts_with("invalid length ")
        && let Some((_, expected)) = message.split_once("expected struct ")
    {
        return unrecognized(expected).unwrap_or_else(|| STRUCTURE.to_string());
    }
    if message.starts_with("expected string for ") || message.starts_with("expected value at line ")
    {
        return format!("{} cannot be converted to String", token_at(message, body));
    }
    message.to_string()
}

/// A value that has another type than the member, both as `serde_json` names them.
fn mismatch(found: &str, expected: &str) -> String {
    let (is_list, is_map) = (found == "sequence", found == "map");
    let token = match found {
        "boolean `true`" => Some("TRUE_VALUE"),
        "boolean `false`" => Some("FALSE_VALUE"),
        _ if found.starts_with("integer ") => Some("NUMBER_VALUE"),
        _ if found.starts_with("floating point ") => Some("DECIMAL_VALUE"),
        _ if found.starts_with("string ") => Some("STRING_VALUE"),
        _ => None,
    };
    let scalar = match expected {
        "a string" => Some("String"),
        "a boolean" => Some("Boolean"),
        "i64" | "u64" => Some("Long"),
        _ => None,
    };
    let message = match (scalar, token) {
        _ if expected == "a sequence" => {
            Some(if is_map { STRUCTURE } else { UNEXPECTED_FIELD }.to_string())
        }
        (Some(class), _) if is_list => {
            Some(format!("Unrecognized collection type class java.lang.{class}"))
        }
        (Some(_), _) if is_map => Some(STRUCTURE.to_string()),
        (Some("Boolean"), Some("STRING_VALUE")) => Some(UNEXPECTED_TOKEN.to_string()),
        // Decimals are no error of this kind for a whole number.
        (Some("Long"), Some("DECIMAL_VALUE")) | (Some(_), None) => None,
        (Some(class), Some(token)) => Some(format!("{token} cannot be converted to {class}")),
        (None, _) => match expected.strip_prefix("struct ") {
            Some(name) if is_list => unrecognized(name),
            Some(_) if is_map => Some(STRUCTURE.to_string()),
            Some(_) => Some(UNEXPECTED_FIELD.to_string()),
            None if expected.starts_with("a map") || expected.starts_with("map") => {
                (!is_list && !is_map).then(|| UNEXPECTED_FIELD.to_string())
            }
            None => None,
        },
    };
    message.unwrap_or_else(|| found.split(" at line ").next().unwrap_or(found).to_string())
}

pub(crate) const STRUCTURE: &str = "Start of structure or map found where not expected";
pub(crate) const UNEXPECTED_FIELD: &str = "Unexpected field type";
pub(crate) const UNEXPECTED_TOKEN: &str = "Unexpected token received from parser";
pub(crate) const UNEXPECTED_VALUE: &str = "Unexpected value type in payload";

/// The message for a list in the place of a structure, whose name in dynoxide `expected` starts
/// with.
fn unrecognized(expected: &str) -> Option<String> {
    let name = expected.split(' ').next().unwrap_or_default();
    let name = name.strip_suffix("Raw").unwrap_or(name);
    let class = match name {
        "ProvisionedThroughput"
        | "Projection"
        | "KeySchemaElement"
        | "AttributeDefinition"
        | "LocalSecondaryIndex"
        | "GlobalSecondaryIndex"
        | "GlobalSecondaryIndexUpdate"
        | "VectorIndex"
        | "VectorAttributeDefinition"
        | "SearchSchemaElement"
        | "Tag" => name,
        "CreateGsiAction" => "CreateGlobalSecondaryIndexAction",
        "UpdateGsiAction" => "UpdateGlobalSecondaryIndexAction",
        "DeleteGsiAction" => "DeleteGlobalSecondaryIndexAction",
        _ => return None,
    };
    Some(format!("Unrecognized collection type class com.amazonaws.dynamodb.v20120810.{class}"))
}

/// What is at the position that the message ends with.
fn token_at(message: &str, body: &str) -> &'static str {
    let column =
        message.rsplit("column ").next().and_then(|text| text.trim().parse::<usize>().ok());
    let byte = column.and_then(|column| body.as_bytes().get(column.checked_sub(1)?));
    match byte {
        Some(b'f') => "FALSE_VALUE",
        Some(b'0'..=b'9' | b'-') => "NUMBER_VALUE",
        _ => "TRUE_VALUE",
    }
}

#[cfg(test)]
mod tests {
    use super::{mismatch, refusal};

    #[test]
    fn mismatches_are_worded_as_dynamodb_does() {
        for (found, expected, message) in [
            ("integer `1`", "a string", "NUMBER_VALUE cannot be converted to String"),
            ("floating point `1.5`", "a boolean", "DECIMAL_VALUE cannot be converted to Boolean"),
            ("string \"x\"", "a boolean", "Unexpected token received from parser"),
            ("string \"x\"", "u64", "STRING_VALUE cannot be converted to Long"),
            ("floating point `1.5`", "i64", "floating point `1.5`"),
            ("sequence", "a string", "Unrecognized collection type class java.lang.String"),
            ("map", "a sequence", "Start of structure or map found where not expected"),
            ("boolean `true`", "a map", "Unexpected field type"),
            ("sequence", "a map", "sequence"),
            ("map", "struct Tag", "Start of structure or map found where not expected"),
        ] {
            assert_eq!(mismatch(found, expected), message);
        }
    }

    #[test]
    fn marks_and_positions_are_removed() {
        let error = refusal("VALIDATION:no: x at line 1 column 9", "");
        assert_eq!(error.to_string(), "no: x");
        let error = refusal("SERIALIZATION_AS_READ:no at line 1 column 9", "");
        assert_eq!(error.to_string(), "no at line 1 column 9");
    }
}

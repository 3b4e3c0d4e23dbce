//! What a plugin says about its settings and options: JSON Schemas, in words. Plugins are not
//! trusted, so all texts are made safe to print.

use crate::terminal::visible_line;
use serde_json::Value;

/// A field of a schema. All texts are safe to print and have no line breaks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) required: bool,
    /// Its type, or the values that it may have.
    pub(crate) values: String,
    /// Empty if it has none.
    pub(crate) description: String,
}

/// The fields of an object's schema, the required ones first, sorted by name. Empty if it is
/// the schema of something else.
pub(crate) fn fields(schema: &Value) -> Vec<Field> {
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut fields: Vec<Field> = properties
        .iter()
        .map(|(name, property)| Field {
            name: visible_line(name),
            required: required.iter().any(|required| required.as_str() == Some(name)),
            values: visible_line(&values(property)),
            description: visible_line(property["description"].as_str().unwrap_or_default()),
        })
        .collect();
    fields.sort_by(|a, b| (!a.required, &a.name).cmp(&(!b.required, &b.name)));
    fields
}

/// The values that a schema allows, with their bounds and their default.
fn values(schema: &Value) -> String {
    let values = match (schema["enum"].as_array(), schema["type"].as_str()) {
        (Some(values), _) => values.iter().map(text).collect::<Vec<_>>().join(" | "),
        (None, Some("boolean")) => "true | false".to_string(),
        (None, Some("integer")) => {
            format!("whole number{}", bounds(schema, "minimum", "maximum", ""))
        }
        (None, Some("number")) => format!("number{}", bounds(schema, "minimum", "maximum", "")),
        (None, Some("string")) => {
            format!("string{}", bounds(schema, "minLength", "maxLength", " characters"))
        }
        (None, Some("array")) => {
            // The parser limits how deep schemas nest.
            let of = self::values(&schema["items"]);
            format!("list of {of}{}", bounds(schema, "minItems", "maxItems", ""))
        }
        (None, Some(other)) => other.to_string(),
        (None, None) => match &schema["type"] {
            Value::Array(types) => types.iter().map(text).collect::<Vec<_>>().join(" | "),
            _ => "anything".to_string(),
        },
    };
    match &schema["default"] {
        Value::Null => values,
        default => format!("{values}, default {}", text(default)),
    }
}

/// The bounds of a value or a length; empty if there are none.
fn bounds(schema: &Value, min: &str, max: &str, unit: &str) -> String {
    match (&schema[min], &schema[max]) {
        (Value::Number(min), Value::Number(max)) if min == max => format!(" ({min}{unit})"),
        (Value::Number(min), Value::Number(max)) => format!(" ({min} to {max}{unit})"),
        (Value::Number(min), _) => format!(" ({min} or more{unit})"),
        (_, Value::Number(max)) => format!(" (up to {max}{unit})"),
        _ => String::new(),
    }
}

/// A value as people write it: a string without quotes, everything else as JSON.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_described_with_bounds_and_default() {
        for (schema, expected) in [
            (json!({"type": "string"}), "string"),
            (json!({"type": "string", "minLength": 12, "maxLength": 12}), "string (12 characters)"),
            (json!({"type": "string", "enum": ["a", "b", 1]}), "a | b | 1"),
            (json!({"type": "integer", "minimum": 1, "maximum": 10}), "whole number (1 to 10)"),
            (json!({"type": "number", "minimum": 0.5}), "number (0.5 or more)"),
            (json!({"type": "boolean", "default": true}), "true | false, default true"),
            (
                json!({"type": "array", "items": {"type": "string"}, "maxItems": 3}),
                "list of string (up to 3)",
            ),
            (json!({"type": ["string", "null"]}), "string | null"),
            (json!({}), "anything"),
            (json!("no schema"), "anything"),
        ] {
            assert_eq!(values(&schema), expected, "{schema}");
        }
    }

    #[test]
    fn required_fields_come_first_and_no_text_can_add_a_line() {
        let schema = json!({
            "properties": {
                "a": {"type": "boolean"},
                "z\n  sha256": {"enum": ["x\ny"], "description": "one\ntwo\u{1b}[2J"},
            },
            "required": ["z\n  sha256"],
        });
        let fields = fields(&schema);
        assert_eq!(fields.iter().map(|field| field.required).collect::<Vec<_>>(), [true, false]);
        let first = &fields[0];
        assert_eq!(first.name, "z\u{fffd}  sha256");
        assert_eq!(
            (&*first.values, &*first.description),
            ("x\u{fffd}y", "one\u{fffd}two\u{fffd}[2J")
        );
        for none in [json!(null), json!([]), json!({"properties": 1}), json!({"properties": {}})] {
            assert_eq!(super::fields(&none), [], "{none}");
        }
    }
}

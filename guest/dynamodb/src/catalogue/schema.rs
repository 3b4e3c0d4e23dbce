//! Converts shapes to JSON Schema, for editors and forms.
//! <https://json-schema.org/draft/2020-12/json-schema-core>

use alloc::string::ToString;
use alloc::vec::Vec;
use dynamodb_json::shape::Shape;
use serde_json::{Map, Value, json};

/// Returns the JSON Schema of `shape`. An attribute value may be tagged or not, as in the format
/// `typed`.
#[must_use]
pub fn json_schema(shape: &Shape) -> Value {
    let mut schema = schema(shape);
    if let Some(object) = schema.as_object_mut() {
        object.insert("$schema".to_string(), json!("https://json-schema.org/draft/2020-12/schema"));
    }
    schema
}

fn schema(shape: &Shape) -> Value {
    match shape {
        Shape::Structure(fields) => {
            let mut properties = Map::new();
            for field in *fields {
                properties.insert(field.name.to_string(), schema(field.shape));
            }
            let required: Vec<&str> =
                fields.iter().filter(|field| field.required).map(|field| field.name).collect();
            json!({
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": false,
            })
        }
        Shape::Map { value, min, max } => bounded(
            json!({"type": "object", "additionalProperties": schema(value)}),
            *min,
            *max,
            "minProperties",
            "maxProperties",
        ),
        Shape::List { member, min, max } => bounded(
            json!({"type": "array", "items": schema(member)}),
            *min,
            *max,
            "minItems",
            "maxItems",
        ),
        Shape::String { min, max, values: [] } => {
            bounded(json!({"type": "string"}), *min, *max, "minLength", "maxLength")
        }
        Shape::String { values, .. } => json!({"type": "string", "enum": values}),
        Shape::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Shape::Double => json!({"type": "number"}),
        Shape::Timestamp => {
            json!({"type": "number", "description": "seconds since 1970-01-01T00:00:00Z"})
        }
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::Blob => json!({"type": "string", "contentEncoding": "base64"}),
        Shape::AttributeValue => {
            json!({
                "description":
                    "an attribute value: {\"S\": \"text\"}, {\"N\": \"1\"} …, or ordinary JSON",
            })
        }
        Shape::Any => json!({}),
    }
}

/// Adds the bounds that are not the defaults.
fn bounded(mut schema: Value, min: u32, max: u32, min_name: &str, max_name: &str) -> Value {
    if let Some(object) = schema.as_object_mut() {
        if min > 0 {
            object.insert(min_name.to_string(), json!(min));
        }
        if max < u32::MAX {
            object.insert(max_name.to_string(), json!(max));
        }
    }
    schema
}

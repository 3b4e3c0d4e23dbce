//! Converts shapes to JSON Schema, for editors and forms.
//! <https://json-schema.org/draft/2020-12/json-schema-core>

use crate::object::object;
use alloc::string::ToString;
use alloc::vec::Vec;
use dynamodb_json::shape::Shape;
use serde_json::{Map, Value};

/// Returns the JSON Schema of `shape`. An attribute value may be tagged or not, as in the format
/// `typed`.
#[must_use]
pub fn json_schema(shape: &Shape) -> Value {
    let mut schema = schema(shape);
    if let Some(object) = schema.as_object_mut() {
        object.insert("$schema".to_string(), "https://json-schema.org/draft/2020-12/schema".into());
    }
    schema
}

fn of_type(name: &str) -> Value {
    object(&mut [("type", name.into())])
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
            object(&mut [
                ("type", "object".into()),
                ("properties", properties.into()),
                ("required", required.into()),
                ("additionalProperties", false.into()),
            ])
        }
        Shape::Map { value, min, max } => bounded(
            object(&mut [("type", "object".into()), ("additionalProperties", schema(value))]),
            *min,
            *max,
            "minProperties",
            "maxProperties",
        ),
        Shape::List { member, min, max } => bounded(
            object(&mut [("type", "array".into()), ("items", schema(member))]),
            *min,
            *max,
            "minItems",
            "maxItems",
        ),
        Shape::String { min, max, values: [] } => {
            bounded(of_type("string"), *min, *max, "minLength", "maxLength")
        }
        Shape::String { values, .. } => {
            object(&mut [("type", "string".into()), ("enum", values.to_vec().into())])
        }
        Shape::Integer { min, max } => object(&mut [
            ("type", "integer".into()),
            ("minimum", (*min).into()),
            ("maximum", (*max).into()),
        ]),
        Shape::Double => of_type("number"),
        Shape::Timestamp => {
            let description = "seconds since 1970-01-01T00:00:00Z";
            object(&mut [("type", "number".into()), ("description", description.into())])
        }
        Shape::Boolean => of_type("boolean"),
        Shape::Blob => {
            object(&mut [("type", "string".into()), ("contentEncoding", "base64".into())])
        }
        Shape::AttributeValue => {
            let text = "an attribute value: {\"S\": \"text\"}, {\"N\": \"1\"} …, or ordinary JSON";
            object(&mut [("description", text.into())])
        }
        Shape::Any => object(&mut []),
    }
}

/// Adds the bounds that are not the defaults.
fn bounded(mut schema: Value, min: u32, max: u32, min_name: &str, max_name: &str) -> Value {
    if let Some(object) = schema.as_object_mut() {
        if min > 0 {
            object.insert(min_name.to_string(), min.into());
        }
        if max < u32::MAX {
            object.insert(max_name.to_string(), max.into());
        }
    }
    schema
}

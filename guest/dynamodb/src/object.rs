//! Builds JSON objects with less code than the macro `json!`, which repeats it for every field.

use alloc::string::ToString;
use serde_json::{Map, Value};

/// Returns an object with these fields. Takes the values out of the slice.
#[inline(never)]
pub(crate) fn object(fields: &mut [(&str, Value)]) -> Value {
    let mut object = Map::new();
    for (name, value) in fields {
        object.insert(name.to_string(), value.take());
    }
    Value::Object(object)
}

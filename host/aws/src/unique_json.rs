//! Reads JSON and refuses duplicate fields: the service might read the field that was not checked.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Reads one JSON object in which no field occurs twice, at any depth.
pub(crate) fn parse_object(text: &[u8]) -> Result<Value, UniqueJsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = Unique.deserialize(&mut deserializer)?;
    deserializer.end()?;
    if value.is_object() { Ok(value) } else { Err(UniqueJsonError::NotAnObject) }
}

/// A text that is not a JSON object with unique fields.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UniqueJsonError {
    /// The text is not JSON, or a field occurs twice.
    #[error("the body cannot be checked: {0}")]
    Syntax(#[from] serde_json::Error),
    /// The text is another JSON value.
    #[error("the body cannot be checked: it is not a JSON object")]
    NotAnObject,
}

struct Unique;

impl<'de> DeserializeSeed<'de> for Unique {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element_seed(Unique)? {
            list.push(element);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let value = fields.next_value_seed(Unique)?;
            if map.insert(name, value).is_some() {
                return Err(A::Error::custom("a field occurs twice in its object"));
            }
        }
        Ok(Value::Object(map))
    }
}

//! The fields of a JSON object in their order.

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;

/// The fields of a JSON object in their order, each with its value as text.
///
/// ```
/// use portcullis_server::OrderedFields;
///
/// let fields: OrderedFields = serde_json::from_str(r#"{"b": 1.50, "a": null}"#)?;
/// assert_eq!(fields.get("b").map(|value| value.get()), Some("1.50"));
/// assert_eq!(fields.to_json(), r#"{"b":1.50,"a":null}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct OrderedFields(pub Vec<(String, Box<RawValue>)>);

impl OrderedFields {
    /// The value of the first field with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// Sets a field, and replaces one of the same name.
    pub fn set(&mut self, name: &str, value: Box<RawValue>) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_string(), value));
    }

    /// The object as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let field = |(name, value): &(String, Box<RawValue>)| {
            format!("{}:{value}", Value::from(name.as_str()))
        };
        let fields: Vec<String> = self.0.iter().map(field).collect();
        format!("{{{}}}", fields.join(","))
    }
}

impl<'de> Deserialize<'de> for OrderedFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = OrderedFields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OrderedFields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(OrderedFields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

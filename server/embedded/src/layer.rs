//! Which of its two sets of rules dynoxide reads attribute values by.
//!
//! DynamoDB reads a request either by its current rules or by its older ones, and words errors
//! accordingly. dynoxide keeps the choice in a variable of the thread that only its own server
//! sets. It uses the older rules while it reads the parameters of a PartiQL statement, though,
//! whoever provides them. So a request that the older rules apply to runs within that.

use dynoxide::actions::execute_statement::ExecuteStatementRequest;
use serde::de::value::{Error, MapDeserializer};
use serde::de::{Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::Value;

/// The rules for the attribute values of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    Current,
    Older,
}

impl Layer {
    /// The rules for a request with this body.
    pub(crate) fn of_request(operation: &str, body: &Value) -> Self {
        if has_older_form(body) { Self::Older } else { Self::of_operation(operation) }
    }

    /// The rules for an operation, whatever the request is.
    pub(crate) fn of_operation(operation: &str) -> Self {
        match operation {
            "BatchWriteItem"
            | "TransactWriteItems"
            | "TransactGetItems"
            | "ExecuteStatement"
            | "BatchExecuteStatement"
            | "ExecuteTransaction" => Self::Older,
            _ => Self::Current,
        }
    }

    /// Runs `work` by these rules.
    pub(crate) fn apply<T>(self, work: impl FnOnce() -> T) -> T {
        if self == Self::Current {
            return work();
        }
        let (mut work, mut result) = (Some(work), None);
        let mut run = || result = work.take().map(|work| work());
        let parameters = Parameters(&mut run);
        let statement =
            MapDeserializer::<_, Error>::new(std::iter::once(("Parameters", parameters)));
        // It always fails, since there are no parameters.
        let _ = ExecuteStatementRequest::deserialize(statement);
        match (result, work) {
            (Some(result), _) => result,
            (None, Some(work)) => work(),
            (None, None) => unreachable!("work that has run has a result"),
        }
    }
}

/// Whether any value is written in a way that only the older rules read: a boolean as a text, or
/// more than one type in one value.
fn has_older_form(body: &Value) -> bool {
    match body {
        Value::Object(members) => {
            let flag_as_text = ["BOOL", "NULL", "Exists"]
                .iter()
                .any(|name| members.get(*name).is_some_and(Value::is_string));
            let types =
                || TYPES.iter().filter_map(|name| members.get(*name)).filter(|v| !v.is_null());
            flag_as_text
                // Attributes with the names of types are objects, all of them.
                || (types().count() > 1 && !types().all(Value::is_object))
                || members.values().any(has_older_form)
        }
        Value::Array(elements) => elements.iter().any(has_older_form),
        _ => false,
    }
}

/// The types of attribute values.
const TYPES: [&str; 10] = ["S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M"];

/// Runs something when it is read.
struct Parameters<'r>(&'r mut dyn FnMut());

impl<'de> Deserializer<'de> for Parameters<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        (self.0)();
        Err(Error::custom("there are no parameters"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

impl IntoDeserializer<'_, Error> for Parameters<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Layer;
    use dynoxide::AttributeValue;
    use serde_json::json;

    #[test]
    fn the_older_rules_hold_within_apply_and_nowhere_else() {
        // The rules differ in how they refuse an empty number.
        let refusal = || {
            let read = serde_json::from_str::<AttributeValue>(r#"{"N": ""}"#);
            read.expect_err("no number is empty").to_string()
        };
        let current = refusal();
        assert_eq!(Layer::Current.apply(refusal), current);
        assert_ne!(Layer::Older.apply(refusal), current);
        assert_eq!(refusal(), current);
    }

    #[test]
    fn booleans_as_texts_and_values_with_two_types_have_the_older_form() {
        let of = |item| Layer::of_request("PutItem", &json!({ "Item": item }));
        assert_eq!(of(json!({"a": {"BOOL": "true"}})), Layer::Older);
        assert_eq!(of(json!({"a": {"L": [{"S": "x", "N": "1"}]}})), Layer::Older);
        assert_eq!(of(json!({"a": {"S": "x", "N": null}})), Layer::Current);
        assert_eq!(of(json!({"S": {"S": "x"}, "N": {"N": "1"}})), Layer::Current);
    }
}

//! The names of a table's key attributes, as far as a call shows them.

use portcullis_server::OrderedFields;
use serde_json::Value;
use serde_json::value::RawValue;

/// The key attributes that an input names: in `Key`, in a cursor, or in the first key of a batch.
/// Keys keep the order in which they are written.
pub(crate) fn keys_of_input(input: &str) -> Vec<String> {
    let Ok(fields) = serde_json::from_str::<OrderedFields>(input) else { return Vec::new() };
    let of = |name: &str| fields.get(name).map(names).unwrap_or_default();
    for name in ["Key", "ExclusiveStartKey"] {
        let keys = of(name);
        if !keys.is_empty() {
            return keys;
        }
    }
    let first_of_batch = || {
        let tables: OrderedFields = serde_json::from_str(fields.get("RequestItems")?.get()).ok()?;
        let table: OrderedFields = serde_json::from_str(tables.0.first()?.1.get()).ok()?;
        let keys: Vec<Box<RawValue>> = serde_json::from_str(table.get("Keys")?.get()).ok()?;
        Some(names(keys.first()?))
    };
    let first_of_transaction = || {
        let items: Vec<Box<RawValue>> =
            serde_json::from_str(fields.get("TransactItems")?.get()).ok()?;
        let item: OrderedFields = serde_json::from_str(items.first()?.get()).ok()?;
        let get: OrderedFields = serde_json::from_str(item.get("Get")?.get()).ok()?;
        get.get("Key").map(names)
    };
    first_of_batch().or_else(first_of_transaction).unwrap_or_default()
}

/// The key attributes of a response's cursor. A service may write them in any order, so they are
/// sorted.
pub(crate) fn keys_of_cursor(response: &OrderedFields) -> Vec<String> {
    let mut keys = response.get("LastEvaluatedKey").map(names).unwrap_or_default();
    keys.sort();
    keys
}

/// The key attributes in a response to `DescribeTable`, the partition key first.
pub(crate) fn keys_of_description(response: &str) -> Vec<String> {
    let Ok(response) = serde_json::from_str::<Value>(response) else { return Vec::new() };
    let keys = response["Table"]["KeySchema"].as_array();
    let name = |key: &Value| key["AttributeName"].as_str().map(str::to_string);
    keys.into_iter().flatten().filter_map(name).collect()
}

fn names(object: &RawValue) -> Vec<String> {
    let fields = serde_json::from_str::<OrderedFields>(object.get()).unwrap_or_default();
    fields.0.into_iter().map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_inputs() {
        for input in [
            r#"{"TableName":"t","Key":{"p":{"S":"1"},"a":{"S":"2"}}}"#,
            r#"{"ExclusiveStartKey":{"p":1,"a":2}}"#,
            r#"{"RequestItems":{"t":{"Keys":[{"p":1,"a":2},{"p":2,"a":2}]}}}"#,
            r#"{"TransactItems":[{"Get":{"TableName":"t","Key":{"p":1,"a":2}}}]}"#,
        ] {
            assert_eq!(keys_of_input(input), ["p", "a"], "{input}");
        }
        for input in ["", "{}", "[]", r#"{"Key":1}"#, r#"{"RequestItems":{}}"#] {
            assert!(keys_of_input(input).is_empty(), "{input}");
        }
    }

    #[test]
    fn keys_of_a_cursor_and_of_a_description_have_one_order() {
        for cursor in [r#"{"p":1,"a":2}"#, r#"{"a":2,"p":1}"#] {
            let response = format!(r#"{{"LastEvaluatedKey":{cursor}}}"#);
            assert_eq!(keys_of_cursor(&serde_json::from_str(&response).unwrap()), ["a", "p"]);
        }
        let description = r#"{"Table":{"KeySchema":[
            {"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"a","KeyType":"RANGE"}]}}"#;
        assert_eq!(keys_of_description(description), ["p", "a"]);
        assert!(keys_of_description("no JSON").is_empty());
    }
}

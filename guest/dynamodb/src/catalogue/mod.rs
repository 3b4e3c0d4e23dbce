//! The catalogue: every operation of the API model, with the shapes of its input and output.
//!
//! The tables in `generated` and `partitions` are generated from the model (`make catalogue`).
//!
//! ```
//! use dynamodb_plugin::catalogue::{Access, json_schema, operation};
//!
//! let query = operation("Query").expect("an operation of the model");
//! assert_eq!(query.access, Access::Read);
//! assert_eq!(json_schema(query.input)["required"], serde_json::json!(["TableName"]));
//! ```

mod generated;
mod operation;
mod partitions;
mod regions;
mod schema;

pub use dynamodb_json::shape::{Field, Shape, find_field};
pub use generated::{
    CONDITIONAL_CHECK_FAILED_EXCEPTION_DETAILS, OPERATIONS, TRANSACTION_CANCELED_EXCEPTION_DETAILS,
};
pub use operation::{Access, Operation, Paging, Rows};
pub use partitions::{PARTITIONS, Partition};
pub use regions::REGIONS;
pub use schema::json_schema;

use alloc::string::String;
use dynamodb_json::nearest::nearest;
use generated::PERMISSIONS;

/// Returns the operation called `name`. The case must match.
#[must_use]
pub fn operation(name: &str) -> Option<&'static Operation> {
    let index = OPERATIONS.binary_search_by(|operation| operation.name.cmp(name)).ok()?;
    Some(&OPERATIONS[index])
}

/// Returns the operation that somebody means by a name that is not one.
///
/// Other tools write `get-item`, `getItem`, `dynamodb:GetItem`, `DynamoDB_20120810.GetItem`,
/// `GetItemCommand` or just `get`. Otherwise it is the closest name, if it is close enough.
///
/// ```
/// use dynamodb_plugin::catalogue::suggested;
///
/// assert_eq!(suggested("aws dynamodb get-item"), Some("GetItem"));
/// assert_eq!(suggested("xyz"), None);
/// ```
#[must_use]
pub fn suggested(name: &str) -> Option<&'static str> {
    // The longest name has 35 letters, and a service may be named before it.
    if name.len() > 100 {
        return None;
    }
    let last = name.trim_ascii().rsplit([':', '.', '/', '#', ' ']).next().unwrap_or_default();
    // Then all of the name, for `get item`.
    for part in [last, name] {
        let plain: String = part
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|letter| letter.to_ascii_lowercase())
            .collect();
        let suffixes = ["command", "request", "input", "async"];
        let stem = suffixes.iter().find_map(|suffix| plain.strip_suffix(suffix)).unwrap_or(&plain);
        for end in ["", "item", "items"] {
            let same = |name: &&str| {
                let (start, rest) = name.split_at(stem.len().min(name.len()));
                start.eq_ignore_ascii_case(stem) && rest.eq_ignore_ascii_case(end)
            };
            let found = OPERATIONS.iter().map(|operation| operation.name).find(same);
            if found.is_some() {
                return found;
            }
        }
    }
    nearest(&last.replace(['-', '_'], ""), OPERATIONS.iter().map(|operation| operation.name))
}

/// Returns the IAM permissions of an action, if their names differ from the name of the action.
///
/// For all other actions the result is empty: the permission has the name of the action.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html>
#[must_use]
pub fn permissions(action: &str) -> &'static [&'static str] {
    PERMISSIONS.iter().find(|(known, _)| *known == action).map_or(&[], |(_, names)| *names)
}

/// Returns the AWS partition of a region. An unknown region belongs to the partition `aws`.
#[must_use]
pub fn partition(region: &str) -> &'static Partition {
    let known = PARTITIONS.iter().find(|partition| region.starts_with(partition.region_prefix));
    known.unwrap_or(&PARTITIONS[PARTITIONS.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_operation_is_found_by_its_exact_name() {
        assert_eq!(OPERATIONS.len(), 62);
        for known in &OPERATIONS {
            assert!(
                core::ptr::eq(operation(known.name).unwrap(), known),
                "{} is found",
                known.name
            );
        }
        assert!(operation("getitem").is_none());
    }

    #[test]
    fn names_of_other_tools_suggest_their_operation() {
        for (name, expected) in [
            ("get-item", Some("GetItem")),
            ("getItem", Some("GetItem")),
            ("getitem", Some("GetItem")),
            ("get_item", Some("GetItem")),
            ("GET ITEM", Some("GetItem")),
            ("dynamodb:GetItem", Some("GetItem")),
            ("DynamoDB_20120810.GetItem", Some("GetItem")),
            ("com.amazonaws.dynamodb.v20120810#GetItem", Some("GetItem")),
            ("aws dynamodb get-item", Some("GetItem")),
            ("GetItemCommand", Some("GetItem")),
            ("client.get_item()", Some("GetItem")),
            ("get", Some("GetItem")),
            ("put", Some("PutItem")),
            ("batch-get", Some("BatchGetItem")),
            ("transactWrite", Some("TransactWriteItems")),
            ("QueryCommand", Some("Query")),
            ("list-tables", Some("ListTables")),
            ("dynamodb:describe-tabel", Some("DescribeTable")),
            ("GetItems", Some("GetItem")),
            ("xyz", None),
            ("", None),
        ] {
            assert_eq!(suggested(name), expected, "{name}");
        }
        assert_eq!(suggested(&"get-item ".repeat(100_000)), None);
        for known in &OPERATIONS {
            let mut kebab = alloc::string::String::new();
            for c in known.name.chars() {
                if c.is_ascii_uppercase() && !kebab.is_empty() {
                    kebab.push('-');
                }
                kebab.push(c.to_ascii_lowercase());
            }
            assert_eq!(suggested(&kebab), Some(known.name));
        }
    }

    #[test]
    fn fields_are_sorted_as_the_binary_search_needs() {
        for known in &OPERATIONS {
            let Shape::Structure(fields) = known.input else {
                panic!("{} has a structure as input", known.name)
            };
            assert!(fields.is_sorted_by(|a, b| a.name < b.name), "{}", known.name);
        }
    }

    #[test]
    fn a_schema_has_required_fields_bounds_and_enumerations() {
        let schema = json_schema(operation("Query").unwrap().input);
        assert_eq!(schema["required"], json!(["TableName"]));
        assert_eq!(
            schema["properties"]["Limit"],
            json!({"type": "integer", "minimum": 1, "maximum": i32::MAX})
        );
        assert!(
            schema["properties"]["Select"]["enum"].as_array().unwrap().contains(&json!("COUNT"))
        );
    }

    #[test]
    fn every_region_has_a_partition() {
        for (region, name) in [
            ("eu-west-1", "aws"),
            ("us-gov-east-1", "aws-us-gov"),
            ("us-isob-east-1", "aws-iso-b"),
            ("cn-north-1", "aws-cn"),
            ("local", "aws"),
        ] {
            assert_eq!(partition(region).name, name, "{region}");
        }
    }
}

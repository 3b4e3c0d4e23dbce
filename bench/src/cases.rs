//! The calls that are compared, and the server's responses. Both are fixed, so every client does
//! the same work.

use bytes::Bytes;
use serde_json::{Value, json};
use std::fmt::Write;

/// A call that is compared.
#[derive(
    serde::Serialize, serde::Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum,
)]
pub enum Case {
    /// `GetItem` with a response of 300 bytes.
    GetItem,
    /// `Query` with a response of 100 KB.
    Query,
    /// `Scan` with a response of 1 MB.
    Scan,
    /// `BatchWriteItem` with an input of 400 KB.
    BatchWrite,
}

impl Case {
    /// All cases.
    pub const ALL: [Self; 4] = [Self::GetItem, Self::Query, Self::Scan, Self::BatchWrite];

    /// Returns the name for tables and plots.
    pub fn title(self) -> &'static str {
        match self {
            Self::GetItem => "GetItem, 300 B",
            Self::Query => "Query, 100 KB",
            Self::Scan => "Scan, 1 MB",
            Self::BatchWrite => "BatchWriteItem, 400 KB up",
        }
    }

    /// Returns the name of the action.
    pub fn action(self) -> &'static str {
        match self {
            Self::GetItem => "GetItem",
            Self::Query => "Query",
            Self::Scan => "Scan",
            Self::BatchWrite => "BatchWriteItem",
        }
    }

    /// Returns the calls of one client in one round, and the rounds in one run.
    ///
    /// Clients take turns, so that other work of the machine affects all of them equally.
    pub fn rounds(self) -> (u32, u32) {
        match self {
            Self::GetItem => (50, 40),
            Self::Query => (25, 20),
            Self::Scan | Self::BatchWrite => (5, 20),
        }
    }

    /// Returns the input in DynamoDB JSON.
    pub fn input(self) -> String {
        match self {
            Self::GetItem => {
                r#"{"TableName":"orders","Key":{"customer":{"S":"c-000042"},"order":{"N":"1042"}}}"#
                    .to_string()
            }
            Self::Query => json!({
                "TableName": "orders",
                "KeyConditionExpression": "customer = :c",
                "ExpressionAttributeValues": { ":c": { "S": "c-000042" } },
            })
            .to_string(),
            Self::Scan => scan(1_000_000),
            Self::BatchWrite => {
                let put = |number: usize| json!({ "PutRequest": { "Item": large_item(number) } });
                json!({ "RequestItems": { "orders": (0..25).map(put).collect::<Vec<_>>() } })
                    .to_string()
            }
        }
    }

    /// Returns the input in ordinary JSON.
    pub fn plain_input(self) -> String {
        plain(&serde_json::from_str(&self.input()).expect("the input above is JSON")).to_string()
    }

    /// Returns the body of the server's response.
    pub fn response(self) -> Bytes {
        match self {
            Self::GetItem => Bytes::from(format!("{{\"Item\":{}}}", item(42))),
            Self::Query => page(100_000),
            Self::Scan => page(1_000_000),
            Self::BatchWrite => Bytes::from_static(b"{\"UnprocessedItems\":{}}"),
        }
    }
}

/// Returns the input of a `Scan` whose response has `bytes` bytes.
pub fn scan(bytes: usize) -> String {
    json!({ "TableName": "orders", "Limit": bytes }).to_string()
}

/// Returns the input of a `BatchWriteItem` of about `bytes` bytes.
pub fn large_write(bytes: usize) -> String {
    const ITEMS: usize = 25;
    let text = "z".repeat(bytes / ITEMS);
    let put = |number: usize| json!({ "PutRequest": { "Item": { "id": { "N": number.to_string() }, "text": { "S": text } } } });
    json!({ "RequestItems": { "orders": (0..ITEMS).map(put).collect::<Vec<_>>() } }).to_string()
}

/// Returns a page of items of about `bytes` bytes.
pub fn page(bytes: usize) -> Bytes {
    let mut text = String::with_capacity(bytes + 512);
    text.push_str("{\"Items\":[");
    let mut count = 0;
    while count == 0 || text.len() + 300 < bytes {
        if count > 0 {
            text.push(',');
        }
        text.push_str(&item(count));
        count += 1;
    }
    write!(text, "],\"Count\":{count},\"ScannedCount\":{count}}}")
        .expect("writing to a string cannot fail");
    Bytes::from(text)
}

/// Returns an item of about 290 bytes, with the attribute types that are common in tables.
fn item(number: usize) -> String {
    format!(
        concat!(
            r#"{{"customer":{{"S":"c-{:06}"}},"order":{{"N":"{}"}},"paid":{{"BOOL":true}},"#,
            r#""total":{{"N":"129.95"}},"note":{{"S":"leave at the \"back\" door"}},"#,
            r#""tags":{{"SS":["gift","express"]}},"#,
            r#""lines":{{"L":[{{"M":{{"sku":{{"S":"A-1001"}},"count":{{"N":"2"}}}}}},"#,
            r#"{{"M":{{"sku":{{"S":"B-77"}},"count":{{"N":"1"}}}}}}]}}}}"#
        ),
        number,
        1000 + number
    )
}

/// Returns an item of about 16 KB.
fn large_item(number: usize) -> Value {
    let mut item: Value = serde_json::from_str(&item(number)).expect("the item above is JSON");
    for part in 0..15 {
        item[format!("text{part}")] =
            json!({ "S": "the quick brown fox jumps over the lazy dog; ".repeat(23) });
    }
    item
}

/// Converts DynamoDB JSON to ordinary JSON, as far as the inputs above need it.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(members) if members.len() == 1 => {
            let (name, inner) = members.iter().next().expect("there is one field");
            match (name.as_str(), inner) {
                ("S" | "BOOL", inner) => inner.clone(),
                ("N", Value::String(digits)) => {
                    serde_json::from_str(digits).expect("the numbers above are JSON")
                }
                ("SS", inner) => json!({ "$SS": inner }),
                ("L", Value::Array(list)) => list.iter().map(plain).collect(),
                ("M", inner) => plain(inner),
                _ => json!({ name: plain(inner) }),
            }
        }
        Value::Object(members) => {
            members.iter().map(|(name, inner)| (name.clone(), plain(inner))).collect()
        }
        Value::Array(list) => list.iter().map(plain).collect(),
        other => other.clone(),
    }
}

//! What is called, and what the server answers: fixed, so that every path does the same work.

use bytes::Bytes;
use serde_json::{Value, json};
use std::fmt::Write;

/// One thing to call.
#[derive(
    serde::Serialize, serde::Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum,
)]
pub enum Case {
    /// `GetItem` with an answer of 300 bytes.
    GetItem,
    /// `Query` with an answer of 100 KB.
    Query,
    /// `Scan` with an answer of 1 MB.
    Scan,
    /// `BatchWriteItem` with an input of 400 KB.
    BatchWrite,
}

impl Case {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::GetItem, Self::Query, Self::Scan, Self::BatchWrite];

    /// For tables and plots.
    pub fn title(self) -> &'static str {
        match self {
            Self::GetItem => "GetItem, 300 B",
            Self::Query => "Query, 100 KB",
            Self::Scan => "Scan, 1 MB",
            Self::BatchWrite => "BatchWriteItem, 400 KB up",
        }
    }

    /// The action's name.
    pub fn action(self) -> &'static str {
        match self {
            Self::GetItem => "GetItem",
            Self::Query => "Query",
            Self::Scan => "Scan",
            Self::BatchWrite => "BatchWriteItem",
        }
    }

    /// Calls of a path in one round, and rounds in one run: rounds of different paths follow each other, so that what
    /// else the machine does hits all paths alike.
    pub fn rounds(self) -> (u32, u32) {
        match self {
            Self::GetItem => (50, 40),
            Self::Query => (25, 20),
            Self::Scan | Self::BatchWrite => (5, 20),
        }
    }

    /// The input in DynamoDB JSON.
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

    /// The same in ordinary JSON.
    pub fn plain_input(self) -> String {
        plain(&serde_json::from_str(&self.input()).expect("the input above is JSON")).to_string()
    }

    /// What the server answers.
    pub fn answer(self) -> Bytes {
        match self {
            Self::GetItem => Bytes::from(format!("{{\"Item\":{}}}", item(42))),
            Self::Query => page(100_000),
            Self::Scan => page(1_000_000),
            Self::BatchWrite => Bytes::from_static(b"{\"UnprocessedItems\":{}}"),
        }
    }
}

/// The input of a `Scan` that is answered with `bytes` bytes.
pub fn scan(bytes: usize) -> String {
    json!({ "TableName": "orders", "Limit": bytes }).to_string()
}

/// An answer of about `bytes` bytes.
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
        .expect("writing to a text cannot fail");
    Bytes::from(text)
}

/// An item of some 290 bytes, of the types that tables hold.
fn item(number: usize) -> String {
    format!(
        concat!(
            r#"{{"customer":{{"S":"c-{:06}"}},"order":{{"N":"{}"}},"paid":{{"BOOL":true}},"total":{{"N":"129.95"}},"#,
            r#""note":{{"S":"leave at the \"back\" door"}},"tags":{{"SS":["gift","express"]}},"#,
            r#""lines":{{"L":[{{"M":{{"sku":{{"S":"A-1001"}},"count":{{"N":"2"}}}}}},{{"M":{{"sku":{{"S":"B-77"}},"count":{{"N":"1"}}}}}}]}}}}"#
        ),
        number,
        1000 + number
    )
}

/// An item of some 16 KB.
fn large_item(number: usize) -> Value {
    let mut item: Value = serde_json::from_str(&item(number)).expect("the item above is JSON");
    for part in 0..15 {
        item[format!("text{part}")] =
            json!({ "S": "the quick brown fox jumps over the lazy dog; ".repeat(23) });
    }
    item
}

/// DynamoDB JSON → ordinary JSON, as far as the inputs above need it.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(members) if members.len() == 1 => {
            let (name, inner) = members.iter().next().expect("there is one member");
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

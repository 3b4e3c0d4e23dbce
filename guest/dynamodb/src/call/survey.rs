//! The connection test, and what tables there are.

use super::{Connection, Error, Platform};
use crate::catalogue::{Member, Shape};
use crate::settings::Options;
use crate::transcode::{Format, Rules, encode};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::{Value, json};

/// Tables described unless the options say otherwise: enough for a form, few enough for one call's limits.
const DEFAULT_TABLES: u64 = 100;

static TABLES: Shape = Shape::Integer { min: 1, max: 1000 };
static PREFIX: Shape = Shape::String { min: 0, max: 255, values: &[] };
static STRUCTURE_OPTIONS: Shape = Shape::Structure(&[
    Member { name: "limit", shape: &TABLES, required: false },
    Member { name: "prefix", shape: &PREFIX, required: false },
]);

impl<P: Platform> Connection<P> {
    /// Whether the service is reached and accepts the identity. A key that may not list tables is a good key.
    ///
    /// # Errors
    /// The identity is bad, the host refused, or nobody answers: each as its own case.
    pub fn test(&self) -> Result<String, Error> {
        let region = self.region();
        match self.query("ListTables", r#"{"Limit":1}"#) {
            Ok(_) => Ok(json!({"ok": true, "message": format!("DynamoDB in {region} answers, and the identity may list tables")}).to_string()),
            Err(Error::Service(error)) if matches!(error.code.as_str(), "AccessDeniedException" | "AccessDenied") => Ok(json!({
                "ok": true,
                "message": format!("DynamoDB in {region} answers and knows the identity, which may not list tables; other actions may be allowed"),
                "missing": "dynamodb:ListTables",
            })
            .to_string()),
            Err(error) => Err(error),
        }
    }

    /// The tables with their keys, indexes and sizes. `options`: `limit` (tables, 100), `prefix` (of their names).
    ///
    /// # Errors
    /// As of an action.
    pub fn structure(&self, options: &str) -> Result<String, Error> {
        let options =
            encode(options, &STRUCTURE_OPTIONS, Rules { format: Format::Typed, strict: true })
                .map_err(Error::InvalidInput)?;
        let options: Value = serde_json::from_str(&options).unwrap_or_default();
        let limit = options["limit"].as_u64().unwrap_or(DEFAULT_TABLES) as usize;
        let prefix = options["prefix"].as_str().unwrap_or_default();

        let mut tables = Vec::new();
        let mut cursor = None;
        loop {
            let input =
                cursor.map_or(json!({}), |cursor| json!({"ExclusiveStartTableName": cursor}));
            let page = match self.query("ListTables", &input.to_string()) {
                Err(_) if !tables.is_empty() => {
                    return Ok(json!({"tables": tables, "more": true}).to_string());
                }
                page => page?,
            };
            for name in
                page["TableNames"].as_array().into_iter().flatten().filter_map(Value::as_str)
            {
                if !name.starts_with(prefix) {
                    continue;
                }
                if tables.len() == limit {
                    return Ok(json!({"tables": tables, "more": true}).to_string());
                }
                let description =
                    self.query("DescribeTable", &json!({"TableName": name}).to_string());
                tables.push(match description {
                    Ok(description) => table(&description["Table"]),
                    // Deleted in between, or not this identity's or this policy's to see: the others are of use all the same.
                    Err(Error::Service(error)) => {
                        json!({"name": name, "error": format!("{}: {}", error.code, error.message)})
                    }
                    Err(Error::Refused(message)) if !message.contains("ConnectionLimitReached") => {
                        json!({"name": name, "error": "not allowed by the policy"})
                    }
                    // Out of requests or of time: what there is, is of use too.
                    Err(_) if !tables.is_empty() => {
                        return Ok(json!({"tables": tables, "more": true}).to_string());
                    }
                    Err(error) => return Err(error),
                });
            }
            match page["LastEvaluatedTableName"].as_str() {
                Some(last) => cursor = Some(last.to_string()),
                None => return Ok(json!({"tables": tables, "more": false}).to_string()),
            }
        }
    }

    fn query(&self, action: &str, input: &str) -> Result<Value, Error> {
        let answer = self.run(
            action,
            input,
            Options { format: Format::Typed, strict: false, ..self.options() },
        )?;
        serde_json::from_str(&answer).map_err(|error| {
            Error::Other(format!("the service's answer to {action} cannot be read: {error}"))
        })
    }
}

fn table(description: &Value) -> Value {
    let types = &description["AttributeDefinitions"];
    let indexes: Vec<Value> = ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"]
        .iter()
        .flat_map(|kind| description[*kind].as_array().into_iter().flatten())
        .map(|index| json!({"name": index["IndexName"], "keys": keys(index, types), "projection": index["Projection"]["ProjectionType"]}))
        .collect();
    json!({
        "name": description["TableName"],
        "status": description["TableStatus"],
        "keys": keys(description, types),
        "indexes": indexes,
        "items": description["ItemCount"],
        "bytes": description["TableSizeBytes"],
    })
}

fn keys(owner: &Value, types: &Value) -> Vec<Value> {
    let schema = owner["KeySchema"].as_array().into_iter().flatten();
    let kind = |name: &Value| {
        types
            .as_array()
            .into_iter()
            .flatten()
            .find(|definition| definition["AttributeName"] == *name)
            .map(|found| found["AttributeType"].clone())
    };
    schema
        .map(|key| {
            let role = if key["KeyType"] == "HASH" { "partition" } else { "sort" };
            json!({"name": key["AttributeName"], "type": kind(&key["AttributeName"]), "role": role})
        })
        .collect()
}

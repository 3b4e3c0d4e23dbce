//! The connection test, and the list of tables.

use super::connection::Connection;
use super::error::Error;
use super::platform::Platform;
use crate::catalogue::{Field, Shape};
use crate::settings::Options;
use crate::transcode::{EncodeOptions, Format, encode};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::{Value, json};

/// The default for `limit`: enough for a form, and few enough for the request limit of one call.
const DEFAULT_TABLES: u64 = 100;

static TABLES: Shape = Shape::Integer { min: 1, max: 1000 };
static PREFIX: Shape = Shape::String { min: 0, max: 255, values: &[] };
static STRUCTURE_OPTIONS: Shape = Shape::Structure(&[
    Field { name: "limit", shape: &TABLES, required: false },
    Field { name: "prefix", shape: &PREFIX, required: false },
]);

impl<P: Platform> Connection<P> {
    /// Checks that the service can be reached and accepts the credentials.
    ///
    /// The test lists tables. If the credentials are valid but not allowed to do that, it succeeds.
    ///
    /// # Errors
    /// Returns an error if the credentials are rejected, if the host refuses the request, or if the
    /// service cannot be reached.
    pub fn test(&self) -> Result<String, Error> {
        let service = match self.region() {
            Some(region) => format!("DynamoDB in {region}"),
            None => "the server".to_string(),
        };
        match self.query("ListTables", r#"{"Limit":1}"#) {
            Ok(_) => {
                let message =
                    format!("{service} accepts the credentials, and they may list tables");
                Ok(json!({"ok": true, "message": message}).to_string())
            }
            Err(Error::Service(error))
                if matches!(error.code.as_str(), "AccessDeniedException" | "AccessDenied") =>
            {
                let message = format!(
                    "{service} accepts the credentials, but they may not list tables; \
                     other actions may be allowed"
                );
                let result =
                    json!({"ok": true, "message": message, "missing": "dynamodb:ListTables"});
                Ok(result.to_string())
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the tables with their keys, indexes and sizes.
    ///
    /// `options` is a JSON object: `limit` is the maximum number of tables (1 to 1000, default
    /// 100), and `prefix` selects tables by the start of their names.
    ///
    /// # Errors
    /// Returns an error if the options are invalid, or if the tables cannot be listed or described.
    pub fn structure(&self, options: &str) -> Result<String, Error> {
        let options = encode(
            options,
            &STRUCTURE_OPTIONS,
            EncodeOptions { format: Format::Typed, strict: true },
        )
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
                    // The table was deleted meanwhile, or IAM or the policy hides it. The others
                    // are still useful.
                    Err(Error::Service(error)) => {
                        json!({"name": name, "error": format!("{}: {}", error.code, error.message)})
                    }
                    Err(Error::Refused(_)) => {
                        json!({"name": name, "error": "not allowed by the policy"})
                    }
                    // No requests or no time left. Return the tables found so far.
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

    /// Runs an action in the format `typed`, without client-side checks.
    fn query(&self, action: &str, input: &str) -> Result<Value, Error> {
        let response = self.run(
            action,
            input,
            Options { format: Format::Typed, strict: false, ..self.options() },
        )?;
        serde_json::from_str(&response).map_err(|error| {
            Error::Other(format!("the service's response to {action} is not JSON: {error}"))
        })
    }
}

/// Returns the part of a table's description that callers see.
fn table(description: &Value) -> Value {
    let types = &description["AttributeDefinitions"];
    let indexes: Vec<Value> = ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"]
        .iter()
        .flat_map(|kind| description[*kind].as_array().into_iter().flatten())
        .map(|index| {
            let projection = &index["Projection"]["ProjectionType"];
            json!({
                "name": index["IndexName"],
                "keys": keys(index, types),
                "projection": projection,
            })
        })
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

/// Returns the key attributes of a table or index, with their types and roles.
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

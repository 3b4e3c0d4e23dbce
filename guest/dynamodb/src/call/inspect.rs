//! The connection test, and the list of tables.

use super::connection::Connection;
use super::error::Error;
use super::platform::Platform;
use crate::catalogue::{Field, Shape};
use crate::object::object;
use crate::settings::Options;
use crate::transcode::{EncodeOptions, Format, encode};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::Value;

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
                Ok(object(&mut [("ok", true.into()), ("message", message.into())]).to_string())
            }
            Err(Error::Service(error))
                if matches!(error.code.as_str(), "AccessDeniedException" | "AccessDenied") =>
            {
                let message = format!(
                    "{service} accepts the credentials, but they may not list tables; \
                     other actions may be allowed"
                );
                Ok(object(&mut [
                    ("ok", true.into()),
                    ("message", message.into()),
                    ("missing", "dynamodb:ListTables".into()),
                ])
                .to_string())
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
                cursor.map(|cursor: Value| object(&mut [("ExclusiveStartTableName", cursor)]));
            let page = match self.query("ListTables", &input.unwrap_or_default().to_string()) {
                Err(_) if !tables.is_empty() => {
                    return Ok(listed(tables, true));
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
                    return Ok(listed(tables, true));
                }
                let description = self
                    .query("DescribeTable", &object(&mut [("TableName", name.into())]).to_string());
                tables.push(match description {
                    Ok(description) => table(&description["Table"]),
                    // The table was deleted meanwhile, or IAM or the policy hides it. The others
                    // are still useful.
                    Err(Error::Service(error)) => {
                        failed(name, &format!("{}: {}", error.code, error.message))
                    }
                    Err(Error::Refused(_)) => failed(name, "not allowed by the policy"),
                    // No requests or no time left. Return the tables found so far.
                    Err(_) if !tables.is_empty() => {
                        return Ok(listed(tables, true));
                    }
                    Err(error) => return Err(error),
                });
            }
            match page["LastEvaluatedTableName"].as_str() {
                Some(last) => cursor = Some(last.into()),
                None => return Ok(listed(tables, false)),
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

/// Returns the result of `structure`.
fn listed(tables: Vec<Value>, more: bool) -> String {
    object(&mut [("tables", tables.into()), ("more", more.into())]).to_string()
}

/// Returns what callers see of a table that cannot be described.
fn failed(name: &str, error: &str) -> Value {
    object(&mut [("name", name.into()), ("error", error.into())])
}

/// Returns the part of a table's description that callers see.
fn table(description: &Value) -> Value {
    let types = &description["AttributeDefinitions"];
    let indexes: Vec<Value> = ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"]
        .iter()
        .flat_map(|kind| description[*kind].as_array().into_iter().flatten())
        .map(|index| {
            let projection = &index["Projection"]["ProjectionType"];
            object(&mut [
                ("name", index["IndexName"].clone()),
                ("keys", keys(index, types).into()),
                ("projection", projection.clone()),
            ])
        })
        .collect();
    object(&mut [
        ("name", description["TableName"].clone()),
        ("status", description["TableStatus"].clone()),
        ("keys", keys(description, types).into()),
        ("indexes", indexes.into()),
        ("items", description["ItemCount"].clone()),
        ("bytes", description["TableSizeBytes"].clone()),
    ])
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
            object(&mut [
                ("name", key["AttributeName"].clone()),
                ("type", kind(&key["AttributeName"]).into()),
                ("role", role.into()),
            ])
        })
        .collect()
}

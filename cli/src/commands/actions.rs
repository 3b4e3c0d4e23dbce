//! `portcullis actions`: lists the actions of the catalogue, or describes one.

use crate::args::Actions;
use crate::failure::Failure;
use crate::json;
use crate::out::out;
use dynamodb_plugin::catalogue::{OPERATIONS, Operation, Shape, json_schema, operation, suggested};
use dynamodb_plugin::describe::access;
use dynamodb_plugin::nearest::nearest;

pub(crate) fn run(arguments: &Actions) -> Result<(), Failure> {
    let Some(name) = &arguments.action else {
        for operation in &OPERATIONS {
            out!("{:<38} {}", operation.name, access(operation.access))?;
        }
        return Ok(());
    };
    let found = operation(name).ok_or_else(|| unknown_action(name))?;
    if arguments.schema {
        json::print(&json_schema(found.input).to_string(), None)
    } else {
        show(found)
    }
}

/// A name that is not an action of `DynamoDB`.
pub(crate) fn unknown_action(name: &str) -> Failure {
    let names = OPERATIONS.iter().map(|operation| operation.name);
    let guess = suggested(name).or_else(|| nearest(name, names));
    let failure = Failure::unknown_action(format!("DynamoDB has no action {name:?}"));
    match guess {
        Some(guess) => failure.with(format!("did you mean {guess}?")),
        None => failure.with("`portcullis actions` lists all actions"),
    }
}

fn show(operation: &Operation) -> Result<(), Failure> {
    let bold = anstyle::Style::new().bold();
    out!("{bold}{}{bold:#}: access {}", operation.name, access(operation.access))?;
    if let Some(paging) = &operation.paging {
        out!("pages: pass {} of a response as {} of the next call", paging.output, paging.input)?;
    }
    if let Some(token) = operation.token {
        out!("retries: {token} is added, so that a retry has no second effect")?;
    }
    if let Shape::Structure(fields) = operation.input {
        out!("{bold}input fields{bold:#}{}", if fields.is_empty() { ": none" } else { "" })?;
        let width = fields.iter().map(|field| field.name.len()).max().unwrap_or(0);
        let mut fields: Vec<_> = fields.iter().collect();
        // Required fields first.
        fields.sort_by_key(|field| !field.required);
        for field in fields {
            let required = if field.required { "required " } else { "" };
            out!("  {:<width$}  {required}{}", field.name, kind(field.shape))?;
        }
    }
    out!("{bold}example{bold:#}")?;
    out!("  portcullis execute --local {} '{}'", operation.name, operation.example)
}

/// Describes the values of a shape, with their bounds.
fn kind(shape: &Shape) -> String {
    let range = |low: String, high: Option<String>, unit: &str| match high {
        Some(high) => format!(" ({low} to {high}{unit})"),
        None if low != "0" => format!(" ({low} or more{unit})"),
        None => String::new(),
    };
    let bound = |max: u32| (max < u32::MAX).then(|| max.to_string());
    match shape {
        Shape::Structure(_) => "object".to_string(),
        Shape::List { member, min, max } => {
            format!("list of {}{}", kind(member), range(min.to_string(), bound(*max), ""))
        }
        Shape::Map { value, .. } => format!("map to {}", kind(value)),
        Shape::String { values, .. } if !values.is_empty() => values.join(" | "),
        Shape::String { min, max, .. } => {
            format!("string{}", range(min.to_string(), bound(*max), " characters"))
        }
        Shape::Integer { min, max } => {
            let low = if *min <= i64::from(i32::MIN) { "0".to_string() } else { min.to_string() };
            format!(
                "whole number{}",
                range(low, (*max < i64::from(i32::MAX)).then(|| max.to_string()), "")
            )
        }
        Shape::Double => "number".to_string(),
        Shape::Boolean => "true | false".to_string(),
        Shape::Timestamp => "seconds since 1970".to_string(),
        Shape::Blob => "base64".to_string(),
        Shape::AttributeValue => "attribute value".to_string(),
        Shape::Any => "anything".to_string(),
    }
}

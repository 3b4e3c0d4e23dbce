//! Bodies that nest more deeply than `serde_json` reads, which is 127 levels.
//!
//! An attribute value that nests beyond DynamoDB's limit is an error that says so. To find it, the
//! body is read once without recursion.

use crate::booleans::string_end;
use crate::dispatch;
use crate::layer::Layer;
use crate::operations::Operation;
use crate::type_checks;
use dynoxide::{Database, DynoxideError, Result};
use serde_json::Value;
use std::ops::Range;

/// What becomes of such a body.
#[derive(Debug)]
pub(crate) enum Deep {
    /// It is not a request.
    Unreadable,
    /// It is refused with this error.
    Refuse(DynoxideError),
    /// It runs with this body, in which the deep values were replaced.
    Run(String),
}

/// Levels from which on DynamoDB refuses a value: one more for parameters of statements.
const TOO_DEEP: u32 = 32;
/// Levels beyond which DynamoDB no longer reads a value.
const UNREADABLE: u32 = 2000;
/// Levels of JSON beyond which a body is not read: two for each level of a value, and a few for
/// what is around it.
const MAX_JSON_LEVELS: usize = 2 * UNREADABLE as usize + 32;

const NESTED: &str = "Nesting Levels have exceeded supported limits: Attributes in the item have \
                      nested levels beyond supported limit";

/// Decides what becomes of a body that nests too deeply.
pub(crate) fn resolve(operation: &Operation, body: &str) -> Deep {
    let statements = matches!(
        operation.name,
        "ExecuteStatement" | "ExecuteTransaction" | "BatchExecuteStatement"
    );
    let from = TOO_DEEP + u32::from(statements);
    let Some(mut values) = Reader::read(body) else {
        return Deep::Unreadable;
    };
    values.retain(|value| value.levels >= from);
    if values.is_empty() || values.iter().any(|value| value.levels > UNREADABLE) {
        return Deep::Unreadable;
    }
    let shallow = replace(body, &values, statements.then_some(from));
    let Ok(json) = serde_json::from_str::<Value>(&shallow) else {
        return Deep::Unreadable;
    };
    if statements {
        // The operation itself refuses the parameter, after what it checks first.
        return Deep::Run(shallow);
    }
    // Errors of other members come first.
    let checked = type_checks::check(operation.name, &json)
        .and_then(|()| (operation.read)(&shallow))
        .and_then(|()| check_list(operation, &shallow))
        .map_err(|error| return_values(operation.name, &json, error));
    Deep::Refuse(match checked {
        Err(error) => dispatch::resolve(operation.name, Layer::Current, error),
        Ok(()) => DynoxideError::ValidationException(values[0].refusal(body)),
    })
}

/// Checks the members of two requests that dynoxide checks when it runs them: on a database without
/// tables, where nothing else happens.
fn check_list(operation: &Operation, body: &str) -> Result<()> {
    if !matches!(operation.name, "BatchWriteItem" | "TransactWriteItems") {
        return Ok(());
    }
    match (operation.run)(&Database::memory()?, body) {
        Err(DynoxideError::ValidationException(message))
            if message.contains("validation error") =>
        {
            Err(DynoxideError::ValidationException(message))
        }
        _ => Ok(()),
    }
}

/// DynamoDB's older rules, which read such a body, word the error of a `ReturnValues` in another
/// way.
fn return_values(operation: &str, body: &Value, error: DynoxideError) -> DynoxideError {
    use DynoxideError::{EnvelopedValidation, ValidationException};
    const OLD_OR_NONE: &str = "ReturnValues can only be ALL_OLD or NONE";
    const UNKNOWN: &str = "Failed to satisfy constraint: Member must satisfy enum value set: \
                           [ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]";
    let value = body["ReturnValues"].as_str().unwrap_or_default();
    let named = format!(
        "Value '{value}' at 'returnValues' failed to satisfy constraint: Member must satisfy enum \
         value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]"
    );
    match (operation, error) {
        ("DeleteItem", ValidationException(message) | EnvelopedValidation(message))
            if message.ends_with(OLD_OR_NONE) =>
        {
            ValidationException(OLD_OR_NONE.to_string())
        }
        ("PutItem" | "UpdateItem", ValidationException(message)) => {
            ValidationException(message.replace(UNKNOWN, &named))
        }
        ("PutItem" | "UpdateItem", EnvelopedValidation(message)) => {
            EnvelopedValidation(message.replace(UNKNOWN, &named))
        }
        (_, error) => error,
    }
}

/// The body with a small value for each of `values`: one that nests as deeply as `levels` says, or
/// `NULL`.
fn replace(body: &str, values: &[Found], levels: Option<u32>) -> String {
    let small = levels.map_or(r#"{"NULL":true}"#.to_string(), |levels| {
        let (open, close) = (r#"{"M":{"n":"#, "}}");
        let times = levels as usize;
        format!("{}{{\"S\":\"\"}}{}", open.repeat(times), close.repeat(times))
    });
    let mut result = String::with_capacity(body.len());
    let mut copied = 0;
    for value in values {
        result.push_str(&body[copied..value.at.start]);
        result.push_str(&small);
        copied = value.at.end;
    }
    result.push_str(&body[copied..]);
    result
}

/// An attribute value of a request.
#[derive(Debug)]
struct Found {
    at: Range<usize>,
    /// Maps and lists around its innermost value.
    levels: u32,
    place: Place,
    /// Where the name of its attribute is.
    name: Range<usize>,
}

impl Found {
    fn refusal(&self, body: &str) -> String {
        match self.place {
            Place::Item => NESTED.to_string(),
            Place::StartKey => format!("The provided starting key is invalid: {NESTED}"),
            Place::ExpressionValue => {
                let name = &body[self.name.clone()];
                let name = serde_json::from_str::<String>(&format!("\"{name}\""))
                    .unwrap_or_else(|_| name.to_string());
                format!("ExpressionAttributeValues contains invalid value: {NESTED} for key {name}")
            }
        }
    }
}

/// Where a value stands, which decides how its error is worded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Item,
    StartKey,
    ExpressionValue,
}

/// What an object or a list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// A part of the request.
    Request,
    /// An object whose members are the operator's tables.
    Tables,
    /// A list of keys.
    Keys,
    /// A map or list of attribute values.
    Values(Place),
    /// A map of conditions.
    Conditions,
    /// A condition.
    Condition,
    /// An attribute value.
    Value,
    /// The map or list of an attribute value.
    Inner,
    /// What means nothing.
    Other,
}

impl Role {
    /// The role of an object or a list in one with this role.
    fn within(self, is_object: bool, name: &str) -> Self {
        match self {
            Self::Request if is_object => match name {
                "Item" | "Key" | "Parameters" => Self::Values(Place::Item),
                "ExclusiveStartKey" => Self::Values(Place::StartKey),
                "ExpressionAttributeValues" => Self::Values(Place::ExpressionValue),
                "RequestItems" => Self::Tables,
                "Keys" => Self::Keys,
                "Expected" | "AttributeUpdates" | "ScanFilter" | "QueryFilter"
                | "KeyConditions" => Self::Conditions,
                _ => Self::Request,
            },
            Self::Request | Self::Tables => Self::Request,
            Self::Keys => Self::Values(Place::Item),
            Self::Values(_) | Self::Inner => Self::Value,
            Self::Conditions => Self::Condition,
            Self::Condition => match name {
                "Value" => Self::Value,
                "AttributeValueList" => Self::Values(Place::Item),
                _ => Self::Request,
            },
            Self::Value if matches!(name, "M" | "L") => Self::Inner,
            Self::Value | Self::Other => Self::Other,
        }
    }
}

struct Frame {
    is_object: bool,
    role: Role,
    /// The name of the current member.
    name: Range<usize>,
    expects_name: bool,
    /// The value that it belongs to, as an index, and the levels around it.
    value: (usize, u32),
}

/// Reads a body without recursion.
struct Reader<'b> {
    body: &'b str,
    frames: Vec<Frame>,
    values: Vec<Found>,
    /// Whether the one value of the body was seen.
    started: bool,
}

impl<'b> Reader<'b> {
    /// The attribute values of a body in the order in which they start, or nothing if it is not
    /// JSON or nests beyond [`MAX_JSON_LEVELS`].
    fn read(body: &'b str) -> Option<Vec<Found>> {
        let mut reader = Self { body, frames: Vec::new(), values: Vec::new(), started: false };
        let bytes = body.as_bytes();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            at = match byte {
                b' ' | b'\t' | b'\n' | b'\r' | b':' => at + 1,
                b',' => {
                    if let Some(frame) = reader.frames.last_mut() {
                        frame.expects_name = frame.is_object;
                    }
                    at + 1
                }
                b'"' => reader.string(at)?,
                b'{' | b'[' => reader.open(at, byte == b'{')?,
                b'}' | b']' => reader.close(at, byte == b'}')?,
                _ => {
                    reader.start()?;
                    let rest = bytes[at..].iter();
                    at + rest.take_while(|b| !b", }]\t\n\r".contains(b)).count().max(1)
                }
            };
        }
        (reader.started && reader.frames.is_empty()).then_some(reader.values)
    }

    /// Notes that a value starts. There is only one outside of all objects and lists.
    fn start(&mut self) -> Option<()> {
        if self.frames.is_empty() && std::mem::replace(&mut self.started, true) {
            return None;
        }
        Some(())
    }

    fn string(&mut self, at: usize) -> Option<usize> {
        let bytes = self.body.as_bytes();
        let end = string_end(bytes, at);
        if end < at + 2 || bytes[end - 1] != b'"' {
            return None;
        }
        match self.frames.last_mut() {
            Some(frame) if frame.expects_name => {
                frame.name = at + 1..end - 1;
                frame.expects_name = false;
            }
            _ => self.start()?,
        }
        Some(end)
    }

    fn open(&mut self, at: usize, is_object: bool) -> Option<usize> {
        if self.frames.len() >= MAX_JSON_LEVELS {
            return None;
        }
        self.start()?;
        let (mut role, mut value) = (Role::Request, (0, 0));
        if let Some(parent) = self.frames.last() {
            role = parent.role.within(parent.is_object, &self.body[parent.name.clone()]);
            value = parent.value;
            let list = parent.is_object && &self.body[parent.name.clone()] == "L";
            if role == Role::Inner && is_object == list {
                role = Role::Other;
            }
            if role == Role::Value && !is_object {
                role = Role::Other;
            }
            if role == Role::Value {
                if parent.role == Role::Inner {
                    value.1 += 1;
                    let levels = &mut self.values[value.0].levels;
                    *levels = value.1.max(*levels);
                } else {
                    let place = match parent.role {
                        Role::Values(place) if parent.is_object => place,
                        _ => Place::Item,
                    };
                    value = (self.values.len(), 0);
                    let name = parent.name.clone();
                    self.values.push(Found { at: at..at, levels: 0, place, name });
                }
            }
        }
        let frame = Frame { is_object, role, name: 0..0, expects_name: is_object, value };
        self.frames.push(frame);
        Some(at + 1)
    }

    fn close(&mut self, at: usize, is_object: bool) -> Option<usize> {
        let frame = self.frames.pop().filter(|frame| frame.is_object == is_object)?;
        // The outermost object of a value.
        if frame.role == Role::Value && frame.value.1 == 0 {
            self.values[frame.value.0].at.end = at + 1;
        }
        Some(at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::{Deep, Place, Reader, resolve};
    use crate::operations::find;

    fn deep(open: &str, close: &str, levels: usize) -> String {
        format!("{}{{\"S\":\"x\"}}{}", open.repeat(levels), close.repeat(levels))
    }

    fn maps(levels: usize) -> String {
        deep("{\"M\":{\"n\":", "}}", levels)
    }

    #[test]
    fn values_are_found_with_their_levels() {
        let body = format!(
            r#"{{"Item": {{"Item": {}, "b": {{"S": "{{["}}}},
                "ExpressionAttributeValues": {{":v": {}}}}}"#,
            maps(3),
            deep("{\"L\":[", "]}", 5)
        );
        let values = Reader::read(&body).expect("it is JSON");
        let found: Vec<_> = values.iter().map(|value| (value.place, value.levels)).collect();
        let expected = [(Place::Item, 3), (Place::Item, 0), (Place::ExpressionValue, 5)];
        assert_eq!(found, expected);
        assert_eq!(&body[values[0].at.clone()], maps(3));
        assert_eq!(&body[values[2].name.clone()], ":v");
    }

    #[test]
    fn what_is_not_json_is_unreadable_and_nothing_panics() {
        let put = find("PutItem").expect("it exists");
        let bodies = [
            "{",
            "]",
            "\"",
            "\"\\",
            "{} {}",
            "{\"Item\":{\"a\":{\"S\":\"x\"]}}",
            "ä",
            "{\"",
            "{:,",
            "{\"Item\":{\"a\":{\"M\":{\"L\":[",
        ];
        for body in bodies {
            assert!(matches!(resolve(put, body), Deep::Unreadable), "{body}");
        }
        let body = format!(r#"{{"Item":{{"a":{}}}}}"#, maps(2_500));
        assert!(matches!(resolve(put, &body), Deep::Unreadable));
        assert!(matches!(resolve(put, &"[".repeat(1_000_000)), Deep::Unreadable));
    }
}

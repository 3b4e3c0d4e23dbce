//! Checks the JSON types of members of a request, and words errors as DynamoDB does.
//!
//! All checks accept a member that is missing or null.

use crate::decode::{STRUCTURE, UNEXPECTED_FIELD, UNEXPECTED_TOKEN, UNEXPECTED_VALUE};
use dynoxide::{DynoxideError, Result};
use serde_json::{Map, Value};

/// The package of DynamoDB's classes, which its messages name.
const PACKAGE: &str = "com.amazonaws.dynamodb.v20120810";

/// The members of an object.
#[derive(Clone, Copy)]
pub(crate) struct Members<'j>(pub(crate) &'j Map<String, Value>);

impl<'j> Members<'j> {
    fn get(self, name: &str) -> Option<&'j Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// The member, if it is an object.
    pub(crate) fn object(self, name: &str) -> Option<Members<'j>> {
        self.get(name)?.as_object().map(Members)
    }

    /// The elements of the member, or none if it is not a list.
    pub(crate) fn elements(self, name: &str) -> &'j [Value] {
        self.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The elements of the member that are objects.
    pub(crate) fn objects(self, name: &str) -> impl Iterator<Item = Members<'j>> {
        self.elements(name).iter().filter_map(Value::as_object).map(Members)
    }

    /// Each value of the member, if it is an object.
    pub(crate) fn values(self, name: &str) -> impl Iterator<Item = &'j Value> {
        self.object(name).into_iter().flat_map(|object| object.0.values())
    }

    /// The member is a text.
    pub(crate) fn text(self, name: &str) -> Result<()> {
        self.scalar(name, "String", Value::is_string)
    }

    /// The member is a number of 32 bits.
    pub(crate) fn integer(self, name: &str) -> Result<()> {
        self.scalar(name, "Integer", Value::is_number)
    }

    /// The member is a number of 64 bits.
    pub(crate) fn long(self, name: &str) -> Result<()> {
        self.scalar(name, "Long", Value::is_number)
    }

    /// The member is a boolean, or a text that DynamoDB reads as one.
    pub(crate) fn boolean(self, name: &str) -> Result<()> {
        const TEXTS: [&str; 10] = ["true", "t", "yes", "y", "1", "false", "f", "no", "n", "0"];
        self.scalar(name, "Boolean", |value| {
            value.is_boolean()
                || value
                    .as_str()
                    .is_some_and(|text| TEXTS.iter().any(|t| t.eq_ignore_ascii_case(text)))
        })
    }

    fn scalar(self, name: &str, class: &str, accepts: impl Fn(&Value) -> bool) -> Result<()> {
        match self.get(name) {
            None => Ok(()),
            Some(value) if accepts(value) => Ok(()),
            Some(Value::Array(_)) => {
                refuse(format!("Unrecognized collection type class java.lang.{class}"))
            }
            Some(Value::Object(_)) => refuse(STRUCTURE),
            Some(Value::String(_)) if class == "Boolean" => refuse(UNEXPECTED_TOKEN),
            Some(value) => refuse(format!("{} cannot be converted to {class}", token(value))),
        }
    }

    /// The member is a list.
    pub(crate) fn list(self, name: &str) -> Result<()> {
        match self.get(name) {
            None | Some(Value::Array(_)) => Ok(()),
            Some(Value::Object(_)) => refuse(STRUCTURE),
            Some(_) => refuse(UNEXPECTED_FIELD),
        }
    }

    /// The elements of the member, if it is a list, are structures of this class.
    pub(crate) fn elements_are(self, name: &str, class: &str) -> Result<()> {
        self.elements(name).iter().try_for_each(|element| is_structure(element, class))
    }

    /// The elements of the member, if it is a list, are no numbers and no booleans.
    pub(crate) fn elements_are_texts(self, name: &str) -> Result<()> {
        self.elements(name).iter().try_for_each(|element| match element {
            Value::Bool(_) => refuse(format!("{} cannot be converted to String", token(element))),
            Value::Number(_) => refuse("NUMBER_VALUE cannot be converted to String"),
            _ => Ok(()),
        })
    }

    /// The member is a structure of this class.
    pub(crate) fn structure(self, name: &str, class: &str) -> Result<()> {
        match self.get(name) {
            None | Some(Value::Object(_)) => Ok(()),
            Some(Value::Array(_)) => refuse(unrecognized(class)),
            Some(_) => refuse(UNEXPECTED_FIELD),
        }
    }

    /// The member is a map whose values are of this class of DynamoDB.
    pub(crate) fn map(self, name: &str, class: &str) -> Result<()> {
        self.map_of(name, &format!("{PACKAGE}.{class}"))
    }

    /// The member is a map of texts.
    pub(crate) fn map_of_texts(self, name: &str) -> Result<()> {
        self.map_of(name, "java.lang.String")
    }

    /// The member is a map of lists of structures of this class.
    pub(crate) fn map_of_lists(self, name: &str, class: &str) -> Result<()> {
        self.map_of(name, &format!("java.util.List<{PACKAGE}.{class}>"))
    }

    fn map_of(self, name: &str, class: &str) -> Result<()> {
        match self.get(name) {
            None | Some(Value::Object(_)) => Ok(()),
            Some(Value::Array(_)) => refuse(format!(
                "Unrecognized collection type java.util.Map<java.lang.String, {class}>"
            )),
            Some(_) => refuse(UNEXPECTED_FIELD),
        }
    }

    /// The values of the member, if it is a map, are structures of this class.
    pub(crate) fn values_are(self, name: &str, class: &str) -> Result<()> {
        self.values(name).try_for_each(|value| is_structure(value, class))
    }
}

/// The value is a structure of this class, or null.
pub(crate) fn is_structure(value: &Value, class: &str) -> Result<()> {
    match value {
        Value::Null | Value::Object(_) => Ok(()),
        Value::Array(_) => refuse(unrecognized(class)),
        _ => refuse(UNEXPECTED_VALUE),
    }
}

/// Refuses a request.
pub(crate) fn refuse(message: impl Into<String>) -> Result<()> {
    Err(DynoxideError::SerializationException(message.into()))
}

fn unrecognized(class: &str) -> String {
    format!("Unrecognized collection type class {PACKAGE}.{class}")
}

fn token(value: &Value) -> &'static str {
    match value {
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(number) if number.is_f64() => "DECIMAL_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        _ => "STRING_VALUE",
    }
}

//! Reads and sets single fields of JSON objects, and names the fields of batch operations.

use super::merge::MergedJson;
use crate::json::{Kind, Scanner, SyntaxError, unescape};
use alloc::string::String;

/// Returns the field in which a batch operation's response lists what was not processed.
pub(super) fn unprocessed_field(action: &str) -> Option<&'static str> {
    match action {
        "BatchGetItem" => Some("UnprocessedKeys"),
        "BatchWriteItem" => Some("UnprocessedItems"),
        _ => None,
    }
}

/// Returns a field of an object, as JSON.
pub(super) fn field(object: &str, name: &str) -> Result<Option<String>, SyntaxError> {
    Ok(MergedJson::parse(object)?.take(name))
}

/// Returns whether a JSON object has a field called `name` that is not null.
pub(super) fn has_field(object: &str, name: &str) -> bool {
    let search = || {
        let mut scanner = Scanner::new(object);
        scanner.skip_whitespace();
        let mut more = scanner.enter_unless_empty(b'}')?;
        while more {
            let span = scanner.field_name()?;
            if unescape(scanner.slice(span.start + 1..span.end - 1)) == name {
                return Ok(scanner.peek_kind()? != Kind::Null);
            }
            scanner.skip_value()?;
            more = scanner.next_element(b'}')?;
        }
        Ok::<bool, SyntaxError>(false)
    };
    search().unwrap_or(true)
}

/// Returns the object with its field `name` set to `json`. Replaces the field if it exists.
pub(super) fn with_field(object: &str, name: &str, json: &str) -> Result<String, SyntaxError> {
    let mut scanner = Scanner::new(object);
    scanner.skip_whitespace();
    let mut out = String::with_capacity(object.len() + json.len() + name.len() + 4);
    out.push_str("{\"");
    out.push_str(name);
    out.push_str("\":");
    out.push_str(json);
    let mut more = scanner.enter_unless_empty(b'}')?;
    while more {
        let start = scanner.pos;
        let span = scanner.field_name()?;
        let known = unescape(scanner.slice(span.start + 1..span.end - 1)) == name;
        scanner.skip_value()?;
        if !known {
            out.push(',');
            out.push_str(scanner.slice(start..scanner.pos));
        }
        more = scanner.next_element(b'}')?;
    }
    out.push('}');
    Ok(out)
}

/// Returns the number of elements in the text between the brackets of an array.
pub(super) fn count_elements(elements: &str) -> u64 {
    let mut scanner = Scanner::new(elements);
    let mut count = 0;
    while scanner.peek().is_some() && scanner.skip_value().is_ok() {
        count += 1;
        scanner.skip_whitespace();
        if scanner.peek() == Some(b',') {
            scanner.pos += 1;
            scanner.skip_whitespace();
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_field_adds_a_field_or_replaces_it() {
        assert_eq!(with_field(r#"{"a": 1, "b":[2]}"#, "b", "3").unwrap(), r#"{"b":3,"a": 1}"#);
        assert_eq!(with_field("{}", "b", "3").unwrap(), r#"{"b":3}"#);
    }

    #[test]
    fn count_elements_counts_only_the_outer_level() {
        assert_eq!(count_elements(r#"{"a":[1,2]}, "x,y" ,[3]"#), 3);
        assert_eq!(count_elements(""), 0);
    }
}

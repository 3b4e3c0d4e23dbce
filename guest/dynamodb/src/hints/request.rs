//! Reads what a hint needs from a request and from a message, and fills it into the hint.

use crate::json::{Scanner, SyntaxError, unescape};
use crate::transcode::Format;
use alloc::string::String;

/// The longest name that is taken from a message or a request: the names of attributes in
/// expressions are rarely longer, and a hint stays short.
const MAX_NAME: usize = 60;

/// Returns the text of a field of a request.
pub(super) fn text(request: &str, name: &str) -> Option<String> {
    first_field(request, |field, value| if field == name { text_of(value) } else { None })
}

/// Returns the name for an attribute in `ExpressionAttributeNames`, such as `#n`.
pub(super) fn placeholder(request: &str, attribute: &str) -> Option<String> {
    let names = first_field(request, |field, value| {
        (field == "ExpressionAttributeNames").then(|| String::from(value))
    })?;
    first_field(&names, |name, value| (text_of(value)? == attribute).then(|| String::from(name)))
}

/// Calls `choose` with the name and the JSON of each field of an object, until it returns something.
fn first_field(object: &str, choose: impl Fn(&str, &str) -> Option<String>) -> Option<String> {
    let search = || {
        let mut scanner = Scanner::new(object);
        scanner.skip_whitespace();
        let mut more = scanner.enter_unless_empty(b'}')?;
        while more {
            let span = scanner.field_name()?;
            let name = unescape(scanner.slice(span.start + 1..span.end - 1));
            let value = scanner.skip_value()?;
            let chosen = choose(&name, scanner.slice(value));
            if chosen.is_some() {
                return Ok(chosen);
            }
            more = scanner.next_element(b'}')?;
        }
        Ok::<_, SyntaxError>(None)
    };
    if object.trim_ascii_start().starts_with('{') { search().ok().flatten() } else { None }
}

/// Returns the text that a value is, if it is one.
fn text_of(value: &str) -> Option<String> {
    let raw = value.strip_prefix('"')?.strip_suffix('"')?;
    Some(unescape(raw).into_owned())
}

/// Returns the name that follows `part` in a message: up to white space or the end.
pub(super) fn after<'m>(message: &'m str, part: &str) -> Option<&'m str> {
    let at = message.find(part)? + part.len();
    let name = message[at..].split([' ', '\n']).next().unwrap_or_default();
    let name = name.trim_end_matches(['.', ',', ';']);
    short(name).filter(|name| !name.is_empty())
}

/// Returns a name if it is short enough for a hint.
pub(super) fn short(name: &str) -> Option<&str> {
    name.chars().nth(MAX_NAME).is_none().then_some(name)
}

/// Returns the text of a hint with its attribute values in the caller's format. The texts have them
/// as DynamoDB JSON, which `plain` writes without its tags. Names are filled in afterwards.
pub(super) fn in_format(text: &str, format: Format) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while format == Format::Plain
        && let Some((start, tag)) =
            TAGS.iter().filter_map(|tag| Some((rest.find(tag)?, *tag))).min()
    {
        let (before, tagged) = rest.split_at(start);
        let mut scanner = Scanner::new(&tagged[tag.len()..]);
        let Ok(content) = scanner.skip_value() else { break };
        let content = scanner.slice(content);
        out.push_str(before);
        out.push_str(if tag == NUMBER { content.trim_matches('"') } else { content });
        rest = &tagged[tag.len() + content.len() + "}".len()..];
    }
    out.push_str(rest);
    out
}

/// The starts of attribute values in the texts of hints.
const TAGS: [&str; 4] = ["{\"S\": ", NUMBER, "{\"M\": ", "{\"L\": "];
/// The start of a number. In `plain` it has no quotes.
const NUMBER: &str = "{\"N\": ";

/// Returns a text with each `{}` replaced by `value`.
pub(super) fn fill(text: &str, value: &str) -> String {
    text.replace("{}", value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_at_the_top_of_a_request_are_found() {
        let request = r#" {"a": {"b": "x"}, "b": "y\n", "c": 1}"#;
        assert_eq!(text(request, "b").as_deref(), Some("y\n"));
        for (request, name) in [(request, "c"), (request, "d"), ("", "a"), ("[", "a"), ("{", "a")] {
            assert_eq!(text(request, name), None, "{request} {name}");
        }
    }

    #[test]
    fn an_attribute_may_have_a_placeholder() {
        let request = r##"{"a": 1, "ExpressionAttributeNames": {"#a": "x", "#b": "na\u006de"}}"##;
        assert_eq!(placeholder(request, "name").as_deref(), Some("#b"));
        assert_eq!(placeholder(request, "other"), None);
        for request in ["{}", "{\"ExpressionAttributeNames\": [\"name\"]}", "[]", "{\"Expr"] {
            assert_eq!(placeholder(request, "name"), None, "{request}");
        }
    }

    #[test]
    fn values_in_a_hint_are_written_in_the_callers_format() {
        let text = r#"{":v": {"S": "{}"}}, {"N": "1.5"}, {"M": {}}, {"L": []} or {"X": 1}."#;
        assert_eq!(in_format(text, Format::Typed), text);
        let plain = r#"{":v": "{}"}, 1.5, {}, [] or {"X": 1}."#;
        assert_eq!(in_format(text, Format::Plain), plain);
    }

    #[test]
    fn a_name_in_a_message_ends_at_white_space() {
        assert_eq!(after("keyword: name", "keyword: "), Some("name"));
        assert_eq!(after("index: by-name. More", "index: "), Some("by-name"));
        assert_eq!(after("index: ", "index: "), None);
        assert_eq!(after(&["index: ", &"x".repeat(100)].concat(), "index: "), None);
    }
}

//! Hints for errors in expressions, by the expression of the request.

use super::context::HintContext;
use super::request::{fill, in_format, short, text};
use crate::transcode::Format;
use alloc::string::{String, ToString};

/// Returns a hint for a message about an expression of the request.
pub(super) fn hint(message: &str, context: &HintContext) -> Option<String> {
    let HintContext { request, format, .. } = *context;
    if message.contains("refers to an attribute that does not exist in the item") {
        return Some(missing_attribute(request, format));
    }
    let kind = message.split("Invalid ").nth(1)?.split(':').next()?;
    if !kind.ends_with("Expression") || !message.contains("Syntax error") {
        return None;
    }
    let expression = text(request, kind);
    // The service writes the wrong token, and its neighbours on both sides.
    let token = message.split("token: \"").nth(1).unwrap_or_default();
    let (token, near) = token.split_once("\", near: \"").unwrap_or((token, ""));
    if kind == "UpdateExpression" {
        let first = expression.as_deref().unwrap_or(near).split_ascii_whitespace().next();
        let starts = ["SET", "REMOVE", "ADD", "DELETE"]
            .iter()
            .any(|verb| first.is_some_and(|first| first.eq_ignore_ascii_case(verb)));
        if !starts && (expression.is_some() || near.starts_with(token)) {
            return Some(missing_verb(expression.as_deref()));
        }
        if token.starts_with('=') && !token.starts_with("==") {
            return Some(
                "SET takes =, as in SET n = :v. ADD and DELETE take none: ADD n :v. REMOVE takes \
                 only names. The name before = must not have special characters: write it as #n."
                    .to_string(),
            );
        }
    }
    by_token(token, kind).map(|hint| in_format(hint, format))
}

fn by_token(token: &str, kind: &str) -> Option<&'static str> {
    let is_value = token.starts_with(['\'', '"', '`', '{', '['])
        || token.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit());
    let hint = if kind != "ProjectionExpression" && is_value {
        "Values are not written in expressions. Write :v, and add \"ExpressionAttributeValues\": \
         {\":v\": {\"S\": \"text\"}}, or {\"N\": \"1\"} for a number."
    } else if matches!(token, "!" | "!=" | "==" | "&" | "&&" | "|" | "||")
        || token.starts_with("==")
    {
        "The operators of DynamoDB are =, <>, <, <=, >, >=, AND, OR and NOT."
    } else if matches!(token, "-" | "/" | "@" | "$" | "%" | "*" | ".") {
        "Names with other characters than letters, digits and _ are not written in expressions. \
         Write #n, and add \"ExpressionAttributeNames\": {\"#n\": \"the-name\"}. Paths such as a.b \
         have no spaces."
    } else if token.eq_ignore_ascii_case("like") {
        "There is no LIKE. Write begins_with(a, :v) or contains(a, :v)."
    } else if token.eq_ignore_ascii_case("is") || token.eq_ignore_ascii_case("null") {
        "There is no IS NULL. Write attribute_not_exists(a), or attribute_type(a, :t) with \":t\": \
         {\"S\": \"NULL\"}."
    } else if token == "<EOF>" {
        "The expression ends too early. Check for a missing value, name or closing parenthesis."
    } else {
        return None;
    };
    Some(hint)
}

/// The hint for an update expression that starts with the name of an attribute.
fn missing_verb(expression: Option<&str>) -> String {
    let has_values = |expression: &&str| expression.contains(':');
    let actions = expression.and_then(short).filter(has_values).unwrap_or("n = :v");
    fill(
        "An update expression starts with SET, REMOVE, ADD or DELETE: SET {}. Write values as :v, \
         and define them in ExpressionAttributeValues.",
        actions.trim_ascii(),
    )
}

/// The hint for an update that reads an attribute that the item does not have.
fn missing_attribute(request: &str, format: Format) -> String {
    let expression = text(request, "UpdateExpression").unwrap_or_default();
    let read = first_read(&expression).filter(|read| {
        [read.target, read.name, read.operation].iter().all(|part| short(part).is_some())
    });
    if let Some(Read { target, name, operation, is_meant: true }) = read {
        let hint = in_format(
            "{name} has no value yet. Write SET {target} = if_not_exists({name}, :zero){operation}, \
             and add \":zero\": {\"N\": \"0\"} to ExpressionAttributeValues.",
            format,
        );
        return hint
            .replace("{target}", target)
            .replace("{name}", name)
            .replace("{operation}", operation);
    }
    let hint = in_format(
        "In an expression, {} is the name of an attribute. For a value write :v, and add \
         \"ExpressionAttributeValues\": {\":v\": {\"S\": \"{}\"}}. For an attribute that may be \
         missing, write if_not_exists(name, :v).",
        format,
    );
    fill(&hint, read.map_or("a word without a colon", |read| read.name))
}

/// An attribute that an update reads.
struct Read<'e> {
    /// What the value is assigned to.
    target: &'e str,
    /// The attribute that is read, or a placeholder for it.
    name: &'e str,
    /// What is added to it or subtracted from it, with its sign. May be empty.
    operation: &'e str,
    /// Whether this is surely the name of an attribute, and not a text without quotes.
    is_meant: bool,
}

/// Returns the first bare word after an = sign: not a function or a value, and a placeholder only if
/// the update calculates with it.
fn first_read(expression: &str) -> Option<Read<'_>> {
    let after = expression.split('=').skip(1);
    expression.split('=').zip(after).find_map(|(before, after)| {
        let target = before.trim_ascii_end().rsplit([' ', '\n', '\t', ',']).next()?;
        let after = after.trim_ascii_start();
        let (name, rest) = after.split_at(after.find(|c| !is_name(c)).unwrap_or(after.len()));
        let next = rest.trim_ascii_start();
        let is_sum = next.starts_with(['+', '-']);
        let is_meant = is_sum || name == target;
        if name.is_empty() || next.starts_with('(') || (name.contains('#') && !is_meant) {
            return None;
        }
        let operation = if is_sum { operation(rest) } else { "" };
        Some(Read { target, name, operation, is_meant })
    })
}

/// Returns the start of a text that is a sign and one operand. A function is not shown.
fn operation(text: &str) -> &str {
    let operand = text.trim_ascii_start()[1..].trim_ascii_start();
    let rest = operand.trim_start_matches(|c| c == ':' || is_name(c));
    if rest.len() == operand.len() || rest.trim_ascii_start().starts_with('(') {
        return if text.trim_ascii_start().starts_with('+') { " + :v" } else { " - :v" };
    }
    &text[..text.len() - rest.len()]
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || !c.is_ascii() || matches!(c, '_' | '.' | '[' | ']' | '#')
}

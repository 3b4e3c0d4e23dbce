//! Hints for errors in expressions, by the expression of the request.

use super::request::{fill, short, text};
use alloc::string::{String, ToString};

/// Returns a hint for a message about an expression of `request`.
pub(super) fn hint(message: &str, request: &str) -> Option<String> {
    if message.contains("refers to an attribute that does not exist in the item") {
        return Some(missing_attribute(request));
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
    by_token(token, kind)
}

fn by_token(token: &str, kind: &str) -> Option<String> {
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
    Some(hint.to_string())
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
fn missing_attribute(request: &str) -> String {
    let expression = text(request, "UpdateExpression").unwrap_or_default();
    fill(
        "In an expression, {} is the name of an attribute. For a value write :v, and add \
         \"ExpressionAttributeValues\": {\":v\": {\"S\": \"{}\"}}. For an attribute that may be \
         missing, write if_not_exists(name, :v).",
        word_after_equals(&expression).and_then(short).unwrap_or("a word without a colon"),
    )
}

/// Returns the first bare word after an = sign: not a function, a value or a placeholder.
fn word_after_equals(expression: &str) -> Option<&str> {
    expression.split('=').skip(1).find_map(|rest| {
        let rest = rest.trim_ascii_start();
        let end = rest
            .find(|c: char| {
                !(c.is_ascii_alphanumeric() || !c.is_ascii() || matches!(c, '_' | '.' | '[' | ']'))
            })
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let is_call = after.trim_ascii_start().starts_with('(');
        (!word.is_empty() && !is_call).then_some(word)
    })
}

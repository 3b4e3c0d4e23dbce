//! Hints for errors in PartiQL statements, by the statement of the request.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html>

use super::request::{short, text};
use alloc::format;
use alloc::string::{String, ToString};

/// Returns a hint for a statement that is written as in other databases, or `None` if the
/// statement has nothing of that.
pub(super) fn hint(message: &str, request: &str) -> Option<String> {
    let statement = text(request, "Statement");
    if let Some(found) = statement.as_deref().and_then(by_statement) {
        return Some(found);
    }
    if message.contains("Aliasing is not supported") {
        return Some(
            "Name the table without an alias, and attributes without a table.".to_string(),
        );
    }
    let is_malformed =
        ["wasn't well formed", "Unexpected from source", "Unexpected path component"]
            .iter()
            .any(|part| message.contains(part));
    is_malformed.then(|| {
        "In PartiQL, names of tables and indexes are in double quotes (\"my-table\".\"my-index\"; in \
         JSON \\\"my-table\\\"), texts in single quotes ('text'), and values may be ? with \
         Parameters. Attributes that are reserved words are in double quotes too."
            .to_string()
    })
}

fn by_statement(statement: &str) -> Option<String> {
    if let Some(table) = table(statement) {
        if table.starts_with(['\'', '`', '[']) {
            return Some(format!(
                "The name of a table is in double quotes: {}.",
                quoted(table.trim_matches(['\'', '`', '[', ']']))
            ));
        }
        if !table.starts_with('"') && table.contains(['-', '.', ':', '/']) {
            return Some(format!(
                "The name of a table with other characters than letters, digits and _ is in double \
                 quotes: {}. An index follows after a dot: \"table\".\"index\".",
                quoted(table)
            ));
        }
    }
    if is_sql_insert(statement) {
        return Some(
            "An item is inserted as one value: INSERT INTO \"table\" VALUE {'id': 'a', 'n': 1}."
                .to_string(),
        );
    }
    let lower = statement.to_ascii_lowercase();
    let has_word = |word: &str| lower.split_whitespace().any(|found| found == word);
    if has_word("limit") {
        return Some(
            "A statement has no LIMIT. Use the field Limit of the input instead: {\"Statement\": \
             \"…\", \"Limit\": 10}."
                .to_string(),
        );
    }
    match literal(statement)? {
        value if value.starts_with('"') => Some(format!(
            "Texts are in single quotes: {}. In double quotes it is the name of an attribute.",
            single(value.trim_matches('"'))
        )),
        value => Some(format!(
            "Without quotes {value} is the name of an attribute. A text is in single quotes: {}, or \
             it is ? and in Parameters.",
            single(value)
        )),
    }
}

fn quoted(table: &str) -> String {
    short(table).map_or_else(
        || "\"…\"".to_string(),
        |table| format!("\"{table}\" (in JSON \\\"{table}\\\")"),
    )
}

fn single(text: &str) -> String {
    short(text).map_or_else(|| "'…'".to_string(), |text| format!("'{text}'"))
}

/// Returns the name of the table, as it is written.
fn table(statement: &str) -> Option<&str> {
    let mut words = statement.split_whitespace();
    let first = words.next()?;
    let before = match first.to_ascii_uppercase().as_str() {
        "UPDATE" => return words.next(),
        "INSERT" => "INTO",
        "SELECT" | "DELETE" => "FROM",
        _ => return None,
    };
    let name = words.skip_while(|word| !word.eq_ignore_ascii_case(before)).nth(1)?;
    Some(name.trim_end_matches([';', ',']))
}

/// Whether a statement is `INSERT INTO t (a, b) VALUES (…)`.
fn is_sql_insert(statement: &str) -> bool {
    let lower = statement.trim_start().to_ascii_lowercase();
    let rest = lower.split_once(" value").map(|(_, rest)| rest.trim_start());
    lower.starts_with("insert") && rest.is_some_and(|rest| rest.starts_with(['s', '(']))
}

/// Returns the first value after a comparison that is in double quotes, or is a word that is no
/// value of PartiQL.
fn literal(statement: &str) -> Option<&str> {
    let mut rest = statement;
    let mut in_text = false;
    while let Some(at) = rest.find(['\'', '=', '<', '>']) {
        let is_quote = rest[at..].starts_with('\'');
        rest = &rest[at + 1..];
        if is_quote {
            in_text = !in_text;
            continue;
        }
        if in_text {
            continue;
        }
        let value = rest.trim_start_matches(['=', '<', '>']).trim_start();
        if let Some(inside) = value.strip_prefix('"') {
            let end = inside.find('"').map_or(value.len(), |end| end + 2);
            return Some(&value[..end]);
        }
        let end = value
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@')))
            .unwrap_or(value.len());
        let (word, after) = value.split_at(end);
        let known = ["true", "false", "null", "missing"];
        let is_value = word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.'))
            || known.iter().any(|known| known.eq_ignore_ascii_case(word));
        // `a = a + 1` reads an attribute.
        let is_read = after.trim_start().starts_with(['+', '-', '(', '[', '.']);
        if !word.is_empty() && !is_value && !is_read {
            return Some(word);
        }
    }
    None
}

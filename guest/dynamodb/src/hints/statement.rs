//! Hints for errors in PartiQL statements, by the statement of the request.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html>

use super::request::{fill, short, text};
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
    let mut words = statement.split_ascii_whitespace();
    let table = table(&mut words).unwrap_or_default();
    let is_quoted = table.starts_with(['\'', '`', '[']);
    if is_quoted || (!table.starts_with('"') && table.contains(['-', '.', ':', '/'])) {
        return Some(fill(
            "The name of a table is in double quotes if it has other characters than letters, \
             digits and _: \"{}\" (in JSON \\\"{}\\\"). An index follows after a dot: \
             \"table\".\"index\".",
            short(table).unwrap_or("…").trim_matches(['\'', '`', '[', ']']),
        ));
    }
    let bare = without_quoted(statement);
    let is_insert = statement
        .split_ascii_whitespace()
        .next()
        .is_some_and(|verb| verb.eq_ignore_ascii_case("insert"));
    let mut words = bare.split_ascii_whitespace();
    // A table may be called like a keyword.
    self::table(&mut words);
    for word in words {
        let hint = if is_insert && word.eq_ignore_ascii_case("values") {
            "An item is inserted as one value: INSERT INTO \"table\" VALUE {'id': 'a', 'n': 1}."
        } else if word.eq_ignore_ascii_case("limit") {
            "A statement has no LIMIT. Use the field Limit of the input instead: {\"Statement\": \
             \"…\", \"Limit\": 10}."
        } else {
            continue;
        };
        return Some(hint.to_string());
    }
    let literal = literal(statement)?;
    let (hint, text) = match literal.strip_prefix('"') {
        Some(text) => (
            "Texts are in single quotes: '{}'. In double quotes it is the name of an attribute.",
            text,
        ),
        None => (
            "Without quotes {} is the name of an attribute. A text is in single quotes: '{}', or \
             it is ? and in Parameters.",
            literal,
        ),
    };
    Some(fill(hint, short(text).unwrap_or("…")))
}

/// Returns the statement without the content of texts and quoted names: the words in them are no
/// keywords.
fn without_quoted(statement: &str) -> String {
    let mut quote = None;
    let is_kept = |c: &char| match quote {
        Some(open) if open == *c => {
            quote = None;
            true
        }
        Some(_) => false,
        None => {
            quote = matches!(c, '\'' | '"').then_some(*c);
            true
        }
    };
    statement.chars().filter(is_kept).collect()
}

/// Takes the words up to the name of the table, and returns that name as it is written.
fn table<'s>(words: &mut impl Iterator<Item = &'s str>) -> Option<&'s str> {
    let first = words.next()?;
    if !first.eq_ignore_ascii_case("update") {
        let before = if first.eq_ignore_ascii_case("insert") { "into" } else { "from" };
        words.find(|word| word.eq_ignore_ascii_case(before))?;
    }
    Some(words.next()?.trim_end_matches([';', ',']))
}

/// Returns the first value after a comparison that is in double quotes (without the closing one),
/// or is a word that is no value of `PartiQL`.
fn literal(statement: &str) -> Option<&str> {
    let bytes = statement.as_bytes();
    let mut in_text = false;
    let mut is_compared = false;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        at += 1;
        match byte {
            b'\'' => (in_text, is_compared) = (!in_text, false),
            _ if in_text => {}
            b'=' | b'<' | b'>' => is_compared = true,
            b' ' | b'\n' | b'\r' | b'\t' => {}
            b'"' => {
                while bytes.get(at).is_some_and(|byte| *byte != b'"') {
                    at += 1;
                }
                if is_compared {
                    return Some(&statement[start..at]);
                }
                at += 1;
            }
            _ if is_word(byte) => {
                while bytes.get(at).is_some_and(|byte| is_word(*byte)) {
                    at += 1;
                }
                let word = &statement[start..at];
                // `a = a + 1` and `a = f(b)` read attributes.
                let next = statement[at..].trim_ascii_start().as_bytes().first();
                let is_read = matches!(next, Some(b'+' | b'-' | b'(' | b'[' | b'.'));
                if is_compared && !is_read && !is_value(word) {
                    return Some(word);
                }
                is_compared = false;
            }
            _ => is_compared = false,
        }
    }
    None
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'_' | b'-' | b'.' | b'@')
}

fn is_value(word: &str) -> bool {
    let is_number = matches!(word.as_bytes().first(), Some(b'0'..=b'9' | b'-' | b'.'));
    is_number
        || ["true", "false", "null", "missing"].iter().any(|known| known.eq_ignore_ascii_case(word))
}

//! Says what is wrong with a text that is not JSON: where, what was found, and what to write
//! instead.
//!
//! The scanner only notes an offset and a few words, because it runs for every byte of every call.
//! This runs once, for a text that is refused.

use crate::foreign::{QUOTES, foreign, other_encoding};
use crate::place::{Expected, Place};
use crate::words;
use alloc::format;
use alloc::string::{String, ToString};

/// Returns the message for a text that stops being JSON at a byte offset. `message` says what a
/// scanner expected there; it is used where nothing better is known.
///
/// ```
/// use dynamodb_syntax::explain;
///
/// assert_eq!(
///     explain("{'id': 7}", 1, "expected a string"),
///     "not JSON at line 1, column 2: found a single quote; write double quotes: \"id\""
/// );
/// ```
#[cold]
#[inline(never)]
#[must_use]
pub fn explain(text: &str, offset: usize, message: &'static str) -> String {
    let at = text.floor_char_boundary(offset);
    let place = Place::find(text, at);
    let start = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    // What begins like JSON is JSON with a mistake.
    let whole = if start.starts_with(['{', '[', '"']) { None } else { foreign(text) };
    // The first brace of a placeholder is in place. The second is where a name is expected.
    let braces = place.open.filter(|_| place.last == b'{');
    let unbound = braces.and_then(|open| Some((open, unbound(placeholder(&text[open..])?))));
    let (at, problem) = other_encoding(text, at)
        .map(|problem| (at, problem))
        .or_else(|| Some((text.len() - start.len(), whole?)))
        .or(unbound)
        .unwrap_or_else(|| (at, problem(text, at, &place, message)));
    let (line, column) = line_and_column(text, at);
    format!("not JSON at line {line}, column {column}: {problem}")
}

fn problem(text: &str, at: usize, place: &Place, message: &'static str) -> String {
    let rest = &text[at..];
    if place.expected == Expected::InString {
        return in_string(rest, message);
    }
    let Some(found) = rest.chars().next() else {
        return text_ends(text, place);
    };
    // These errors are about what starts here, and say all there is to say.
    let is_begun = matches!(place.expected, Expected::Document | Expected::Value | Expected::Name);
    if (found == '"' && is_begun) || message.contains("nested deeper") || rest.starts_with("/*") {
        return message.to_string();
    }
    if place.expected == Expected::Name && placeholder(rest).is_some() {
        return "a placeholder is filled with a value, and cannot be the name of a field; write \
                the name in double quotes"
            .to_string();
    }
    foreign_character(rest, place)
        .or_else(|| words::problem(text, at, place))
        .unwrap_or_else(|| misplaced(text, at, place))
}

/// The problem of an error within a string.
fn in_string(rest: &str, message: &str) -> String {
    let (name, escape) = match rest.chars().next() {
        Some('\n' | '\r') => ("a line break", "\\n"),
        Some('\t') => ("a tab", "\\t"),
        _ => return message.to_string(),
    };
    format!(
        "found {name} in a string; write it as {escape}, or close the string with a double quote"
    )
}

/// The problem of a text that ends too early.
fn text_ends(text: &str, place: &Place) -> String {
    let expected = match place.expected {
        Expected::Value | Expected::Document => "expected a value, but the text ends here",
        Expected::Name => "expected the name of a field, but the text ends here",
        Expected::Colon => "expected a colon and a value, but the text ends here",
        _ => "the text ends here",
    };
    match place.open {
        Some(open) => format!("{expected}; {}", closing(text, open)),
        None => expected.to_string(),
    }
}

/// Says which bracket closes the one at `open`.
fn closing(text: &str, open: usize) -> String {
    let (line, column) = line_and_column(text, open);
    let (bracket, closing) = if text.as_bytes()[open] == b'{' { ('{', '}') } else { ('[', ']') };
    format!("the {bracket} at line {line}, column {column} is closed with {closing}")
}

/// Returns the name of the placeholder `{{name}}` at the start of `text`.
fn placeholder(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("{{")?.trim_start_matches(' ');
    let is_outside = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let (name, rest) = inner.split_at(inner.find(is_outside)?);
    let closed = rest.trim_start_matches(' ').starts_with("}}");
    (closed && !name.is_empty()).then_some(name)
}

fn unbound(name: &str) -> String {
    let name: String = name.chars().take(100).collect();
    format!(
        "{{{{{name}}}}} is a placeholder for a value, but none is bound to it; on the command line \
         add --bind {name}=TEXT or --bind {name}:=JSON, and to a server send the template with its \
         values: {{\"template\": \"…\", \"values\": {{\"{name}\": …}}}}"
    )
}

/// The problem of a character that means something elsewhere, but nothing in JSON.
fn foreign_character(rest: &str, place: &Place) -> Option<String> {
    let found = rest.chars().next()?;
    let code = u32::from(found);
    let inside = || rest[found.len_utf8()..].trim_start_matches(QUOTES).starts_with(['{', '[']);
    let problem = match found {
        '\'' | '`' | '‘' | '’' | '“' | '”' | '„'
            if place.expected == Expected::Document && inside() =>
        {
            format!(
                "found {}, which the shell did not remove (in Windows only double quotes are); put \
                 the input into a file, and write @FILE",
                quote_name(found)
            )
        }
        '\'' | '`' => {
            format!("found {}; write double quotes: {}", quote_name(found), quoted(rest, place))
        }
        '‘' | '’' | '‚' | '“' | '”' | '„' | '«' | '»' | '‹' | '›' | '″' | '′' | '＂' | '＇' =>
        {
            format!(
                "found the quotation mark {found} (U+{code:04X}); write straight double quotes: {}",
                quoted(rest, place)
            )
        }
        '#' => "found #; a comment starts with //, or is between /* and */".to_string(),
        '-' if rest.starts_with("--") => {
            "found --; a comment starts with //, or is between /* and */".to_string()
        }
        '/' => "found /; a comment starts with //, or is between /* and */, and text needs double \
                quotes"
            .to_string(),
        '\\' => "found a backslash outside a string; write quotes as \", without a backslash, and \
                 remove backslashes at the ends of lines"
            .to_string(),
        '(' => "found (; JSON has no calls and no tuples: write an array as [1, 2]".to_string(),
        ';' => "found a semicolon; JSON has none: write a comma between elements, and nothing \
                after the last bracket"
            .to_string(),
        '<' => "found <; if this is <NAME> of an example, write the value instead".to_string(),
        '…' | '.' if found == '…' || rest.starts_with("...") => {
            format!(
                "found {}; write what this ellipsis of an example stands for",
                if found == '…' { "…" } else { "..." }
            )
        }
        '$' => "found $, as of a variable of a shell; the shell does not replace it within single \
                quotes: write the value itself"
            .to_string(),
        '：' | '，' | '；' | '｛' | '｝' | '［' | '］' => {
            // The full-width forms follow the order of ASCII.
            let ascii = char::from_u32(code - 0xff01 + 0x21).unwrap_or(found);
            format!("found the full-width {found} (U+{code:04X}); write {ascii}")
        }
        '\u{b}'
        | '\u{c}'
        | '\u{85}'
        | '\u{a0}'
        | '\u{1680}'
        | '\u{180e}'
        | '\u{2000}'..='\u{200f}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{202f}'
        | '\u{205f}'
        | '\u{2060}'
        | '\u{3000}'
        | '\u{feff}' => {
            let name = match found {
                '\u{a0}' | '\u{202f}' => "a no-break space",
                '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{180e}' => "an invisible character",
                '\u{feff}' => "a byte order mark, which may only be at the start",
                '\u{2028}' | '\u{2029}' | '\u{85}' => "a line separator",
                '\u{b}' | '\u{c}' => "a control character",
                _ => "a space that is not the usual one",
            };
            format!("found {name} (U+{code:04X}); remove it, or write an ordinary space")
        }
        '\u{fffd}' => "found U+FFFD, in place of what could not be decoded; save the text as \
                       UTF-8"
            .to_string(),
        '\0'..='\u{1f}' => format!("found a control character (U+{code:04X}); remove it"),
        _ => return None,
    };
    Some(problem)
}

fn quote_name(quote: char) -> String {
    match quote {
        '\'' => "a single quote".to_string(),
        '`' => "a backtick".to_string(),
        other => format!("the quotation mark {other} (U+{:04X})", u32::from(other)),
    }
}

/// The text in other quotes at the start of `rest`, as a JSON string.
///
/// A value may be a secret that somebody wrote into settings, so only names are repeated.
fn quoted(rest: &str, place: &Place) -> String {
    let mut chars = rest.chars();
    chars.next();
    let inside = chars.as_str();
    let is_end = |c: char| "'`‘’‚“”„«»‹›″′＂＇\"\n".contains(c);
    let name = inside.find(is_end).map(|end| &inside[..end]);
    // 40 characters are recognised, and most names have fewer.
    let is_short = |name: &str| name.chars().nth(40).is_none();
    match name.filter(|name| place.expected == Expected::Name && is_short(name)) {
        Some(name) => format!("{name:?}"),
        None => "\"…\"".to_string(),
    }
}

/// The problem of something that is correct elsewhere.
fn misplaced(text: &str, at: usize, place: &Place) -> String {
    let rest = &text[at..];
    let found = rest.chars().next().map_or_else(String::new, described);
    let first = rest.bytes().next().unwrap_or_default();
    match (place.expected, first) {
        (Expected::Name | Expected::Value, b',') if place.last != b':' => {
            "found a comma with nothing before it; remove the comma".to_string()
        }
        (Expected::Name | Expected::Value, b'}' | b']') if place.last == b',' => {
            format!("found {found} after a comma; remove the comma")
        }
        (Expected::Value, b',' | b'}' | b']') if place.last == b':' => format!(
            "expected the value of the field, found {found}; write the value after the colon, or \
             null"
        ),
        (Expected::Name | Expected::Value, b'}' | b']') => match place.open {
            Some(open) => format!("found {found}, but {}", closing(text, open)),
            None => format!("expected a value, found {found}"),
        },
        (Expected::Name, b'{') => format!(
            "expected the name of a field, found {found}; write the name before it: {{\"NAME\": \
             {{…}}}}"
        ),
        (Expected::Name, _) => {
            format!("expected the name of a field in double quotes, found {found}")
        }
        (Expected::Colon, b'=') => "found = after the name of a field; write a colon".to_string(),
        (Expected::Colon, b',' | b'}') => format!(
            "expected a colon and a value after the name of the field, found {found}; values \
             without names are written as an array: [\"a\", \"b\"]"
        ),
        (Expected::Colon, _) => {
            format!("expected a colon after the name of a field, found {found}")
        }
        (Expected::Next, _) => next(text, place, first, &found),
        (Expected::End, _) => end(first, &found),
        _ => format!("expected a value, found {found}"),
    }
}

/// The problem where a comma or the closing bracket is expected.
fn next(text: &str, place: &Place, first: u8, found: &str) -> String {
    let Some(open) = place.open else { return format!("expected a comma, found {found}") };
    let in_object = text.as_bytes()[open] == b'{';
    let bracket = if in_object { '}' } else { ']' };
    match first {
        b'}' | b']' => format!("found {found}, but {}", closing(text, open)),
        b':' if in_object => format!(
            "expected a comma or {bracket}, found a colon; a field has one name and one value"
        ),
        b':' => "found a colon in an array; write fields in an object: {\"NAME\": …}".to_string(),
        b'+' => "found +; JSON cannot join texts: write one string".to_string(),
        _ => format!("expected a comma or {bracket}, found {found}; is a comma missing before it?"),
    }
}

/// The problem of what follows the end of the value.
fn end(first: u8, found: &str) -> String {
    match first {
        b'}' | b']' => {
            format!("found {found} after the end; remove it, or add its opening bracket")
        }
        b':' | b'=' => "this is a field without its object; write braces around all fields: \
                        {\"NAME\": …}"
            .to_string(),
        b'{' | b'[' | b'"' | b',' | b'0'..=b'9' | b'-' => format!(
            "found {found} after the end of the JSON value; a call takes one value: run the action \
             once for each of several"
        ),
        _ => format!("unexpected text after the end of the JSON value, found {found}; remove it"),
    }
}

/// Returns a character with its name, for messages.
fn described(c: char) -> String {
    match c {
        ',' => "a comma".to_string(),
        ':' => "a colon".to_string(),
        '"' => "a string".to_string(),
        '0'..='9' | '-' => "a number".to_string(),
        c if c.is_ascii_graphic() => c.to_string(),
        c => format!("{c} (U+{:04X})", u32::from(c)),
    }
}

/// Returns the line and column of a byte, both from 1. The column counts characters.
fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(at)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

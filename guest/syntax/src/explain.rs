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
    let text_of_it = foreign_character(rest, place);
    if text_of_it.is_none()
        && let Some(problem) = words::problem(text, at, place)
    {
        return problem;
    }
    let template = text_of_it.unwrap_or_else(|| misplaced(rest.as_bytes()[0], text, place));
    let close = place.open.map_or_else(String::new, |open| closing(text, open));
    template
        .replace("{char}", &with_code(found))
        .replace("{found}", &described(found))
        .replace("{quoted}", &quoted(rest, place))
        .replace("{close}", &close)
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
    "{{NAME}} is a placeholder for a value, but none is bound to it; on the command line add --bind \
     NAME=TEXT or --bind NAME:=JSON, and to a server send the template with its values: \
     {\"template\": \"…\", \"values\": {\"NAME\": …}}"
        .replace("NAME", &name)
}

/// The problem of a character that means something elsewhere, but nothing in JSON. The text has
/// placeholders.
fn foreign_character(rest: &str, place: &Place) -> Option<&'static str> {
    let found = rest.chars().next()?;
    let inside = rest[found.len_utf8()..].trim_start_matches(QUOTES);
    if QUOTES.contains(&found)
        && place.expected == Expected::Document
        && inside.starts_with(['{', '['])
    {
        return Some(
            "found {char}, which the shell did not remove (in Windows only double quotes are); put \
             the input into a file, and write @FILE",
        );
    }
    Some(match found {
        '\'' => "found a single quote; write double quotes: {quoted}",
        '`' => "found a backtick; write double quotes: {quoted}",
        '‘' | '’' | '‚' | '“' | '”' | '„' | '«' | '»' | '‹' | '›' | '″' | '′' | '＂' | '＇' => {
            "found the quotation mark {char}; write straight double quotes: {quoted}"
        }
        '#' => "found #; a comment starts with //, or is between /* and */",
        '-' if rest.starts_with("--") => {
            "found --; a comment starts with //, or is between /* and */"
        }
        '/' => {
            "found /; a comment starts with //, or is between /* and */, and text needs double quotes"
        }
        '\\' => {
            "found a backslash outside a string; write quotes as \", without a backslash, and remove \
             backslashes at the ends of lines"
        }
        '(' => "found (; JSON has no calls and no tuples: write an array as [1, 2]",
        ';' => {
            "found a semicolon; JSON has none: write a comma between elements, and nothing after the \
             last bracket"
        }
        '<' => "found <; if this is <NAME> of an example, write the value instead",
        '…' => "found …; write what this ellipsis of an example stands for",
        '.' if rest.starts_with("...") => {
            "found ...; write what this ellipsis of an example stands for"
        }
        '$' => {
            "found $, as of a variable of a shell; the shell does not replace it within single \
             quotes: write the value itself"
        }
        '：' => "found the full-width {char}; write :",
        '，' => "found the full-width {char}; write ,",
        '；' | '｛' | '｝' | '［' | '］' => {
            "found the full-width {char}; write the ordinary character"
        }
        '\u{a0}' | '\u{202f}' => {
            "found a no-break space {char}; remove it, or write an ordinary space"
        }
        '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{180e}' => {
            "found an invisible character {char}; remove it"
        }
        '\u{feff}' => "found a byte order mark {char}, which may only be at the start; remove it",
        '\u{85}'
        | '\u{1680}'
        | '\u{2000}'..='\u{200a}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{205f}'
        | '\u{3000}' => {
            "found a space that is not the usual one {char}; remove it, or write an ordinary space"
        }
        '\u{fffd}' => "found {char}, in place of what could not be decoded; save the text as UTF-8",
        '\0'..='\u{1f}' => "found a control character {char}; remove it",
        _ => return None,
    })
}

/// A character with its code, or only the code if it cannot be seen.
fn with_code(c: char) -> String {
    let code = format!("(U+{:04X})", u32::from(c));
    let is_visible = c > ' '
        && !matches!(c, '\u{80}'..='\u{a0}' | '\u{1680}' | '\u{180e}'
        | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}' | '\u{3000}'
        | '\u{feff}');
    if !is_visible {
        return code;
    }
    let mut text = c.to_string();
    text.push(' ');
    text.push_str(&code);
    text
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

/// The problem of something that is correct elsewhere. The text has placeholders.
fn misplaced(first: u8, text: &str, place: &Place) -> &'static str {
    let in_object = place.open.is_some_and(|open| text.as_bytes()[open] == b'{');
    match (place.expected, first) {
        (Expected::Name | Expected::Value, b',') if place.last != b':' => {
            "found a comma with nothing before it; remove the comma"
        }
        (Expected::Name | Expected::Value, b'}' | b']') if place.last == b',' => {
            "found {found} after a comma; remove the comma"
        }
        (Expected::Value, b',' | b'}' | b']') if place.last == b':' => {
            "expected the value of the field, found {found}; write the value after the colon, or null"
        }
        (Expected::Name | Expected::Value | Expected::Next, b'}' | b']') => {
            "found {found}, but {close}"
        }
        (Expected::Name, b'{') => {
            "expected the name of a field, found {found}; write the name before it: {\"NAME\": {…}}"
        }
        (Expected::Name, _) => "expected the name of a field in double quotes, found {found}",
        (Expected::Colon, b'=') => "found = after the name of a field; write a colon",
        (Expected::Colon, b',' | b'}') => {
            "expected a colon and a value after the name of the field, found {found}; values without \
             names are written as an array: [\"a\", \"b\"]"
        }
        (Expected::Colon, _) => "expected a colon after the name of a field, found {found}",
        (Expected::Next, b':') if in_object => {
            "expected a comma or }, found a colon; a field has one name and one value"
        }
        (Expected::Next, b':') => {
            "found a colon in an array; write fields in an object: {\"NAME\": …}"
        }
        (Expected::Next, b'+') => "found +; JSON cannot join texts: write one string",
        (Expected::Next, _) if in_object => {
            "expected a comma or }, found {found}; is a comma missing before it?"
        }
        (Expected::Next, _) => {
            "expected a comma or ], found {found}; is a comma missing before it?"
        }
        (Expected::End, b'}' | b']') => {
            "found {found} after the end; remove it, or add its opening bracket"
        }
        (Expected::End, b':' | b'=') => {
            "this is a field without its object; write braces around all fields: {\"NAME\": …}"
        }
        (Expected::End, b'{' | b'[' | b'"' | b',' | b'0'..=b'9' | b'-') => {
            "found {found} after the end of the JSON value; a call takes one value: run the action \
             once for each of several"
        }
        (Expected::End, _) => {
            "unexpected text after the end of the JSON value, found {found}; remove it"
        }
        _ => "expected a value, found {found}",
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
        c => with_code(c),
    }
}

/// Returns the line and column of a byte, both from 1. The column counts characters.
fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(at)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

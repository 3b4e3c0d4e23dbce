//! Words, names and numbers as other languages write them.

use crate::place::{Expected, Place};
use alloc::format;
use alloc::string::{String, ToString};

/// A word in the place of a value that is longer than this is not repeated in a message: it may be
/// a secret that somebody wrote into settings without quotes.
const MAX_WORD: usize = 12;
/// The same for a number. A time such as 2024-01-01T00:00:00+01:00 is not longer.
const MAX_NUMBER: usize = 25;
/// The same for the name of a field. Names are no secrets.
const MAX_NAME: usize = 40;

/// Returns the problem of the word or number at the offset `at`, or `None` if there is none.
pub(crate) fn problem(text: &str, at: usize, place: &Place) -> Option<String> {
    let (before, rest) = text.split_at(at);
    let is_begun = matches!(place.expected, Expected::Value | Expected::Document);
    if matches!(place.expected, Expected::Next | Expected::End) {
        // `0x1f` is a number up to the `x`.
        let continues =
            before.ends_with(|c: char| c.is_ascii_digit()) && rest.starts_with(in_number);
        let start = before.trim_end_matches(|c| c != ':' && in_number(c)).len();
        return continues.then(|| number(&text[start..]));
    }
    if is_begun && is_number_start(rest) {
        return Some(number(rest));
    }
    if !rest.starts_with(|c: char| is_letter(c) || matches!(c, '_' | '-' | '@')) {
        return None;
    }
    let word = word(rest);
    let after = rest[word.len()..].trim_ascii_start();
    match place.expected {
        Expected::Name => Some(name(word, place)),
        Expected::Document if after.starts_with([':', '=']) => Some(format!(
            "found the name of a field without its object; write braces and quotes: {{{}: …}}",
            quoted(word, MAX_NAME)
        )),
        _ => is_begun.then(|| value(word, after)),
    }
}

/// Whether a character is a letter or digit, as far as that matters to find the end of a word: other
/// scripts are letters, and spaces and punctuation in Unicode are not.
fn is_letter(c: char) -> bool {
    let is_other = matches!(c, '\u{2000}'..='\u{303f}' | '\u{fe00}'..='\u{ffff}');
    c.is_ascii_alphanumeric() || (c >= '\u{c0}' && !is_other)
}

/// Whether other languages allow a character in a number, a date or a time.
fn in_number(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-' | ':')
}

fn is_number_start(rest: &str) -> bool {
    let digits = rest.trim_start_matches(['+', '-']);
    let digits = digits.strip_prefix('.').unwrap_or(digits);
    rest.starts_with('+') || digits.starts_with(|c: char| c.is_ascii_digit())
}

/// The word at the start of a text: up to white space or punctuation.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !(is_letter(c) || matches!(c, '_' | '-' | '.' | '@' | '$')));
    &text[..end.unwrap_or(text.len())]
}

/// A word in double quotes, if it has at most `max` characters.
fn quoted(word: &str, max: usize) -> String {
    if word.chars().nth(max).is_none() { format!("{word:?}") } else { "\"…\"".to_string() }
}

/// The problem of a name without quotes.
fn name(word: &str, place: &Place) -> String {
    let shell = if place.open == Some(0) && place.last == b'{' {
        "; if you wrote the quotes, the shell removed them: put the input into a file, and write \
         @FILE"
    } else {
        ""
    };
    let is_short = word.chars().nth(MAX_NAME).is_none();
    let found = if is_short { word } else { "a name" };
    format!("found {found} without quotes; write {}{shell}", quoted(word, MAX_NAME))
}

/// The problem of a word in the place of a value.
fn value(word: &str, after: &str) -> String {
    let text = quoted(word, MAX_WORD);
    let lower = word.to_ascii_lowercase();
    let write = match lower.as_str() {
        "true" | "false" | "null" => format!("write {lower}"),
        "none" | "nil" | "undefined" | "nothing" => "write null".to_string(),
        "nan" | "infinity" | "inf" | "-infinity" | "-inf" => {
            format!("JSON and DynamoDB have no such number: store it as text, {text}")
        }
        "yes" | "on" => format!("write true, or {text} if it is text"),
        "no" | "off" => format!("write false, or {text} if it is text"),
        _ if after.starts_with('(') => {
            "JSON has no calls: write the value that this returns".to_string()
        }
        _ if word.len() <= 2 && after.starts_with(['"', '\'']) => {
            "JSON strings have no prefix: remove it, and write bytes in Base64".to_string()
        }
        _ => {
            format!("write {text} if it is text; the words of JSON are true, false and null")
        }
    };
    let found = if word.chars().nth(MAX_WORD).is_none() { word } else { "text without quotes" };
    format!("found {found}; {write}")
}

/// The problem of a number as other languages write it.
fn number(text: &str) -> String {
    let end = text.find(|c: char| !in_number(c)).unwrap_or(text.len());
    let found = &text[..end];
    if found.len() > MAX_NUMBER {
        return "found what is not a JSON number; numbers are written as 12, -3.5 or 6e7, and text \
                in double quotes"
            .to_string();
    }
    let sign = if found.starts_with('-') { "-" } else { "" };
    let digits = found.trim_start_matches(['+', '-']);
    let lower = digits.to_ascii_lowercase();
    // What the number is in JSON, if only its form is wrong.
    let plain = digits.trim_start_matches('0').trim_end_matches('.').replace('_', "");
    let plain = match plain.as_bytes().first() {
        Some(b'0'..=b'9') => format!("{sign}{plain}"),
        _ => format!("{sign}0{plain}"),
    };
    let write = if lower.starts_with("inf") || lower.starts_with("nan") {
        format!("JSON and DynamoDB have no such number: store it as text, {found:?}")
    } else if is_decimal(&plain) {
        format!("write {plain}, or {found:?} if it is text")
    } else {
        format!("numbers are written as 12, -3.5 or 6e7; write {found:?} if it is text")
    };
    format!("found {found}, which is not a JSON number; {write}")
}

/// Whether a text is a number with an optional sign and fraction, and no exponent.
fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    match unsigned.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(unsigned),
    }
}

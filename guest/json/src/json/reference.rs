//! The grammar of JSON (RFC 8259), read byte by byte and with recursion: slow, and easy to check.
//! The scanner must agree with it, with each message and its offset.

use super::{MAX_DEPTH, SyntaxError};

/// Returns the offset after the value that starts at `pos`.
pub(super) fn value(text: &str, pos: usize, depth: u32) -> Result<usize, SyntaxError> {
    match byte(text, pos) {
        Some(b'"') => string(text, pos),
        Some(b'{') => elements(text, pos, depth, b'}', |pos| {
            let pos = spaces(text, string(text, pos)?);
            expect(text, pos, b':', "expected a colon after the name of a field")?;
            value(text, spaces(text, pos + 1), depth + 1)
        }),
        Some(b'[') => elements(text, pos, depth, b']', |pos| value(text, pos, depth + 1)),
        Some(b'-' | b'0'..=b'9') => number(text, pos),
        Some(b't' | b'f' | b'n') => ["true", "false", "null"]
            .into_iter()
            .find(|word| {
                text[pos..].starts_with(word)
                    && !byte(text, pos + word.len())
                        .is_some_and(|byte| byte.is_ascii_alphanumeric())
            })
            .map(|word| pos + word.len())
            .ok_or(error(pos, "expected true, false or null")),
        Some(b'\'') => Err(error(pos, "a single quote; JSON strings need double quotes")),
        Some(_) => Err(error(pos, "expected a value")),
        None => Err(error(pos, "expected a value, but the text ends here")),
    }
}

fn elements(
    text: &str,
    pos: usize,
    depth: u32,
    closing: u8,
    element: impl Fn(usize) -> Result<usize, SyntaxError>,
) -> Result<usize, SyntaxError> {
    if depth == MAX_DEPTH {
        return Err(error(
            pos,
            "nested deeper than 128 levels; DynamoDB allows 32 levels of attribute values",
        ));
    }
    let mut pos = spaces(text, pos + 1);
    if byte(text, pos) == Some(closing) {
        return Ok(pos + 1);
    }
    loop {
        pos = spaces(text, element(pos)?);
        if byte(text, pos) == Some(closing) {
            return Ok(pos + 1);
        }
        expect(text, pos, b',', "expected a comma or the closing bracket")?;
        pos = spaces(text, pos + 1);
    }
}

pub(super) fn string(text: &str, start: usize) -> Result<usize, SyntaxError> {
    expect(text, start, b'"', "expected a string in double quotes")?;
    let unit = |pos| {
        let digits = text.get(pos..pos + 6)?.strip_prefix("\\u")?;
        let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if is_hexadecimal { u32::from_str_radix(digits, 16).ok() } else { None }
    };
    let mut pos = start + 1;
    loop {
        pos += match (byte(text, pos), byte(text, pos + 1)) {
            (None, _) => {
                let message = "this string is not closed; end it with a double quote";
                return Err(error(start, message));
            }
            (Some(b'"'), _) => return Ok(pos + 1),
            (Some(..=0x1f), _) => {
                let message = "a control character in a string; write it as an escape, as in \\n";
                return Err(error(pos, message));
            }
            (Some(b'\\'), Some(b'u')) => match (unit(pos), unit(pos + 6)) {
                (None, _) => {
                    return Err(error(pos, "\\u is not followed by four hexadecimal digits"));
                }
                (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
                (Some(0xd800..=0xdbff), _) => {
                    let message = "the first half of a surrogate pair (\\ud800 to \\udbff) without \
                                   the second";
                    return Err(error(pos, message));
                }
                (Some(0xdc00..=0xdfff), _) => {
                    let message = "the second half of a surrogate pair (\\udc00 to \\udfff) \
                                   without the first";
                    return Err(error(pos, message));
                }
                _ => 6,
            },
            (Some(b'\\'), Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')) => 2,
            (Some(b'\\'), _) => {
                let message = "an escape that JSON does not have; write a backslash as \\\\";
                return Err(error(pos, message));
            }
            _ => 1,
        };
    }
}

fn number(text: &str, start: usize) -> Result<usize, SyntaxError> {
    let malformed = || error(start, "expected a JSON number such as 12, -3.5 or 6e7");
    let digits = |pos: usize| match text[pos..].bytes().take_while(u8::is_ascii_digit).count() {
        0 => Err(malformed()),
        count => Ok(pos + count),
    };
    let whole = start + usize::from(byte(text, start) == Some(b'-'));
    let mut pos = digits(whole)?;
    if pos > whole + 1 && byte(text, whole) == Some(b'0') {
        return Err(malformed());
    }
    if byte(text, pos) == Some(b'.') {
        pos = digits(pos + 1)?;
    }
    if matches!(byte(text, pos), Some(b'e' | b'E')) {
        pos = digits(pos + 1 + usize::from(matches!(byte(text, pos + 1), Some(b'+' | b'-'))))?;
    }
    Ok(pos)
}

fn spaces(text: &str, pos: usize) -> usize {
    pos + text[pos..].bytes().take_while(|byte| b" \t\r\n".contains(byte)).count()
}

fn expect(text: &str, pos: usize, wanted: u8, message: &'static str) -> Result<(), SyntaxError> {
    if byte(text, pos) == Some(wanted) { Ok(()) } else { Err(error(pos, message)) }
}

fn byte(text: &str, pos: usize) -> Option<u8> {
    text.as_bytes().get(pos).copied()
}

fn error(offset: usize, message: &'static str) -> SyntaxError {
    SyntaxError { offset, message }
}

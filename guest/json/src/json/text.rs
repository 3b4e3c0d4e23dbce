//! The text of JSON strings: escapes decoded and encoded.

use alloc::borrow::Cow;
use alloc::string::String;

/// The mark that some programs write at the start of a text in UTF-8. It is not part of JSON.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// Decodes the escapes of a string that was scanned. `raw` is the string without its quotes.
#[must_use]
pub fn unescape(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let bytes = raw.as_bytes();
    let mut text = String::with_capacity(raw.len());
    let mut pos = 0;
    while pos < bytes.len() {
        let run = raw[pos..].find('\\').map_or(raw.len(), |length| pos + length);
        text.push_str(&raw[pos..run]);
        pos = run;
        let Some(&kind) = bytes.get(pos + 1) else { break };
        pos += 2;
        text.push(match kind {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let mut code = hex4(bytes, pos).unwrap_or(0xfffd);
                pos += 4;
                if (0xd800..0xdc00).contains(&code) {
                    let low = hex4(bytes, pos + 2).unwrap_or(0xdc00);
                    pos += 6;
                    code = 0x10000 + ((code - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff);
                }
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            other => char::from(other),
        });
    }
    Cow::Owned(text)
}

/// Appends `text` as a JSON string, quotes included.
pub fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                out.push_str("\\u00");
                out.push(char::from_digit(c as u32 / 16, 16).unwrap_or('0'));
                out.push(char::from_digit(c as u32 % 16, 16).unwrap_or('0'));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Returns the value of the four hexadecimal digits at `at`.
pub(super) fn hex4(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 4)?;
    digits.iter().try_fold(0, |value, &digit| Some(value * 16 + char::from(digit).to_digit(16)?))
}

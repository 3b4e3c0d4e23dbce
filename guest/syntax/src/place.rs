//! Where in a JSON text a position is: what may follow there, and which bracket is open.

use alloc::vec::Vec;

/// What may follow at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// The only value of the text.
    Document,
    /// The value of a field, or an element of an array.
    Value,
    /// The name of a field.
    Name,
    /// The colon after the name of a field.
    Colon,
    /// A comma or the closing bracket.
    Next,
    /// Nothing: the value of the text is complete.
    End,
    /// The rest of a string.
    InString,
}

/// A position in a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// What may follow.
    pub(crate) expected: Expected,
    /// The offset of the innermost bracket that is open.
    pub(crate) open: Option<usize>,
    /// The last byte before the position that is not white space, in a comment or in a string.
    pub(crate) last: u8,
}

impl Place {
    /// Finds the place at the offset `at`, up to which `text` must be relaxed JSON.
    ///
    /// Takes one pass. It is only made to word an error, so the scanner needs no state for it.
    pub(crate) fn find(text: &str, at: usize) -> Self {
        let bytes = text.as_bytes();
        let mut pos = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let mut open: Vec<usize> = Vec::new();
        let mut expected = Expected::Document;
        let mut last = 0;
        while pos < at.min(bytes.len()) {
            let byte = bytes[pos];
            let start = pos;
            pos += 1;
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => continue,
                b'/' => {
                    pos = comment_end(text, start);
                    continue;
                }
                b'{' | b'[' => open.push(start),
                b'}' | b']' => drop(open.pop()),
                b'"' => {
                    pos = string_end(bytes, start);
                    if pos > at {
                        expected = Expected::InString;
                        break;
                    }
                }
                _ => {}
            }
            let in_object = open.last().is_some_and(|open| bytes[*open] == b'{');
            expected = match byte {
                b'{' | b',' if in_object => Expected::Name,
                b'[' | b',' | b':' => Expected::Value,
                b'"' if expected == Expected::Name => Expected::Colon,
                _ if open.is_empty() => Expected::End,
                _ => Expected::Next,
            };
            last = byte;
        }
        Self { expected, open: open.pop(), last }
    }
}

/// Returns the offset after the comment that starts at `start`.
fn comment_end(text: &str, start: usize) -> usize {
    let rest = &text[start..];
    let length = if rest.starts_with("//") {
        rest.find('\n')
    } else if rest.starts_with("/*") {
        rest.find("*/").map(|length| length + 2)
    } else {
        Some(1)
    };
    start + length.unwrap_or(rest.len())
}

/// Returns the offset after the string that starts at `start`. If the string is not closed, returns
/// an offset after the end of the text.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut pos = start + 1;
    while let Some(byte) = bytes.get(pos) {
        pos += match byte {
            b'"' => return pos + 1,
            b'\\' => 2,
            _ => 1,
        };
    }
    bytes.len() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_follow_is_told_by_the_text_before() {
        for (text, expected, open) in [
            ("", Expected::Document, None),
            ("\u{feff} // {\n", Expected::Document, None),
            ("{", Expected::Name, Some(0)),
            ("{\"a\"", Expected::Colon, Some(0)),
            ("{\"a\" /* : */", Expected::Colon, Some(0)),
            ("{\"a\":", Expected::Value, Some(0)),
            ("{\"a\":\"{\\\"\"", Expected::Next, Some(0)),
            ("{\"a\":1,", Expected::Name, Some(0)),
            ("{\"a\":[", Expected::Value, Some(5)),
            ("{\"a\":[1", Expected::Next, Some(5)),
            ("{\"a\":[1,", Expected::Value, Some(5)),
            ("{\"a\":[1,2]", Expected::Next, Some(0)),
            ("{\"a\":[1,2]} ", Expected::End, None),
            ("{\"a", Expected::InString, Some(0)),
            ("{\"a\\\"", Expected::InString, Some(0)),
        ] {
            let place = Place::find(text, text.len());
            assert_eq!((place.expected, place.open), (expected, open), "{text}");
        }
    }
}

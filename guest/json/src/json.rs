//! JSON as text: a forward scanner that yields spans, never a tree.
//!
//! It reads strict JSON (RFC 8259); in relaxed mode also `//` and `/* */` comments, and commas before a closing
//! bracket. Every token is checked: control characters, escapes, lone surrogates and numbers.

use alloc::borrow::Cow;
use alloc::string::String;
use core::ops::Range;

/// How deep arrays and objects may nest. DynamoDB allows 32 levels of attribute values, each written as two
/// (`{"M": {…}}`), below at most eight of the request; twice that leaves room, and keeps recursion small.
pub const MAX_DEPTH: u32 = 128;

/// What is wrong with a text, and at which byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The offset in bytes.
    pub at: usize,
    /// What was expected or found.
    pub message: &'static str,
}

/// The kind of a JSON value, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// `1.5e3`
    Number,
    /// `true` or `false`
    Boolean,
    /// `null`
    Null,
}

impl Kind {
    /// The kind with its article, for messages.
    #[must_use]
    pub fn with_article(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::Null => "null",
        }
    }
}

/// A scanner over a text.
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    text: &'a str,
    /// The offset of the next unread byte.
    pub pos: usize,
    depth: u32,
}

impl<'a> Scanner<'a> {
    /// A scanner at the start of `text`. A byte order mark is passed over.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let pos = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { text, pos, depth: 0 }
    }

    /// The text between two offsets that this scanner gave out.
    #[must_use]
    pub fn slice(&self, span: Range<usize>) -> &'a str {
        &self.text[span]
    }

    /// The next byte.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    /// Passes over white space.
    pub fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.pos += 1;
        }
    }

    /// Passes over one comment, if there is one here.
    ///
    /// # Errors
    /// A comment that does not end, or a lone slash.
    pub fn comment(&mut self) -> Result<bool, Malformed> {
        if self.peek() != Some(b'/') {
            return Ok(false);
        }
        let rest = &self.text[self.pos + 1..];
        if rest.starts_with('/') {
            self.pos += 1 + rest.find('\n').unwrap_or(rest.len());
            Ok(true)
        } else if let Some(inner) = rest.strip_prefix('*') {
            let length = inner.find("*/").ok_or(self.malformed("a comment that does not end"))?;
            self.pos += 2 + length + 2;
            Ok(true)
        } else {
            Err(self.malformed("a slash outside a string; a comment starts with // or /*"))
        }
    }

    /// The kind of the value that starts here.
    ///
    /// # Errors
    /// The end of the text, or a byte that starts no value.
    pub fn kind(&self) -> Result<Kind, Malformed> {
        match self.peek() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Boolean),
            Some(b'n') => Ok(Kind::Null),
            Some(b'\'') => {
                Err(self.malformed("a single quote; JSON strings stand in double quotes"))
            }
            Some(_) => Err(self.malformed("expected a value")),
            None => Err(self.malformed("the text ends where a value is expected")),
        }
    }

    /// Enters an object or array.
    ///
    /// # Errors
    /// Nesting deeper than [`MAX_DEPTH`].
    pub fn open(&mut self) -> Result<(), Malformed> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.malformed(
                "nested deeper than 128 levels; DynamoDB allows 32 levels of attribute values",
            ));
        }
        self.pos += 1;
        Ok(())
    }

    /// Leaves an object or array.
    pub fn close(&mut self) {
        self.depth -= 1;
        self.pos += 1;
    }

    /// Reads a string; the span includes its quotes.
    ///
    /// # Errors
    /// No string here, or one with control characters, bad escapes or lone surrogates, or without an end.
    pub fn string(&mut self) -> Result<Range<usize>, Malformed> {
        if self.peek() != Some(b'"') {
            return Err(self.malformed("expected a string in double quotes"));
        }
        let start = self.pos;
        let bytes = self.text.as_bytes();
        let mut pos = start + 1;
        loop {
            pos = plain_run(bytes, pos);
            match bytes.get(pos) {
                Some(b'"') => {
                    self.pos = pos + 1;
                    return Ok(start..self.pos);
                }
                Some(b'\\') => pos = escape(bytes, pos)?,
                Some(_) => {
                    return Err(Malformed {
                        at: pos,
                        message: "a control character in a string; write it as an escape, as in \\n",
                    });
                }
                None => return Err(Malformed { at: start, message: "a string that does not end" }),
            }
        }
    }

    /// Reads a number.
    ///
    /// # Errors
    /// No number by RFC 8259, section 6.
    pub fn number(&mut self) -> Result<Range<usize>, Malformed> {
        let start = self.pos;
        let length = number_length(&self.text.as_bytes()[start..]);
        let malformed = self.malformed("expected a number as JSON has it: 12, -3.5, 6e7");
        let length = length.ok_or(malformed)?;
        self.pos += length;
        Ok(start..self.pos)
    }

    /// Reads `true`, `false` or `null`.
    ///
    /// # Errors
    /// Any other word.
    pub fn word(&mut self) -> Result<Range<usize>, Malformed> {
        let rest = &self.text[self.pos..];
        for word in ["true", "false", "null"] {
            let ends = !rest.as_bytes().get(word.len()).is_some_and(u8::is_ascii_alphanumeric);
            if rest.starts_with(word) && ends {
                let start = self.pos;
                self.pos += word.len();
                return Ok(start..self.pos);
            }
        }
        Err(self.malformed("expected true, false or null"))
    }

    /// Passes over one value of strict JSON.
    ///
    /// # Errors
    /// Anything that is not JSON.
    pub fn skip(&mut self) -> Result<Range<usize>, Malformed> {
        let (start, outside) = (self.pos, self.depth);
        // What is open, the innermost in the lowest bit: 1 for an object, 0 for an array. It holds [`MAX_DEPTH`] levels.
        let mut open = 0u128;
        loop {
            let entered = match self.peek() {
                Some(b'"') => {
                    self.string()?;
                    false
                }
                Some(b'{') => {
                    open = open << 1 | 1;
                    self.first(b'}')?
                }
                Some(b'[') => {
                    open <<= 1;
                    self.first(b']')?
                }
                Some(b'-' | b'0'..=b'9') => {
                    self.number()?;
                    false
                }
                _ => {
                    self.kind()?;
                    self.word()?;
                    false
                }
            };
            if !entered {
                // An empty object or array was left again by `first`.
                let is_empty =
                    matches!(self.text.as_bytes().get(self.pos.wrapping_sub(1)), Some(b'}' | b']'));
                if is_empty {
                    open >>= 1;
                }
                // Leaves what ends here.
                while self.depth > outside && !self.next(if open & 1 == 1 { b'}' } else { b']' })? {
                    open >>= 1;
                }
                if self.depth == outside {
                    return Ok(start..self.pos);
                }
            }
            if open & 1 == 1 {
                self.name()?;
            }
        }
    }

    /// Enters an object or array of strict JSON; false when it is empty, and then already left.
    ///
    /// # Errors
    /// Nesting too deep.
    pub fn first(&mut self, closing: u8) -> Result<bool, Malformed> {
        self.open()?;
        self.space();
        if self.peek() == Some(closing) {
            self.close();
            return Ok(false);
        }
        Ok(true)
    }

    /// After an element: passes the comma (true), or leaves the object or array (false).
    ///
    /// # Errors
    /// Neither is here.
    pub fn next(&mut self, closing: u8) -> Result<bool, Malformed> {
        self.space();
        match self.peek() {
            Some(b',') => {
                self.pos += 1;
                self.space();
                Ok(true)
            }
            Some(byte) if byte == closing => {
                self.close();
                Ok(false)
            }
            _ => Err(self.malformed("expected a comma or the closing bracket")),
        }
    }

    /// Reads a member's name and the colon behind it; the span includes the quotes.
    ///
    /// # Errors
    /// Anything else.
    pub fn name(&mut self) -> Result<Range<usize>, Malformed> {
        let name = self.string()?;
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.malformed("expected a colon behind a member's name"));
        }
        self.pos += 1;
        self.space();
        Ok(name)
    }

    /// That nothing but white space is left.
    ///
    /// # Errors
    /// Something is.
    pub fn end(&mut self) -> Result<(), Malformed> {
        self.space();
        if self.pos < self.text.len() {
            return Err(self.malformed("text after the end of the JSON value"));
        }
        Ok(())
    }

    /// A complaint about the byte here.
    #[must_use]
    pub fn malformed(&self, message: &'static str) -> Malformed {
        Malformed { at: self.pos, message }
    }
}

/// The first byte from `pos` on that ends a string, starts an escape or must not stand in a string.
fn plain_run(bytes: &[u8], mut pos: usize) -> usize {
    // Eight bytes at a time: a byte is special when it is below 0x20, a quote or a backslash. The classic
    // trick finds a zero byte in a word; borrows can only mark bytes above a true hit, so the first is right.
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    while let Some(chunk) = bytes.get(pos..pos + 8) {
        let word = u64::from_le_bytes(chunk.try_into().expect("eight bytes"));
        let quote = word ^ (ONES * 0x22);
        let slash = word ^ (ONES * 0x5c);
        let hits = (word.wrapping_sub(ONES * 0x20) & !word
            | quote.wrapping_sub(ONES) & !quote
            | slash.wrapping_sub(ONES) & !slash)
            & HIGHS;
        if hits != 0 {
            return pos + (hits.trailing_zeros() / 8) as usize;
        }
        pos += 8;
    }
    while bytes.get(pos).is_some_and(|&byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        pos += 1;
    }
    pos
}

/// Checks the escape at `pos` and returns the offset behind it.
fn escape(bytes: &[u8], pos: usize) -> Result<usize, Malformed> {
    match bytes.get(pos + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(pos + 2),
        Some(b'u') => match hex4(bytes, pos + 2) {
            Some(0xd800..=0xdbff) => {
                match (bytes.get(pos + 6), bytes.get(pos + 7), hex4(bytes, pos + 8)) {
                    (Some(b'\\'), Some(b'u'), Some(0xdc00..=0xdfff)) => Ok(pos + 12),
                    _ => Err(Malformed {
                        at: pos,
                        message: "half of a surrogate pair (\\ud800 to \\udbff) without its other half",
                    }),
                }
            }
            Some(0xdc00..=0xdfff) => Err(Malformed {
                at: pos,
                message: "the second half of a surrogate pair without its first",
            }),
            Some(_) => Ok(pos + 6),
            None => Err(Malformed {
                at: pos,
                message: "\\u is not followed by four hexadecimal digits",
            }),
        },
        _ => Err(Malformed {
            at: pos,
            message: "an escape that JSON does not have; a backslash itself is written \\\\",
        }),
    }
}

fn hex4(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 4)?;
    digits.iter().try_fold(0, |value, &digit| Some(value * 16 + char::from(digit).to_digit(16)?))
}

/// The length of the JSON number at the start of `bytes`.
fn number_length(bytes: &[u8]) -> Option<usize> {
    let digits =
        |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut pos = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(pos);
    if whole == 0 || (whole > 1 && bytes[pos] == b'0') {
        return None;
    }
    pos += whole;
    if bytes.get(pos) == Some(&b'.') {
        let fraction = digits(pos + 1);
        if fraction == 0 {
            return None;
        }
        pos += 1 + fraction;
    }
    if matches!(bytes.get(pos), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(pos + 1), Some(b'+' | b'-')));
        let exponent = digits(pos + 1 + sign);
        if exponent == 0 {
            return None;
        }
        pos += 1 + sign + exponent;
    }
    Some(pos)
}

/// Whether `text` is one JSON number and nothing else.
#[must_use]
pub fn is_number(text: &str) -> bool {
    number_length(text.as_bytes()) == Some(text.len())
}

/// The text of a string that was scanned; `raw` without its quotes.
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

/// Appends `text` as a JSON string with its quotes.
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;

    fn accepts(text: &str) -> bool {
        let mut scanner = Scanner::new(text);
        scanner.space();
        scanner.skip().and_then(|_| scanner.end()).is_ok()
    }

    #[test]
    fn the_scanner_accepts_what_serde_json_accepts() {
        for text in [
            "{}",
            "[]",
            " { } ",
            "[1,2]",
            "[1,]",
            "{\"a\":1,}",
            "01",
            "-",
            "-0",
            "1.",
            "1.5e",
            "1e+5",
            "\"\\ud83d\\udc22\"",
            "\"\u{1}\"",
            "\"abcdefghijklmnop\\\"qrst\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "nul",
            "true",
            "truex",
            "{\"a\" 1}",
            "{a:1}",
            "[1 2]",
            "\"ünïcödé ✓ text\"",
            "",
            "{\"a\":[{\"b\":[]}]}",
        ] {
            assert_eq!(
                accepts(text),
                serde_json::from_str::<serde_json::Value>(text).is_ok(),
                "{text}"
            );
        }
    }

    #[test]
    fn lone_surrogates_are_refused_at_their_place() {
        assert_eq!(Scanner::new("\"ab\\ud800x\"").skip().unwrap_err().at, 3);
        assert!(
            Scanner::new("\"\\udc00\"").skip().unwrap_err().message.contains("without its first")
        );
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(accepts(&deep(128)));
        assert!(!accepts(&deep(129)));
        assert!(!accepts(&"[".repeat(100_000)));
    }

    #[test]
    fn unescape_gives_what_serde_json_gives() {
        for raw in [
            "plain",
            "a\\nb",
            "\\u017c\\u00f3\\u0142w \\ud83d\\udc22",
            "\\\\\\/\\\"\\b\\f\\r\\t",
            "x\\u0000y",
        ] {
            let expected: String = serde_json::from_str(&format!("\"{raw}\"")).unwrap();
            assert_eq!(unescape(raw), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn push_string_and_unescape_are_inverse(text in ".*") {
            let mut out = String::new();
            push_string(&mut out, &text);
            proptest::prop_assert_eq!(unescape(&out[1..out.len() - 1]).to_string(), text.clone());
            proptest::prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }

        #[test]
        fn any_text_is_judged_as_serde_json_judges_it(text in "[\\[\\]{}\",:0-9a-f\\\\u.eE+-]{0,40}") {
            proptest::prop_assert_eq!(accepts(&text), serde_json::from_str::<serde_json::Value>(&text).is_ok());
        }
    }
}

//! A forward scanner for JSON text. It yields spans of the text and builds no tree.
//!
//! [`Scanner`] reads strict JSON ([RFC 8259](https://www.rfc-editor.org/rfc/rfc8259)) and checks
//! every token: control characters, escapes, surrogate pairs and numbers. Relaxed JSON also allows
//! `//` and `/* */` comments, and a comma before a closing bracket; [`crate::transcode::encode`]
//! accepts it with the help of [`Scanner::skip_comment`].
//!
//! ```
//! use dynamodb_json::json::{Kind, Scanner, unescape};
//!
//! let mut scanner = Scanner::new(r#"{"id": 1.50, "tags": ["a"]}"#);
//! let mut names = Vec::new();
//! let mut more = scanner.enter_unless_empty(b'}')?;
//! while more {
//!     let name = scanner.field_name()?;
//!     names.push(unescape(scanner.slice(name.start + 1..name.end - 1)));
//!     if scanner.peek_kind()? == Kind::Number {
//!         let number = scanner.number()?;
//!         assert_eq!(scanner.slice(number), "1.50"); // the digits as written
//!     } else {
//!         scanner.skip_value()?;
//!     }
//!     more = scanner.next_element(b'}')?;
//! }
//! scanner.expect_end()?;
//! assert_eq!(names, ["id", "tags"]);
//! # Ok::<(), dynamodb_json::json::SyntaxError>(())
//! ```

mod error;
mod number;
mod text;

pub use error::{SyntaxError, explain};
pub use number::is_number;
pub use text::{BYTE_ORDER_MARK, push_string, unescape};

use core::ops::Range;
use number::number_length;
use text::hex4;

/// The maximum nesting depth of arrays and objects.
///
/// DynamoDB allows 32 levels of attribute values. Each takes two levels of JSON (`{"M": {…}}`),
/// below at most eight levels of the request. 128 is well above that and still bounds the depth of
/// recursion.
pub const MAX_DEPTH: u32 = 128;

/// The kind of a JSON value, as told by its first byte.
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
    /// Returns the kind with its article, for messages.
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

/// A position in a JSON text. See the [module documentation](self) for an example.
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    text: &'a str,
    /// The offset of the next byte to read.
    pub pos: usize,
    depth: u32,
}

impl<'a> Scanner<'a> {
    /// Starts at the beginning of `text`, after a byte order mark if there is one.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let pos = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        Self { text, pos, depth: 0 }
    }

    /// Returns the text of a span that this scanner returned.
    #[must_use]
    pub fn slice(&self, span: Range<usize>) -> &'a str {
        &self.text[span]
    }

    /// Returns the next byte without consuming it.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    /// Skips white space.
    pub fn skip_whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.pos += 1;
        }
    }

    /// Skips one comment and returns true, or returns false if no comment starts here.
    ///
    /// # Errors
    /// Returns an error if the comment is not closed, or if a lone slash is found.
    pub fn skip_comment(&mut self) -> Result<bool, SyntaxError> {
        if self.peek() != Some(b'/') {
            return Ok(false);
        }
        let rest = &self.text[self.pos + 1..];
        if rest.starts_with('/') {
            self.pos += 1 + rest.find('\n').unwrap_or(rest.len());
            Ok(true)
        } else if let Some(inner) = rest.strip_prefix('*') {
            let length = inner
                .find("*/")
                .ok_or(self.syntax_error("this comment is not closed; end it with */"))?;
            self.pos += 2 + length + 2;
            Ok(true)
        } else {
            Err(self.syntax_error("a slash outside a string; a comment starts with // or /*"))
        }
    }

    /// Skips white space and comments.
    ///
    /// # Errors
    /// Returns an error if a comment is not closed, or if a lone slash is found.
    pub fn skip_trivia(&mut self) -> Result<(), SyntaxError> {
        self.skip_whitespace();
        while self.skip_comment()? {
            self.skip_whitespace();
        }
        Ok(())
    }

    /// Returns the kind of the value that starts here, without consuming it.
    ///
    /// # Errors
    /// Returns an error if the text ends here, or if no JSON value starts with this byte.
    pub fn peek_kind(&self) -> Result<Kind, SyntaxError> {
        match self.peek() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Boolean),
            Some(b'n') => Ok(Kind::Null),
            Some(b'\'') => {
                Err(self.syntax_error("a single quote; JSON strings need double quotes"))
            }
            Some(_) => Err(self.syntax_error("expected a value")),
            None => Err(self.syntax_error("expected a value, but the text ends here")),
        }
    }

    /// Consumes the opening bracket of an object or array.
    ///
    /// # Errors
    /// Returns an error if the text nests deeper than [`MAX_DEPTH`].
    pub fn enter(&mut self) -> Result<(), SyntaxError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.syntax_error(
                "nested deeper than 128 levels; DynamoDB allows 32 levels of attribute values",
            ));
        }
        self.pos += 1;
        Ok(())
    }

    /// Consumes the closing bracket of an object or array.
    pub fn leave(&mut self) {
        self.depth -= 1;
        self.pos += 1;
    }

    /// Reads a string and returns its span, quotes included.
    ///
    /// # Errors
    /// Returns an error if no string starts here, if it is not closed, or if it contains a control
    /// character, an invalid escape or half of a surrogate pair.
    pub fn string(&mut self) -> Result<Range<usize>, SyntaxError> {
        if self.peek() != Some(b'"') {
            return Err(self.syntax_error("expected a string in double quotes"));
        }
        let start = self.pos;
        let bytes = self.text.as_bytes();
        let mut pos = start + 1;
        loop {
            pos = skip_unescaped(bytes, pos);
            match bytes.get(pos) {
                Some(b'"') => {
                    self.pos = pos + 1;
                    return Ok(start..self.pos);
                }
                Some(b'\\') => pos = check_escape(bytes, pos)?,
                Some(_) => {
                    return Err(SyntaxError {
                        offset: pos,
                        message: "a control character in a string; write it as an escape, as in \\n",
                    });
                }
                None => {
                    return Err(SyntaxError {
                        offset: start,
                        message: "this string is not closed; end it with a double quote",
                    });
                }
            }
        }
    }

    /// Reads a number and returns its span.
    ///
    /// # Errors
    /// Returns an error if no number starts here (RFC 8259, section 6).
    pub fn number(&mut self) -> Result<Range<usize>, SyntaxError> {
        let start = self.pos;
        let length = number_length(&self.text.as_bytes()[start..]);
        let malformed = self.syntax_error("expected a JSON number such as 12, -3.5 or 6e7");
        let length = length.ok_or(malformed)?;
        self.pos += length;
        Ok(start..self.pos)
    }

    /// Reads `true`, `false` or `null` and returns its span.
    ///
    /// # Errors
    /// Returns an error if none of the three starts here.
    pub fn literal(&mut self) -> Result<Range<usize>, SyntaxError> {
        let rest = &self.text[self.pos..];
        for word in ["true", "false", "null"] {
            let ends = !rest.as_bytes().get(word.len()).is_some_and(u8::is_ascii_alphanumeric);
            if rest.starts_with(word) && ends {
                let start = self.pos;
                self.pos += word.len();
                return Ok(start..self.pos);
            }
        }
        Err(self.syntax_error("expected true, false or null"))
    }

    /// Skips one value of strict JSON and returns its span.
    ///
    /// # Errors
    /// Returns an error if the text here is not a valid JSON value.
    pub fn skip_value(&mut self) -> Result<Range<usize>, SyntaxError> {
        let (start, outside) = (self.pos, self.depth);
        // One bit for each open bracket, the innermost lowest: 1 for an object, 0 for an array.
        // 128 bits hold [`MAX_DEPTH`] levels.
        let mut open = 0u128;
        loop {
            let entered = match self.peek() {
                Some(b'"') => {
                    self.string()?;
                    false
                }
                Some(b'{') => {
                    open = open << 1 | 1;
                    self.enter_unless_empty(b'}')?
                }
                Some(b'[') => {
                    open <<= 1;
                    self.enter_unless_empty(b']')?
                }
                Some(b'-' | b'0'..=b'9') => {
                    self.number()?;
                    false
                }
                _ => {
                    self.peek_kind()?;
                    self.literal()?;
                    false
                }
            };
            if !entered {
                // `enter_unless_empty` has already left an empty object or array.
                let is_empty =
                    matches!(self.text.as_bytes().get(self.pos.wrapping_sub(1)), Some(b'}' | b']'));
                if is_empty {
                    open >>= 1;
                }
                // Leaves all objects and arrays that end here.
                while self.depth > outside
                    && !self.next_element(if open & 1 == 1 { b'}' } else { b']' })?
                {
                    open >>= 1;
                }
                if self.depth == outside {
                    return Ok(start..self.pos);
                }
            }
            if open & 1 == 1 {
                self.field_name()?;
            }
        }
    }

    /// Enters an object or array of strict JSON and returns true.
    ///
    /// If it is empty, consumes all of it and returns false.
    ///
    /// # Errors
    /// Returns an error if the text nests deeper than [`MAX_DEPTH`].
    pub fn enter_unless_empty(&mut self, closing: u8) -> Result<bool, SyntaxError> {
        self.enter()?;
        self.skip_whitespace();
        if self.peek() == Some(closing) {
            self.leave();
            return Ok(false);
        }
        Ok(true)
    }

    /// After an element, consumes the comma and returns true, or leaves the object or array and
    /// returns false.
    ///
    /// # Errors
    /// Returns an error if neither a comma nor the closing bracket follows.
    pub fn next_element(&mut self, closing: u8) -> Result<bool, SyntaxError> {
        self.skip_whitespace();
        match self.peek() {
            Some(b',') => {
                self.pos += 1;
                self.skip_whitespace();
                Ok(true)
            }
            Some(byte) if byte == closing => {
                self.leave();
                Ok(false)
            }
            _ => Err(self.syntax_error("expected a comma or the closing bracket")),
        }
    }

    /// Reads the name of a field and the colon after it. Returns the span of the name, quotes
    /// included.
    ///
    /// # Errors
    /// Returns an error if no string starts here, or if no colon follows it.
    pub fn field_name(&mut self) -> Result<Range<usize>, SyntaxError> {
        let name = self.string()?;
        self.skip_whitespace();
        if self.peek() != Some(b':') {
            return Err(self.syntax_error("expected a colon after the name of a field"));
        }
        self.pos += 1;
        self.skip_whitespace();
        Ok(name)
    }

    /// Checks that nothing but white space is left.
    ///
    /// # Errors
    /// Returns an error if other text follows.
    pub fn expect_end(&mut self) -> Result<(), SyntaxError> {
        self.skip_whitespace();
        if self.pos < self.text.len() {
            return Err(self.syntax_error("unexpected text after the end of the JSON value"));
        }
        Ok(())
    }

    /// Returns an error at the current position.
    #[must_use]
    pub fn syntax_error(&self, message: &'static str) -> SyntaxError {
        SyntaxError { offset: self.pos, message }
    }
}

/// Returns the offset of the first byte at or after `pos` that ends a string, starts an escape or
/// is not allowed in a string.
fn skip_unescaped(bytes: &[u8], mut pos: usize) -> usize {
    // Eight bytes at a time: a byte is special if it is below 0x20, a quote or a backslash.
    // https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord finds a zero byte in a word.
    // A borrow can only set false marks above a true one, so the lowest mark is always right.
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

/// Checks the escape at `pos` and returns the offset after it.
fn check_escape(bytes: &[u8], pos: usize) -> Result<usize, SyntaxError> {
    match bytes.get(pos + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(pos + 2),
        Some(b'u') => match hex4(bytes, pos + 2) {
            Some(0xd800..=0xdbff) => {
                match (bytes.get(pos + 6), bytes.get(pos + 7), hex4(bytes, pos + 8)) {
                    (Some(b'\\'), Some(b'u'), Some(0xdc00..=0xdfff)) => Ok(pos + 12),
                    _ => Err(SyntaxError {
                        offset: pos,
                        message: "the first half of a surrogate pair (\\ud800 to \\udbff) without the \
                                  second",
                    }),
                }
            }
            Some(0xdc00..=0xdfff) => Err(SyntaxError {
                offset: pos,
                message: "the second half of a surrogate pair (\\udc00 to \\udfff) without the \
                          first",
            }),
            Some(_) => Ok(pos + 6),
            None => Err(SyntaxError {
                offset: pos,
                message: "\\u is not followed by four hexadecimal digits",
            }),
        },
        _ => Err(SyntaxError {
            offset: pos,
            message: "an escape that JSON does not have; write a backslash as \\\\",
        }),
    }
}

#[cfg(test)]
mod tests;

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

mod block;
mod error;
mod number;
mod string;
mod text;
mod utf8;
mod value;

pub use error::{SyntaxError, explain};
pub use number::is_number;
pub use text::{BYTE_ORDER_MARK, push_string, unescape};
pub use utf8::{is_utf8, text};
pub use value::MAX_DEPTH;

use alloc::borrow::Cow;
use core::ops::Range;
use number::number_length;
use string::{explain_string, scan_string};
use value::{literal_length, scan_value, skip_whitespace};

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

/// The span of the name of a field, without its quotes.
#[derive(Clone, Copy)]
pub(crate) struct Name {
    /// The offset after the opening quote.
    pub(crate) start: usize,
    /// The offset of the closing quote.
    pub(crate) end: usize,
    /// Whether the name may contain escapes.
    may_escape: bool,
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

    /// Returns the text of a name, with its escapes decoded.
    #[inline(always)]
    pub(crate) fn unescape(&self, name: Name) -> Cow<'a, str> {
        let raw = self.raw(name);
        if name.may_escape { unescape(raw) } else { Cow::Borrowed(raw) }
    }

    /// Returns the text of a name as written.
    #[inline(always)]
    pub(crate) fn raw(&self, name: Name) -> &'a str {
        &self.text[name.start..name.end]
    }

    /// Returns all of the text.
    #[inline(always)]
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// Returns the byte at an offset.
    #[inline(always)]
    pub(crate) fn byte(&self, pos: usize) -> Option<u8> {
        self.text.as_bytes().get(pos).copied()
    }

    /// Returns the next byte without consuming it.
    #[must_use]
    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    /// Skips white space.
    #[inline]
    pub fn skip_whitespace(&mut self) {
        self.pos = skip_whitespace(self.text.as_bytes(), self.pos);
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
    #[inline]
    pub fn peek_kind(&self) -> Result<Kind, SyntaxError> {
        self.kind_at(self.pos).ok_or_else(|| self.explain_kind())
    }

    /// Returns the kind of the value that starts at an offset, if one starts there.
    #[inline(always)]
    pub(crate) fn kind_at(&self, pos: usize) -> Option<Kind> {
        match self.byte(pos)? {
            b'{' => Some(Kind::Object),
            b'[' => Some(Kind::Array),
            b'"' => Some(Kind::String),
            b'-' | b'0'..=b'9' => Some(Kind::Number),
            b't' | b'f' => Some(Kind::Boolean),
            b'n' => Some(Kind::Null),
            _ => None,
        }
    }

    /// Returns why no value starts here.
    #[cold]
    #[inline(never)]
    fn explain_kind(&self) -> SyntaxError {
        self.syntax_error(match self.peek() {
            Some(b'\'') => "a single quote; JSON strings need double quotes",
            Some(_) => "expected a value",
            None => "expected a value, but the text ends here",
        })
    }

    /// Consumes the opening bracket of an object or array.
    ///
    /// # Errors
    /// Returns an error if the text nests deeper than [`MAX_DEPTH`].
    #[inline]
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

    /// Returns whether another object or array may start here.
    #[inline(always)]
    pub(crate) fn has_room(&self) -> bool {
        self.depth < MAX_DEPTH
    }

    /// Consumes the opening bracket of an object, and as much after it as makes up `length`. The
    /// caller has asked whether there [is room](Self::has_room).
    #[inline(always)]
    pub(crate) fn enter_by(&mut self, length: usize) {
        self.depth += 1;
        self.pos += length;
    }

    /// Consumes the closing bracket of an object or array.
    #[inline]
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
        let start = self.pos;
        self.scan_string()?;
        Ok(start..self.pos)
    }

    /// Reads a string, and returns whether it may contain escapes.
    #[inline(always)]
    pub(crate) fn scan_string(&mut self) -> Result<bool, SyntaxError> {
        let bytes = self.text.as_bytes();
        if bytes.get(self.pos) == Some(&b'"')
            && let Some(scanned) = scan_string(bytes, self.pos + 1)
        {
            self.pos = scanned.end;
            return Ok(scanned.may_escape);
        }
        Err(self.explain_string())
    }

    /// Returns why no string starts here.
    #[cold]
    #[inline(never)]
    fn explain_string(&self) -> SyntaxError {
        if self.peek() != Some(b'"') {
            return self.syntax_error("expected a string in double quotes");
        }
        explain_string(self.text.as_bytes(), self.pos + 1)
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
        let start = self.pos;
        let length = literal_length(&self.text.as_bytes()[start..]);
        let Some(length) = length else {
            return Err(self.syntax_error("expected true, false or null"));
        };
        self.pos += length;
        Ok(start..self.pos)
    }

    /// Skips one value of strict JSON and returns its span.
    ///
    /// # Errors
    /// Returns an error if the text here is not a valid JSON value.
    #[inline]
    pub fn skip_value(&mut self) -> Result<Range<usize>, SyntaxError> {
        let start = self.pos;
        let Some(end) = scan_value(self.text.as_bytes(), start, self.depth) else {
            return self.read_value();
        };
        self.pos = end;
        Ok(start..end)
    }

    /// Reads the value that starts here token by token. Each token says what is wrong with it.
    #[cold]
    #[inline(never)]
    fn read_value(&mut self) -> Result<Range<usize>, SyntaxError> {
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
    #[inline]
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
    #[inline(never)]
    pub fn next_element(&mut self, closing: u8) -> Result<bool, SyntaxError> {
        self.comma_or(closing)
    }

    /// As [`Self::next_element`], inlined.
    #[inline(always)]
    pub(crate) fn comma_or(&mut self, closing: u8) -> Result<bool, SyntaxError> {
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
    #[inline(never)]
    pub fn field_name(&mut self) -> Result<Range<usize>, SyntaxError> {
        let name = self.name()?;
        Ok(name.start - 1..name.end + 1)
    }

    /// Reads the name of a field and the colon after it.
    #[inline(always)]
    pub(crate) fn name(&mut self) -> Result<Name, SyntaxError> {
        let name = self.quoted()?;
        self.skip_whitespace();
        if self.peek() != Some(b':') {
            return Err(self.syntax_error("expected a colon after the name of a field"));
        }
        self.pos += 1;
        self.skip_whitespace();
        Ok(name)
    }

    /// Reads a string, as the name of a field.
    #[inline(always)]
    pub(crate) fn quoted(&mut self) -> Result<Name, SyntaxError> {
        let start = self.pos + 1;
        let may_escape = self.scan_string()?;
        Ok(Name { start, end: self.pos - 1, may_escape })
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

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

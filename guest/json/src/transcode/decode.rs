//! Decodes the service's response into JSON for the caller.

use super::format::{Content, Format, compact_tag, descriptor, escape};
use super::output::Output;
use crate::json::{BYTE_ORDER_MARK, Kind, Name, Scanner, SyntaxError, is_number, unescape};
use crate::shape::{Shape, find_field};
use alloc::borrow::Cow;
use alloc::string::String;

/// Checks that `response` is JSON and converts its attribute values to `format`.
///
/// The values are found by `shape`. With [`Format::Typed`] the text is returned unchanged. Fields
/// that the model does not know are copied unchanged. A byte order mark is left out: JSON must not
/// start with one (RFC 8259, section 8.1), so the caller's parser may refuse it.
///
/// ```
/// use dynamodb_json::shape::Shape;
/// use dynamodb_json::transcode::{Format, decode};
///
/// static ITEM: Shape = Shape::Map { value: &Shape::AttributeValue, min: 0, max: u32::MAX };
///
/// let response = r#"{"id": {"S": "a"}, "tags": {"SS": ["x"]}}"#.to_string();
/// let plain = decode(response, &ITEM, Format::Plain).unwrap();
/// assert_eq!(plain, r#"{"id": "a", "tags": {"$SS": ["x"]}}"#);
/// ```
///
/// # Errors
/// Returns an error if `response` is not JSON, or nests deeper than [`crate::json::MAX_DEPTH`].
pub fn decode(
    mut response: String,
    shape: &'static Shape,
    format: Format,
) -> Result<String, SyntaxError> {
    if response.starts_with(BYTE_ORDER_MARK) {
        response.drain(..BYTE_ORDER_MARK.len_utf8());
    }
    let mut scanner = Scanner::new(&response);
    scanner.skip_whitespace();
    if format == Format::Typed || matches!(shape, Shape::Any) {
        scanner.skip_value()?;
        scanner.expect_end()?;
        return Ok(response);
    }
    let output = Output::new(&response, 0);
    let mut decoder = Decoder { scanner, output };
    decoder.value(shape)?;
    decoder.scanner.expect_end()?;
    match decoder.output.finish() {
        Cow::Borrowed(_) => Ok(response),
        Cow::Owned(plain) => Ok(plain),
    }
}

/// Returns the fields of an error's body other than its type and message, as a JSON object.
///
/// Returns `None` if there are no other fields.
///
/// # Errors
/// Returns an error if `body` is not a JSON object, or nests deeper than
/// [`crate::json::MAX_DEPTH`].
pub fn details(
    body: &str,
    shape: &'static Shape,
    format: Format,
) -> Result<Option<String>, SyntaxError> {
    let mut scanner = Scanner::new(body);
    let mut out = String::new();
    scanner.skip_whitespace();
    if scanner.peek_kind()? != Kind::Object {
        return Err(scanner.syntax_error("expected an object"));
    }
    let mut more = scanner.enter_unless_empty(b'}')?;
    while more {
        let start = scanner.pos;
        let name = scanner.field_name()?;
        let name = unescape(scanner.slice(name.start + 1..name.end - 1));
        scanner.skip_value()?;
        if !matches!(name.as_ref(), "__type" | "message" | "Message") {
            out.push(if out.is_empty() { '{' } else { ',' });
            out.push_str(scanner.slice(start..scanner.pos));
        }
        more = scanner.next_element(b'}')?;
    }
    if out.is_empty() {
        return Ok(None);
    }
    out.push('}');
    decode(out, shape, format).map(Some)
}

/// Rewrites DynamoDB JSON as `plain` by leaving out the tags around the values.
struct Decoder<'a> {
    scanner: Scanner<'a>,
    output: Output<'a>,
}

impl Decoder<'_> {
    fn value(&mut self, shape: &'static Shape) -> Result<(), SyntaxError> {
        if matches!(shape, Shape::AttributeValue) && self.scanner.peek() == Some(b'{') {
            return self.attribute();
        }
        match (shape, self.scanner.peek_kind()?) {
            (Shape::Structure(fields), Kind::Object) => {
                let mut more = self.scanner.enter_unless_empty(b'}')?;
                while more {
                    let name = self.scanner.name()?;
                    let field = find_field(fields, &self.scanner.unescape(name));
                    self.value(field.map_or(&Shape::Any, |field| field.shape))?;
                    more = self.scanner.comma_or(b'}')?;
                }
                Ok(())
            }
            (Shape::Map { value, .. }, Kind::Object) => self.map(value).map(|_| ()),
            (Shape::List { member, .. }, Kind::Array) => self.list(member),
            _ => self.scanner.skip_value().map(|_| ()),
        }
    }

    /// Decodes the values of an object. Returns whether the name of a field is an escape.
    fn map(&mut self, value: &'static Shape) -> Result<bool, SyntaxError> {
        let mut has_escape = false;
        let mut more = self.scanner.enter_unless_empty(b'}')?;
        while more {
            let name = self.scanner.name()?;
            has_escape = has_escape || self.is_escape(name);
            self.value(value)?;
            more = self.scanner.comma_or(b'}')?;
        }
        Ok(has_escape)
    }

    fn is_escape(&self, name: Name) -> bool {
        // Every escape starts with `$`, which can be written as `\u0024` too.
        matches!(self.scanner.byte(name.start), Some(b'$' | b'\\'))
            && escape(&self.scanner.unescape(name)).is_some()
    }

    fn list(&mut self, member: &'static Shape) -> Result<(), SyntaxError> {
        let mut more = self.scanner.enter_unless_empty(b']')?;
        while more {
            self.value(member)?;
            more = self.scanner.comma_or(b']')?;
        }
        Ok(())
    }

    /// Decodes `{"S": "text"}`. An object that is not an attribute value of the model is copied
    /// unchanged.
    fn attribute(&mut self) -> Result<(), SyntaxError> {
        let start = self.scanner.pos;
        let Some((content, name_at)) = self.tag()? else {
            return self.scanner.skip_value().map(|_| ());
        };
        let value_at = self.scanner.pos;
        let kept = match content {
            Content::Text => {
                self.output.drop_span(start..value_at);
                self.scanner.scan_string()?;
                false
            }
            Content::Boolean => {
                self.output.drop_span(start..value_at);
                self.scanner.literal()?;
                false
            }
            Content::Null => {
                self.output.drop_span(start..value_at);
                let word = self.scanner.literal()?;
                self.output.drop_span(word);
                self.output.insert_at(self.scanner.pos, "null");
                false
            }
            Content::Number => {
                self.scanner.scan_string()?;
                let digits = value_at + 1..self.scanner.pos - 1;
                if is_number(self.scanner.slice(digits.clone())) {
                    self.output.drop_span(start..digits.start);
                    self.output.drop_span(digits.end..self.scanner.pos);
                    false
                } else {
                    self.output.insert_at(name_at, "$");
                    true
                }
            }
            Content::Bytes | Content::Set(_) => {
                self.output.insert_at(name_at, "$");
                self.scanner.skip_value()?;
                true
            }
            Content::List => {
                self.output.drop_span(start..value_at);
                self.list(&Shape::AttributeValue)?;
                false
            }
            Content::Map => {
                self.output.drop_span(start..value_at);
                let mark = self.output.mark();
                let has_escape = self.map(&Shape::AttributeValue)?;
                if has_escape {
                    // Everything after the mark belongs to this map. The rest of it is copied
                    // later.
                    self.output.insert_at_mark(mark, "{\"$M\":");
                }
                has_escape
            }
        };
        let end = self.scanner.pos;
        if self.scanner.comma_or(b'}')? {
            // No model has a value with two types.
            return Err(self.scanner.syntax_error("an attribute value with two types"));
        }
        if !kept {
            self.output.drop_span(end..self.scanner.pos);
        }
        Ok(())
    }

    /// Enters an attribute value, up to the value after its data type descriptor. Returns the
    /// content, and the offset of the descriptor.
    ///
    /// Returns `None` and consumes nothing if the object is not an attribute value.
    #[inline]
    fn tag(&mut self) -> Result<Option<(Content, usize)>, SyntaxError> {
        let start = self.scanner.pos;
        if let Some((content, length)) = compact_tag(self.scanner.text(), start)
            && self.scanner.has_room()
            && fits(content, self.scanner.kind_at(start + length))
        {
            self.scanner.enter_by(length);
            return Ok(Some((content, start + 2)));
        }
        self.spaced_tag()
    }

    /// As [`Self::tag`], for any spelling.
    #[inline(never)]
    fn spaced_tag(&mut self) -> Result<Option<(Content, usize)>, SyntaxError> {
        let mut ahead = self.scanner.clone();
        if !ahead.enter_unless_empty(b'}')? {
            return Ok(None);
        }
        let name = ahead.name()?;
        let Some(content) = descriptor(&ahead.unescape(name)) else { return Ok(None) };
        if !fits(content, Some(ahead.peek_kind()?)) {
            return Ok(None);
        }
        self.scanner = ahead;
        Ok(Some((content, name.start)))
    }
}

/// Returns whether an attribute value of the model has a value of this kind.
#[inline(always)]
fn fits(content: Content, kind: Option<Kind>) -> bool {
    matches!(
        (content, kind),
        (Content::Text | Content::Number | Content::Bytes, Some(Kind::String))
            | (Content::Set(_) | Content::List, Some(Kind::Array))
            | (Content::Map, Some(Kind::Object))
            | (Content::Boolean | Content::Null, Some(Kind::Boolean))
    )
}

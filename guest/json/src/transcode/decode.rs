//! Decodes the service's response into JSON for the caller.

use super::format::{Content, Format, descriptor, escape};
use crate::json::{BYTE_ORDER_MARK, Kind, Scanner, SyntaxError, is_number, unescape};
use crate::shape::{Shape, find_field};
use alloc::string::String;
use core::ops::Range;

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
    let mut decoder = Decoder { text: &response, scanner, out: String::new(), copied: 0 };
    decoder.value(shape)?;
    decoder.scanner.expect_end()?;
    if decoder.out.is_empty() && decoder.copied == 0 {
        return Ok(response);
    }
    decoder.flush(response.len());
    Ok(decoder.out)
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
    text: &'a str,
    scanner: Scanner<'a>,
    out: String,
    /// The offset up to which the text has been copied to `out` or dropped.
    copied: usize,
}

impl Decoder<'_> {
    fn value(&mut self, shape: &'static Shape) -> Result<(), SyntaxError> {
        match (shape, self.scanner.peek_kind()?) {
            (Shape::AttributeValue, Kind::Object) => self.attribute(),
            (Shape::Structure(fields), Kind::Object) => self.fields(|this, name| {
                let shape = find_field(fields, name).map_or(&Shape::Any, |field| field.shape);
                this.value(shape)
            }),
            (Shape::Map { value, .. }, Kind::Object) => self.fields(|this, _| this.value(value)),
            (Shape::List { member, .. }, Kind::Array) => self.elements(|this| this.value(member)),
            _ => self.scanner.skip_value().map(|_| ()),
        }
    }

    /// Decodes `{"S": "text"}`. An object that is not an attribute value of the model is copied
    /// unchanged.
    fn attribute(&mut self) -> Result<(), SyntaxError> {
        let start = self.scanner.pos;
        let mut ahead = self.scanner.clone();
        let known =
            ahead.enter_unless_empty(b'}')?.then(|| ahead.field_name()).transpose()?.and_then(
                |name| {
                    let content = descriptor(&unescape(ahead.slice(name.start + 1..name.end - 1)))?;
                    Some((content, name))
                },
            );
        let Some((content, name)) = known else { return self.scanner.skip_value().map(|_| ()) };
        let fits = matches!(
            (content, ahead.peek_kind()?),
            (Content::Text | Content::Number | Content::Bytes, Kind::String)
                | (Content::Set(_) | Content::List, Kind::Array)
                | (Content::Map, Kind::Object)
                | (Content::Boolean | Content::Null, Kind::Boolean)
        );
        if !fits {
            return self.scanner.skip_value().map(|_| ());
        }
        let value_at = ahead.pos;
        self.scanner = ahead;
        let kept = match content {
            Content::Text | Content::Boolean => {
                self.drop_span(start..value_at);
                self.scanner.skip_value()?;
                false
            }
            Content::Null => {
                self.drop_span(start..value_at);
                let word = self.scanner.literal()?;
                self.drop_span(word);
                self.out.push_str("null");
                false
            }
            Content::Number => {
                let span = self.scanner.string()?;
                let digits = span.start + 1..span.end - 1;
                if is_number(self.scanner.slice(digits.clone())) {
                    self.drop_span(start..digits.start);
                    self.drop_span(digits.end..span.end);
                    false
                } else {
                    self.insert_at(name.start + 1, "$");
                    true
                }
            }
            Content::Bytes | Content::Set(_) => {
                self.insert_at(name.start + 1, "$");
                self.scanner.skip_value()?;
                true
            }
            Content::List => {
                self.drop_span(start..value_at);
                self.elements(Self::attribute_or_other)?;
                false
            }
            Content::Map => {
                self.drop_span(start..value_at);
                let mark = self.out.len();
                let mut escaped = false;
                self.fields(|this, name| {
                    escaped = escaped || escape(name).is_some();
                    this.attribute_or_other()
                })?;
                if escaped {
                    // Everything after the mark belongs to this map. The rest of it is copied
                    // later.
                    self.out.insert_str(mark, "{\"$M\":");
                }
                escaped
            }
        };
        let end = self.scanner.pos;
        if self.scanner.next_element(b'}')? {
            // No model has a value with two types.
            return Err(self.scanner.syntax_error("an attribute value with two types"));
        }
        if !kept {
            self.drop_span(end..self.scanner.pos);
        }
        Ok(())
    }

    fn attribute_or_other(&mut self) -> Result<(), SyntaxError> {
        self.value(&Shape::AttributeValue)
    }

    fn fields(
        &mut self,
        mut each: impl FnMut(&mut Self, &str) -> Result<(), SyntaxError>,
    ) -> Result<(), SyntaxError> {
        let mut more = self.scanner.enter_unless_empty(b'}')?;
        while more {
            let name = self.scanner.field_name()?;
            let name = unescape(self.scanner.slice(name.start + 1..name.end - 1));
            each(self, &name)?;
            more = self.scanner.next_element(b'}')?;
        }
        Ok(())
    }

    fn elements(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), SyntaxError>,
    ) -> Result<(), SyntaxError> {
        let mut more = self.scanner.enter_unless_empty(b']')?;
        while more {
            each(self)?;
            more = self.scanner.next_element(b']')?;
        }
        Ok(())
    }

    fn insert_at(&mut self, at: usize, inserted: &str) {
        self.flush(at);
        self.out.push_str(inserted);
    }

    fn drop_span(&mut self, span: Range<usize>) {
        self.flush(span.start);
        self.copied = span.end;
    }

    fn flush(&mut self, upto: usize) {
        if self.out.capacity() == 0 {
            self.out.reserve(self.text.len());
        }
        self.out.push_str(&self.text[self.copied..upto]);
        self.copied = upto;
    }
}

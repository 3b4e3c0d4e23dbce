//! The service's answer → JSON for the caller.

use super::{Content, Format, descriptor, escape};
use crate::json::{Kind, Malformed, Scanner, is_number, unescape};
use crate::shape::{Shape, member};
use alloc::string::String;
use core::ops::Range;

/// Checks that `answer` is JSON and writes its attribute values, found by `shape`, in `format`. In `typed` the
/// text is handed back as it is. Members that the model does not know pass unchanged.
///
/// # Errors
/// An answer that is not JSON, or nests deeper than [`crate::json::MAX_DEPTH`].
pub fn decode(answer: String, shape: &'static Shape, format: Format) -> Result<String, Malformed> {
    let mut scanner = Scanner::new(&answer);
    scanner.space();
    if format == Format::Typed || matches!(shape, Shape::Any) {
        scanner.skip()?;
        scanner.end()?;
        return Ok(answer);
    }
    let mut decoder = Decoder { text: &answer, scanner, out: String::new(), copied: 0 };
    decoder.value(shape)?;
    decoder.scanner.end()?;
    if decoder.out.is_empty() && decoder.copied == 0 {
        return Ok(answer);
    }
    decoder.flush(answer.len());
    Ok(decoder.out)
}

/// The members of an error's body beside its type and message, as a JSON object; none when there are no others.
///
/// # Errors
/// A body that is not a JSON object.
pub fn details(
    body: &str,
    shape: &'static Shape,
    format: Format,
) -> Result<Option<String>, Malformed> {
    let mut scanner = Scanner::new(body);
    let mut out = String::new();
    scanner.space();
    if scanner.kind()? != Kind::Object {
        return Err(scanner.malformed("expected an object"));
    }
    let mut more = scanner.first(b'}')?;
    while more {
        let start = scanner.pos;
        let name = scanner.name()?;
        let name = unescape(scanner.slice(name.start + 1..name.end - 1));
        scanner.skip()?;
        if !matches!(name.as_ref(), "__type" | "message" | "Message") {
            out.push(if out.is_empty() { '{' } else { ',' });
            out.push_str(scanner.slice(start..scanner.pos));
        }
        more = scanner.next(b'}')?;
    }
    if out.is_empty() {
        return Ok(None);
    }
    out.push('}');
    decode(out, shape, format).map(Some)
}

/// Rewrites DynamoDB JSON as `plain`, by leaving out what stands round the values.
struct Decoder<'a> {
    text: &'a str,
    scanner: Scanner<'a>,
    out: String,
    /// How far the text has been copied to `out`, or dropped.
    copied: usize,
}

impl Decoder<'_> {
    fn value(&mut self, shape: &'static Shape) -> Result<(), Malformed> {
        match (shape, self.scanner.kind()?) {
            (Shape::AttributeValue, Kind::Object) => self.attribute(),
            (Shape::Structure(members), Kind::Object) => self.members(|this, name| {
                let shape = member(members, name).map_or(&Shape::Any, |member| member.shape);
                this.value(shape)
            }),
            (Shape::Map { value, .. }, Kind::Object) => self.members(|this, _| this.value(value)),
            (Shape::List { member, .. }, Kind::Array) => self.elements(|this| this.value(member)),
            _ => self.scanner.skip().map(|_| ()),
        }
    }

    /// Reads `{"S": "text"}`. An object that is no attribute value of the model passes as it is.
    fn attribute(&mut self) -> Result<(), Malformed> {
        let start = self.scanner.pos;
        let mut ahead = self.scanner.clone();
        let known = ahead.first(b'}')?.then(|| ahead.name()).transpose()?.and_then(|name| {
            let content = descriptor(&unescape(ahead.slice(name.start + 1..name.end - 1)))?;
            Some((content, name))
        });
        let Some((content, name)) = known else { return self.scanner.skip().map(|_| ()) };
        let fits = matches!(
            (content, ahead.kind()?),
            (Content::Text | Content::Number | Content::Bytes, Kind::String)
                | (Content::Set(_) | Content::List, Kind::Array)
                | (Content::Map, Kind::Object)
                | (Content::Boolean | Content::Null, Kind::Boolean)
        );
        if !fits {
            return self.scanner.skip().map(|_| ());
        }
        let value_at = ahead.pos;
        self.scanner = ahead;
        let kept = match content {
            Content::Text | Content::Boolean => {
                self.drop_span(start..value_at);
                self.scanner.skip()?;
                false
            }
            Content::Null => {
                self.drop_span(start..value_at);
                let word = self.scanner.word()?;
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
                self.scanner.skip()?;
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
                self.members(|this, name| {
                    escaped = escaped || escape(name).is_some();
                    this.attribute_or_other()
                })?;
                if escaped {
                    // Everything from the mark on is this map's; what was not yet copied follows.
                    self.out.insert_str(mark, "{\"$M\":");
                }
                escaped
            }
        };
        let end = self.scanner.pos;
        if self.scanner.next(b'}')? {
            // Two types in one value: no attribute value of any model.
            return Err(self.scanner.malformed("an attribute value with two types"));
        }
        if !kept {
            self.drop_span(end..self.scanner.pos);
        }
        Ok(())
    }

    fn attribute_or_other(&mut self) -> Result<(), Malformed> {
        self.value(&Shape::AttributeValue)
    }

    fn members(
        &mut self,
        mut each: impl FnMut(&mut Self, &str) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let mut more = self.scanner.first(b'}')?;
        while more {
            let name = self.scanner.name()?;
            let name = unescape(self.scanner.slice(name.start + 1..name.end - 1));
            each(self, &name)?;
            more = self.scanner.next(b'}')?;
        }
        Ok(())
    }

    fn elements(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let mut more = self.scanner.first(b']')?;
        while more {
            each(self)?;
            more = self.scanner.next(b']')?;
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

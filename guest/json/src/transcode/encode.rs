//! Encodes the caller's JSON for an action as the body of a request.

use super::diagnostic::Diagnostic;
use super::format::Format;
use super::names::Names;
use super::output::Output;
use crate::json::{Kind, Name, Scanner, SyntaxError, explain, unescape};
use crate::nearest::nearest;
use crate::shape::{Field, Shape, find_field};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;
use core::ptr;

/// How [`encode`] reads the input.
#[derive(Clone, Copy, Debug)]
pub struct EncodeOptions {
    /// The format of attribute values in the input.
    pub format: Format,
    /// Whether to check the input against the model: fields, kinds, bounds and enumerations.
    pub strict: bool,
}

/// Checks `input` against `shape` and returns it as strict JSON with every attribute value tagged.
///
/// `input` is relaxed JSON: it may have comments and trailing commas. If it contains nothing else,
/// it means `{}`. An input that needs no change is returned without a copy.
///
/// ```
/// use dynamodb_json::shape::{Field, Shape};
/// use dynamodb_json::transcode::{EncodeOptions, Format, encode};
///
/// static KEY: Shape = Shape::Map { value: &Shape::AttributeValue, min: 0, max: u32::MAX };
/// static INPUT: Shape = Shape::Structure(&[Field { name: "Key", shape: &KEY, required: true }]);
///
/// let options = EncodeOptions { format: Format::Typed, strict: true };
/// let body = encode(r#"{"Key": {"id": "a", "n": {"N": "7"},}}"#, &INPUT, options).unwrap();
/// assert_eq!(body, r#"{"Key": {"id": {"S":"a"}, "n": {"N": "7"}}}"#);
///
/// let problems = encode(r#"{"Kye": {}}"#, &INPUT, options).unwrap_err();
/// assert_eq!(problems[0].pointer, "/Kye");
/// assert!(problems[0].message.contains("did you mean Key?"));
/// ```
///
/// # Errors
/// Returns all problems at once, at most 20. The first syntax error ends the
/// search.
pub fn encode<'a>(
    input: &'a str,
    shape: &'static Shape,
    options: EncodeOptions,
) -> Result<Cow<'a, str>, Vec<Diagnostic>> {
    let scanner = Scanner::new(input);
    let mut encoder = Encoder {
        // A byte order mark is skipped and not sent.
        output: Output::new(input, scanner.pos),
        scanner,
        path: Vec::new(),
        names: Names::default(),
        present: Vec::new(),
        diagnostics: Vec::new(),
        options,
        escape_offset: None,
    };
    let result = encoder.document(shape);
    if let Err(error) = result {
        encoder.report(explain(input, &error));
    }
    if encoder.diagnostics.is_empty() {
        Ok(encoder.output.finish())
    } else {
        Err(encoder.diagnostics)
    }
}

/// The maximum number of problems that are reported: enough to fix an input in one go, and few
/// enough to read.
pub(super) const MAX_DIAGNOSTICS: usize = 20;

/// Copies the input to the output, up to the parts that must change.
pub(super) struct Encoder<'a> {
    pub(super) scanner: Scanner<'a>,
    pub(super) output: Output<'a>,
    /// The JSON path from the root to the current value.
    path: Vec<Step>,
    /// The names of the fields so far of all open objects.
    names: Names<'a>,
    /// The required fields so far of all open structures.
    present: Vec<&'static Field>,
    diagnostics: Vec<Diagnostic>,
    pub(super) options: EncodeOptions,
    /// The offset of the `$` that starts the next field name, if that name is an escape. The `$` is
    /// dropped when the name is copied.
    pub(super) escape_offset: Option<usize>,
}

/// One step of a JSON path. Its text is only decoded for a message.
enum Step {
    Name(Name),
    Field(&'static Field),
    Index(usize),
}

/// An object whose fields are being read.
pub(super) struct Object {
    /// The number of fields so far.
    pub(super) count: usize,
    /// The number of names of the objects around it.
    first: usize,
}

/// An array whose elements are being read.
pub(super) struct Array {
    /// The number of elements so far.
    pub(super) count: usize,
}

impl<'a> Encoder<'a> {
    fn document(&mut self, shape: &'static Shape) -> Result<(), SyntaxError> {
        self.skip_trivia()?;
        let is_null = self.scanner.peek() == Some(b'n') && self.scanner.clone().literal().is_ok();
        if is_null {
            self.scanner.literal()?;
            self.skip_trivia()?;
            self.scanner.expect_end()?;
        }
        // No value, or null, means no fields.
        if is_null || self.scanner.peek().is_none() {
            self.output.replace_all("{}", self.scanner.pos);
            if let Shape::Structure(fields) = shape {
                let found = if is_null { "the input is null" } else { "the input is empty" };
                self.report_missing(fields, 0, found);
            }
            return Ok(());
        }
        self.value(shape)?;
        self.skip_trivia()?;
        self.scanner.expect_end()
    }

    /// Encodes one value as `shape`.
    fn value(&mut self, shape: &'static Shape) -> Result<(), SyntaxError> {
        let kind = self.scanner.peek_kind()?;
        match (shape, kind) {
            (Shape::AttributeValue, _) => self.attribute(),
            // The service treats null as an absent field.
            (_, Kind::Null) => self.scanner.literal().map(|_| ()),
            (Shape::Structure(fields), Kind::Object) => self.structure(fields),
            (Shape::Map { value, min, max }, Kind::Object) => {
                let mut object = self.enter_object()?;
                while self.next_field(&mut object)?.is_some() {
                    self.value(value)?;
                }
                self.check_length(object.count, *min, *max, "field", "fields");
                Ok(())
            }
            (Shape::List { member, min, max }, Kind::Array) => {
                let mut array = self.enter_array()?;
                while self.next_element(&mut array)? {
                    self.value(member)?;
                }
                self.check_length(array.count, *min, *max, "element", "elements");
                Ok(())
            }
            (Shape::String { min, max, values }, Kind::String) => {
                let text = self.text()?;
                if !values.is_empty() && !values.contains(&text.as_ref()) {
                    self.report_if_strict(|| {
                        let guess = nearest(&text, values.iter().copied())
                            .map_or(String::new(), |guess| format!("; did you mean {guess}?"));
                        format!("{text:?} is not one of {}{guess}", values.join(", "))
                    });
                }
                // A character has one to four bytes. Most texts need not be counted.
                let bytes = text.len();
                if bytes > *max as usize || bytes < (*min as usize).saturating_mul(4) {
                    self.check_length(text.chars().count(), *min, *max, "character", "characters");
                }
                Ok(())
            }
            (Shape::Blob, Kind::String) => self.text().map(|_| ()),
            (Shape::Integer { min, max }, Kind::Number) => {
                let span = self.scanner.number()?;
                self.check_integer(span, *min, *max);
                Ok(())
            }
            (Shape::Double | Shape::Timestamp, Kind::Number) => self.scanner.number().map(|_| ()),
            (Shape::Boolean, Kind::Boolean) => self.scanner.literal().map(|_| ()),
            (Shape::Any, _) => self.unchecked_value(),
            _ => {
                let expected = match shape {
                    Shape::Structure(_) | Shape::Map { .. } => "an object",
                    Shape::List { .. } => "an array",
                    Shape::String { .. } => "a string",
                    Shape::Blob => "a Base64 string",
                    Shape::Integer { .. } => "a whole number",
                    Shape::Double => "a number",
                    Shape::Timestamp => "a number of seconds since 1970-01-01T00:00:00Z",
                    Shape::Boolean => "true or false",
                    Shape::AttributeValue | Shape::Any => "a value",
                };
                let remedy = if self.path.is_empty() { self.whole_text() } else { String::new() };
                self.report_if_strict(|| {
                    format!("expected {expected}, found {}{remedy}", kind.with_article())
                });
                self.unchecked_value()
            }
        }
    }

    /// Says what the string is that starts here, and that is all of the input.
    fn whole_text(&self) -> String {
        let Ok(span) = self.scanner.clone().string() else { return String::new() };
        let text = unescape(self.scanner.slice(span.start + 1..span.end - 1));
        if text.trim_start().starts_with('{') {
            return "; the string contains JSON: send that instead, without quotes and backslashes"
                .to_string();
        }
        dynamodb_syntax::foreign(&text).map_or_else(String::new, |problem| format!("; {problem}"))
    }

    fn structure(&mut self, fields: &'static [Field]) -> Result<(), SyntaxError> {
        let outside = self.present.len();
        let mut object = self.enter_object()?;
        while let Some(name) = self.next_field(&mut object)? {
            let name = self.scanner.unescape(name);
            let Some(field) = find_field(fields, &name) else {
                self.report_unknown(fields, &name);
                self.unchecked_value()?;
                continue;
            };
            if field.required && self.scanner.peek_kind()? != Kind::Null {
                self.present.push(field);
            }
            self.value(field.shape)?;
        }
        self.report_missing(fields, outside, "it is missing");
        self.present.truncate(outside);
        Ok(())
    }

    #[cold]
    fn report_unknown(&mut self, fields: &'static [Field], name: &str) {
        self.report_if_strict(|| {
            let guess = nearest(name, fields.iter().map(|field| field.name));
            guess.map_or_else(
                || {
                    format!(
                        "unknown field; the known fields are {}",
                        join(fields.iter().map(|field| field.name))
                    )
                },
                |guess| format!("unknown field; did you mean {guess}?"),
            )
        });
    }

    /// Reports the required fields that are not among those present after the first `outside`.
    fn report_missing(&mut self, fields: &'static [Field], outside: usize, found: &str) {
        for field in fields.iter().filter(|field| field.required) {
            if !self.present[outside..].iter().any(|present| ptr::eq(*present, field)) {
                self.path.push(Step::Field(field));
                self.report_if_strict(|| format!("this field is required, but {found}"));
                self.path.pop();
            }
        }
    }

    fn check_integer(&mut self, span: Range<usize>, min: i64, max: i64) {
        let text = self.scanner.slice(span);
        let within = text.parse::<i64>().is_ok_and(|number| (min..=max).contains(&number));
        if !within {
            self.report_if_strict(|| {
                format!("expected a whole number from {min} to {max}, found {text}")
            });
        }
    }

    fn check_length(&mut self, count: usize, min: u32, max: u32, one: &str, many: &str) {
        if count < min as usize {
            let unit = if min == 1 { one } else { many };
            self.report_if_strict(|| format!("expected at least {min} {unit}, found {count}"));
        } else if count > max as usize {
            self.report_if_strict(|| format!("expected at most {max} {many}, found {count}"));
        }
    }

    /// Copies any value. Only comments, trailing commas and duplicate fields are handled.
    pub(super) fn unchecked_value(&mut self) -> Result<(), SyntaxError> {
        match self.scanner.peek_kind()? {
            Kind::Object => {
                let mut object = self.enter_object()?;
                while self.next_field(&mut object)?.is_some() {
                    self.unchecked_value()?;
                }
                Ok(())
            }
            Kind::Array => {
                let mut array = self.enter_array()?;
                while self.next_element(&mut array)? {
                    self.unchecked_value()?;
                }
                Ok(())
            }
            Kind::String => self.scanner.scan_string().map(|_| ()),
            Kind::Number => self.scanner.number().map(|_| ()),
            Kind::Boolean | Kind::Null => self.scanner.literal().map(|_| ()),
        }
    }

    /// Enters an object. [`Self::next_field`] reads it.
    pub(super) fn enter_object(&mut self) -> Result<Object, SyntaxError> {
        self.scanner.enter()?;
        Ok(Object { count: 0, first: self.names.open() })
    }

    /// Reads the name of the next field and the colon after it, or leaves the object and returns
    /// `None`. The caller then reads the value.
    pub(super) fn next_field(&mut self, object: &mut Object) -> Result<Option<Name>, SyntaxError> {
        if !self.next_follows(object.count, b'}')? {
            self.names.close(object.first);
            return Ok(None);
        }
        let name = self.scanner.quoted()?;
        if let Some(at) = self.escape_offset.take() {
            self.output.drop_span(at..at + 1);
        }
        self.skip_trivia()?;
        if self.scanner.peek() != Some(b':') {
            return Err(self.scanner.syntax_error("expected a colon after the name of a field"));
        }
        self.scanner.pos += 1;
        self.skip_trivia()?;
        object.count += 1;
        self.path.push(Step::Name(name));
        if !self.names.insert(object.first, &self.scanner, name) {
            self.report(
                "this field appears twice in its object; remove one of the two".to_string(),
            );
        }
        Ok(Some(name))
    }

    /// Enters an array. [`Self::next_element`] reads it.
    pub(super) fn enter_array(&mut self) -> Result<Array, SyntaxError> {
        self.scanner.enter()?;
        Ok(Array { count: 0 })
    }

    /// Returns whether an element follows, which the caller then reads, or leaves the array.
    pub(super) fn next_element(&mut self, array: &mut Array) -> Result<bool, SyntaxError> {
        let follows = self.next_follows(array.count, b']')?;
        if follows {
            self.path.push(Step::Index(array.count));
            array.count += 1;
        }
        Ok(follows)
    }

    /// Returns whether an element follows the first `count`, or leaves the object or array. Drops a
    /// comma before the closing bracket.
    #[inline(always)]
    fn next_follows(&mut self, count: usize, closing: u8) -> Result<bool, SyntaxError> {
        if count > 0 {
            self.path.pop();
        }
        self.skip_trivia()?;
        match self.scanner.peek() {
            Some(byte) if byte == closing => {
                self.scanner.leave();
                Ok(false)
            }
            _ if count == 0 => Ok(true),
            Some(b',') => {
                self.scanner.pos += 1;
                if self.scanner.peek().is_some_and(|byte| !may_be_trivia(byte) && byte != closing) {
                    return Ok(true);
                }
                self.skip_trivia_after_comma(closing)
            }
            Some(_) => Err(self.scanner.syntax_error("expected a comma or the closing bracket")),
            None => Err(self
                .scanner
                .syntax_error("expected the closing bracket, but the text ends here")),
        }
    }

    /// As [`Self::next_follows`], after a comma.
    #[inline(never)]
    fn skip_trivia_after_comma(&mut self, closing: u8) -> Result<bool, SyntaxError> {
        let after = self.scanner.pos;
        let is_last = self.peek_after_trivia()? == Some(closing);
        if is_last {
            self.output.drop_span(after - 1..after);
        }
        self.skip_trivia()?;
        if is_last {
            self.scanner.leave();
        }
        Ok(!is_last)
    }

    /// Returns the first byte after white space and comments, without consuming anything.
    fn peek_after_trivia(&self) -> Result<Option<u8>, SyntaxError> {
        let mut ahead = self.scanner.clone();
        ahead.skip_trivia()?;
        Ok(ahead.peek())
    }

    /// Returns the first field name of the object that starts here, or `None` if the object is
    /// empty. Consumes nothing.
    pub(super) fn peek_first_name(&self) -> Result<Option<Name>, SyntaxError> {
        let mut ahead = self.scanner.clone();
        ahead.pos += 1;
        ahead.skip_trivia()?;
        if ahead.peek() == Some(b'}') {
            return Ok(None);
        }
        ahead.quoted().map(Some)
    }

    /// Skips white space, and drops comments.
    #[inline(always)]
    fn skip_trivia(&mut self) -> Result<(), SyntaxError> {
        if self.scanner.peek().is_some_and(may_be_trivia) { self.drop_trivia() } else { Ok(()) }
    }

    #[inline(never)]
    fn drop_trivia(&mut self) -> Result<(), SyntaxError> {
        self.scanner.skip_whitespace();
        let mut start = self.scanner.pos;
        while self.scanner.skip_comment()? {
            self.output.drop_span(start..self.scanner.pos);
            self.scanner.skip_whitespace();
            start = self.scanner.pos;
        }
        Ok(())
    }

    /// Reads a string and returns its decoded text.
    pub(super) fn text(&mut self) -> Result<Cow<'a, str>, SyntaxError> {
        let name = self.scanner.quoted()?;
        Ok(self.scanner.unescape(name))
    }

    /// Copies the text up to the current position to the output, then `inserted`.
    pub(super) fn insert(&mut self, inserted: &str) {
        self.output.insert_at(self.scanner.pos, inserted);
    }

    /// Reports a violation of the model at the current value. If `strict` is off, the service
    /// checks instead.
    pub(super) fn report_if_strict(&mut self, message: impl FnOnce() -> String) {
        if self.options.strict && self.diagnostics.len() < MAX_DIAGNOSTICS {
            let message = message();
            self.report(message);
        }
    }

    /// Reports a problem at the current value.
    pub(super) fn report(&mut self, message: String) {
        if self.diagnostics.len() >= MAX_DIAGNOSTICS {
            return;
        }
        let mut pointer = String::new();
        for step in &self.path {
            pointer.push('/');
            let name = match step {
                Step::Name(name) => self.scanner.unescape(*name),
                Step::Field(field) => Cow::Borrowed(field.name),
                Step::Index(index) => Cow::Owned(index.to_string()),
            };
            pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
        }
        self.diagnostics.push(Diagnostic { pointer, message });
    }
}

/// Returns whether white space or a comment may start with this byte.
#[inline(always)]
fn may_be_trivia(byte: u8) -> bool {
    byte <= b' ' || byte == b'/'
}

fn join<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

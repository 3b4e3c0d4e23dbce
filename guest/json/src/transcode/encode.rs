//! Encodes the caller's JSON for an action as the body of a request.

use super::diagnostic::Diagnostic;
use super::format::Format;
use crate::json::{Kind, Scanner, SyntaxError, explain, unescape};
use crate::nearest::nearest;
use crate::shape::{Field, Shape, find_field};
use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;

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
    let mut encoder = Encoder {
        text: input,
        scanner: Scanner::new(input),
        out: String::new(),
        copied: 0,
        path: Vec::new(),
        diagnostics: Vec::new(),
        options,
        escape_offset: None,
    };
    // A byte order mark is skipped and not sent.
    encoder.copied = encoder.scanner.pos;
    let result = encoder.document(shape);
    if let Err(error) = result {
        encoder.report(explain(input, &error));
    }
    if encoder.diagnostics.is_empty() { Ok(encoder.finish()) } else { Err(encoder.diagnostics) }
}

/// The maximum number of problems that are reported: enough to fix an input in one go, and few
/// enough to read.
pub(super) const MAX_DIAGNOSTICS: usize = 20;

/// Copies the input to the output, up to the parts that must change.
pub(super) struct Encoder<'a> {
    text: &'a str,
    pub(super) scanner: Scanner<'a>,
    out: String,
    /// The offset up to which the text has been copied to `out` or dropped.
    copied: usize,
    /// The JSON path from the root to the current value.
    pub(super) path: Vec<Step<'a>>,
    diagnostics: Vec<Diagnostic>,
    pub(super) options: EncodeOptions,
    /// The offset of the `$` that starts the next field name, if that name is an escape. The `$` is
    /// dropped when the name is copied.
    pub(super) escape_offset: Option<usize>,
}

/// The name of a field, and its span with the quotes.
type Name<'a> = (Cow<'a, str>, Range<usize>);

/// One step of a JSON path.
pub(super) enum Step<'a> {
    Name(Cow<'a, str>),
    Index(usize),
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
            self.out.clear();
            self.copied = self.scanner.pos;
            self.out.push_str("{}");
            if let Shape::Structure(fields) = shape {
                let found = if is_null { "the input is null" } else { "the input is empty" };
                self.report_missing(fields, &[], found);
            }
            return Ok(());
        }
        self.value(shape)?;
        self.skip_trivia()?;
        self.scanner.expect_end()
    }

    fn finish(mut self) -> Cow<'a, str> {
        if self.out.is_empty() {
            return Cow::Borrowed(&self.text[self.copied..]);
        }
        self.flush(self.text.len());
        Cow::Owned(self.out)
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
                let count = self.fields(|this, _| this.value(value))?;
                self.check_length(count, *min, *max, "field", "fields");
                Ok(())
            }
            (Shape::List { member, min, max }, Kind::Array) => {
                let count = self.elements(|this| this.value(member))?;
                self.check_length(count, *min, *max, "element", "elements");
                Ok(())
            }
            (Shape::String { min, max, values }, Kind::String) => {
                let text = self.text()?;
                if !values.is_empty() && !values.contains(&text.as_ref()) {
                    let guess = nearest(&text, values.iter().copied())
                        .map_or(String::new(), |guess| format!("; did you mean {guess}?"));
                    self.report_if_strict(|| {
                        format!("{text:?} is not one of {}{guess}", values.join(", "))
                    });
                }
                self.check_length(text.chars().count(), *min, *max, "character", "characters");
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
        let text = unescape(&self.text[span.start + 1..span.end - 1]);
        if text.trim_start().starts_with('{') {
            return "; the string contains JSON: send that instead, without quotes and backslashes"
                .to_string();
        }
        dynamodb_syntax::foreign(&text).map_or_else(String::new, |problem| format!("; {problem}"))
    }

    fn structure(&mut self, fields: &'static [Field]) -> Result<(), SyntaxError> {
        let mut present = Vec::new();
        self.fields(|this, name| {
            let Some(field) = find_field(fields, name) else {
                this.report_if_strict(|| {
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
                return this.unchecked_value();
            };
            if this.scanner.peek_kind()? != Kind::Null {
                present.push(field.name);
            }
            this.value(field.shape)
        })?;
        self.report_missing(fields, &present, "it is missing");
        Ok(())
    }

    fn report_missing(&mut self, fields: &'static [Field], present: &[&str], found: &str) {
        for field in fields.iter().filter(|field| field.required && !present.contains(&field.name))
        {
            self.path.push(Step::Name(Cow::Borrowed(field.name)));
            self.report_if_strict(|| format!("this field is required, but {found}"));
            self.path.pop();
        }
    }

    fn check_integer(&mut self, span: Range<usize>, min: i64, max: i64) {
        let text = &self.text[span];
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
            Kind::Object => self.fields(|this, _| this.unchecked_value()).map(|_| ()),
            Kind::Array => self.elements(Self::unchecked_value).map(|_| ()),
            Kind::String => self.scanner.string().map(|_| ()),
            Kind::Number => self.scanner.number().map(|_| ()),
            Kind::Boolean | Kind::Null => self.scanner.literal().map(|_| ()),
        }
    }

    /// Reads an object and returns the number of its fields. `each` gets the name and reads the
    /// value.
    pub(super) fn fields(
        &mut self,
        mut each: impl FnMut(&mut Self, &str) -> Result<(), SyntaxError>,
    ) -> Result<usize, SyntaxError> {
        let mut names = Names::default();
        let mut count = 0;
        self.scanner.enter()?;
        self.skip_trivia()?;
        let mut more = self.scanner.peek() != Some(b'}');
        while more {
            let span = self.scanner.string()?;
            let name = unescape(&self.text[span.start + 1..span.end - 1]);
            if let Some(at) = self.escape_offset.take() {
                self.drop_span(at..at + 1);
            }
            self.skip_trivia()?;
            if self.scanner.peek() != Some(b':') {
                return Err(self
                    .scanner
                    .syntax_error("expected a colon after the name of a field"));
            }
            self.scanner.pos += 1;
            self.skip_trivia()?;
            self.path.push(Step::Name(name.clone()));
            if !names.insert(name.clone()) {
                self.report(
                    "this field appears twice in its object; remove one of the two".to_string(),
                );
            }
            each(self, &name)?;
            self.path.pop();
            count += 1;
            more = self.next_follows(b'}')?;
        }
        self.scanner.leave();
        Ok(count)
    }

    /// Reads an array and returns the number of its elements. `each` reads an element.
    pub(super) fn elements(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), SyntaxError>,
    ) -> Result<usize, SyntaxError> {
        let mut count = 0;
        self.scanner.enter()?;
        self.skip_trivia()?;
        let mut more = self.scanner.peek() != Some(b']');
        while more {
            self.path.push(Step::Index(count));
            each(self)?;
            self.path.pop();
            count += 1;
            more = self.next_follows(b']')?;
        }
        self.scanner.leave();
        Ok(count)
    }

    /// Returns whether another element follows. Drops a comma before the closing bracket.
    fn next_follows(&mut self, closing: u8) -> Result<bool, SyntaxError> {
        self.skip_trivia()?;
        match self.scanner.peek() {
            Some(byte) if byte == closing => Ok(false),
            Some(b',') => {
                let comma = self.scanner.pos;
                self.scanner.pos += 1;
                if self.peek_after_trivia()? == Some(closing) {
                    self.drop_span(comma..comma + 1);
                    self.skip_trivia()?;
                    return Ok(false);
                }
                self.skip_trivia()?;
                Ok(true)
            }
            Some(_) => Err(self.scanner.syntax_error("expected a comma or the closing bracket")),
            None => Err(self
                .scanner
                .syntax_error("expected the closing bracket, but the text ends here")),
        }
    }

    /// Returns the first byte after white space and comments, without consuming anything.
    fn peek_after_trivia(&self) -> Result<Option<u8>, SyntaxError> {
        let mut ahead = self.scanner.clone();
        ahead.skip_trivia()?;
        Ok(ahead.peek())
    }

    /// Returns the first field name of the object that starts here, with its span, or `None` if the
    /// object is empty. Consumes nothing.
    pub(super) fn peek_first_name(&self) -> Result<Option<Name<'a>>, SyntaxError> {
        let mut ahead = self.scanner.clone();
        ahead.pos += 1;
        ahead.skip_trivia()?;
        if ahead.peek() == Some(b'}') {
            return Ok(None);
        }
        let span = ahead.string()?;
        Ok(Some((unescape(&self.text[span.start + 1..span.end - 1]), span)))
    }

    /// Skips white space, and drops comments.
    fn skip_trivia(&mut self) -> Result<(), SyntaxError> {
        self.scanner.skip_whitespace();
        let mut start = self.scanner.pos;
        while self.scanner.skip_comment()? {
            self.drop_span(start..self.scanner.pos);
            self.scanner.skip_whitespace();
            start = self.scanner.pos;
        }
        Ok(())
    }

    /// Reads a string and returns its decoded text.
    pub(super) fn text(&mut self) -> Result<Cow<'a, str>, SyntaxError> {
        let span = self.scanner.string()?;
        Ok(unescape(&self.text[span.start + 1..span.end - 1]))
    }

    /// Copies the text up to the current position to the output, then `inserted`.
    pub(super) fn insert(&mut self, inserted: &str) {
        self.insert_at(self.scanner.pos, inserted);
    }

    /// Copies the text up to `at` to the output, then `inserted`.
    pub(super) fn insert_at(&mut self, at: usize, inserted: &str) {
        self.flush(at);
        self.out.push_str(inserted);
    }

    /// Omits a span of the text from the output.
    pub(super) fn drop_span(&mut self, span: Range<usize>) {
        self.flush(span.start);
        self.copied = span.end;
    }

    fn flush(&mut self, upto: usize) {
        if self.out.capacity() == 0 {
            self.out.reserve(self.text.len() + self.text.len() / 4 + 16);
        }
        self.out.push_str(&self.text[self.copied..upto]);
        self.copied = upto;
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
            match step {
                Step::Name(name) => pointer.push_str(&name.replace('~', "~0").replace('/', "~1")),
                Step::Index(index) => pointer.push_str(&index.to_string()),
            }
        }
        self.diagnostics.push(Diagnostic { pointer, message });
    }
}

/// The field names seen in one object. Most objects have few, so a set is only used for many.
#[derive(Default)]
struct Names<'a> {
    few: Vec<Cow<'a, str>>,
    many: BTreeSet<Cow<'a, str>>,
}

impl<'a> Names<'a> {
    const FEW: usize = 16;

    /// Adds a name. Returns false if it was already present.
    fn insert(&mut self, name: Cow<'a, str>) -> bool {
        if !self.many.is_empty() {
            return self.many.insert(name);
        }
        if self.few.contains(&name) {
            return false;
        }
        self.few.push(name);
        if self.few.len() > Self::FEW {
            // Inserted one by one: `collect` would sort first, which costs more code than time
            // saved.
            for name in self.few.drain(..) {
                self.many.insert(name);
            }
        }
        true
    }
}

fn join<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

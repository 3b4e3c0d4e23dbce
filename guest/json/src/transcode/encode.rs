//! The caller's JSON for an action → the body of a request.

use super::{Fault, Format};
use crate::json::{Kind, Malformed, Scanner, unescape};
use crate::nearest::nearest;
use crate::shape::{Member, Shape, member};
use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;

/// How an input is read.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// How attribute values are written.
    pub format: Format,
    /// Whether the input is held against the model: members, kinds, bounds, enumerations.
    pub strict: bool,
}

/// Reads `input`, relaxed JSON, as `shape`, and returns it as strict JSON with every attribute value typed.
/// An input that needs no change is handed back as it is. Nothing but white space and comments means `{}`.
///
/// # Errors
/// All faults at once, at most [`MAX_FAULTS`]; a text that is not JSON is one fault.
pub fn encode<'a>(
    input: &'a str,
    shape: &'static Shape,
    rules: Rules,
) -> Result<Cow<'a, str>, Vec<Fault>> {
    let mut encoder = Encoder {
        text: input,
        scanner: Scanner::new(input),
        out: String::new(),
        copied: 0,
        trail: Vec::new(),
        faults: Vec::new(),
        rules,
        escape_at: None,
    };
    // A byte order mark is passed over, not sent.
    encoder.copied = encoder.scanner.pos;
    let result = encoder.document(shape);
    if let Err(malformed) = result {
        let (line, column) = position(input, malformed.at);
        let message = format!("not JSON at line {line}, column {column}: {}", malformed.message);
        encoder.complain(message);
    }
    if encoder.faults.is_empty() { Ok(encoder.finish()) } else { Err(encoder.faults) }
}

/// Enough to mend an input in one go, few enough to read.
pub(super) const MAX_FAULTS: usize = 20;

pub(super) struct Encoder<'a> {
    text: &'a str,
    pub(super) scanner: Scanner<'a>,
    out: String,
    /// How far the text has been copied to `out`, or dropped.
    copied: usize,
    /// The way from the root to the value being read.
    pub(super) trail: Vec<Step<'a>>,
    faults: Vec<Fault>,
    pub(super) rules: Rules,
    /// Where the `$` of an escape stands that the next name begins with: it is left out when that name is read, before
    /// anything behind it is.
    pub(super) escape_at: Option<usize>,
}

/// A member's name, and where it stands with its quotes.
type Name<'a> = (Cow<'a, str>, Range<usize>);

/// One step of a JSON Pointer.
pub(super) enum Step<'a> {
    Name(Cow<'a, str>),
    Index(usize),
}

impl<'a> Encoder<'a> {
    fn document(&mut self, shape: &'static Shape) -> Result<(), Malformed> {
        self.gap()?;
        let is_null = self.scanner.peek() == Some(b'n') && self.scanner.clone().word().is_ok();
        if is_null {
            self.scanner.word()?;
            self.gap()?;
            self.scanner.end()?;
        }
        // Nothing at all, and null, mean no members.
        if is_null || self.scanner.peek().is_none() {
            self.out.clear();
            self.copied = self.scanner.pos;
            self.out.push_str("{}");
            if let Shape::Structure(members) = shape {
                self.missing(members, &[]);
            }
            return Ok(());
        }
        self.value(shape)?;
        self.gap()?;
        self.scanner.end()
    }

    fn finish(mut self) -> Cow<'a, str> {
        if self.out.is_empty() {
            return Cow::Borrowed(&self.text[self.copied..]);
        }
        self.flush(self.text.len());
        Cow::Owned(self.out)
    }

    /// Reads one value as `shape`.
    fn value(&mut self, shape: &'static Shape) -> Result<(), Malformed> {
        let kind = self.scanner.kind()?;
        match (shape, kind) {
            (Shape::AttributeValue, _) => self.attribute(),
            // On the wire, null stands for an absent member.
            (_, Kind::Null) => self.scanner.word().map(|_| ()),
            (Shape::Structure(members), Kind::Object) => self.structure(members),
            (Shape::Map { value, min, max }, Kind::Object) => {
                let count = self.members(|this, _| this.value(value))?;
                self.bounded(count, *min, *max, "member", "members");
                Ok(())
            }
            (Shape::List { member, min, max }, Kind::Array) => {
                let count = self.elements(|this| this.value(member))?;
                self.bounded(count, *min, *max, "element", "elements");
                Ok(())
            }
            (Shape::String { min, max, values }, Kind::String) => {
                let text = self.text()?;
                if !values.is_empty() && !values.contains(&text.as_ref()) {
                    let guess = nearest(&text, values.iter().copied())
                        .map_or(String::new(), |guess| format!("; did you mean {guess}?"));
                    self.check(|| format!("{text:?} is none of {}{guess}", values.join(", ")));
                }
                self.bounded(text.chars().count(), *min, *max, "character", "characters");
                Ok(())
            }
            (Shape::Blob, Kind::String) => self.text().map(|_| ()),
            (Shape::Integer { min, max }, Kind::Number) => {
                let span = self.scanner.number()?;
                self.whole_number(span, *min, *max);
                Ok(())
            }
            (Shape::Double | Shape::Timestamp, Kind::Number) => self.scanner.number().map(|_| ()),
            (Shape::Boolean, Kind::Boolean) => self.scanner.word().map(|_| ()),
            (Shape::Any, _) => self.any(),
            _ => {
                let expected = match shape {
                    Shape::Structure(_) | Shape::Map { .. } => "an object",
                    Shape::List { .. } => "an array",
                    Shape::String { .. } => "a string",
                    Shape::Blob => "a string of base64",
                    Shape::Integer { .. } => "a whole number",
                    Shape::Double => "a number",
                    Shape::Timestamp => "a number of seconds since 1970-01-01T00:00:00Z",
                    Shape::Boolean => "true or false",
                    Shape::AttributeValue | Shape::Any => "a value",
                };
                self.check(|| format!("expected {expected}, found {}", kind.with_article()));
                self.any()
            }
        }
    }

    fn structure(&mut self, members: &'static [Member]) -> Result<(), Malformed> {
        let mut present = Vec::new();
        self.members(|this, name| {
            let Some(member) = member(members, name) else {
                this.check(|| {
                    let guess = nearest(name, members.iter().map(|member| member.name));
                    guess.map_or_else(
                        || {
                            format!(
                                "unknown member; known are {}",
                                join(members.iter().map(|member| member.name))
                            )
                        },
                        |guess| format!("unknown member; did you mean {guess}?"),
                    )
                });
                return this.any();
            };
            if this.scanner.kind()? != Kind::Null {
                present.push(member.name);
            }
            this.value(member.shape)
        })?;
        self.missing(members, &present);
        Ok(())
    }

    fn missing(&mut self, members: &'static [Member], present: &[&str]) {
        for member in
            members.iter().filter(|member| member.required && !present.contains(&member.name))
        {
            self.trail.push(Step::Name(Cow::Borrowed(member.name)));
            self.check(|| "this member is required, and it is missing".to_string());
            self.trail.pop();
        }
    }

    fn whole_number(&mut self, span: Range<usize>, min: i64, max: i64) {
        let text = &self.text[span];
        let within = text.parse::<i64>().is_ok_and(|number| (min..=max).contains(&number));
        if !within {
            self.check(|| format!("expected a whole number from {min} to {max}, found {text}"));
        }
    }

    fn bounded(&mut self, count: usize, min: u32, max: u32, one: &str, many: &str) {
        if count < min as usize {
            let unit = if min == 1 { one } else { many };
            self.check(|| format!("expected at least {min} {unit}, found {count}"));
        } else if count > max as usize {
            self.check(|| format!("expected at most {max} {many}, found {count}"));
        }
    }

    /// Reads any value, unlooked at but for comments, trailing commas and duplicate members.
    pub(super) fn any(&mut self) -> Result<(), Malformed> {
        match self.scanner.kind()? {
            Kind::Object => self.members(|this, _| this.any()).map(|_| ()),
            Kind::Array => self.elements(Self::any).map(|_| ()),
            Kind::String => self.scanner.string().map(|_| ()),
            Kind::Number => self.scanner.number().map(|_| ()),
            Kind::Boolean | Kind::Null => self.scanner.word().map(|_| ()),
        }
    }

    /// Reads an object; `each` is given every name and reads its value. Returns how many members there were.
    pub(super) fn members(
        &mut self,
        mut each: impl FnMut(&mut Self, &str) -> Result<(), Malformed>,
    ) -> Result<usize, Malformed> {
        let mut names = Names::default();
        let mut count = 0;
        self.scanner.open()?;
        self.gap()?;
        let mut more = self.scanner.peek() != Some(b'}');
        while more {
            let span = self.scanner.string()?;
            let name = unescape(&self.text[span.start + 1..span.end - 1]);
            if let Some(at) = self.escape_at.take() {
                self.drop_span(at..at + 1);
            }
            self.gap()?;
            if self.scanner.peek() != Some(b':') {
                return Err(self.scanner.malformed("expected a colon behind a member's name"));
            }
            self.scanner.pos += 1;
            self.gap()?;
            self.trail.push(Step::Name(name.clone()));
            if !names.insert(name.clone()) {
                self.complain(
                    "this member stands twice in its object; one of the two would be lost"
                        .to_string(),
                );
            }
            each(self, &name)?;
            self.trail.pop();
            count += 1;
            more = self.separator(b'}')?;
        }
        self.scanner.close();
        Ok(count)
    }

    /// Reads an array; `each` reads an element. Returns how many there were.
    pub(super) fn elements(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<usize, Malformed> {
        let mut count = 0;
        self.scanner.open()?;
        self.gap()?;
        let mut more = self.scanner.peek() != Some(b']');
        while more {
            self.trail.push(Step::Index(count));
            each(self)?;
            self.trail.pop();
            count += 1;
            more = self.separator(b']')?;
        }
        self.scanner.close();
        Ok(count)
    }

    /// Between elements: whether another one follows. A comma before the closing bracket is dropped.
    fn separator(&mut self, closing: u8) -> Result<bool, Malformed> {
        self.gap()?;
        match self.scanner.peek() {
            Some(byte) if byte == closing => Ok(false),
            Some(b',') => {
                let comma = self.scanner.pos;
                self.scanner.pos += 1;
                if self.after_gap()? == Some(closing) {
                    self.drop_span(comma..comma + 1);
                    self.gap()?;
                    return Ok(false);
                }
                self.gap()?;
                Ok(true)
            }
            Some(_) => Err(self.scanner.malformed("expected a comma or the closing bracket")),
            None => Err(self.scanner.malformed("the text ends before the closing bracket")),
        }
    }

    /// The byte behind the white space and comments that follow; nothing is read.
    fn after_gap(&self) -> Result<Option<u8>, Malformed> {
        let mut ahead = self.scanner.clone();
        ahead.space();
        while ahead.comment()? {
            ahead.space();
        }
        Ok(ahead.peek())
    }

    /// The name that follows an opening brace, with its span; none in an empty object. Nothing is read.
    pub(super) fn first_name(&self) -> Result<Option<Name<'a>>, Malformed> {
        let mut ahead = self.scanner.clone();
        ahead.pos += 1;
        ahead.space();
        while ahead.comment()? {
            ahead.space();
        }
        if ahead.peek() == Some(b'}') {
            return Ok(None);
        }
        let span = ahead.string()?;
        Ok(Some((unescape(&self.text[span.start + 1..span.end - 1]), span)))
    }

    /// Passes over white space, and drops comments.
    fn gap(&mut self) -> Result<(), Malformed> {
        self.scanner.space();
        let mut start = self.scanner.pos;
        while self.scanner.comment()? {
            self.drop_span(start..self.scanner.pos);
            self.scanner.space();
            start = self.scanner.pos;
        }
        Ok(())
    }

    /// Reads a string and returns its text.
    pub(super) fn text(&mut self) -> Result<Cow<'a, str>, Malformed> {
        let span = self.scanner.string()?;
        Ok(unescape(&self.text[span.start + 1..span.end - 1]))
    }

    /// Copies what has been read to the output, and `inserted` behind it.
    pub(super) fn insert(&mut self, inserted: &str) {
        self.insert_at(self.scanner.pos, inserted);
    }

    /// Copies the text up to `at` to the output, and `inserted` behind it.
    pub(super) fn insert_at(&mut self, at: usize, inserted: &str) {
        self.flush(at);
        self.out.push_str(inserted);
    }

    /// Leaves a span of the text out of the output.
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

    /// Notes a fault against the model here; the service is left to judge where `strict` is off.
    pub(super) fn check(&mut self, message: impl FnOnce() -> String) {
        if self.rules.strict && self.faults.len() < MAX_FAULTS {
            let message = message();
            self.complain(message);
        }
    }

    /// Notes a fault here.
    pub(super) fn complain(&mut self, message: String) {
        if self.faults.len() >= MAX_FAULTS {
            return;
        }
        let mut pointer = String::new();
        for step in &self.trail {
            pointer.push('/');
            match step {
                Step::Name(name) => pointer.push_str(&name.replace('~', "~0").replace('/', "~1")),
                Step::Index(index) => pointer.push_str(&index.to_string()),
            }
        }
        self.faults.push(Fault { pointer, message });
    }
}

/// The names seen in one object. Most objects have few; a set is only made for many.
#[derive(Default)]
struct Names<'a> {
    few: Vec<Cow<'a, str>>,
    many: BTreeSet<Cow<'a, str>>,
}

impl<'a> Names<'a> {
    const FEW: usize = 16;

    /// False when the name was there already.
    fn insert(&mut self, name: Cow<'a, str>) -> bool {
        if !self.many.is_empty() {
            return self.many.insert(name);
        }
        if self.few.contains(&name) {
            return false;
        }
        self.few.push(name);
        if self.few.len() > Self::FEW {
            // One by one: what sorts them first takes more code than it saves time.
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

/// Line and column, from 1, of a byte; the column counts characters.
fn position(text: &str, at: usize) -> (usize, usize) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

//! An attribute value in the caller's JSON → DynamoDB JSON.
//!
//! In `typed`, an object whose first member is a type's name is typed; any other value is untyped and marshalled.
//! An untyped map may not call an attribute by a type's name: whether it is typed would then depend on the order
//! of its members. `{"M": {…}}` says which is meant, and so does `plain`.

use super::encode::Encoder;
use super::{Content, Format, descriptor, escape, number};
use crate::json::{Kind, Malformed};
use alloc::format;
use alloc::string::{String, ToString};

impl Encoder<'_> {
    /// Reads one attribute value.
    pub(super) fn attribute(&mut self) -> Result<(), Malformed> {
        match self.scanner.kind()? {
            Kind::String => {
                self.insert("{\"S\":");
                self.scanner.string()?;
                self.insert("}");
            }
            Kind::Number => {
                self.insert("{\"N\":\"");
                self.number()?;
                self.insert("\"}");
            }
            Kind::Boolean => {
                self.insert("{\"BOOL\":");
                self.scanner.word()?;
                self.insert("}");
            }
            Kind::Null => {
                let word = self.scanner.word()?;
                self.drop_span(word);
                self.insert("{\"NULL\":true}");
            }
            Kind::Array => {
                self.insert("{\"L\":");
                self.elements(Self::attribute)?;
                self.insert("}");
            }
            Kind::Object => return self.object(),
        }
        Ok(())
    }

    /// Reads an object that stands for an attribute value: typed, escaped, or a map.
    fn object(&mut self) -> Result<(), Malformed> {
        if let Some((name, span)) = self.first_name()? {
            let content = match self.rules.format {
                Format::Typed => descriptor(&name),
                Format::Plain => escape(&name),
            };
            if let Some(content) = content {
                return self.typed(&name, content, span.start + 1);
            }
        }
        self.insert("{\"M\":");
        self.members(|this, name| {
            match this.rules.format {
                Format::Typed if descriptor(name).is_some() => this.complain(format!(
                    "{name} is the name of a type, and this map has other members too; write the map as {{\"M\": {{…}}}}, or use the format plain"
                )),
                Format::Plain if escape(name).is_some() => this.complain(format!(
                    "{name} is an escape of the format plain, and this map has other members too; write the map as {{\"$M\": {{…}}}}"
                )),
                _ => {}
            }
            this.attribute()
        })?;
        self.insert("}");
        Ok(())
    }

    /// Reads `{"S": …}` or, in `plain`, `{"$SS": …}`. `name_at` is where the first name's text starts.
    fn typed(&mut self, first: &str, content: Content, name_at: usize) -> Result<(), Malformed> {
        let plain = self.rules.format == Format::Plain;
        let mut count = 0;
        if plain {
            // `{"$SS": …}` becomes `{"SS": …}`.
            if self.scanner.slice(name_at..name_at + 1) == "$" {
                self.escape_at = Some(name_at);
            } else {
                self.complain(format!("write {first} without escapes"));
            }
        }
        self.members(|this, name| {
            count += 1;
            if count > 1 {
                let map = if plain { "$M" } else { "M" };
                this.complain(format!(
                    "an attribute value has one type, and {first} has been given already; to write a map with attributes called {first} and {name}, write {{\"{map}\": {{…}}}}"
                ));
                return this.any();
            }
            this.content(content)
        })?;
        Ok(())
    }

    /// Reads what stands behind a type's name.
    fn content(&mut self, content: Content) -> Result<(), Malformed> {
        let kind = self.scanner.kind()?;
        match (content, kind) {
            (Content::Text, Kind::String) => self.scanner.string().map(|_| ()),
            (Content::Number, Kind::String) => {
                let text = self.text()?;
                self.check_number(&text);
                Ok(())
            }
            (Content::Number, Kind::Number) => {
                self.insert("\"");
                self.number()?;
                self.insert("\"");
                Ok(())
            }
            (Content::Bytes, Kind::String) => {
                let text = self.text()?;
                if !is_base64(&text) {
                    self.check(|| {
                        "expected base64 with its padding (RFC 4648, section 4), as in \"AP8=\""
                            .to_string()
                    });
                }
                Ok(())
            }
            (Content::Set(member), Kind::Array) => {
                let count = self.elements(|this| this.content(*member))?;
                if count == 0 {
                    self.check(|| "a set has at least one element; leave the attribute out, or store an empty list".to_string());
                }
                Ok(())
            }
            (Content::Map, Kind::Object) => self.members(|this, _| this.attribute()).map(|_| ()),
            (Content::List, Kind::Array) => self.elements(Self::attribute).map(|_| ()),
            (Content::Boolean, Kind::Boolean) => self.scanner.word().map(|_| ()),
            (Content::Null, Kind::Boolean) => {
                let word = self.scanner.word()?;
                if self.scanner.slice(word) == "false" {
                    self.check(|| {
                        "NULL can only be true; leave the attribute out to have none".to_string()
                    });
                }
                Ok(())
            }
            _ => {
                // Sent on, the service could only refuse it; and an untyped reading would be a guess.
                self.complain(mismatch(content, kind, self.rules.format));
                self.any()
            }
        }
    }

    fn number(&mut self) -> Result<(), Malformed> {
        let span = self.scanner.number()?;
        let text = self.scanner.slice(span);
        self.check_number(text);
        Ok(())
    }

    fn check_number(&mut self, text: &str) {
        if let Some(complaint) = number::complaint(text) {
            let shown: String = text.chars().take(50).collect();
            self.check(|| format!("{shown:?} {complaint}"));
        }
    }
}

fn mismatch(content: Content, kind: Kind, format: Format) -> String {
    let expected = match content {
        Content::Text => "a string behind S",
        Content::Number => "a number or its text behind N",
        Content::Bytes => "base64 text behind B",
        Content::Set(_) => "an array behind a set's type",
        Content::Map => "an object behind M",
        Content::List => "an array behind L",
        Content::Boolean => "true or false behind BOOL",
        Content::Null => "true behind NULL",
    };
    let way_out = match format {
        Format::Typed => "to write a map with an attribute of that name, write {\"M\": {…}}",
        Format::Plain => "to write a map with an attribute of that name, write {\"$M\": {…}}",
    };
    format!("expected {expected}, found {}; {way_out}", kind.with_article())
}

fn is_base64(text: &str) -> bool {
    let unpadded = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    text.len().is_multiple_of(4)
        && unpadded.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
}

//! Encodes an attribute value of the caller's JSON as DynamoDB JSON.
//!
//! In the format `typed`, an object is a tagged value if its first field is a data type descriptor
//! such as `S`. Any other value is converted. An untagged map must not have an attribute with the
//! name of a descriptor, because the order of its fields would then decide whether it is tagged.
//! The caller can write `{"M": {…}}` or use the format `plain` instead.
//!
//! A map of one field called `s` or `String`, with a text, is almost always a misspelt `{"S": …}`,
//! and would be stored as something else without a word. So it is reported, if the value is one
//! that the type takes.

use super::encode::Encoder;
use super::format::{Content, Format, compact_tag, descriptor, escape, similar_descriptor, tags};
use super::number;
use crate::json::{Kind, Name, Scanner, SyntaxError, unescape};
use alloc::format;
use alloc::string::{String, ToString};

impl Encoder<'_> {
    /// Encodes one attribute value.
    pub(super) fn attribute(&mut self) -> Result<(), SyntaxError> {
        if self.options.format == Format::Typed && self.compact_scalar() {
            return Ok(());
        }
        match self.scanner.peek_kind()? {
            Kind::String => {
                self.insert("{\"S\":");
                self.scanner.scan_string()?;
                self.insert("}");
            }
            Kind::Number => {
                self.insert("{\"N\":\"");
                self.number()?;
                self.insert("\"}");
            }
            Kind::Boolean => {
                self.insert("{\"BOOL\":");
                self.scanner.literal()?;
                self.insert("}");
            }
            Kind::Null => {
                let word = self.scanner.literal()?;
                self.output.drop_span(word);
                self.insert("{\"NULL\":true}");
            }
            Kind::Array => {
                self.insert("{\"L\":");
                self.attributes_of_array()?;
                self.insert("}");
            }
            Kind::Object => return self.object_value(),
        }
        Ok(())
    }

    /// Reads a tagged text, number, binary value or boolean that is written without white space and
    /// needs no change. Returns false and consumes nothing if the value here is anything else, or
    /// if there is a problem with it.
    ///
    /// These are most of the values in an input.
    fn compact_scalar(&mut self) -> bool {
        let scanner = &self.scanner;
        let Some((content, length)) = compact_tag(scanner.text(), scanner.pos) else {
            return false;
        };
        if !scanner.has_room() {
            return false;
        }
        let mut ahead = scanner.clone();
        ahead.pos += length;
        let is_valid = match content {
            Content::Text => ahead.scan_string().is_ok(),
            Content::Number => {
                ahead.quoted().is_ok_and(|text| number::is_ordinary(ahead.raw(text)))
            }
            Content::Bytes => ahead.quoted().is_ok_and(|text| is_base64(ahead.raw(text))),
            Content::Boolean => ahead.peek() != Some(b'n') && ahead.literal().is_ok(),
            _ => false,
        };
        if !is_valid || ahead.peek() != Some(b'}') {
            return false;
        }
        self.scanner.pos = ahead.pos + 1;
        true
    }

    fn attributes_of_array(&mut self) -> Result<(), SyntaxError> {
        let mut array = self.enter_array()?;
        while self.next_element(&mut array)? {
            self.attribute()?;
        }
        Ok(())
    }

    /// Encodes an object: a tagged value, an escape, or an untagged map.
    fn object_value(&mut self) -> Result<(), SyntaxError> {
        let mut similar = None;
        if let Some(name) = self.peek_first_name()? {
            let text = self.scanner.unescape(name);
            let content = match self.options.format {
                Format::Typed => descriptor(&text),
                Format::Plain => escape(&text),
            };
            if let Some(content) = content {
                return self.tagged(&text, content, name.start);
            }
            if self.options.format == Format::Typed {
                similar = similar_descriptor(&text).map(|(tag, content)| (text, tag, content));
            }
        }
        self.insert("{\"M\":");
        let mut is_taken = false;
        let mut object = self.enter_object()?;
        while let Some(name) = self.next_field(&mut object)? {
            if object.count == 1
                && let Some((_, _, content)) = similar
            {
                is_taken = self.would_take(content);
            }
            self.check_name(name);
            self.attribute()?;
        }
        let count = object.count;
        self.insert("}");
        if let Some((name, tag, _)) = similar.filter(|_| count == 1 && is_taken) {
            self.report(format!(
                "{name:?} is not the name of a type, so this would be stored as a map; for the \
                 type, write {{\"{tag}\": …}}: the types are {}; for a map with an attribute of \
                 that name, write {{\"M\": {{…}}}}",
                tags()
            ));
        }
        Ok(())
    }

    /// Reports the name of a field of an untagged map if it would tag a value.
    fn check_name(&mut self, name: Name) {
        let name = self.scanner.unescape(name);
        match self.options.format {
            Format::Typed if descriptor(&name).is_some() => self.report(format!(
                "{name} is the name of a type, but this map has other fields too; \
                 write the map as {{\"M\": {{…}}}}, or use the format plain"
            )),
            Format::Plain if escape(&name).is_some() => self.report(format!(
                "{name} is an escape of the format plain, but this map has other fields too; \
                 write the map as {{\"$M\": {{…}}}}"
            )),
            _ => {}
        }
    }

    /// Returns whether the type of `content` takes the value that starts here. Consumes nothing.
    ///
    /// The elements of lists and the fields of maps are not looked at, because each of them is
    /// checked where it is encoded. A second look at all of them at each level would take long.
    fn would_take(&self, content: Content) -> bool {
        let mut ahead = self.scanner.clone();
        match (content, ahead.peek_kind()) {
            (Content::Set(member), Ok(Kind::Array)) => {
                let mut count = 0;
                ahead.pos += 1;
                loop {
                    if ahead.skip_trivia().is_err() {
                        return false;
                    }
                    match ahead.peek() {
                        Some(b']') => return count > 0,
                        Some(b',') if count > 0 => ahead.pos += 1,
                        _ if takes_scalar(*member, &mut ahead) => count += 1,
                        _ => return false,
                    }
                }
            }
            (Content::Map, Ok(Kind::Object))
            | (Content::List, Ok(Kind::Array))
            | (Content::Boolean | Content::Null, Ok(Kind::Boolean)) => true,
            _ => takes_scalar(content, &mut ahead),
        }
    }

    /// Encodes `{"S": …}` or, in `plain`, `{"$SS": …}`. `name_offset` is the offset of the text of
    /// the first name.
    fn tagged(
        &mut self,
        first: &str,
        content: Content,
        name_offset: usize,
    ) -> Result<(), SyntaxError> {
        let plain = self.options.format == Format::Plain;
        if plain {
            // `{"$SS": …}` becomes `{"SS": …}`.
            if self.scanner.slice(name_offset..name_offset + 1) == "$" {
                self.escape_offset = Some(name_offset);
            } else {
                self.report(format!("write the name {first} without JSON escapes"));
            }
        }
        let mut object = self.enter_object()?;
        while let Some(name) = self.next_field(&mut object)? {
            if object.count == 1 {
                self.tagged_content(content)?;
                continue;
            }
            let name = self.scanner.unescape(name);
            let map = if plain { "$M" } else { "M" };
            self.report(format!(
                "an attribute value has exactly one type, and {first} comes first; to write a \
                 map with attributes called {first} and {name}, write {{\"{map}\": {{…}}}}"
            ));
            self.unchecked_value()?;
        }
        Ok(())
    }

    /// Encodes the value after a data type descriptor.
    fn tagged_content(&mut self, content: Content) -> Result<(), SyntaxError> {
        let kind = self.scanner.peek_kind()?;
        match (content, kind) {
            (Content::Text, Kind::String) => self.scanner.scan_string().map(|_| ()),
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
                    self.report_if_strict(|| {
                        "expected Base64 with padding (RFC 4648, section 4), such as \"AP8=\""
                            .to_string()
                    });
                }
                Ok(())
            }
            (Content::Set(member), Kind::Array) => {
                let mut array = self.enter_array()?;
                while self.next_element(&mut array)? {
                    self.tagged_content(*member)?;
                }
                if array.count == 0 {
                    self.report_if_strict(|| {
                        "a set needs at least one element; omit the attribute or store an empty list"
                            .to_string()
                    });
                }
                Ok(())
            }
            (Content::Map, Kind::Object) => {
                let mut object = self.enter_object()?;
                while self.next_field(&mut object)?.is_some() {
                    self.attribute()?;
                }
                Ok(())
            }
            (Content::List, Kind::Array) => self.attributes_of_array(),
            (Content::Boolean, Kind::Boolean) => self.scanner.literal().map(|_| ()),
            (Content::Null, Kind::Boolean) => {
                let word = self.scanner.literal()?;
                if self.scanner.slice(word) == "false" {
                    self.report_if_strict(|| {
                        "NULL can only be true; omit the attribute to store no value".to_string()
                    });
                }
                Ok(())
            }
            _ => {
                // The service would reject it, and to treat it as an untagged map would be a guess.
                self.report(mismatch(content, kind, self.options.format));
                self.unchecked_value()
            }
        }
    }

    fn number(&mut self) -> Result<(), SyntaxError> {
        let span = self.scanner.number()?;
        let text = self.scanner.slice(span);
        self.check_number(text);
        Ok(())
    }

    fn check_number(&mut self, text: &str) {
        if let Some(problem) = number::problem(text) {
            let shown: String = text.chars().take(50).collect();
            self.report_if_strict(|| format!("{shown:?} {problem}"));
        }
    }
}

/// Reads a text or a number, and returns whether a value of the type `content` may be written so.
fn takes_scalar(content: Content, ahead: &mut Scanner) -> bool {
    let text = match ahead.peek_kind() {
        Ok(Kind::String) => {
            ahead.string().map(|span| unescape(ahead.slice(span.start + 1..span.end - 1)))
        }
        Ok(Kind::Number) if content == Content::Number => {
            ahead.number().map(|span| ahead.slice(span).into())
        }
        _ => return false,
    };
    text.is_ok_and(|text| match content {
        Content::Text => true,
        Content::Number => number::problem(&text).is_none(),
        Content::Bytes => is_base64(&text),
        _ => false,
    })
}

fn mismatch(content: Content, kind: Kind, format: Format) -> String {
    let expected = match content {
        Content::Text => "a string after S",
        Content::Number => "a number, or a number in a string, after N",
        Content::Bytes => "a Base64 string after B",
        Content::Set(_) => "an array after SS, NS or BS",
        Content::Map => "an object after M",
        Content::List => "an array after L",
        Content::Boolean => "true or false after BOOL",
        Content::Null => "true after NULL",
    };
    let remedy = match format {
        Format::Typed => "for a map with an attribute of that name, write {\"M\": {…}}",
        Format::Plain => "for a map with an attribute of that name, write {\"$M\": {…}}",
    };
    format!("expected {expected}, found {}; {remedy}", kind.with_article())
}

fn is_base64(text: &str) -> bool {
    let unpadded = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    text.len().is_multiple_of(4)
        && unpadded.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
}

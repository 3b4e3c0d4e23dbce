//! Reads a body once, and finds the tables that it names and the statements in it. What is at other
//! places is skipped and takes no memory.

use crate::places::{Field, Kinds, Place};
use portcullis_json::is_deeper;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// What a body names.
#[derive(Debug, Default)]
pub(crate) struct Named<'b> {
    pub(crate) statements: Vec<JsonText<'b>>,
    pub(crate) tables: Vec<JsonText<'b>>,
    /// The kinds of paths at which a value has another form than the path. It could hide a text.
    pub(crate) malformed: Kinds,
}

/// A JSON string as it is in the body, with its quotes. It has at most [`MAX_CHARACTERS`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsonText<'b>(&'b str);

/// A body from which nothing can be concluded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnreadableBody {
    #[error("the body cannot be checked: it is not UTF-8 from byte {0} on")]
    NotUtf8(usize),
    #[error("the body cannot be checked: it nests more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// The body is not JSON, or a field of a path occurs twice.
    #[error("the body cannot be checked: {0}")]
    Syntax(#[from] serde_json::Error),
    #[error("the body cannot be checked: it is not a JSON object")]
    NotAnObject,
    #[error("the body cannot be checked: it names more than {MAX_NAMED} tables and statements")]
    TooMany,
    #[error(
        "the body cannot be checked: a statement or a name in it has more than {MAX_CHARACTERS} \
         characters"
    )]
    TooLong,
}

/// The most tables and statements of a body. DynamoDB itself allows 25 or 100, depending on the
/// action.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html>
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExecuteTransaction.html>
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
pub(crate) const MAX_NAMED: usize = 1000;

/// The most characters of a statement, as in DynamoDB's API. The names of tables and fields are
/// shorter.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExecuteStatement.html>
pub(crate) const MAX_CHARACTERS: usize = 8192;

/// The most levels of arrays and objects. An item of DynamoDB has at most 32, and each is two of
/// JSON: `serde_json` allows as many as this.
const MAX_DEPTH: u32 = 127;

/// The field of the object that `serde_json` shows instead of a number if another crate enables its
/// feature `arbitrary_precision`.
const NUMBER: &str = "$serde_json::private::Number";

/// The most bytes of one character in a JSON string: two escapes, as in `\ud83d\ude00`.
const MAX_ESCAPED_BYTES: usize = 12;

impl<'b> Named<'b> {
    /// Reads a body.
    ///
    /// # Errors
    /// Returns an error if the body is not one JSON object, if a field of a path occurs twice in its
    /// object, or if the body exceeds a bound.
    pub(crate) fn read(body: &'b [u8], root: &Place<'_>) -> Result<Self, UnreadableBody> {
        // serde_json checks neither the bytes nor the depth of what is skipped.
        let text = std::str::from_utf8(body)
            .map_err(|error| UnreadableBody::NotUtf8(error.valid_up_to()))?;
        if is_deeper(text, MAX_DEPTH) {
            return Err(UnreadableBody::TooDeep);
        }
        let mut reader = Reader::default();
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let result = Visit { place: root, reader: &mut reader }.deserialize(&mut deserializer);
        if let Some(exceeded) = reader.exceeded {
            return Err(exceeded);
        }
        result?;
        deserializer.end()?;
        if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
            return Err(UnreadableBody::NotAnObject);
        }
        Ok(reader.named)
    }
}

impl UnreadableBody {
    /// What to do about it.
    pub(crate) fn remedy(&self) -> &'static str {
        match self {
            Self::TooMany => "name fewer tables in one request, or send fewer statements",
            Self::TooLong => "send a shorter statement, with its values as parameters",
            Self::TooDeep => "send a body that nests less deeply",
            Self::NotUtf8(_) | Self::Syntax(_) | Self::NotAnObject => {
                "send one JSON object in which no field occurs twice"
            }
        }
    }
}

impl<'b> JsonText<'b> {
    /// Checks a JSON string.
    fn new(raw: &'b str) -> Result<Self, TextError> {
        if raw.len() > MAX_ESCAPED_BYTES * MAX_CHARACTERS + 2 {
            return Err(TextError::TooLong);
        }
        let text = Self(raw);
        let unescaped = text.try_unescape().map_err(|_| TextError::Escape)?;
        let is_long =
            unescaped.len() > MAX_CHARACTERS && unescaped.chars().nth(MAX_CHARACTERS).is_some();
        if is_long { Err(TextError::TooLong) } else { Ok(text) }
    }

    /// The text, without quotes and escapes.
    pub(crate) fn unescape(self) -> Cow<'b, str> {
        // It was checked. An empty text would be denied.
        self.try_unescape().unwrap_or_default()
    }

    fn try_unescape(self) -> Result<Cow<'b, str>, serde_json::Error> {
        let inner = self.0.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match inner {
            Some(inner) if !inner.contains('\\') => Ok(Cow::Borrowed(inner)),
            _ => serde_json::from_str(self.0).map(Cow::Owned),
        }
    }
}

/// A text that is not collected.
enum TextError {
    TooLong,
    /// An escape is half a character: services replace or drop it.
    Escape,
}

#[derive(Default)]
struct Reader<'b> {
    named: Named<'b>,
    /// The number of objects read so far.
    objects: u64,
    /// The bound that ended the reading.
    exceeded: Option<UnreadableBody>,
}

impl<'b> Reader<'b> {
    fn malform(&mut self, kinds: Kinds) {
        self.named.malformed = self.named.malformed | kinds;
    }

    fn text<E: Error>(&mut self, raw: &'b str) -> Result<JsonText<'b>, E> {
        JsonText::new(raw).map_err(|error| match error {
            TextError::TooLong => self.exceed(UnreadableBody::TooLong),
            TextError::Escape => E::custom("a text has an escape that is not a character"),
        })
    }

    fn add<E: Error>(&mut self, kinds: Kinds, text: JsonText<'b>) -> Result<(), E> {
        let Named { statements, tables, .. } = &mut self.named;
        for (wanted, list) in [(kinds.statements, &mut *statements), (kinds.tables, &mut *tables)] {
            if wanted {
                list.push(text);
            }
        }
        if statements.len() + tables.len() > MAX_NAMED {
            return Err(self.exceed(UnreadableBody::TooMany));
        }
        Ok(())
    }

    /// The error that ends the reading at a bound.
    fn exceed<E: Error>(&mut self, bound: UnreadableBody) -> E {
        let error = E::custom(&bound);
        self.exceeded = Some(bound);
        error
    }
}

/// Reads the value at a place.
struct Visit<'r, 'p, 'm, 'b> {
    place: &'p Place<'m>,
    reader: &'r mut Reader<'b>,
}

impl<'b> DeserializeSeed<'b> for Visit<'_, '_, '_, 'b> {
    type Value = ();

    fn deserialize<D: Deserializer<'b>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self { place, reader } = self;
        if place.text.is_empty() && place.names.is_empty() {
            return deserializer.deserialize_any(Self { place, reader });
        }
        // A text stays as it is in the body: unescaped ones could take as much memory again. Where
        // the names of an object are wanted, a number must not look like one ([`NUMBER`]).
        let raw = <&'b RawValue>::deserialize(deserializer)?.get();
        match raw.as_bytes().first() {
            Some(b'n') => Ok(()),
            Some(b'"') => {
                reader.malform(place.inner());
                let text = reader.text(raw)?;
                reader.add(place.text, text)
            }
            // Other paths go on from here.
            Some(b'{' | b'[') if !place.inner().is_empty() => {
                reader.malform(place.text);
                let mut nested = serde_json::Deserializer::from_str(raw);
                nested.deserialize_any(Self { place, reader }).map_err(D::Error::custom)
            }
            _ => {
                reader.malform(place.text | place.inner());
                Ok(())
            }
        }
    }
}

impl<'b> Visitor<'b> for Visit<'_, '_, '_, 'b> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.malformed()
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.malformed()
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.malformed()
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.malformed()
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.malformed()
    }

    fn visit_seq<A: SeqAccess<'b>>(self, mut elements: A) -> Result<(), A::Error> {
        let Self { place, reader } = self;
        reader.malform(place.not_array());
        match &place.each {
            Some(each) => {
                while elements.next_element_seed(Visit { place: each, reader })?.is_some() {}
            }
            None => while elements.next_element::<IgnoredAny>()?.is_some() {},
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'b>>(self, mut fields: A) -> Result<(), A::Error> {
        let Self { place, reader } = self;
        reader.malform(place.text);
        reader.objects += 1;
        let object = reader.objects;
        while let Some(name) = fields.next_key_seed(Name { place, reader })? {
            let Found::Field(field) = name else {
                fields.next_value::<IgnoredAny>()?;
                continue;
            };
            if field.is_some_and(|field| field.last_seen.replace(object) == object) {
                return Err(A::Error::custom("a field occurs twice in its object"));
            }
            match field.map(|field| &field.place).or(place.each.as_deref()) {
                Some(place) => fields.next_value_seed(Visit { place, reader })?,
                None => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

impl Visit<'_, '_, '_, '_> {
    /// Reports a value that is neither an array nor an object, where paths go on.
    #[expect(clippy::unnecessary_wraps, reason = "each of its callers returns a result")]
    fn malformed<E>(self) -> Result<(), E> {
        self.reader.malform(self.place.text | self.place.inner());
        Ok(())
    }
}

/// The name of a field.
enum Found<'p, 'm> {
    /// The field of the place, if a path names it.
    Field(Option<&'p Field<'m>>),
    /// What looks like an object is a number.
    Number,
}

/// Reads the name of a field, and finds the field of the place.
struct Name<'r, 'p, 'm, 'b> {
    place: &'p Place<'m>,
    reader: &'r mut Reader<'b>,
}

impl<'p, 'm, 'b> DeserializeSeed<'b> for Name<'_, 'p, 'm, 'b> {
    type Value = Found<'p, 'm>;

    fn deserialize<D: Deserializer<'b>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let Self { place, reader } = self;
        if place.names.is_empty() {
            return deserializer.deserialize_str(Self { place, reader });
        }
        let name = reader.text(<&'b RawValue>::deserialize(deserializer)?.get())?;
        reader.add(place.names, name)?;
        Self { place, reader }.visit_str(&name.unescape())
    }
}

impl<'p, 'm> Visitor<'_> for Name<'_, 'p, 'm, '_> {
    type Value = Found<'p, 'm>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        if name == NUMBER {
            self.reader.malform(self.place.text | self.place.inner());
            return Ok(Found::Number);
        }
        self.place
            .field(name)
            .map(Found::Field)
            .map_err(|_| E::custom("the name of a field differs from the right one in case only"))
    }
}

#[cfg(test)]
#[path = "named_tests.rs"]
mod tests;

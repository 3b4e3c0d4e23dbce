//! The two formats of attribute values, and the names of their types.

use alloc::string::String;

/// The format of attribute values in the caller's JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// DynamoDB JSON: `{"S": "text"}`.
    #[default]
    Typed,
    /// Ordinary JSON: `"text"`.
    Plain,
}

/// The data type descriptors of DynamoDB JSON, with the content that each tags.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html#Programming.LowLevelAPI.DataTypeDescriptors>
const DESCRIPTORS: [(&str, Content); 10] = [
    ("S", Content::Text),
    ("N", Content::Number),
    ("B", Content::Bytes),
    ("SS", Content::Set(&Content::Text)),
    ("NS", Content::Set(&Content::Number)),
    ("BS", Content::Set(&Content::Bytes)),
    ("M", Content::Map),
    ("L", Content::List),
    ("BOOL", Content::Boolean),
    ("NULL", Content::Null),
];

/// The escapes of `plain`, for values that ordinary JSON cannot express.
const ESCAPES: [&str; 6] = ["$B", "$SS", "$NS", "$BS", "$N", "$M"];

/// The content of a tagged attribute value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Text,
    Number,
    Bytes,
    Set(&'static Content),
    Map,
    List,
    Boolean,
    Null,
}

/// Returns the content that the data type descriptor `name` tags, or `None` for any other name.
pub(super) fn descriptor(name: &str) -> Option<Content> {
    if name.len() > 4 {
        return None;
    }
    DESCRIPTORS.iter().find(|(known, _)| *known == name).map(|(_, content)| *content)
}

/// Returns the content that a data type descriptor tags, and the length of the start of an attribute
/// value such as `{"S":`, if one starts at `pos` without white space.
#[inline]
pub(super) fn compact_tag(text: &str, pos: usize) -> Option<(Content, usize)> {
    const fn word(start: [u8; 8]) -> u64 {
        u64::from_le_bytes(start)
    }
    // The third byte may be any in the first two patterns.
    const ONE_LETTER: u64 = word(*b"{\"\0\":\0\0\0");
    const SET: u64 = word(*b"{\"\0S\":\0\0");
    const BOOLEAN: u64 = word(*b"{\"BOOL\":");
    const NULL: u64 = word(*b"{\"NULL\":");
    const ANY: u64 = 0xff << 16;
    let start = word(*text.as_bytes().get(pos..)?.first_chunk()?);
    let letter = (start >> 16) as u8;
    if start & (0xff_ffff_ffff & !ANY) == ONE_LETTER {
        let content = match letter {
            b'S' => Content::Text,
            b'N' => Content::Number,
            b'M' => Content::Map,
            b'L' => Content::List,
            b'B' => Content::Bytes,
            _ => return None,
        };
        return Some((content, 5));
    }
    if start & (0xffff_ffff_ffff & !ANY) == SET {
        let member = match letter {
            b'S' => &Content::Text,
            b'N' => &Content::Number,
            b'B' => &Content::Bytes,
            _ => return None,
        };
        return Some((Content::Set(member), 6));
    }
    match start {
        BOOLEAN => Some((Content::Boolean, 8)),
        NULL => Some((Content::Null, 8)),
        _ => None,
    }
}

/// Returns the content that the escape `name` of `plain` tags, or `None` for any other name.
pub(super) fn escape(name: &str) -> Option<Content> {
    if name.starts_with('$') && ESCAPES.contains(&name) { descriptor(&name[1..]) } else { None }
}

/// Returns the descriptor that `name` resembles, with the content that it tags. Returns `None` for
/// the descriptor itself.
pub(super) fn similar_descriptor(name: &str) -> Option<(&'static str, Content)> {
    let tag = dynamodb_syntax::similar_type(name)?;
    descriptor(tag).filter(|_| tag != name).map(|content| (tag, content))
}

/// Returns the data type descriptors, for messages.
pub(super) fn tags() -> String {
    DESCRIPTORS.map(|(tag, _)| tag).join(", ")
}

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
    DESCRIPTORS.iter().find(|(known, _)| *known == name).map(|(_, content)| *content)
}

/// Returns the content that the escape `name` of `plain` tags, or `None` for any other name.
pub(super) fn escape(name: &str) -> Option<Content> {
    if ESCAPES.contains(&name) { descriptor(&name[1..]) } else { None }
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

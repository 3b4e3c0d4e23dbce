//! Between the caller's JSON and the service's.
//!
//! Attribute values are found by their place in the model, never by the name of a member: an attribute called
//! `S` or `L` is data. Both directions are one forward pass that copies spans of the text and rewrites only
//! what must change, so numbers keep their digits, and unknown members their bytes.
//!
//! | attribute value | `typed` | `plain` |
//! |---|---|---|
//! | text | `{"S": "a"}`; in input also `"a"` | `"a"` |
//! | number | `{"N": "1.50"}`; in input also `1.50` or `{"N": 1.50}` | `1.50`; `{"$N": "007"}` where JSON has no such number |
//! | boolean, null | `{"BOOL": true}`, `{"NULL": true}`; in input also `true`, `null` | `true`, `null` |
//! | list | `{"L": […]}`; in input also `[…]` | `[…]` |
//! | map | `{"M": {…}}`; in input also `{…}` | `{…}`; `{"$M": {…}}` where a member is called as an escape |
//! | binary | `{"B": "AA=="}` | `{"$B": "AA=="}` |
//! | sets | `{"SS": […]}`, `{"NS": […]}`, `{"BS": […]}` | `{"$SS": […]}`, `{"$NS": […]}`, `{"$BS": […]}` |

mod attribute;
mod decode;
mod encode;
mod number;

pub use decode::{decode, details};
pub use encode::{Rules, encode};

use alloc::string::String;

/// How attribute values are written in the caller's JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// DynamoDB JSON: `{"S": "text"}`.
    #[default]
    Typed,
    /// Ordinary JSON: `"text"`.
    Plain,
}

/// One thing wrong with the caller's JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A JSON Pointer (RFC 6901); empty for the whole.
    pub pointer: String,
    /// What is wrong and what was expected.
    pub message: String,
}

impl Fault {
    /// A fault at `pointer`.
    #[must_use]
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

/// The types of attribute values, by their names in DynamoDB JSON, with the kind of their content.
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

/// The escapes of `plain`: what ordinary JSON cannot say.
const ESCAPES: [&str; 6] = ["$B", "$SS", "$NS", "$BS", "$N", "$M"];

/// What stands behind a type's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Text,
    Number,
    Bytes,
    Set(&'static Content),
    Map,
    List,
    Boolean,
    Null,
}

fn descriptor(name: &str) -> Option<Content> {
    DESCRIPTORS.iter().find(|(known, _)| *known == name).map(|(_, content)| *content)
}

/// The type that an escape of `plain` stands for.
fn escape(name: &str) -> Option<Content> {
    if ESCAPES.contains(&name) { descriptor(&name[1..]) } else { None }
}

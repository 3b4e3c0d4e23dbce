//! The shapes of the service's JSON, as far as passing it on needs them.

/// The shape of a JSON value in the model.
#[derive(Debug)]
pub enum Shape {
    /// An object with known members, sorted by name.
    Structure(&'static [Member]),
    /// An array; bounds on the number of its elements.
    List {
        /// The shape of each element.
        member: &'static Shape,
        /// The fewest elements.
        min: u32,
        /// The most elements.
        max: u32,
    },
    /// An object with names of the caller's choice; bounds on the number of its members.
    Map {
        /// The shape of each value.
        value: &'static Shape,
        /// The fewest members.
        min: u32,
        /// The most members.
        max: u32,
    },
    /// A string; bounds on its length in characters, and its possible values where they are fixed.
    String {
        /// The fewest characters.
        min: u32,
        /// The most characters.
        max: u32,
        /// The values of an enumeration; empty for any text.
        values: &'static [&'static str],
    },
    /// A whole number.
    Integer {
        /// The least value.
        min: i64,
        /// The greatest value.
        max: i64,
    },
    /// A number.
    Double,
    /// A boolean.
    Boolean,
    /// Seconds since the Unix epoch, as a number.
    Timestamp,
    /// Bytes, as base64 text.
    Blob,
    /// DynamoDB's tagged union: `{"S": "text"}`, `{"N": "1"}` …
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html>
    AttributeValue,
    /// Not looked into.
    Any,
}

/// A member of a structure.
#[derive(Debug)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// Its shape.
    pub shape: &'static Shape,
    /// Whether the service insists on it.
    pub required: bool,
}

/// The member called `name` of a structure's `members`.
#[must_use]
pub fn member(members: &'static [Member], name: &str) -> Option<&'static Member> {
    let index = members.binary_search_by(|member| member.name.cmp(name)).ok()?;
    Some(&members[index])
}

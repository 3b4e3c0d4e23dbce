//! Shapes of the service's inputs and outputs, as far as encoding and decoding need them.

/// The shape of a JSON value in the API model.
///
/// ```
/// use dynamodb_json::shape::{Field, Shape};
///
/// static NAME: Shape = Shape::String { min: 1, max: 1024, values: &[] };
/// static INPUT: Shape =
///     Shape::Structure(&[Field { name: "TableName", shape: &NAME, required: true }]);
/// ```
#[derive(Debug)]
pub enum Shape {
    /// An object with these fields, sorted by name.
    Structure(&'static [Field]),
    /// An array with a bounded number of elements.
    List {
        /// The shape of each element.
        member: &'static Shape,
        /// The minimum number of elements.
        min: u32,
        /// The maximum number of elements.
        max: u32,
    },
    /// An object whose field names the caller chooses, with a bounded number of fields.
    Map {
        /// The shape of each value.
        value: &'static Shape,
        /// The minimum number of fields.
        min: u32,
        /// The maximum number of fields.
        max: u32,
    },
    /// A string with a bounded length, or one of a fixed list of values.
    String {
        /// The minimum number of characters.
        min: u32,
        /// The maximum number of characters.
        max: u32,
        /// The values of an enumeration. Empty if any text is allowed.
        values: &'static [&'static str],
    },
    /// A whole number.
    Integer {
        /// The minimum value.
        min: i64,
        /// The maximum value.
        max: i64,
    },
    /// A number.
    Double,
    /// A boolean.
    Boolean,
    /// Seconds since the Unix epoch, as a number.
    Timestamp,
    /// Bytes, as Base64 text.
    Blob,
    /// A DynamoDB attribute value, which is a tagged union: `{"S": "text"}`, `{"N": "1"}` …
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html>
    AttributeValue,
    /// Any value. It is not checked against the model.
    Any,
}

/// A field of a structure.
#[derive(Debug)]
pub struct Field {
    /// The name of the field.
    pub name: &'static str,
    /// The shape of its value.
    pub shape: &'static Shape,
    /// Whether the service requires it.
    pub required: bool,
}

/// Returns the field called `name`. `fields` must be sorted by name.
#[must_use]
pub fn find_field(fields: &'static [Field], name: &str) -> Option<&'static Field> {
    let index = fields.binary_search_by(|field| field.name.cmp(name)).ok()?;
    Some(&fields[index])
}

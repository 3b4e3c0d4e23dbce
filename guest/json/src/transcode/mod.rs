//! Converts between the caller's JSON and DynamoDB JSON.
//!
//! Attribute values are found by their position in the API model, never by the name of a field: an
//! attribute called `S` or `L` is data. Both directions are one forward pass that copies spans of
//! the text and rewrites only what must change, so numbers keep their digits and unknown fields
//! keep their bytes.
//!
//! | attribute value | `typed` | `plain` |
//! |---|---|---|
//! | text | `{"S": "a"}`; in input also `"a"` | `"a"` |
//! | number | `{"N": "1.50"}`; in input also `1.50` or `{"N": 1.50}` | `1.50`; `{"$N": "007"}` if JSON cannot write the number |
//! | boolean, null | `{"BOOL": true}`, `{"NULL": true}`; in input also `true`, `null` | `true`, `null` |
//! | list | `{"L": […]}`; in input also `[…]` | `[…]` |
//! | map | `{"M": {…}}`; in input also `{…}` | `{…}`; `{"$M": {…}}` if a field has the name of an escape |
//! | binary | `{"B": "AA=="}` | `{"$B": "AA=="}` |
//! | sets | `{"SS": […]}`, `{"NS": […]}`, `{"BS": […]}` | `{"$SS": […]}`, `{"$NS": […]}`, `{"$BS": […]}` |
//!
//! ```
//! use dynamodb_json::shape::{Field, Shape};
//! use dynamodb_json::transcode::{EncodeOptions, Format, decode, encode};
//!
//! static ITEM: Shape = Shape::Map { value: &Shape::AttributeValue, min: 0, max: u32::MAX };
//! static ITEM_FIELD: Shape =
//!     Shape::Structure(&[Field { name: "Item", shape: &ITEM, required: true }]);
//!
//! let options = EncodeOptions { format: Format::Plain, strict: true };
//! let request = encode(r#"{"Item": {"id": "a", "n": 1.50}}"#, &ITEM_FIELD, options).unwrap();
//! assert_eq!(request, r#"{"Item": {"id": {"S":"a"}, "n": {"N":"1.50"}}}"#);
//!
//! let response = decode(request.into_owned(), &ITEM_FIELD, Format::Plain).unwrap();
//! assert_eq!(response, r#"{"Item": {"id": "a", "n": 1.50}}"#);
//! ```

mod attribute;
mod decode;
mod diagnostic;
mod encode;
mod format;
mod names;
mod number;
mod output;

pub use decode::{decode, details};
pub use diagnostic::Diagnostic;
pub use encode::{EncodeOptions, encode};
pub use format::Format;

#[cfg(test)]
mod tests;

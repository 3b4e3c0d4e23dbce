//! Ordinary JSON → DynamoDB JSON → ordinary JSON: a second round changes nothing.
#![no_main]

use dynamodb_plugin::catalogue::Shape;
use dynamodb_plugin::transcode::{EncodeOptions, Format, decode, encode};
use libfuzzer_sys::fuzz_target;

static ITEM: Shape = Shape::Map { value: &Shape::AttributeValue, min: 0, max: u32::MAX };

fuzz_target!(|text: &str| {
    let options = EncodeOptions { format: Format::Plain, strict: true };
    let Ok(typed) = encode(text, &ITEM, options) else { return };
    let Ok(plain) = decode(typed.to_string(), &ITEM, Format::Plain) else {
        panic!("{typed:?} cannot be decoded")
    };
    let again =
        encode(&plain, &ITEM, options).unwrap_or_else(|problems| panic!("{plain:?}: {problems:?}"));
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(value(&typed), value(&again), "{text:?} {plain:?}");
});

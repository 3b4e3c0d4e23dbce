//! Responses of any operation: decoded to ordinary JSON they are valid JSON, and decoded to
//! DynamoDB JSON they are unchanged. None that `serde_json` accepts is refused.
#![no_main]

use dynamodb_plugin::catalogue::OPERATIONS;
use dynamodb_plugin::json::is_utf8;
use dynamodb_plugin::transcode::{Format, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((which, text)) = data.split_first() else { return };
    let utf8 = std::str::from_utf8(text);
    assert_eq!(is_utf8(text), utf8.is_ok());
    let Ok(text) = utf8 else { return };
    let operation = &OPERATIONS[usize::from(*which) % OPERATIONS.len()];
    let is_json = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
    if let Ok(typed) = decode(text.to_string(), operation.output, Format::Typed) {
        assert_eq!(typed, text);
    } else {
        assert!(!is_json(text), "{text:?} is JSON");
    }
    if let Ok(plain) = decode(text.to_string(), operation.output, Format::Plain) {
        // serde_json refuses some numbers that are too large for it, although they are valid JSON.
        assert!(is_json(&plain) || !is_json(text), "{text:?} became {plain:?}");
    }
});

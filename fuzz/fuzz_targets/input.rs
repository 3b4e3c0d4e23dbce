//! Relaxed JSON input of any operation is either encoded as valid JSON, or refused with a problem.
#![no_main]

use dynamodb_plugin::catalogue::OPERATIONS;
use dynamodb_plugin::transcode::{EncodeOptions, Format, encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((which, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let operation = &OPERATIONS[usize::from(*which) % OPERATIONS.len()];
    for strict in [true, false] {
        match encode(text, operation.input, EncodeOptions { format: Format::Typed, strict }) {
            Ok(body) => drop(
                serde_json::from_str::<serde_json::Value>(&body)
                    .unwrap_or_else(|error| panic!("{text:?} became {body:?}: {error}")),
            ),
            Err(problems) => assert!(!problems.is_empty()),
        }
    }
});

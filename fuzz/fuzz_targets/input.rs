//! Relaxed JSON of any operation: what is accepted is sent as JSON, and what is not is a fault.
#![no_main]

use dynamodb_plugin::catalogue::OPERATIONS;
use dynamodb_plugin::transcode::{Format, Rules, encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((which, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let operation = &OPERATIONS[usize::from(*which) % OPERATIONS.len()];
    for strict in [true, false] {
        match encode(text, operation.input, Rules { format: Format::Typed, strict }) {
            Ok(body) => drop(
                serde_json::from_str::<serde_json::Value>(&body)
                    .unwrap_or_else(|error| panic!("{text:?} became {body:?}: {error}")),
            ),
            Err(faults) => assert!(!faults.is_empty()),
        }
    }
});

//! JSON text of the few values that responses are made of.

use alloc::string::String;
use core::fmt::Write;
use dynamodb_json::json::{Kind, Scanner};

/// Writes a text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for letter in text.chars() {
        match letter {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            letter if (letter as u32) < 0x20 => {
                // Writing to a string does not fail.
                let _ = write!(json, "\\u{:04x}", letter as u32);
            }
            letter => json.push(letter),
        }
    }
    json.push('"');
    json
}

/// Returns whether a text is one JSON object, and nothing else.
pub(crate) fn is_object(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    scanner.skip_whitespace();
    scanner.peek_kind() == Ok(Kind::Object)
        && scanner.skip_value().is_ok()
        && scanner.expect_end().is_ok()
}

#[cfg(test)]
mod tests {
    use super::quoted;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_text_is_read_back(text in ".*", control in "[\\x00-\\x1f\"\\\\]{0,8}") {
            for text in [text, control] {
                let read: String = serde_json::from_str(&quoted(&text)).unwrap();
                prop_assert_eq!(read, text);
            }
        }
    }
}

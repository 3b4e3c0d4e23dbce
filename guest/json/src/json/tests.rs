use super::*;
use alloc::format;
use alloc::string::{String, ToString};

fn accepts(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    scanner.skip_whitespace();
    scanner.skip_value().and_then(|_| scanner.expect_end()).is_ok()
}

#[test]
fn the_scanner_accepts_exactly_what_serde_json_accepts() {
    for text in [
        "{}",
        "[]",
        " { } ",
        "[1,2]",
        "[1,]",
        "{\"a\":1,}",
        "01",
        "-",
        "-0",
        "1.",
        "1.5e",
        "1e+5",
        "\"\\ud83d\\udc22\"",
        "\"\u{1}\"",
        "\"abcdefghijklmnop\\\"qrst\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "nul",
        "true",
        "truex",
        "{\"a\" 1}",
        "{a:1}",
        "[1 2]",
        "\"ünïcödé ✓ text\"",
        "",
        "{\"a\":[{\"b\":[]}]}",
    ] {
        assert_eq!(
            accepts(text),
            serde_json::from_str::<serde_json::Value>(text).is_ok(),
            "{text}"
        );
    }
}

#[test]
fn lone_surrogates_are_rejected_with_their_offset() {
    assert_eq!(Scanner::new("\"ab\\ud800x\"").skip_value().unwrap_err().offset, 3);
    assert!(
        Scanner::new("\"\\udc00\"").skip_value().unwrap_err().message.contains("without the first")
    );
}

#[test]
fn nesting_deeper_than_128_levels_is_rejected() {
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(accepts(&deep(128)));
    assert!(!accepts(&deep(129)));
    assert!(!accepts(&"[".repeat(100_000)));
}

#[test]
fn unescape_agrees_with_serde_json() {
    for raw in [
        "plain",
        "a\\nb",
        "\\u017c\\u00f3\\u0142w \\ud83d\\udc22",
        "\\\\\\/\\\"\\b\\f\\r\\t",
        "x\\u0000y",
    ] {
        let expected: String = serde_json::from_str(&format!("\"{raw}\"")).unwrap();
        assert_eq!(unescape(raw), expected);
    }
}

proptest::proptest! {
    #[test]
    fn unescape_reverses_push_string(text in ".*") {
        let mut out = String::new();
        push_string(&mut out, &text);
        proptest::prop_assert_eq!(unescape(&out[1..out.len() - 1]).to_string(), text.clone());
        proptest::prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
    }

    #[test]
    fn any_text_is_accepted_if_and_only_if_serde_json_accepts_it(
        text in "[\\[\\]{}\",:0-9a-f\\\\u.eE+-]{0,40}",
    ) {
        proptest::prop_assert_eq!(
            accepts(&text),
            serde_json::from_str::<serde_json::Value>(&text).is_ok()
        );
    }
}

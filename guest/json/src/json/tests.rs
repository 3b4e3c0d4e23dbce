use super::*;
use alloc::format;
use alloc::string::{String, ToString};
use proptest::prelude::*;

/// Checks that the scanner and the reference agree on the value at the start of `text`: where it
/// ends, or what is wrong where.
fn agrees(text: &str) {
    let scanned = Scanner::new(text).skip_value().map(|span| span.end);
    assert_eq!(scanned, reference::value(text, 0, 0), "{text:?}");
    let scanned = Scanner::new(text).string().map(|span| span.end);
    assert_eq!(scanned, reference::string(text, 0), "{text:?}");
}

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

/// What ends, escapes or breaks a string, and characters that must not be taken for it.
const SPECIALS: [&str; 14] = [
    "\"",
    "\\",
    "\0",
    "\u{1f}",
    "\u{7f}",
    "é",
    "漢",
    "😀",
    "\\n",
    "\\\"",
    "\\x",
    "\\ud83d\\ude00",
    "\\ud800",
    "\\u00",
];

#[test]
fn a_special_byte_is_found_at_every_position_of_a_string() {
    for special in SPECIALS {
        for length in 0..80 {
            for at in 0..=length {
                let text = "y".repeat(at) + special + &"z".repeat(length - at);
                agrees(&format!("\"{text}\""));
                agrees(&format!("\"{text}"));
                agrees(&format!("{{\"S\":\"{text}\"}}"));
                agrees(&format!("{{\"{text}\":{{\"N\":\"1\"}},\"b\":{{\"M\":{{}}}}}}"));
            }
        }
    }
}

#[test]
fn a_text_may_end_anywhere() {
    let text =
        r#"{"a":{"S":"a text of more than 16 bytes"},"b":[{"M":{"c":{"N":"1"}}},true,-1.5e3]}"#;
    for end in 0..=text.len() {
        agrees(&text[..end]);
    }
}

#[test]
fn every_depth_agrees_with_the_reference() {
    for (open, closed) in [("[", "]"), ("{\"a\":", "}"), ("{\"M\":", "}"), ("{\"L\":[", "]}")] {
        for levels in 1..140 {
            for inner in ["{\"S\":\"a\"}", "{}", "[]", "1", "", "]"] {
                agrees(&(open.repeat(levels) + inner + &closed.repeat(levels)));
            }
        }
    }
}

#[test]
fn utf8_is_checked_at_every_position() {
    // A whole character, and each way in which bytes are not UTF-8.
    let samples: [&[u8]; 9] = [
        "é".as_bytes(),
        "漢".as_bytes(),
        "😀".as_bytes(),
        b"\xff",
        b"\x80",
        b"\xc3",
        b"\xe6\xbc",
        b"\xed\xa0\x80",
        b"\xc0\x80",
    ];
    for sample in samples {
        for length in (0..80).chain([250, 256, 300]) {
            for at in 0..=length {
                let mut bytes = std::vec![b'y'; at];
                bytes.extend_from_slice(sample);
                bytes.resize(sample.len() + length, b'z');
                assert_eq!(is_utf8(&bytes), core::str::from_utf8(&bytes).is_ok(), "{bytes:?}");
            }
        }
        let many = sample.repeat(400);
        assert_eq!(is_utf8(&many), core::str::from_utf8(&many).is_ok());
    }
}

/// Texts of attribute values and other JSON, most of them with an error.
fn almost_json() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        8 => prop::sample::select(std::vec![
            "{", "}", "[", "]", ",", ":", "{\"S\":\"", "\"}", "{\"M\":{\"", "\":{\"N\":\"", "\"},\"",
            "{\"L\":[", "]}", "}}", "true", "false", "null", "12", "-0.5e+3", "01", " ", "\n        ",
        ]).prop_map(String::from),
        2 => "\"[a-z]{0,40}\"",
        1 => "[a-z\\\\\"é\u{1}]{0,20}",
    ];
    prop::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat())
}

proptest::proptest! {
    #[test]
    fn the_scanner_agrees_with_the_reference(text in almost_json()) {
        agrees(&text);
    }

    #[test]
    fn changed_texts_agree_with_the_reference(at in 0_usize..130, byte in 0_u8..0x80, is_new: bool) {
        let mut text = String::from(
            "{\"id\":{\"S\":\"c-1\"},\"n\": {\"N\":\"1.5\"},\"list\":{\"L\":[{\"M\":{\"a\":{\"BOOL\":true}}},\
             {\"NULL\":true}]},\"SS\":[\"\\u00e9\",12.5,\"\"]}",
        );
        let at = at % text.len();
        text.replace_range(at..at + usize::from(!is_new), &char::from(byte).to_string());
        agrees(&text);
    }

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

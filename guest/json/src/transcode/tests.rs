//! Compact texts take shortcuts. Texts with white space after each token take none. So each text is
//! read in both forms, and the results must be the same. What they must be is checked against a
//! conversion of `serde_json`'s values.

use super::*;
use crate::shape::{Field, Shape};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use proptest::prelude::*;
use serde_json::{Value, json};

static ITEM: Shape = Shape::Map { value: &Shape::AttributeValue, min: 0, max: u32::MAX };
static ITEMS: Shape = Shape::List { member: &ITEM, min: 0, max: u32::MAX };
static PAGE: Shape = Shape::Structure(&[
    Field { name: "Count", shape: &Shape::Integer { min: 0, max: 1000 }, required: false },
    Field { name: "Items", shape: &ITEMS, required: true },
]);

/// Inserts a space after each bracket, comma and colon that is not part of a string. Returns the
/// offset in `text` of each byte of the new text, and of its end.
fn spaced(text: &str) -> (String, Vec<usize>) {
    let (mut out, mut offsets) = (String::new(), Vec::new());
    let (mut is_string, mut is_escape) = (false, false);
    for (at, character) in text.char_indices() {
        out.push(character);
        offsets.extend((at..).take(character.len_utf8()));
        if is_string {
            is_string = is_escape || character != '"';
            is_escape = !is_escape && character == '\\';
        } else if character == '"' {
            is_string = true;
        } else if "{}[],:".contains(character) {
            out.push(' ');
            offsets.push(at + 1);
        }
    }
    offsets.push(text.len());
    (out, offsets)
}

fn agrees(text: &str) {
    let (with_spaces, offsets) = spaced(text);
    for format in [Format::Typed, Format::Plain] {
        for shape in [&PAGE, &ITEM, &Shape::AttributeValue] {
            let compact = decode(text.to_string(), shape, format).map(|text| spaced(&text).0);
            let other = decode(with_spaces.clone(), shape, format);
            match (&compact, &other) {
                // Where a tag was left out, its spaces were too.
                (Ok(compact), Ok(other)) => assert_eq!(squeezed(compact), squeezed(other)),
                (Err(compact), Err(other)) => {
                    assert_eq!(compact.message, other.message, "{text}");
                    assert_eq!(compact.offset, offsets[other.offset], "{text}");
                }
                _ => panic!("{text:?}: {compact:?}, {other:?}"),
            }
            for strict in [true, false] {
                let options = EncodeOptions { format, strict };
                let compact = encode(text, shape, options);
                let other = encode(&with_spaces, shape, options);
                match (compact, other) {
                    (Ok(compact), Ok(other)) => assert_eq!(squeezed(&compact), squeezed(&other)),
                    (Err(compact), Err(other)) => {
                        assert_eq!(without_positions(compact), without_positions(other), "{text}");
                    }
                    results => panic!("{text:?}: {results:?}"),
                }
            }
        }
    }
}

/// Removes the spaces that are not part of a string.
fn squeezed(text: &str) -> String {
    let mut out = String::new();
    let (mut is_string, mut is_escape) = (false, false);
    for character in text.chars() {
        if is_string || character != ' ' {
            out.push(character);
        }
        if is_string {
            is_string = is_escape || character != '"';
            is_escape = !is_escape && character == '\\';
        } else {
            is_string = character == '"';
        }
    }
    out
}

/// Errors in the syntax quote the text and give the column.
fn without_positions(problems: Vec<Diagnostic>) -> Vec<(String, String)> {
    let is_syntax = |message: &str| message.starts_with("not JSON");
    let message = |text: String| if is_syntax(&text) { String::new() } else { text };
    problems.into_iter().map(|problem| (problem.pointer, message(problem.message))).collect()
}

/// Converts DynamoDB JSON to the format `plain`.
fn plain(typed: &Value) -> Value {
    let (tag, content) = typed.as_object().unwrap().iter().next().unwrap();
    match (tag.as_str(), content) {
        ("S" | "BOOL", _) => content.clone(),
        ("NULL", _) => Value::Null,
        ("N", Value::String(digits)) => serde_json::from_str::<serde_json::Number>(digits)
            .map_or_else(|_| json!({ "$N": digits }), Value::Number),
        ("L", Value::Array(list)) => list.iter().map(plain).collect(),
        ("M", Value::Object(fields)) => {
            let map: Value =
                fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
            let has_escape = fields.keys().any(|name| format::escape(name).is_some());
            if has_escape { json!({ "$M": map }) } else { map }
        }
        _ => json!({ format!("${tag}"): content }),
    }
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-z]{0,40}", 1 => "[$SNM]{1,2}", 1 => ".{0,6}"]
}

fn attribute() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        "[a-z]{0,40}".prop_map(|text| json!({ "S": text })),
        ".{0,20}".prop_map(|text| json!({ "S": text })),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,16})?".prop_map(|digits| json!({ "N": digits })),
        prop::sample::select(std::vec!["007", "1e5", "-0", "1E+125"])
            .prop_map(|digits| json!({ "N": digits })),
        any::<bool>().prop_map(|value| json!({ "BOOL": value })),
        Just(json!({ "NULL": true })),
        Just(json!({ "B": "AP8=" })),
        prop::collection::vec("[a-z]{1,20}", 1..4).prop_map(|texts| json!({ "SS": texts })),
        Just(json!({ "NS": ["1", "2.5"] })),
    ];
    scalar.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|list| json!({ "L": list })),
            prop::collection::btree_map(name(), inner, 0..5).prop_map(|map| json!({ "M": map })),
        ]
    })
}

fn item() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(name(), attribute(), 0..6).prop_map(|item| json!(item))
}

proptest! {
    #[test]
    fn items_are_converted_as_by_the_reference(items in prop::collection::vec(item(), 0..4)) {
        let typed = json!({ "Count": items.len(), "Items": items });
        let text = typed.to_string();
        agrees(&text);
        let decoded = decode(text.clone(), &PAGE, Format::Plain).unwrap();
        let expected: Value = items
            .iter()
            .map(|item| -> Value {
                let fields = item.as_object().unwrap().iter();
                fields.map(|(name, value)| (name.clone(), plain(value))).collect()
            })
            .collect();
        prop_assert_eq!(&serde_json::from_str::<Value>(&decoded).unwrap()["Items"], &expected);
        let options = EncodeOptions { format: Format::Plain, strict: true };
        let encoded = encode(&decoded, &PAGE, options).unwrap();
        prop_assert_eq!(serde_json::from_str::<Value>(&encoded).unwrap(), typed);
        let options = EncodeOptions { format: Format::Typed, strict: true };
        prop_assert_eq!(encode(&text, &PAGE, options).unwrap(), text.as_str());
    }

    #[test]
    fn changed_items_are_read_alike_with_and_without_spaces(
        value in item(),
        at: prop::sample::Index,
        change in prop::sample::select(std::vec![
            "", "\"", "\\", "{", "}", "[", "]", ",", ":", "x", "1", "S", "N", "$", "é", "\u{1}",
            "{\"S\":\"a\"}", "\"S\":", ",\"a\":{\"N\":\"1\"}", "},\"a\":{\"N\":\"x\"", "null", "tru",
        ]),
        removed in 0_usize..3,
        is_truncated: bool,
    ) {
        let mut text = value.to_string();
        let mut start = at.index(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = (start + removed).min(text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        text.replace_range(start..end, change);
        agrees(&text);
        if is_truncated {
            agrees(&text[..start]);
        }
    }
}

#[test]
fn a_special_byte_is_found_at_every_position_of_a_name_and_of_a_value() {
    for special in ["", "\"", "\\\"", "\\u0024", "é", "\u{1}", "$"] {
        for length in 0..40 {
            for at in 0..=length {
                let text = "y".repeat(at) + special + &"z".repeat(length - at);
                agrees(&format!(r#"{{"a":{{"S":"{text}"}},"{text}":{{"N":"1"}}}}"#));
                agrees(&format!(r#"{{"a":{{"M":{{"{text}":{{"N":"{at}{text}"}}}}}}}}"#));
            }
        }
    }
}

#[test]
fn a_field_that_appears_twice_is_reported_however_many_there_are() {
    let options = EncodeOptions { format: Format::Typed, strict: true };
    for count in [2, 15, 16, 17, 63, 64, 65, 66, 200] {
        for twice in [0, count / 2, count - 1] {
            // Inner objects have names of their own.
            let field = |index: usize| {
                format!(r#""a_long_name_{index}":{{"M":{{"a_long_name_{twice}":{{"S":"x"}}}}}}"#)
            };
            let fields: Vec<String> = (0..count).map(field).collect();
            let valid = format!("{{{}}}", fields.join(","));
            assert!(encode(&valid, &ITEM, options).is_ok());
            let spelled = field(twice).replacen("a_", "\\u0061_", 1);
            for again in [field(twice), spelled] {
                let text = format!("{{{},{again}}}", fields.join(","));
                let problems = encode(&text, &ITEM, options).unwrap_err();
                assert_eq!(problems.len(), 1, "{text}");
                assert_eq!(problems[0].pointer, format!("/a_long_name_{twice}"));
                assert!(problems[0].message.contains("appears twice"));
            }
        }
    }
}

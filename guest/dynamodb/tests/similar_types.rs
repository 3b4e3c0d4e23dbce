//! Tests that a misspelt type of the format `typed` is reported, and that other maps are not.

use dynamodb_plugin::catalogue::operation;
use dynamodb_plugin::transcode::{Diagnostic, EncodeOptions, Format, encode};
use proptest::prelude::*;
use serde_json::{Value, json};

const TYPED: EncodeOptions = EncodeOptions { format: Format::Typed, strict: true };

fn faults(action: &str, input: &str, options: EncodeOptions) -> Vec<Diagnostic> {
    encode(input, operation(action).unwrap().input, options).err().unwrap_or_default()
}

fn put(value: &Value) -> String {
    json!({"TableName": "t", "Item": {"a": value}}).to_string()
}

/// Each type with all the names that resemble its descriptor, and values that it takes.
const SIMILAR: [(&str, &[&str], &str); 10] = [
    ("S", &["s", "String", "string", "STRING", "str"], r#"["Aman", "", "5"]"#),
    ("N", &["n", "Number", "number", "num", "NUMBER"], r#"[5, "5", -1.5e3, "-0"]"#),
    ("B", &["b", "Binary", "binary"], r#"["AP8=", ""]"#),
    ("BOOL", &["bool", "Bool", "Boolean", "boolean"], "[true, false]"),
    ("NULL", &["null", "Null", "nULL"], "[true, false]"),
    ("M", &["m", "Map", "map", "MAP"], r#"[{}, {"x": 1}, {"x": {"S": "y"}}]"#),
    ("L", &["l", "List", "list"], r#"[[], [1, "a"], [{"S": "y"}]]"#),
    ("SS", &["ss", "Ss", "StringSet", "string_set", "String Set"], r#"[["a"], ["a", "1"]]"#),
    ("NS", &["ns", "nS", "NumberSet", "number-set"], r#"[[1], ["1", 2.5]]"#),
    ("BS", &["bs", "BinarySet", "BINARYSET"], r#"[["AP8="], ["AP8=", ""]]"#),
];

#[test]
fn a_misspelt_type_is_reported_with_the_tags_and_the_way_to_write_the_map() {
    for (tag, names, values) in SIMILAR {
        let values: Vec<Value> = serde_json::from_str(values).unwrap();
        for (name, value) in names.iter().flat_map(|name| values.iter().map(move |v| (name, v))) {
            let input = put(&json!({*name: value}));
            let found = faults("PutItem", &input, TYPED);
            assert_eq!(found.len(), 1, "{input}: {found:?}");
            assert_eq!(found[0].pointer, "/Item/a", "{input}");
            let message = &found[0].message;
            for part in [
                &format!("\"{name}\""),
                &format!("{{\"{tag}\": …}}"),
                "S, N, B, SS, NS, BS, M, L, BOOL, NULL",
                "{\"M\": {…}}",
            ] {
                assert!(message.contains(part), "{message} has no {part}");
            }
            // What the message proposes is accepted.
            assert_eq!(faults("PutItem", &put(&json!({"M": {*name: value}})), TYPED), []);
            // `plain` has no tags, so the map is what its author means.
            let plain = EncodeOptions { format: Format::Plain, strict: true };
            assert_eq!(faults("PutItem", &input, plain), []);
            let lenient = EncodeOptions { strict: false, ..TYPED };
            assert_eq!(faults("PutItem", &input, lenient).len(), 1, "{input}: wrong all the same");
        }
    }
}

#[test]
fn a_map_whose_value_the_type_would_not_take_stays_a_map() {
    for value in [
        json!({"n": true}),
        json!({"n": "five"}),
        json!({"n": null}),
        json!({"s": 5}),
        json!({"s": {"S": "x"}}),
        json!({"String": ["x"]}),
        json!({"b": "not Base64"}),
        json!({"bool": "true"}),
        json!({"null": null}),
        json!({"m": "x"}),
        json!({"list": "x"}),
        json!({"ss": "x"}),
        json!({"ss": []}),
        json!({"ss": ["x", 1]}),
        json!({"ns": ["1", "x"]}),
        json!({"bs": ["AP8=", true]}),
        json!({"s": "x", "n": "1"}),
        json!({"s": "x", "other": 1}),
        json!({"other": "x"}),
        json!({"$S": "x"}),
        json!({"text": "x"}),
        json!({"sss": "x"}),
        json!({}),
        json!({"M": {"s": "x"}}),
        json!({"M": {"String": {"S": "x"}}}),
    ] {
        assert_eq!(faults("PutItem", &put(&value), TYPED), [], "{value}");
    }
    let item = r#"{"TableName": "t", "Item": {"s": "the item is no attribute value"}}"#;
    assert_eq!(faults("PutItem", item, TYPED), []);
}

#[test]
fn a_misspelt_type_is_reported_wherever_attribute_values_are() {
    for (action, input, pointer) in [
        (
            "Query",
            r#"{"TableName":"t","ExpressionAttributeValues":{":v":{"s":"x"}}}"#,
            "/ExpressionAttributeValues/:v",
        ),
        ("GetItem", r#"{"TableName":"t","Key":{"id":{"String":"x"}}}"#, "/Key/id"),
        (
            "ExecuteStatement",
            r#"{"Statement":"SELECT * FROM t","Parameters":[1,{"n":"1"}]}"#,
            "/Parameters/1",
        ),
        (
            "PutItem",
            r#"{"TableName":"t","Item":{"a":{"M":{"b":{"L":[{"c":[{"ss":["x"]}],"d":1}]}}}}}"#,
            "/Item/a/M/b/L/0/c/0",
        ),
        (
            "BatchWriteItem",
            r#"{"RequestItems":{"t":[{"PutRequest":{"Item":{"a":{"bool":true}}}}]}}"#,
            "/RequestItems/t/0/PutRequest/Item/a",
        ),
        (
            "PutItem",
            "{\"TableName\":\"t\",\"Item\":{\"a\":{ // which\n \"n\\u0073\" /* set */ : [ // of\n 1, /**/ 2, ],}}}",
            "/Item/a",
        ),
    ] {
        let pointers: Vec<_> =
            faults(action, input, TYPED).into_iter().map(|fault| fault.pointer).collect();
        assert_eq!(pointers, [pointer], "{input}");
    }
}

/// Returns whether the type of a descriptor takes a value, in other words than the encoder's.
fn takes(tag: &str, value: &Value) -> bool {
    let all = |member: &str, value: &Value| {
        let list = value.as_array().filter(|list| !list.is_empty());
        list.is_some_and(|list| list.iter().all(|element| takes(member, element)))
    };
    match tag {
        "S" => value.is_string(),
        "N" => {
            value.is_number()
                || value
                    .as_str()
                    .is_some_and(|text| text.trim() == text && text.parse::<f64>().is_ok())
        }
        // Digits are Base64, too.
        "B" => value.as_str().is_some_and(|text| {
            let are_digits = text.bytes().all(|byte| byte.is_ascii_digit());
            ["", "AAAA", "AP8="].contains(&text) || (are_digits && text.len() % 4 == 0)
        }),
        "BOOL" | "NULL" => value.is_boolean(),
        "M" => value.is_object(),
        "L" => value.is_array(),
        set => all(&set[..1], value),
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<i32>().prop_map(|number| number.to_string().into()),
        prop::sample::select(vec!["", "AAAA", "AP8=", "x", "a b", "5 "]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let name = prop::sample::select(vec!["s", "Number", "x", "M", "map", "y"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn a_map_is_reported_if_and_only_if_the_type_takes_its_value(
        of in 0usize..10,
        name in 0usize..5,
        value in value(),
        more in prop_oneof![3 => Just(false), 1 => Just(true)],
        around in 0usize..5,
    ) {
        let (tag, names, _) = SIMILAR[of];
        let name = names[name % names.len()];
        let mut map = json!({name: value.clone()});
        if more {
            map["zz"] = json!(1);
        }
        let (wrapped, pointer) = match around {
            0 => (map, "/Item/a"),
            1 => (json!({"M": {"x": map}}), "/Item/a/M/x"),
            2 => (json!({"L": [1, map]}), "/Item/a/L/1"),
            3 => (json!({"x": map, "y": 1}), "/Item/a/x"),
            _ => (json!([[map]]), "/Item/a/0/0"),
        };
        let found = faults("PutItem", &put(&wrapped), TYPED);
        let reported = found.iter().any(|fault| fault.pointer == pointer);
        prop_assert_eq!(reported, !more && takes(tag, &value), "{}: {:?}", wrapped, found);
    }
}

#[test]
fn deep_nesting_of_misspelt_types_takes_one_pass() {
    // If each level looked at all levels below it, this would take a minute.
    let inner = format!("[{}1]", "1,".repeat(500_000));
    let value = format!("{}{inner}{}", "{\"m\":".repeat(100), "}".repeat(100));
    let input = format!(r#"{{"TableName":"t","Item":{{"a":{value}}}}}"#);
    assert!(!faults("PutItem", &input, TYPED).is_empty());
}

//! Tests encoding and decoding with the shapes of the catalogue.

use dynamodb_plugin::catalogue::{OPERATIONS, Shape, operation};
use dynamodb_plugin::json;
use dynamodb_plugin::transcode::{Diagnostic, EncodeOptions, Format, decode, details, encode};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const TYPED: EncodeOptions = EncodeOptions { format: Format::Typed, strict: true };
const PLAIN: EncodeOptions = EncodeOptions { format: Format::Plain, strict: true };

fn encoded(action: &str, input: &str, options: EncodeOptions) -> Result<String, Vec<Diagnostic>> {
    let body = encode(input, operation(action).unwrap().input, options)?;
    serde_json::from_str::<Value>(&body).expect("the body is JSON");
    Ok(body.into_owned())
}

fn problems(action: &str, input: &str) -> Vec<(String, String)> {
    encoded(action, input, TYPED)
        .unwrap_err()
        .into_iter()
        .map(|diagnostic| (diagnostic.pointer, diagnostic.message))
        .collect()
}

#[test]
fn every_example_of_the_catalogue_is_accepted_unchanged() {
    for operation in &OPERATIONS {
        assert_eq!(
            encode(operation.example, operation.input, TYPED).as_deref(),
            Ok(operation.example),
            "{}",
            operation.name
        );
    }
}

#[test]
fn strict_typed_input_is_sent_unchanged() {
    let input = "{\n \"TableName\" : \"users\",\t\"Key\":{\"a\":{\"S\" : \"\\u017c\"},\"n\":{\"N\":\"1.50\"}} }\n";
    assert_eq!(encoded("GetItem", input, TYPED).unwrap(), input);
}

#[test]
fn empty_input_is_sent_as_an_empty_object() {
    for input in ["", "  \n", "// nothing\n", "/* nothing */"] {
        assert_eq!(encoded("ListTables", input, TYPED).unwrap(), "{}");
    }
    assert_eq!(problems("DeleteTable", "")[0].0, "/TableName");
}

#[test]
fn comments_and_trailing_commas_are_removed() {
    let input = "{ // which\n\"TableName\": \"users\", /* a */ \"Key\": {\"a\": {\"S\": \"x//y\",},}, // end\n}";
    let body = encoded("GetItem", input, TYPED).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap(),
        json!({"TableName": "users", "Key": {"a": {"S": "x//y"}}})
    );
}

#[test]
fn get_item_accepts_plain_key() {
    let body = encoded(
        "GetItem",
        r#"{"TableName":"users","Key":{"team_id":"team_1","n":1.50,"t":true,"z":null}}"#,
        TYPED,
    )
    .unwrap();
    assert_eq!(
        body,
        r#"{"TableName":"users","Key":{"team_id":{"S":"team_1"},"n":{"N":"1.50"},"t":{"BOOL":true},"z":{"NULL":true}}}"#
    );
}

#[test]
fn attributes_with_the_names_of_types_are_data() {
    let input = r#"{"TableName":"t","Item":{"S":{"S":"a"},"N":"b","L":["c"],"M":{"M":{"S":"d","L":{"N":"1"}}},"NULL":1}}"#;
    assert_eq!(
        encoded("PutItem", input, TYPED).unwrap(),
        r#"{"TableName":"t","Item":{"S":{"S":"a"},"N":{"S":"b"},"L":{"L":[{"S":"c"}]},"M":{"M":{"S":{"S":"d"},"L":{"N":"1"}}},"NULL":{"N":"1"}}}"#
    );
    let plain = r#"{"TableName":"t","Item":{"S":{"S":"a"}}}"#;
    assert_eq!(
        encoded("PutItem", plain, PLAIN).unwrap(),
        r#"{"TableName":"t","Item":{"S":{"M":{"S":{"S":"a"}}}}}"#
    );
}

#[test]
fn an_ambiguous_map_is_rejected_in_either_order() {
    for map in [r#"{"S":"south","name":"x"}"#, r#"{"name":"x","S":"south"}"#] {
        let input = format!(r#"{{"TableName":"t","Item":{{"a":{map}}}}}"#);
        let diagnostics = encoded("PutItem", &input, TYPED).unwrap_err();
        assert!(diagnostics[0].message.contains("{\"M\": {…}}"), "{diagnostics:?}");
        assert!(diagnostics[0].pointer.starts_with("/Item/a/"), "{diagnostics:?}");
        assert!(encoded("PutItem", &input, PLAIN).is_ok());
    }
}

#[test]
fn numbers_keep_their_digits() {
    let digits = "12345678901234567890123456789012345678";
    let body =
        encoded("PutItem", &format!(r#"{{"TableName":"t","Item":{{"a":{digits},"b":{{"N":-0.0}},"c":{{"NS":[1.0,"2.50"]}}}}}}"#), TYPED)
            .unwrap();
    assert_eq!(
        body,
        format!(
            r#"{{"TableName":"t","Item":{{"a":{{"N":"{digits}"}},"b":{{"N":"-0.0"}},"c":{{"NS":["1.0","2.50"]}}}}}}"#
        )
    );
    assert_eq!(problems("PutItem", r#"{"TableName":"t","Item":{"a":1e400}}"#)[0].0, "/Item/a");
}

#[test]
fn all_problems_are_reported_at_once_with_json_pointers() {
    let found = problems(
        "Query",
        r#"{"TableNam":"t","Limit":"5","Select":"COUNTS","ConsistentRead":1,"Limit":0}"#,
    );
    let pointers: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(
        pointers,
        ["/TableNam", "/Limit", "/Select", "/ConsistentRead", "/Limit", "/Limit", "/TableName"]
    );
    assert!(found[0].1.contains("did you mean TableName?"), "{found:?}");
    assert!(found[2].1.contains("did you mean COUNT?"), "{found:?}");
}

#[test]
fn without_strict_the_service_checks_the_input() {
    let lenient = EncodeOptions { format: Format::Typed, strict: false };
    let input = r#"{"TableName":"","New":{"a":[1,],},"Key":{"a":1}}"#;
    assert_eq!(
        encoded("GetItem", input, lenient).unwrap(),
        r#"{"TableName":"","New":{"a":[1]},"Key":{"a":{"N":"1"}}}"#
    );
}

#[test]
fn syntax_errors_have_a_line_a_column_and_a_json_pointer() {
    let found = problems("GetItem", "{\"TableName\": \"users\",\n \"Key\": {\"a\": {'S': 1}}}");
    assert_eq!(found[0].0, "/Key/a");
    assert!(found[0].1.contains("line 2, column 16"), "{found:?}");
    for bad in [
        "{",
        "[",
        "{\"a\"",
        "{\"TableName\": \"\\ud800\"}",
        "{} x",
        "/",
        "/*",
        "{\"a\":1,,}",
        "{,}",
        "nope",
    ] {
        assert!(encoded("ListTables", bad, TYPED).is_err(), "{bad}");
    }
    assert!(encoded("ListTables", &"[".repeat(100_000), TYPED).is_err());
    assert!(
        encoded(
            "PutItem",
            &format!("{{\"TableName\":\"t\",\"Item\":{{\"a\":{}", "[".repeat(100_000)),
            TYPED
        )
        .is_err()
    );
    assert!(encoded("PutItem", &"{\"Item\":".repeat(100_000), TYPED).is_err());
}

#[test]
fn empty_sets_invalid_base64_and_wrong_types_are_reported() {
    let found = problems(
        "PutItem",
        r#"{"TableName":"t","Item":{"a":{"SS":[]},"b":{"B":"x"},"c":{"S":5},"d":{"NULL":false},"e":{"NS":["x"]}}}"#,
    );
    let pointers: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(pointers, ["/Item/a/SS", "/Item/b/B", "/Item/c/S", "/Item/d/NULL", "/Item/e/NS/0"]);
}

#[test]
fn plain_has_escapes_for_types_that_json_lacks() {
    let plain = r#"{"TableName":"t","Item":{"b":{"$B":"AP8="},"s":{"$SS":["a"]},"n":{"$NS":["1",2]},"t":{"$N":"007"},"m":{"$M":{"$B":"data"}},"$B":"data"}}"#;
    let typed = encoded("PutItem", plain, PLAIN).unwrap();
    assert_eq!(
        typed,
        r#"{"TableName":"t","Item":{"b":{"B":"AP8="},"s":{"SS":["a"]},"n":{"NS":["1","2"]},"t":{"N":"007"},"m":{"M":{"$B":{"S":"data"}}},"$B":{"S":"data"}}}"#
    );
}

#[test]
fn comments_are_allowed_between_all_tokens() {
    let comment = " /*x*/ ";
    for (options, tokens) in [
        (
            PLAIN,
            "{|\"TableName\"|:|\"t\"|,|\"Item\"|:|{|\"a\"|:|{|\"$N\"|:|\"1\"|}|,|\"b\"|:|{|\"$SS\"|:|[|\"x\"|,|]|}|,|\"c\"|:|null|,|}|}",
        ),
        (
            TYPED,
            "{|\"TableName\"|:|\"t\"|,|\"Item\"|:|{|\"a\"|:|{|\"N\"|:|1|}|,|\"b\"|:|[|true|,|]|,|}|}",
        ),
    ] {
        let body = encoded(
            "PutItem",
            &format!("{comment}{}{comment}", tokens.replace('|', comment)),
            options,
        )
        .unwrap();
        let without: String = encoded("PutItem", &tokens.replace('|', ""), options).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&body).unwrap(),
            serde_json::from_str::<Value>(&without).unwrap()
        );
    }
}

#[test]
fn null_as_input_is_sent_as_an_empty_object() {
    assert_eq!(encoded("ListTables", " null // nothing", TYPED).unwrap(), "{}");
    assert_eq!(problems("DeleteTable", "null")[0].0, "/TableName");
}

#[test]
fn responses_are_decoded_by_shape_and_unknown_fields_are_kept() {
    let response = r#"{"Items":[{"S":{"S":"L"},"n":{"N":"1.50"},"l":{"L":[{"NULL":true},{"BOOL":false}]},"m":{"M":{}},"e":{"L":[]}}],"Count":1,"New":{"S":"x"},"LastEvaluatedKey":{"S":{"S":"L"}}}"#;
    let plain =
        decode(response.to_string(), operation("Query").unwrap().output, Format::Plain).unwrap();
    assert_eq!(
        plain,
        r#"{"Items":[{"S":"L","n":1.50,"l":[null,false],"m":{},"e":[]}],"Count":1,"New":{"S":"x"},"LastEvaluatedKey":{"S":"L"}}"#
    );
    let typed =
        decode(response.to_string(), operation("Query").unwrap().output, Format::Typed).unwrap();
    assert_eq!(typed, response);
}

#[test]
fn a_response_that_is_not_json_is_an_error() {
    for format in [Format::Typed, Format::Plain] {
        for response in ["", "<html>", "{\"Item\":", "{} {}"] {
            assert!(
                decode(response.to_string(), operation("GetItem").unwrap().output, format).is_err(),
                "{response}"
            );
        }
    }
}

#[test]
fn an_unknown_attribute_type_is_kept_unchanged() {
    let response = r#"{"Item":{"a":{"V":[1]},"b":{},"c":{"S":1}}}"#;
    assert_eq!(
        decode(response.to_string(), operation("GetItem").unwrap().output, Format::Plain).unwrap(),
        response
    );
}

#[test]
fn error_details_omit_the_type_and_the_message() {
    let body = r#"{"__type":"x#TransactionCanceledException","Message":"m","CancellationReasons":[{"Code":"None"},{"Item":{"a":{"N":"1"}}}]}"#;
    let shape = dynamodb_plugin::catalogue::TRANSACTION_CANCELED_EXCEPTION_DETAILS;
    assert_eq!(
        details(body, shape, Format::Typed).unwrap().unwrap(),
        r#"{"CancellationReasons":[{"Code":"None"},{"Item":{"a":{"N":"1"}}}]}"#
    );
    assert_eq!(
        details(body, shape, Format::Plain).unwrap().unwrap(),
        r#"{"CancellationReasons":[{"Code":"None"},{"Item":{"a":1}}]}"#
    );
    assert_eq!(details(r#"{"message":"m"}"#, shape, Format::Typed).unwrap(), None);
}

/// Items in typed form, with all types of values, unusual names, and numbers of up to 38 digits.
fn typed_item() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        "-?[1-9][0-9]{0,37}",
        "-?[0-9]\\.[0-9]{0,36}[1-9]",
        "0[0-9]{2}",
        "[1-9]E[+-]?[1-9]{2}"
    ];
    let bytes =
        prop_oneof![Just(String::new()), Just("AP8=".to_string()), Just("AAAA".to_string())];
    let leaf = prop_oneof![
        ".*".prop_map(|text| json!({"S": text})),
        number.prop_map(|text| json!({"N": text})),
        bytes.prop_map(|text| json!({"B": text})),
        any::<bool>().prop_map(|truth| json!({"BOOL": truth})),
        Just(json!({"NULL": true})),
        Just(json!({"SS": ["a", "b"]})),
        Just(json!({"NS": ["1", "007"]})),
        Just(json!({"BS": ["AP8="]})),
    ];
    let value = leaf.prop_recursive(6, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|list| json!({"L": list})),
            prop::collection::btree_map(name(), inner, 0..4)
                .prop_map(|map| json!({"M": map.into_iter().collect::<Map<_, _>>()})),
        ]
    });
    prop::collection::btree_map(name(), value, 0..5)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,6}",
        Just("S".to_string()),
        Just("M".to_string()),
        Just("$B".to_string()),
        Just("$M".to_string()),
        Just("$N".to_string()),
        "[^a-z]{1,4}"
    ]
}

fn put(item: &str) -> String {
    format!(r#"{{"TableName":"t","Item":{item}}}"#)
}

/// Returns the item of a body that `put` made.
fn item(body: &str) -> Value {
    serde_json::from_str::<Value>(body).unwrap()["Item"].take()
}

static ITEM: Shape = Shape::Map { value: &Shape::AttributeValue, min: 0, max: u32::MAX };

proptest! {
    #[test]
    fn decoding_to_plain_and_encoding_again_loses_nothing(typed in typed_item()) {
        let plain = decode(typed.to_string(), &ITEM, Format::Plain).unwrap();
        let again = encoded("PutItem", &put(&plain), PLAIN).unwrap();
        prop_assert_eq!(item(&again).to_string(), typed.to_string());
        // Plain text is stable through another round trip.
        let plain_again = decode(item(&again).to_string(), &ITEM, Format::Plain).unwrap();
        prop_assert_eq!(plain_again, plain);
    }

    #[test]
    fn any_typed_input_is_sent_unchanged(typed in typed_item()) {
        let input = put(&typed.to_string());
        prop_assert_eq!(encoded("PutItem", &input, TYPED).unwrap(), input);
    }

    #[test]
    fn the_encoder_never_panics_and_only_returns_json(
        text in "[\\[\\]{}\",:$SNMLB/\\* 01e.\\\\nulA-C\n]{0,60}",
    ) {
        for options in [TYPED, PLAIN, EncodeOptions { format: Format::Typed, strict: false }] {
            for shape in [operation("PutItem").unwrap().input, &ITEM, &Shape::AttributeValue] {
                if let Ok(body) = encode(&text, shape, options) {
                    let mut scanner = json::Scanner::new(&body);
                    scanner.skip_whitespace();
                    let valid = scanner.skip_value().and_then(|_| scanner.expect_end()).is_ok();
                    prop_assert!(valid, "{} became {}", text, body);
                }
            }
        }
    }

    #[test]
    fn the_decoder_never_panics_and_only_returns_json(
        text in "[\\[\\]{}\",:$SNMLB 01e.\\\\nul]{0,60}",
    ) {
        if let Ok(plain) = decode(text.clone(), &ITEM, Format::Plain) {
            let valid = serde_json::from_str::<Value>(&plain).is_ok();
            prop_assert!(valid, "{} became {}", text, plain);
        }
    }
}

#[test]
fn large_inputs_and_large_responses_are_accepted() {
    let text = "x".repeat(400 * 1024);
    assert!(encoded("PutItem", &put(&json!({"a": {"S": text}}).to_string()), TYPED).is_ok());
    let items: Vec<Value> = vec![json!({"a": {"S": "x".repeat(1000)}, "n": {"N": "1"}}); 16 * 1024];
    let response = json!({ "Items": items }).to_string();
    let plain = decode(response, operation("Scan").unwrap().output, Format::Plain).unwrap();
    assert!(plain.len() > 16_000_000);
}

//! Both directions, with the shapes of the catalogue.

use dynamodb_plugin::catalogue::{OPERATIONS, Shape, operation};
use dynamodb_plugin::json;
use dynamodb_plugin::transcode::{Fault, Format, Rules, decode, details, encode};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const TYPED: Rules = Rules { format: Format::Typed, strict: true };
const PLAIN: Rules = Rules { format: Format::Plain, strict: true };

fn sent(action: &str, input: &str, rules: Rules) -> Result<String, Vec<Fault>> {
    let body = encode(input, operation(action).unwrap().input, rules)?;
    serde_json::from_str::<Value>(&body).expect("what is sent is JSON");
    Ok(body.into_owned())
}

fn faults(action: &str, input: &str) -> Vec<(String, String)> {
    sent(action, input, TYPED)
        .unwrap_err()
        .into_iter()
        .map(|fault| (fault.pointer, fault.message))
        .collect()
}

#[test]
fn every_example_of_the_catalogue_is_accepted_as_it_is() {
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
fn strict_typed_json_passes_byte_for_byte() {
    let input = "{\n \"TableName\" : \"users\",\t\"Key\":{\"a\":{\"S\" : \"\\u017c\"},\"n\":{\"N\":\"1.50\"}} }\n";
    assert_eq!(sent("GetItem", input, TYPED).unwrap(), input);
}

#[test]
fn empty_input_means_an_empty_object() {
    for input in ["", "  \n", "// nothing\n", "/* nothing */"] {
        assert_eq!(sent("ListTables", input, TYPED).unwrap(), "{}");
    }
    assert_eq!(faults("DeleteTable", "")[0].0, "/TableName");
}

#[test]
fn comments_and_trailing_commas_are_left_out() {
    let input = "{ // which\n\"TableName\": \"users\", /* a */ \"Key\": {\"a\": {\"S\": \"x//y\",},}, // end\n}";
    let body = sent("GetItem", input, TYPED).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap(),
        json!({"TableName": "users", "Key": {"a": {"S": "x//y"}}})
    );
}

#[test]
fn get_item_accepts_plain_key() {
    let body = sent(
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
fn attributes_called_as_types_are_data() {
    let input = r#"{"TableName":"t","Item":{"S":{"S":"a"},"N":"b","L":["c"],"M":{"M":{"S":"d","L":{"N":"1"}}},"NULL":1}}"#;
    assert_eq!(
        sent("PutItem", input, TYPED).unwrap(),
        r#"{"TableName":"t","Item":{"S":{"S":"a"},"N":{"S":"b"},"L":{"L":[{"S":"c"}]},"M":{"M":{"S":{"S":"d"},"L":{"N":"1"}}},"NULL":{"N":"1"}}}"#
    );
    let plain = r#"{"TableName":"t","Item":{"S":{"S":"a"}}}"#;
    assert_eq!(
        sent("PutItem", plain, PLAIN).unwrap(),
        r#"{"TableName":"t","Item":{"S":{"M":{"S":{"S":"a"}}}}}"#
    );
}

#[test]
fn a_map_that_could_be_read_two_ways_is_a_fault_in_either_order() {
    for map in [r#"{"S":"south","name":"x"}"#, r#"{"name":"x","S":"south"}"#] {
        let input = format!(r#"{{"TableName":"t","Item":{{"a":{map}}}}}"#);
        let faults = sent("PutItem", &input, TYPED).unwrap_err();
        assert!(faults[0].message.contains("{\"M\": {…}}"), "{faults:?}");
        assert!(faults[0].pointer.starts_with("/Item/a/"), "{faults:?}");
        assert!(sent("PutItem", &input, PLAIN).is_ok());
    }
}

#[test]
fn numbers_keep_their_text() {
    let digits = "12345678901234567890123456789012345678";
    let body =
        sent("PutItem", &format!(r#"{{"TableName":"t","Item":{{"a":{digits},"b":{{"N":-0.0}},"c":{{"NS":[1.0,"2.50"]}}}}}}"#), TYPED)
            .unwrap();
    assert_eq!(
        body,
        format!(
            r#"{{"TableName":"t","Item":{{"a":{{"N":"{digits}"}},"b":{{"N":"-0.0"}},"c":{{"NS":["1.0","2.50"]}}}}}}"#
        )
    );
    assert_eq!(faults("PutItem", r#"{"TableName":"t","Item":{"a":1e400}}"#)[0].0, "/Item/a");
}

#[test]
fn all_faults_are_named_at_once_with_their_places() {
    let found = faults(
        "Query",
        r#"{"TableNam":"t","Limit":"5","Select":"COUNTS","ConsistentRead":1,"Limit":0}"#,
    );
    let places: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(
        places,
        ["/TableNam", "/Limit", "/Select", "/ConsistentRead", "/Limit", "/Limit", "/TableName"]
    );
    assert!(found[0].1.contains("did you mean TableName?"), "{found:?}");
    assert!(found[2].1.contains("did you mean COUNT?"), "{found:?}");
}

#[test]
fn strict_off_leaves_judgement_to_the_service() {
    let lax = Rules { format: Format::Typed, strict: false };
    let input = r#"{"TableName":"","New":{"a":[1,],},"Key":{"a":1}}"#;
    assert_eq!(
        sent("GetItem", input, lax).unwrap(),
        r#"{"TableName":"","New":{"a":[1]},"Key":{"a":{"N":"1"}}}"#
    );
}

#[test]
fn malformed_json_is_named_by_line_column_and_place() {
    let found = faults("GetItem", "{\"TableName\": \"users\",\n \"Key\": {\"a\": {'S': 1}}}");
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
        assert!(sent("ListTables", bad, TYPED).is_err(), "{bad}");
    }
    assert!(sent("ListTables", &"[".repeat(100_000), TYPED).is_err());
    assert!(
        sent(
            "PutItem",
            &format!("{{\"TableName\":\"t\",\"Item\":{{\"a\":{}", "[".repeat(100_000)),
            TYPED
        )
        .is_err()
    );
    assert!(sent("PutItem", &"{\"Item\":".repeat(100_000), TYPED).is_err());
}

#[test]
fn empty_sets_bad_base64_and_wrong_content_are_named() {
    let found = faults(
        "PutItem",
        r#"{"TableName":"t","Item":{"a":{"SS":[]},"b":{"B":"x"},"c":{"S":5},"d":{"NULL":false},"e":{"NS":["x"]}}}"#,
    );
    let places: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(places, ["/Item/a/SS", "/Item/b/B", "/Item/c/S", "/Item/d/NULL", "/Item/e/NS/0"]);
}

#[test]
fn plain_has_escapes_for_what_json_lacks() {
    let plain = r#"{"TableName":"t","Item":{"b":{"$B":"AP8="},"s":{"$SS":["a"]},"n":{"$NS":["1",2]},"t":{"$N":"007"},"m":{"$M":{"$B":"data"}},"$B":"data"}}"#;
    let typed = sent("PutItem", plain, PLAIN).unwrap();
    assert_eq!(
        typed,
        r#"{"TableName":"t","Item":{"b":{"B":"AP8="},"s":{"SS":["a"]},"n":{"NS":["1","2"]},"t":{"N":"007"},"m":{"M":{"$B":{"S":"data"}}},"$B":{"S":"data"}}}"#
    );
}

#[test]
fn comments_may_stand_in_every_gap() {
    let comment = " /*x*/ ";
    for (rules, tokens) in [
        (
            PLAIN,
            "{|\"TableName\"|:|\"t\"|,|\"Item\"|:|{|\"a\"|:|{|\"$N\"|:|\"1\"|}|,|\"b\"|:|{|\"$SS\"|:|[|\"x\"|,|]|}|,|\"c\"|:|null|,|}|}",
        ),
        (
            TYPED,
            "{|\"TableName\"|:|\"t\"|,|\"Item\"|:|{|\"a\"|:|{|\"N\"|:|1|}|,|\"b\"|:|[|true|,|]|,|}|}",
        ),
    ] {
        let body =
            sent("PutItem", &format!("{comment}{}{comment}", tokens.replace('|', comment)), rules)
                .unwrap();
        let without: String = sent("PutItem", &tokens.replace('|', ""), rules).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&body).unwrap(),
            serde_json::from_str::<Value>(&without).unwrap()
        );
    }
}

#[test]
fn null_for_the_whole_input_means_no_members() {
    assert_eq!(sent("ListTables", " null // nothing", TYPED).unwrap(), "{}");
    assert_eq!(faults("DeleteTable", "null")[0].0, "/TableName");
}

#[test]
fn answers_are_unmarshalled_by_place_and_unknown_members_pass() {
    let answer = r#"{"Items":[{"S":{"S":"L"},"n":{"N":"1.50"},"l":{"L":[{"NULL":true},{"BOOL":false}]},"m":{"M":{}},"e":{"L":[]}}],"Count":1,"New":{"S":"x"},"LastEvaluatedKey":{"S":{"S":"L"}}}"#;
    let plain =
        decode(answer.to_string(), operation("Query").unwrap().output, Format::Plain).unwrap();
    assert_eq!(
        plain,
        r#"{"Items":[{"S":"L","n":1.50,"l":[null,false],"m":{},"e":[]}],"Count":1,"New":{"S":"x"},"LastEvaluatedKey":{"S":"L"}}"#
    );
    let typed =
        decode(answer.to_string(), operation("Query").unwrap().output, Format::Typed).unwrap();
    assert_eq!(typed, answer);
}

#[test]
fn an_answer_that_is_not_json_is_an_error() {
    for format in [Format::Typed, Format::Plain] {
        for answer in ["", "<html>", "{\"Item\":", "{} {}"] {
            assert!(
                decode(answer.to_string(), operation("GetItem").unwrap().output, format).is_err(),
                "{answer}"
            );
        }
    }
}

#[test]
fn an_attribute_type_of_the_future_passes_unchanged() {
    let answer = r#"{"Item":{"a":{"V":[1]},"b":{},"c":{"S":1}}}"#;
    assert_eq!(
        decode(answer.to_string(), operation("GetItem").unwrap().output, Format::Plain).unwrap(),
        answer
    );
}

#[test]
fn error_details_leave_out_type_and_message() {
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

/// Item maps in typed form, with all kinds of values, odd names and numbers of up to 38 digits.
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

/// The item of a body made by `put`, whatever has become of it.
fn item(body: &str) -> Value {
    serde_json::from_str::<Value>(body).unwrap()["Item"].take()
}

static ITEM: Shape = Shape::Map { value: &Shape::AttributeValue, min: 0, max: u32::MAX };

proptest! {
    #[test]
    fn typed_to_plain_to_typed_is_the_identity(typed in typed_item()) {
        let plain = decode(typed.to_string(), &ITEM, Format::Plain).unwrap();
        let again = sent("PutItem", &put(&plain), PLAIN).unwrap();
        prop_assert_eq!(item(&again).to_string(), typed.to_string());
        // And what is plain stays as it is through another round.
        let plain_again = decode(item(&again).to_string(), &ITEM, Format::Plain).unwrap();
        prop_assert_eq!(plain_again, plain);
    }

    #[test]
    fn typed_input_passes_byte_for_byte(typed in typed_item()) {
        let input = put(&typed.to_string());
        prop_assert_eq!(sent("PutItem", &input, TYPED).unwrap(), input);
    }

    #[test]
    fn no_text_makes_the_encoder_panic_or_send_what_is_not_json(text in "[\\[\\]{}\",:$SNMLB/\\* 01e.\\\\nulA-C\n]{0,60}") {
        for rules in [TYPED, PLAIN, Rules { format: Format::Typed, strict: false }] {
            for shape in [operation("PutItem").unwrap().input, &ITEM, &Shape::AttributeValue] {
                if let Ok(body) = encode(&text, shape, rules) {
                    let mut scanner = json::Scanner::new(&body);
                    scanner.space();
                    prop_assert!(scanner.skip().and_then(|_| scanner.end()).is_ok(), "{} became {}", text, body);
                }
            }
        }
    }

    #[test]
    fn no_answer_makes_the_decoder_panic_or_hand_out_what_is_not_json(text in "[\\[\\]{}\",:$SNMLB 01e.\\\\nul]{0,60}") {
        if let Ok(plain) = decode(text.clone(), &ITEM, Format::Plain) {
            prop_assert!(serde_json::from_str::<Value>(&plain).is_ok(), "{} became {}", text, plain);
        }
    }
}

#[test]
fn a_large_input_and_a_large_answer_pass() {
    let text = "x".repeat(400 * 1024);
    assert!(sent("PutItem", &put(&json!({"a": {"S": text}}).to_string()), TYPED).is_ok());
    let items: Vec<Value> = vec![json!({"a": {"S": "x".repeat(1000)}, "n": {"N": "1"}}); 16 * 1024];
    let answer = json!({ "Items": items }).to_string();
    let plain = decode(answer, operation("Scan").unwrap().output, Format::Plain).unwrap();
    assert!(plain.len() > 16_000_000);
}

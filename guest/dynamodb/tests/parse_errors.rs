//! Tests that an input that is not JSON gets an error that says where, what was found, and what to
//! write instead.

use dynamodb_plugin::catalogue::operation;
use dynamodb_plugin::json::{Scanner, explain};
use dynamodb_plugin::transcode::{EncodeOptions, Format, encode};
use proptest::prelude::*;

const TYPED: EncodeOptions = EncodeOptions { format: Format::Typed, strict: true };

fn message(input: &str) -> String {
    let error = encode(input, operation("PutItem").unwrap().input, TYPED).unwrap_err();
    error.last().unwrap().message.clone()
}

fn assert_all(cases: &[(&str, &str, &[&str])]) {
    for (input, place, parts) in cases {
        let message = message(input);
        assert!(message.starts_with(&format!("not JSON at {place}: ")), "{input}: {message}");
        for part in *parts {
            assert!(message.contains(part), "{input}: {message} has no {part}");
        }
    }
}

#[test]
fn words_of_other_languages_are_named_with_what_to_write() {
    assert_all(&[
        ("{\"Item\": True}", "line 1, column 10", &["found True", "write true"]),
        ("{\"Item\": {\"a\":\n FALSE}}", "line 2, column 2", &["found FALSE", "write false"]),
        ("{\"Item\": [None]}", "line 1, column 11", &["found None", "write null"]),
        ("{\"Item\": nil}", "line 1, column 10", &["found nil", "write null"]),
        ("{\"Item\": undefined}", "line 1, column 10", &["found undefined", "write null"]),
        ("{\"Item\": NULL}", "line 1, column 10", &["found NULL", "write null"]),
        ("{\"Item\": {\"a\": NaN}}", "line 1, column 16", &["found NaN", "\"NaN\""]),
        ("{\"Item\": -Infinity}", "line 1, column 10", &["found -Infinity", "as text"]),
        ("{\"Item\": yes}", "line 1, column 10", &["write true", "\"yes\""]),
        ("{\"Item\": {\"a\": Amal}}", "line 1, column 16", &["found Amal", "\"Amal\""]),
        ("{\"Item\": tru}", "line 1, column 10", &["found tru", "\"tru\""]),
        ("{\"Item\": truex}", "line 1, column 10", &["found truex"]),
        ("{\"Item\": Zażółć}", "line 1, column 10", &["found Zażółć", "\"Zażółć\""]),
        ("{\"Item\": Decimal('1')}", "line 1, column 10", &["found Decimal", "calls"]),
        ("{\"Item\": b'AP8='}", "line 1, column 10", &["found b", "prefix", "Base64"]),
        ("{\"Item\": (1, 2)}", "line 1, column 10", &["found (", "[1, 2]"]),
        ("nope", "line 1, column 1", &["found nope", "\"nope\""]),
    ]);
}

#[test]
fn numbers_of_other_languages_are_named_with_what_to_write() {
    assert_all(&[
        ("{\"Item\": +5}", "line 1, column 10", &["found +5", "write 5"]),
        ("{\"Item\": .5}", "line 1, column 10", &["found .5", "write 0.5"]),
        ("{\"Item\": -.5}", "line 1, column 10", &["found -.5", "write -0.5"]),
        ("{\"Item\": 5.}", "line 1, column 10", &["found 5.", "write 5,"]),
        ("{\"Item\": -007}", "line 1, column 10", &["found -007", "write -7", "\"-007\""]),
        ("{\"Item\": 00}", "line 1, column 10", &["found 00", "write 0,"]),
        ("{\"Item\": 1_000}", "line 1, column 11", &["found 1_000", "write 1000"]),
        ("{\"Item\": 0x1F}", "line 1, column 11", &["found 0x1F", "\"0x1F\""]),
        ("{\"Item\": 10n}", "line 1, column 12", &["found 10n", "not a JSON number"]),
        ("{\"Item\":2024-01-31}", "line 1, column 13", &["found 2024-01-31", "\"2024-01-31\""]),
        ("{\"Item\": 1e}", "line 1, column 10", &["found 1e"]),
        ("2024-01-31", "line 1, column 5", &["found 2024-01-31"]),
    ]);
}

#[test]
fn quotes_that_are_not_double_quotes_are_named() {
    assert_all(&[
        ("{'TableName': 't'}", "line 1, column 2", &["single quote", "\"TableName\""]),
        ("{\"TableName\": 't'}", "line 1, column 15", &["single quote", "\"…\""]),
        ("{“TableName”: “t”}", "line 1, column 2", &["“ (U+201C)", "straight", "\"TableName\""]),
        ("{\"TableName\": “t”}", "line 1, column 15", &["“ (U+201C)", "straight"]),
        ("{‘a’: 1}", "line 1, column 2", &["‘ (U+2018)", "\"a\""]),
        ("{\"a\": «x»}", "line 1, column 7", &["« (U+00AB)"]),
        ("{`a`: 1}", "line 1, column 2", &["backtick", "\"a\""]),
        ("'{\"TableName\": \"t\"}'", "line 1, column 1", &["shell", "@FILE"]),
        ("“{\"TableName\": \"t\"}”", "line 1, column 1", &["“ (U+201C)", "@FILE"]),
        ("{\\\"TableName\\\": \\\"t\\\"}", "line 1, column 2", &["backslash"]),
    ]);
}

#[test]
fn comments_and_spaces_that_json_lacks_are_named() {
    assert_all(&[
        ("# mine\n{}", "line 1, column 1", &["found #", "//"]),
        ("{ # mine\n}", "line 1, column 3", &["found #", "//"]),
        ("{\"Item\": {}, # x\n}", "line 1, column 14", &["found #", "//"]),
        ("{\"Item\": {} # x\n}", "line 1, column 13", &["found #", "//"]),
        ("{} # x", "line 1, column 4", &["found #", "//"]),
        ("{\"Item\": 1, -- x\n}", "line 1, column 13", &["found --", "//"]),
        ("{\"Item\": /x/}", "line 1, column 10", &["found /", "//"]),
        ("{} /* x", "line 1, column 4", &["not closed", "*/"]),
        ("{\u{a0}\"a\": 1}", "line 1, column 2", &["no-break space (U+00A0)"]),
        ("{\"a\":\u{a0}1}", "line 1, column 6", &["no-break space (U+00A0)"]),
        ("{\"a\"\u{2009}: 1}", "line 1, column 5", &["space", "(U+2009)"]),
        ("{\"a\": 1\u{3000}}", "line 1, column 8", &["space", "(U+3000)"]),
        ("{}\u{200b}", "line 1, column 3", &["invisible character (U+200B)"]),
        ("{\u{feff}}", "line 1, column 2", &["byte order mark", "(U+FEFF)"]),
        ("{\"a\"：1}", "line 1, column 5", &["：", "write :"]),
        ("{\"a\": 1，\"b\": 2}", "line 1, column 8", &["，", "write ,"]),
        ("{\"a\": \"x\ny\"}", "line 1, column 9", &["a line break in a string", "\\n"]),
        ("{\"a\": \"x\ty\"}", "line 1, column 9", &["a tab in a string", "\\t"]),
        ("{\"a\": \u{7}}", "line 1, column 7", &["control character (U+0007)"]),
        ("{\"a\": …}", "line 1, column 7", &["…", "example"]),
        ("{...}", "line 1, column 2", &["...", "example"]),
        ("{\"a\": <id>}", "line 1, column 7", &["found <", "example"]),
        ("{\"a\": $ID}", "line 1, column 7", &["found $", "shell"]),
        ("{};", "line 1, column 3", &["semicolon"]),
    ]);
}

#[test]
fn names_and_separators_that_are_missing_or_too_many_are_named() {
    assert_all(&[
        (
            "{Table: \"t\"}",
            "line 1, column 2",
            &["found Table without quotes", "write \"Table\"", "@FILE"],
        ),
        ("{\"a\": {b: 1}}", "line 1, column 8", &["without quotes", "write \"b\""]),
        ("{\"a\": 1, b: 1}", "line 1, column 10", &["without quotes", "write \"b\""]),
        ("{1: \"a\"}", "line 1, column 2", &["without quotes", "write \"1\""]),
        ("Table: t", "line 1, column 1", &["braces", "{\"Table\": …}"]),
        ("TableName=t", "line 1, column 1", &["braces", "{\"TableName\": …}"]),
        ("\"a\": 1", "line 1, column 4", &["braces"]),
        ("{\"a\": 1,,}", "line 1, column 9", &["comma", "remove"]),
        ("{,}", "line 1, column 2", &["comma", "remove"]),
        ("{\"a\": [1,,2]}", "line 1, column 10", &["comma", "remove"]),
        ("{\"a\": [,1]}", "line 1, column 8", &["comma", "remove"]),
        ("{\"a\": }", "line 1, column 7", &["the value of the field", "found }"]),
        ("{\"a\": 1 \"b\": 2}", "line 1, column 9", &["a comma or }", "found a string"]),
        ("{\"a\": [1 2]}", "line 1, column 10", &["a comma or ]", "found a number"]),
        ("{\"a\": [\"x\": 1]}", "line 1, column 11", &["colon in an array"]),
        ("{\"a\" = 1}", "line 1, column 6", &["found =", "colon"]),
        ("{\"a\" 1}", "line 1, column 6", &["colon", "found a number"]),
        ("{\"a\", \"b\"}", "line 1, column 5", &["[\"a\", \"b\"]"]),
        ("{\"a\": [1}", "line 1, column 9", &["found }", "[ at line 1, column 7"]),
        ("{\"a\": 1]", "line 1, column 8", &["found ]", "{ at line 1, column 1"]),
        ("{{\"a\": 1}}", "line 1, column 2", &["the name of a field", "found {"]),
        ("{\"a\":\n{\"b\": 1", "line 2, column 8", &["ends", "{ at line 2, column 1", "}"]),
        ("{\"a\"", "line 1, column 5", &["ends", "colon"]),
        ("{", "line 1, column 2", &["ends", "{ at line 1, column 1"]),
        ("{\"a", "line 1, column 2", &["not closed"]),
        ("{}}", "line 1, column 3", &["found }", "remove"]),
        ("{}\n{}", "line 2, column 1", &["found {", "after the end", "once for each"]),
        ("{}, {}", "line 1, column 3", &["found a comma", "after the end", "once for each"]),
        ("{} x", "line 1, column 4", &["after the end"]),
    ]);
}

#[test]
fn a_placeholder_without_a_value_is_named() {
    assert_all(&[
        ("{\"Key\": {{key}}}", "line 1, column 9", &["{{key}}", "--bind key=", "\"values\""]),
        ("{\"Key\": {\"id\":\n {{ id }} }}", "line 2, column 2", &["{{id}}", "--bind id="]),
        ("{\"a\": [1, {{a.b}}]}", "line 1, column 11", &["{{a.b}}", "--bind a.b="]),
        ("{{input}}", "line 1, column 1", &["{{input}}", "--bind input="]),
        ("{ {{name}}: 1}", "line 1, column 3", &["placeholder", "the name of a field"]),
    ]);
}

#[test]
fn inputs_that_are_something_else_are_named() {
    assert_all(&[
        (
            "SELECT * FROM \"users\" WHERE id='a'",
            "line 1, column 1",
            &["ExecuteStatement", r#"{"Statement": "SELECT * FROM \"users\" WHERE id='a'"}"#],
        ),
        ("query.json", "line 1, column 1", &["the name of a file", "@query.json"]),
        ("./x.json", "line 1, column 1", &["the name of a file", "@./x.json"]),
        ("/tmp/x.json", "line 1, column 1", &["the name of a file", "@/tmp/x.json"]),
        ("2024.json", "line 1, column 1", &["the name of a file", "@2024.json"]),
        ("null.json", "line 1, column 1", &["the name of a file", "@null.json"]),
        ("{\0\"\0a\0\"\0", "line 1, column 2", &["UTF-16", "UTF-8"]),
        ("\0{\0\"\0a\0\"", "line 1, column 1", &["UTF-16", "UTF-8"]),
        ("\u{fffd}\u{fffd}{\0\"\0", "line 1, column 1", &["UTF-16", "UTF-8"]),
    ]);
    for (input, part) in [
        (r#""{\"TableName\": \"t\"}""#, "contains JSON"),
        (r#""query.json""#, "@query.json"),
        (r#""SELECT * FROM t""#, "ExecuteStatement"),
        ("", "the input is empty"),
        (" // nothing", "the input is empty"),
        ("null", "the input is null"),
    ] {
        assert!(message(input).contains(part), "{input}: {}", message(input));
    }
}

#[test]
fn long_words_are_not_repeated() {
    // Somebody may write a secret into the settings without quotes.
    for secret in [
        "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
        "'wJalr'",
        "«wJalr»",
        "9wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
    ] {
        let message = message(&format!("{{\"password\": {secret}}}"));
        assert!(!message.contains("wJalr"), "{message}");
    }
    assert!(message(&"x".repeat(1_000_000)).len() < 300);
    assert!(message(&format!("{{{}: 1}}", "x".repeat(1_000_000))).len() < 300);
    assert!(message(&format!("{{\"a\": {}}}", "1".repeat(1_000_000) + "x")).len() < 300);
    assert!(message(&format!("{{{{{}}}}}", "x".repeat(1_000_000))).len() < 700);
}

proptest! {
    #[test]
    fn any_error_is_explained_without_a_panic(
        text in "[\\[\\]{}\",:#'`“\u{a0}\u{0}/*.=+_<$;(xTN 01e\\\\n-]{0,30}",
        any in ".{0,30}",
        offset in 0usize..40,
    ) {
        for text in [text, any] {
            let mut scanner = Scanner::new(&text);
            let scanned = scanner.skip_value().and_then(|_| scanner.expect_end());
            if let Err(mut error) = scanned {
                for offset in [error.offset, offset] {
                    error.offset = offset;
                    let message = explain(&text, &error);
                    prop_assert!(message.starts_with("not JSON at line "), "{}", message);
                    prop_assert!(message.len() < 700, "{}", message);
                }
            }
        }
    }
}

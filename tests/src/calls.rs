//! Three fixed calls, for guards that count what they cost: a small one, one with a large answer, one with a large input.

use std::fmt::Write;
use std::path::Path;

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its action.
    pub action: &'static str,
    /// The input in DynamoDB JSON.
    pub input: String,
    /// The input in ordinary JSON.
    pub plain_input: String,
    /// What the service answers.
    pub answer: String,
}

/// All three.
#[must_use]
pub fn all() -> [Call; 3] {
    let typed: Vec<String> = (0..250).map(typed_item).collect();
    let put = |item: &String| format!("{{\"PutRequest\":{{\"Item\":{item}}}}}");
    let batch = |items: &[String]| {
        format!(
            "{{\"RequestItems\":{{\"orders\":[{}]}}}}",
            items.iter().map(put).collect::<Vec<_>>().join(",")
        )
    };
    let plain: Vec<String> = (0..25).map(plain_item).collect();
    [
        Call {
            action: "GetItem",
            input:
                r#"{"TableName":"orders","Key":{"customer":{"S":"c-000042"},"order":{"N":"1042"}}}"#
                    .to_string(),
            plain_input: r#"{"TableName":"orders","Key":{"customer":"c-000042","order":1042}}"#
                .to_string(),
            answer: format!("{{\"Item\":{}}}", typed_item(42)),
        },
        Call {
            action: "Scan",
            input: r#"{"TableName":"orders"}"#.to_string(),
            plain_input: r#"{"TableName":"orders"}"#.to_string(),
            answer: format!(
                "{{\"Items\":[{}],\"Count\":250,\"ScannedCount\":250}}",
                typed.join(",")
            ),
        },
        Call {
            action: "BatchWriteItem",
            input: batch(&typed[..25]),
            plain_input: batch(&plain),
            answer: "{\"UnprocessedItems\":{}}".to_string(),
        },
    ]
}

fn typed_item(number: usize) -> String {
    format!(
        r#"{{"customer":{{"S":"c-{number:06}"}},"order":{{"N":"{}"}},"paid":{{"BOOL":true}},"note":{{"S":"at the \"back\" door"}},"tags":{{"SS":["gift","express"]}},"lines":{{"L":[{{"M":{{"sku":{{"S":"A-1001"}},"count":{{"N":"2"}}}}}}]}}}}"#,
        1000 + number
    )
}

fn plain_item(number: usize) -> String {
    format!(
        r#"{{"customer":"c-{number:06}","order":{},"paid":true,"note":"at the \"back\" door","tags":{{"$SS":["gift","express"]}},"lines":[{{"sku":"A-1001","count":2}}]}}"#,
        1000 + number
    )
}

/// Compares counts, a line each with the count as its last word, with those in a fixture. With `PORTCULLIS_UPDATE=1` the
/// fixture is written instead.
///
/// # Panics
/// A count differs by more than `tolerance` per cent.
pub fn compare(fixture: &str, found: &str, tolerance: i64) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(fixture);
    if std::env::var_os("PORTCULLIS_UPDATE").is_some() {
        std::fs::write(&path, found).expect("the fixture is written");
        return;
    }
    let known = std::fs::read_to_string(&path).expect("the fixture is there");
    assert_eq!(
        known.lines().count(),
        found.lines().count(),
        "{} has other lines:\n{found}",
        path.display()
    );
    let mut wrong = String::new();
    for (known, found) in known.lines().zip(found.lines()) {
        let count = |line: &str| {
            line.rsplit(' ')
                .next()
                .and_then(|count| count.parse::<i64>().ok())
                .expect("a line ends in a count")
        };
        let (was, is) = (count(known), count(found));
        if (is - was).abs() * 100 > was * tolerance {
            writeln!(wrong, "{found}, and not {was}: {:+} %", (is - was) * 100 / was)
                .expect("a text can be written to");
        }
    }
    let remedy = "if that is meant, run the test with PORTCULLIS_UPDATE=1";
    assert!(
        wrong.is_empty(),
        "{} says otherwise, by more than {tolerance} %; {remedy}\n{wrong}",
        path.display()
    );
}

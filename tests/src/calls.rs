//! Three fixed calls for tests that measure the cost of a call: a small one, one with a large
//! response, and one with a large input. Also the comparison of these costs with a fixture.

use std::fmt::Write;
use std::path::Path;

/// One call of an action.
#[derive(Clone, Debug)]
pub struct Call {
    /// The name of the action.
    pub action: &'static str,
    /// The input in DynamoDB JSON.
    pub input: String,
    /// The input in ordinary JSON.
    pub plain_input: String,
    /// The body of the service's response.
    pub response: String,
}

/// Returns all three calls.
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
            response: format!("{{\"Item\":{}}}", typed_item(42)),
        },
        Call {
            action: "Scan",
            input: r#"{"TableName":"orders"}"#.to_string(),
            plain_input: r#"{"TableName":"orders"}"#.to_string(),
            response: format!(
                "{{\"Items\":[{}],\"Count\":250,\"ScannedCount\":250}}",
                typed.join(",")
            ),
        },
        Call {
            action: "BatchWriteItem",
            input: batch(&typed[..25]),
            plain_input: batch(&plain),
            response: "{\"UnprocessedItems\":{}}".to_string(),
        },
    ]
}

fn typed_item(number: usize) -> String {
    format!(
        concat!(
            r#"{{"customer":{{"S":"c-{:06}"}},"order":{{"N":"{}"}},"paid":{{"BOOL":true}},"#,
            r#""note":{{"S":"at the \"back\" door"}},"tags":{{"SS":["gift","express"]}},"#,
            r#""lines":{{"L":[{{"M":{{"sku":{{"S":"A-1001"}},"count":{{"N":"2"}}}}}}]}}}}"#
        ),
        number,
        1000 + number
    )
}

fn plain_item(number: usize) -> String {
    format!(
        concat!(
            r#"{{"customer":"c-{:06}","order":{},"paid":true,"note":"at the \"back\" door","#,
            r#""tags":{{"$SS":["gift","express"]}},"lines":[{{"sku":"A-1001","count":2}}]}}"#
        ),
        number,
        1000 + number
    )
}

/// Returns the name and the count of a line.
fn named_count(line: &str) -> (&str, i64) {
    line.rsplit_once(' ')
        .and_then(|(name, count)| Some((name, count.parse().ok()?)))
        .expect("each line is a name and a count")
}

/// Compares counts with those in a fixture: one count in each line, as the last word.
///
/// With `PORTCULLIS_UPDATE=1` in the environment it writes the fixture instead.
///
/// # Panics
/// Panics if a count differs by more than `tolerance` per cent, or if the fixture has other lines.
pub fn compare_with_fixture(fixture: &str, found: &str, tolerance: i64) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(fixture);
    if std::env::var_os("PORTCULLIS_UPDATE").is_some_and(|value| value == "1") {
        std::fs::write(&path, found).expect("the fixture can be written");
        return;
    }
    let known = std::fs::read_to_string(&path)
        .expect("the fixture exists; create it with PORTCULLIS_UPDATE=1");
    assert_eq!(
        known.lines().count(),
        found.lines().count(),
        "{} has another number of lines; measured:\n{found}",
        path.display()
    );
    let mut wrong = String::new();
    for (known, found) in known.lines().zip(found.lines()) {
        let ((known, was), (name, is)) = (named_count(known), named_count(found));
        assert_eq!(known, name, "{} has another line", path.display());
        if (is - was).abs() * 100 > was * tolerance {
            writeln!(wrong, "{found} instead of {was}: {:+} %", (is - was) * 100 / was)
                .expect("writing to a string cannot fail");
        }
    }
    let remedy = "if the change is intended, run the test with PORTCULLIS_UPDATE=1";
    assert!(
        wrong.is_empty(),
        "counts differ from {} by more than {tolerance} %; {remedy}\n{wrong}",
        path.display()
    );
}
